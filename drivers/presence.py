"""Whether a card is in, as something that coroutines can wait for; shared by the card readers."""

from __future__ import annotations

import asyncio


class Presence:
    """Starts as absent. Every change wakes those who wait for it."""

    def __init__(self) -> None:
        self._events = {True: asyncio.Event(), False: asyncio.Event()}
        self._now = False
        self._events[False].set()

    def __bool__(self) -> bool:
        return self._now

    def set(self, now: bool, /) -> None:
        """Say what is seen now; saying the same again wakes nobody."""
        self._events[not now].clear()
        self._events[now].set()
        self._now = now

    async def wait(self, wanted: bool, /) -> None:
        """Return when `wanted` is so. What came and went again before the waiter ran does not count."""
        while self._now is not wanted:
            await self._events[wanted].wait()
