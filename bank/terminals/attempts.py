"""How often one caller may fail: a limit by address, so that guessing and flooding stay cheap for the bank."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict

MOST_FAILURES = 10
WINDOW_S = 60.0
#: More callers than this are not remembered; the one that failed longest ago is forgotten first.
MOST_CALLERS = 1_024


class Attempts:
    """Counts failures by caller. Times are seconds of a monotonic clock (`loop.time()`)."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    def allowed(self, peer: str, now: float) -> bool:
        """Whether `peer` has not failed too often in the last minute."""
        recent = [at for at in self._failures.get(_caller(peer), ()) if now - at < WINDOW_S]
        return len(recent) < MOST_FAILURES

    def failed(self, peer: str, now: float) -> None:
        caller = _caller(peer)
        recent = [at for at in self._failures.pop(caller, ()) if now - at < WINDOW_S]
        self._failures[caller] = [*recent[-MOST_FAILURES:], now]
        while len(self._failures) > MOST_CALLERS:
            self._failures.popitem(last=False)


def _caller(peer: str) -> str:
    """An IPv6 caller has a whole /64 to choose addresses from: they count as one."""
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return peer[:64]
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(getattr(address, "ipv4_mapped", None) or address)
