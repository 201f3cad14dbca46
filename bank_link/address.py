"""`host:port` as people write it, read and written in one place."""

from __future__ import annotations

import re

_ADDRESS = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:.]{2,45})\]|(?P<host>[A-Za-z0-9.-]{1,253})):(?P<port>[0-9]{1,5})", re.ASCII
)


def split(address: str) -> tuple[str, int]:
    """Host (an IPv6 address without its brackets) and port. Raises ValueError with a sentence."""
    found = _ADDRESS.fullmatch(address[:320])
    port = int(found["port"]) if found else 0
    if found is None or not 1 <= port <= 65535:
        raise ValueError(f"{address[:80]!r} is no address of the form host:port, such as bank.example:8443")
    return found["six"] or found["host"], port


def join(host: str, port: int) -> str:
    """`host:port`, or `[host]:port` for an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
