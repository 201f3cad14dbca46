"""Where time, randomness and the line are handed in, so that a simulation can hand in its own."""

from __future__ import annotations

import secrets
import time
from typing import Protocol


class WallClock(Protocol):
    """Dates. Monotonic time is the asyncio loop's own clock (`loop.time()`), never this one."""

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC."""


class Randomness(Protocol):
    """The only source of random bytes; keys are made from what it returns, so a seed can repeat a history."""

    def token_bytes(self, count: int) -> bytes:
        """`count` bytes that nobody can foretell."""


class Line(Protocol):
    """One request to the bank and its answer, as bytes.

    Raises `bank_link.errors.NotSent` only when it is proven that no byte left this machine, and
    `bank_link.errors.OutcomeUnknown` for everything else that is no answer.
    """

    async def exchange(self, request: bytes, timeout_ms: int) -> bytes:
        """Send `request`, return the answer's bytes; give up after `timeout_ms`."""

    async def reset(self) -> None:
        """Drop kept-alive connections: the next exchange opens a fresh one."""


class SystemClock:
    """The machine's own clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


class MovedClock:
    """Another clock, moved forward by hand and never back: a demonstration's. Certificates are judged by the other one."""

    def __init__(self, clock: WallClock) -> None:
        self._clock = clock
        self.ahead_ms = 0

    def now_ms(self) -> int:
        return self._clock.now_ms() + self.ahead_ms

    def forward_to(self, ahead_ms: int) -> None:
        """So far ahead of the other clock, unless it is further already."""
        self.ahead_ms = max(self.ahead_ms, ahead_ms)


class SystemRandomness:
    """The operating system's randomness."""

    def token_bytes(self, count: int) -> bytes:
        return secrets.token_bytes(count)
