"""The line to the bank with a cable that can be pulled: between the firmware's client and the real HTTPS line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bank_link.errors import NotSent, OutcomeUnknown
from kiosk.assembly import TrustingLine
from kiosk.simulator.overheard import Overheard

#: A network that is not there is noticed about so fast.
NOTICED_S = 0.05


class Pause:
    """Between two exchanges. `passing()` is one of them; inside `quiet()` there is none, and the next ones wait."""

    def __init__(self) -> None:
        self._under_way = 0
        self._none = asyncio.Event()
        self._free = asyncio.Event()
        self._none.set()
        self._free.set()
        self._one = asyncio.Lock()

    @asynccontextmanager
    async def quiet(self) -> AsyncIterator[None]:
        async with self._one:
            self._free.clear()
            try:
                await self._none.wait()
                yield
            finally:
                self._free.set()

    @asynccontextmanager
    async def passing(self) -> AsyncIterator[None]:
        while not self._free.is_set():
            await self._free.wait()
        self._under_way += 1
        self._none.clear()
        try:
            yield
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._none.set()


class SwitchedLine:
    """A `seams.Line`. `cut()` loses what is under way; until `mend()` nothing leaves the machine."""

    def __init__(self, line: TrustingLine, overheard: Overheard, pause: Pause) -> None:
        self._line = line
        self._overheard = overheard
        self._pause = pause
        self._cut = asyncio.Event()
        self.trust = line.trust
        self.close = line.close
        self.reset = line.reset

    @property
    def is_cut(self) -> bool:
        return self._cut.is_set()

    def cut(self) -> None:
        self._cut.set()

    def mend(self) -> None:
        self._cut.clear()

    async def exchange(self, request: bytes, timeout_ms: int) -> bytes:
        """See `seams.Line`."""
        async with self._pause.passing():
            return await self._overheard.heard(request, self._exchange(request, timeout_ms))

    async def _exchange(self, request: bytes, timeout_ms: int) -> bytes:
        if self.is_cut:
            await asyncio.sleep(NOTICED_S)
            raise NotSent("the line is cut (simulated)")
        answer = asyncio.ensure_future(self._line.exchange(request, timeout_ms))
        cut = asyncio.ensure_future(self._cut.wait())
        try:
            await asyncio.wait({answer, cut}, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return answer.result()
            raise OutcomeUnknown("the line was cut (simulated) while the bank was asked")
        finally:
            for task in (answer, cut):
                task.cancel()
            await asyncio.gather(answer, cut, return_exceptions=True)
