"""The task that seals the audit log: after the commits that wrote events, never within them."""

from __future__ import annotations

import asyncio
import contextlib

from bank.audit import log
from bank.audit.chain import Sealing
from bank.store.store import Store
from bank_link.seams import WallClock


class Sealer:
    """Seals what was written, `pause_s` after it is told, and at least every `every_s` seconds.

    One block for many events: sealing within each transaction would make them wait for one another.
    """

    def __init__(
        self, store: Store, sealing: Sealing, clock: WallClock, *, pause_s: float = 5.0, every_s: float = 60.0
    ) -> None:
        self._store = store
        self._sealing = sealing
        self._clock = clock
        self._pause_s = pause_s
        self._every_s = every_s
        self._written = asyncio.Event()
        self._head = ""

    def head(self) -> str:
        """The sealed chain's end, for sign-ons; "" before `seal` has looked at it for the first time."""
        return self._head

    def wake(self) -> None:
        """Events were committed."""
        self._written.set()

    async def seal(self) -> int:
        """Seal all that waits; returns how many events. Raises StoreError."""
        total = 0
        while True:
            sealed, head = await self._store.write(log.seal, self._sealing, now_ms=self._clock.now_ms())
            # Only a head that is on disk may reach a terminal's journal.
            self._head = head
            total += sealed
            if sealed < log.MOST_EVENTS:
                return total

    async def run(self) -> None:
        """For ever, until cancelled."""
        while True:
            await self.seal()
            # Not wait_for: Python 3.11's loses a cancellation that meets the event, and this would go on for ever.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._every_s):
                    await self._written.wait()
            await asyncio.sleep(self._pause_s)
            self._written.clear()
