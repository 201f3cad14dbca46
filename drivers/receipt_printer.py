"""A receipt printer that speaks ESC/POS over a serial line: its paper is known before it prints, and its end is proven.

A receipt is printed when the printer says so: the last question of a job is answered in its turn, behind everything
else. One that fails is cleared out of the printer's memory, so that it is not printed for the next customer.
"""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

from drivers.devices import (
    ONLINE,
    DeviceError,
    DeviceReport,
    DeviceState,
    Fault,
    Paper,
    PrintJob,
    PrintLine,
)
from drivers.escpos_bytes import Bitmap, Raster, as_picture, compose
from drivers.serial_line import SerialLine

#: Real-time questions (DLE EOT n) are answered at once, whatever waits to be printed.
ASK_OFFLINE = b"\x10\x04\x02"
ASK_PAPER = b"\x10\x04\x04"
#: This one (GS r 1) is answered in its turn.
ASK_PRINTED = b"\x1dr\x01"
#: DLE DC4 8: forget everything that was received.
FORGET = b"\x10\x14\x08\x01\x03\x14\x01\x06\x02\x08"
#: Feed past the knife and cut: what was begun must not be the head of the next customer's receipt.
CUT_OFF = b"\x1b@\x1bd\x06\x1dV\x00"

_COVER_OPEN, _STOPPED_BY_PAPER, _ERROR = 0x04, 0x20, 0x40
_NEAR_END, _END = 0x0C, 0x60

#: Bytes that the smallest printer's memory takes; and those that the slowest line moves within one write's time limit.
MOST_WAITING = 2_000
PIECE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class PrinterTimings:
    """`answer_ms`: for a real-time question; `print_ms`: for a whole receipt; `poll_ms`: between looks at the paper."""

    answer_ms: int = 500
    print_ms: int = 15_000
    poll_ms: int = 10_000


class EscposPrinter:
    """A `devices.ReceiptPrinter`. `raster` draws lines in scripts that the printer has no code page for."""

    def __init__(
        self, line: SerialLine, *, executor: Executor, raster: Raster | None = None, columns: int = 42, dots: int = 512,
        model: str = "default", timings: PrinterTimings | None = None, name: str = "receipt printer",
    ) -> None:  # fmt: skip
        """`dots`: of the paper's width; `model`: a profile of python-escpos. `executor`: where bytes are made."""
        self.name = name
        self.columns = columns
        self._line = line
        self._executor = executor
        self._raster = raster
        self._dots = dots
        self._model = model
        self._times = timings or PrinterTimings()
        self._paper = Paper.UNKNOWN
        self._trouble = ""
        # What an earlier start has left: the printer has power of its own.
        self._begun = self._stale = True
        self._busy = asyncio.Lock()
        self._polling: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<{self.name}, paper {self._paper}>"

    # ---- Device ----

    @property
    def report(self) -> DeviceReport:
        """Online with a sentence while the paper is low."""
        if self._polling is None:
            return DeviceReport(DeviceState.OFFLINE, f"The {self.name} is not open.")
        if self._line.gone:
            return DeviceReport(DeviceState.OFFLINE, self._line.trouble)
        if self._trouble:
            return DeviceReport(DeviceState.HARDWARE_ERROR, self._trouble)
        if self._paper is Paper.LOW:
            return DeviceReport(DeviceState.ONLINE, f"The {self.name} has little paper left: put a new roll in.")
        return ONLINE

    @property
    def paper(self) -> Paper:
        return Paper.UNKNOWN if self._polling is None or self._line.gone else self._paper

    def open(self) -> None:
        """Claim the port and look at the paper from now on. Raises DeviceError where the port is not there now."""
        if self._polling is not None:
            return
        self._polling = asyncio.get_running_loop().create_task(self._poll(), name=self.name)
        self._line.open()

    def close(self) -> None:
        """Give the port back. May be called again."""
        polling, self._polling = self._polling, None
        if polling is not None:
            polling.cancel()
        self._line.close()

    # ---- ReceiptPrinter ----

    async def print(self, job: PrintJob) -> None:
        """Returns when the receipt is printed and cut; any DeviceError leaves nothing of it in the printer."""
        blocks = await self._composed(job)
        async with self._busy:
            if self._polling is None:
                raise DeviceError(self.name, Fault.UNPLUGGED, f"The {self.name} is not open.")
            await self._look()
            await self._cut_off()
            self._begun = True
            try:
                await self._send(blocks)
            except BaseException:
                await self._forget()
                raise
            self._begun = False
            await self._look_softly()

    async def _composed(self, job: PrintJob) -> list[bytes]:
        pictures = [self._picture(part) if isinstance(part, PrintLine) else None for part in job.parts]
        make = partial(compose, job, columns=self.columns, model=self._model, pictures=pictures)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, make)
        except (ValueError, ImportError) as error:
            sentence = f"Receipts cannot be made for the {self.name}: {error}."
            raise DeviceError(self.name, Fault.CONFIG, sentence) from error

    def _picture(self, line: PrintLine) -> Bitmap | None:
        if not as_picture(line):
            return None
        if self._raster is None:
            raise DeviceError(self.name, Fault.MEDIA, f"The {self.name} has no letters for this language.")
        return self._raster(line, self._dots)

    async def _send(self, blocks: list[bytes]) -> None:
        waiting = 0
        for block in blocks:
            if waiting + len(block) > MOST_WAITING and waiting:
                await self._printed()
                waiting = 0
            for at in range(0, len(block), PIECE):
                await self._line.write(block[at : at + PIECE])
            waiting += len(block)
        await self._printed()

    async def _printed(self) -> None:
        """Until what was sent is on paper. Without this, a cable that has no handshake would lose bytes."""
        await self._line.write(ASK_PRINTED)
        answer = await self._answer(_is_printed, self._times.print_ms)
        if answer is None:
            await self._look()  # raises what holds it up, if the printer knows
            raise self._error(Fault.TIMEOUT, f"The {self.name} did not print in time: look at it.")

    async def _forget(self) -> None:
        """Where the line is gone, as soon as it is back."""
        self._stale = True
        with contextlib.suppress(DeviceError):
            await self._forget_now()

    async def _forget_now(self) -> None:
        await self._line.write(FORGET)

    async def _cut_off(self) -> None:
        """What an earlier job left behind."""
        if self._begun:
            await self._line.write(CUT_OFF)
            self._begun = False

    # ---- status ----

    async def _poll(self) -> None:
        while True:
            async with self._busy:
                await self._look_softly()
            await asyncio.sleep(self._times.poll_ms / 1000)

    async def _look_softly(self) -> None:
        """What is wrong stands in the report."""
        with contextlib.suppress(DeviceError):
            await self._look()
            await self._cut_off()

    async def _look(self) -> None:
        """Ask for cover, errors and paper. Raises DeviceError where it cannot print."""
        offline = await self._ask(ASK_OFFLINE)
        paper = await self._ask(ASK_PAPER)
        self._paper = Paper.OUT if paper & _END else Paper.LOW if paper & _NEAR_END else Paper.ENOUGH
        if offline & _COVER_OPEN:
            raise self._error(Fault.OPEN, f"The {self.name}'s cover is open: close it.")
        if self._paper is Paper.OUT or offline & _STOPPED_BY_PAPER:
            self._paper = Paper.OUT
            raise self._error(Fault.EMPTY, f"The {self.name} has no paper: put a new roll in.")
        if offline & _ERROR:
            raise self._error(
                Fault.JAM, f"The {self.name}'s cutter or head is blocked: clear it, then switch it off and on."
            )
        self._trouble = ""

    async def _ask(self, question: bytes) -> int:
        """Raises DeviceError (TIMEOUT, UNPLUGGED)."""
        try:
            if self._stale:
                await self._forget_now()
            await self._line.read(256, 0)  # what is there answers an older question
            await self._line.write(question)
            answer = await self._answer(_is_status, self._times.answer_ms)
        except DeviceError:
            self._paper = Paper.UNKNOWN
            raise
        if answer is None:
            self._paper = Paper.UNKNOWN
            raise self._error(Fault.TIMEOUT, f"The {self.name} does not answer: look at its power and its cable.")
        # Now it has heard, too, what it was to forget.
        self._stale = False
        return answer

    async def _answer(self, wanted: _Kind, timeout_ms: int) -> int | None:
        """The next byte of that kind; None after `timeout_ms`. Others are answers that came late, or noise."""
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout_ms / 1000
        while (left_ms := int((until - loop.time()) * 1000)) > 0:
            for byte in await self._line.read(1, left_ms):
                if wanted(byte):
                    return byte
        return None

    def _error(self, fault: Fault, sentence: str) -> DeviceError:
        self._trouble = sentence
        return DeviceError(self.name, fault, sentence)


class _Kind:
    """Which bytes answer a question: those bits that are fixed have these values."""

    def __init__(self, mask: int, value: int) -> None:
        self._mask, self._value = mask, value

    def __call__(self, byte: int) -> bool:
        return byte & self._mask == self._value


_is_status = _Kind(0x93, 0x12)
_is_printed = _Kind(0x90, 0x00)
