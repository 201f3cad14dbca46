"""A power cut at a chosen write of the journal: before it or right after it, and nothing of the machine goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from kiosk.journal.store import Journal


class PowerCut(BaseException):
    """Nothing of this machine happens after this."""


class Cut:
    """Lets `after` writes pass, then cuts before (or right after) the next one; every later write fails too."""

    def __init__(self, journal: Journal, after: int, *, written: bool) -> None:
        self.left = after
        self.written = written
        self.came = asyncio.Event()
        self._write = journal.write
        journal.write = self.write  # type: ignore[method-assign]

    def write(self, *records: Any) -> None:
        if self.came.is_set():
            raise PowerCut
        if self.left == 0:
            if self.written:
                self._write(*records)
            self.came.set()
            raise PowerCut
        self.left -= 1
        self._write(*records)


async def until_cut(customer: Coroutine[Any, Any, Any], cut: Cut) -> None:
    """The customer goes on until the cut; what the dead machine's tasks raise is not the customer's."""
    task = asyncio.create_task(customer)
    came = asyncio.create_task(cut.came.wait())
    await asyncio.wait({task, came}, return_when=asyncio.FIRST_COMPLETED)
    task.cancel()
    came.cancel()
    await asyncio.gather(task, came, return_exceptions=True)
