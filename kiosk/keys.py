"""What is pressed, wherever: one queue for pad and panel, and somebody who waits for the next key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kiosk.pace import Pace

#: No answer to anything, but a sign that somebody is there: the time limit begins anew.
NUDGE = ""


class Keys:
    """What is pressed, wherever: keypad and display both put keys here. Waiting for one goes by the customer's `pace`."""

    def __init__(self, pace: Pace | None = None) -> None:
        self.pace = pace or Pace()
        self._queue: asyncio.Queue[str] = asyncio.Queue(maxsize=64)
        self.heard: Callable[[str], None] = lambda _: None

    def press(self, key: str) -> None:
        """A key of `drivers.devices.KEYS`. What nobody waits for is dropped, never stored up without limit."""
        self.heard(key)
        self._put(key)

    def nudge(self) -> None:
        """Somebody did something that is no key."""
        self._put(NUDGE)

    def _put(self, key: str) -> None:
        if not self._queue.full():
            self._queue.put_nowait(key)

    def forget(self) -> None:
        """Keys pressed for an earlier screen do not answer this one."""
        while not self._queue.empty():
            self._queue.get_nowait()

    async def next(self, timeout_s: float) -> str | None:
        """The next key; None after `timeout_s`."""
        try:
            # Not wait_for: Python 3.11's loses a cancellation that meets the key.
            async with self.pace.limit(timeout_s):
                return await self._queue.get()
        except TimeoutError:
            return None
