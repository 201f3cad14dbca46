"""Time zones by name, also on a machine that has no time zone database: `UTC`, `UTC+05:30`, `Europe/Lisbon`."""

from __future__ import annotations

import datetime as dt
import functools
import re
import zoneinfo

_OFFSET = re.compile(r"UTC(?:([+-])(0\d|1[0-4]):([0-5]\d))?", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9_+-]{1,32}(/[A-Za-z0-9_+-]{1,32}){0,2}", re.ASCII)


@functools.lru_cache(maxsize=32)
def zone(name: str) -> dt.tzinfo:
    """The zone of that name. Raises ValueError for a name that is none, or that this machine does not know."""
    offset = _OFFSET.fullmatch(name)
    if offset:
        sign, hours, minutes = offset.groups(default="0")
        away = dt.timedelta(hours=int(hours), minutes=int(minutes))
        return dt.timezone(-away if sign == "-" else away)
    if not _NAME.fullmatch(name):
        raise ValueError("not the name of a time zone")
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("this machine knows no time zone of that name") from None
