"""Time as customers are given it: it stands still while the machine speaks, and is longer for who listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

#: FACE, section 11: 30 s to read and answer, 60 s to listen and answer.
LONGER = 2


@dataclass(eq=False)
class _Limit:
    """A running time-out, and what is left of it while it stands still (seconds)."""

    timer: asyncio.Timeout
    left: float = 0.0


class Pace:
    """`listening`: the customer hears the screens. `hold` and `go_on` are called around what is said."""

    def __init__(self) -> None:
        self.listening = False
        self.hurried = False
        self._held_at: float | None = None
        self._stood = 0.0
        self._limits: set[_Limit] = set()

    def __repr__(self) -> str:
        return f"<Pace, {'standing still' if self.held else 'running'}>"

    @property
    def held(self) -> bool:
        return self._held_at is not None

    def now(self) -> float:
        """Seconds of a clock that stands still while the machine speaks."""
        return (_time() if self._held_at is None else self._held_at) - self._stood

    def longer(self, seconds: float) -> float:
        """`seconds` for who reads; more for who listens, unless the machine is being stopped."""
        return seconds * LONGER if self.listening and not self.hurried else seconds

    def hold(self) -> None:
        """Time stands still from now on; again is the same."""
        if self.held:
            return
        self._held_at = now = _time()
        for limit in self._running():
            limit.left = (limit.timer.when() or now) - now
            limit.timer.reschedule(None)

    def go_on(self) -> None:
        """Time runs on."""
        if self._held_at is None:
            return
        now = _time()
        self._stood += now - self._held_at
        self._held_at = None
        for limit in self._running():
            limit.timer.reschedule(now + limit.left)

    @asynccontextmanager
    async def limit(self, seconds: float) -> AsyncIterator[None]:
        """Like `asyncio.timeout`, in this time. Raises TimeoutError."""
        async with asyncio.timeout(None if self.held else seconds) as timer:
            limit = _Limit(timer, seconds)
            self._limits.add(limit)
            try:
                yield
            finally:
                self._limits.discard(limit)

    async def sleep(self, seconds: float) -> None:
        """Like `asyncio.sleep`, in this time."""
        try:
            async with self.limit(seconds):
                await asyncio.get_running_loop().create_future()
        except TimeoutError:
            return

    def _running(self) -> list[_Limit]:
        return [limit for limit in self._limits if not limit.timer.expired()]


def _time() -> float:
    return asyncio.get_running_loop().time()
