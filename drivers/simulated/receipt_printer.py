"""A receipt printer as its bytes: understands the ESC/POS it gets, prints on a roll that runs out, and cuts.

It stands behind `drivers.receipt_printer.EscposPrinter` through the serial wire alone. What it printed can be read.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from drivers.simulated.faults import FaultMenu
from drivers.simulated.line import VirtualWire

ROLL_MM = 50_000.0
LOW_MM = 2_000.0
LINE_MM = 4.2
DOT_MM = 0.125
MM_A_SECOND = 150.0
LONGEST_KEPT = 50

#: Character code tables by their number in ESC t (Epson's list), as Python names them.
CODE_PAGES = {
    0: "cp437", 2: "cp850", 3: "cp860", 4: "cp863", 5: "cp865", 13: "cp857", 14: "cp737", 15: "iso8859_7",
    16: "cp1252", 17: "cp866", 18: "cp852", 19: "cp858", 32: "cp720", 33: "cp775", 34: "cp855", 35: "cp861",
    36: "cp862", 37: "cp864", 38: "cp869", 39: "iso8859_2", 40: "iso8859_15", 45: "cp1250", 46: "cp1251",
    47: "cp1253", 48: "cp1254", 49: "cp1255", 50: "cp1256", 51: "cp1257", 52: "cp1258",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Printed:
    """One thing on the paper: a line of text, the data of a QR code, or rows of dots (eight to a byte, set is black)."""

    text: str = ""
    bold: bool = False
    large: bool = False
    centre: bool = False
    code: str = ""
    width: int = 0
    dots: bytes = b""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What lay between two cuts."""

    number: int
    printed: tuple[Printed, ...]

    @property
    def text(self) -> str:
        """Its lines, for a person; a picture is told as such."""
        return "\n".join(
            f"[QR: {one.code}]" if one.code else "[picture]" if one.dots else one.text for one in self.printed
        )


@dataclass(frozen=True, slots=True)
class _Style:
    bold: bool = False
    large: bool = False
    centre: bool = False
    page: str = "cp437"


class ElectricReceiptPrinter(FaultMenu):
    """The printer. `hanging` is what the customer may take; `strip` is printed and not cut yet."""

    faults: ClassVar[Mapping[str, str]] = {
        "paper-low": "The paper is near its end.",
        "paper-out": "There is no paper.",
        "paper-ends": "The paper ends within the next receipt, after its third line.",
        "cover-open": "The cover is open.",
        "cutter-jam": "The cutter is blocked at the next cut, until the printer is switched off and on.",
        "mute": "It prints and answers nothing.",
        "dead": "It has no power.",
        "unplugged": "Its cable is pulled.",
    }

    def __init__(self, *, baud: int = 38_400, changed: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.wire = VirtualWire(baud=baud, name="simulated receipt printer")
        self.wire.device.connect(self._hear, self._power)
        self.paper_mm = ROLL_MM
        self.hanging: deque[Receipt] = deque(maxlen=LONGEST_KEPT)
        self.taken: deque[Receipt] = deque(maxlen=LONGEST_KEPT)
        self.strip: list[Printed] = []
        self._changed = changed
        self._cuts = 0
        self._buffer = bytearray()
        self._line = bytearray()
        self._text: list[str] = []
        self._style = _Style()
        self._code = ""
        self._jammed = False
        self._lines_left: int | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._commands = self._table()

    def _table(self) -> tuple[tuple[re.Pattern[bytes], Callable[[re.Match[bytes]], int]], ...]:
        """What it understands; each method returns how many bytes it used."""
        table = (
            (rb"\n", self._feed),
            (rb"\x1b@", self._initialise),
            (rb"(\x1b!|\x1d!|\x1bE|\x1ba|\x1bt)(.)", self._select),
            (rb"\x1bd(.)", self._feed_lines),
            (rb"\x1d\(k(..)", self._symbol),
            (rb"\x1dv0.(....)", self._raster),
            (rb"\x1dV(?:[\x00\x01\x30\x31]|[\x41\x42].)", self._cut),
            (rb"\x1dr.", self._printed),
            (rb"\x10\x04.", self._skip),
        )
        return tuple((re.compile(pattern, re.DOTALL), do) for pattern, do in table)

    def __repr__(self) -> str:
        return f"<simulated receipt printer, {self.paper_mm / 1000:.1f} m of paper, {len(self.hanging)} receipts out>"

    # ---- what a person does to it, and sees ----

    def take(self) -> Receipt | None:
        """The customer takes the oldest receipt that hangs out."""
        if not self.hanging:
            return None
        receipt = self.hanging.popleft()
        self.taken.append(receipt)
        self._changed()
        return receipt

    def new_roll(self) -> None:
        """Someone puts a new roll in; what had been printed without a cut is torn off."""
        self.paper_mm = ROLL_MM
        self.strip = []
        self._lines_left = None
        for name in ("paper-low", "paper-out", "paper-ends"):
            self.set_fault(name, on=False)

    # ---- the wire ----

    def _power(self, on: bool) -> None:
        """It has a supply of its own: a pulled cable takes nothing from it but the bytes."""
        del on

    def _hear(self, data: bytes) -> None:
        if self._has("dead"):
            return
        for question in re.findall(rb"\x10\x04([\x01-\x04])", data):
            self._answer(self._status(question[0]))
        if b"\x10\x14\x08" in data:
            data = data.rpartition(b"\x10\x14\x08\x01\x03\x14\x01\x06\x02\x08")[2]
            self._reset()
        self._buffer += data
        self._go_on()

    def _answer(self, byte: int) -> None:
        if not self._has("mute"):
            self.wire.device.send(bytes((byte,)))

    def _status(self, which: int) -> int:
        if which == 2:
            flags = 0x04 * self._has("cover-open") | 0x20 * self._is_out | 0x40 * self._jammed
        elif which == 4:
            flags = 0x0C * self._is_low | 0x60 * self._is_out
        else:
            flags = 0x08 * self._stopped if which == 1 else 0
        return 0x12 | flags

    @property
    def _is_out(self) -> bool:
        return self._has("paper-out") or self.paper_mm <= 0 or self._lines_left == 0

    @property
    def _is_low(self) -> bool:
        return self._is_out or self._has("paper-low") or self.paper_mm < LOW_MM

    @property
    def _stopped(self) -> bool:
        return self._is_out or self._has("cover-open") or self._jammed

    # ---- the printer's program ----

    def _go_on(self) -> None:
        """Command after command; paper takes its time, and what stops the printer leaves the rest in its memory."""
        while self._timer is None and self._buffer and not self._stopped and not self._has("dead"):
            used = self._command(bytes(self._buffer))
            if used == 0:
                return
            del self._buffer[:used]

    def _later(self, mm: float) -> None:
        self.paper_mm -= mm
        self._timer = asyncio.get_running_loop().call_later(mm / MM_A_SECOND, self._fed)

    def _fed(self) -> None:
        self._timer = None
        self._changed()
        self._go_on()

    def _command(self, data: bytes) -> int:
        """How many bytes the first command has; 0 where it has not arrived whole."""
        for pattern, do in self._commands:
            match = pattern.match(data)
            if match:
                return do(match)
        if data[0] in (0x10, 0x1B, 0x1C, 0x1D):
            return 0 if len(data) < 3 else 1  # not known here: a printer prints what follows
        self._line.append(data[0])
        return 1

    def _feed(self, match: re.Match[bytes]) -> int:
        self._put_text()
        text, self._text = "".join(self._text), []
        style = self._style
        self._print(Printed(text, style.bold, style.large, style.centre), LINE_MM * (2 if style.large else 1))
        return match.end()

    def _feed_lines(self, match: re.Match[bytes]) -> int:
        self._later(match[1][0] * LINE_MM)
        return match.end()

    def _put_text(self) -> None:
        self._text.append(self._line.decode(self._style.page, "replace"))
        self._line.clear()

    def _print(self, printed: Printed, mm: float) -> None:
        self.strip.append(printed)
        if self._lines_left is None and self._strikes("paper-ends"):
            self._lines_left = 3
        if self._lines_left is not None:
            self._lines_left -= 1
        self._later(mm)

    def _select(self, match: re.Match[bytes]) -> int:
        """ESC ! n, GS ! n, ESC E n, ESC a n, ESC t n."""
        self._put_text()
        what, number = match[1], match[2][0]
        if what in (b"\x1b!", b"\x1d!"):
            large = bool(number & 0x30) if what == b"\x1b!" else number > 0
            bold = bool(number & 0x08) if what == b"\x1b!" else self._style.bold
            self._style = replace(self._style, large=large, bold=bold)
        elif what == b"\x1bE":
            self._style = replace(self._style, bold=bool(number & 1))
        elif what == b"\x1ba":
            self._style = replace(self._style, centre=number in (1, 49))
        elif what == b"\x1bt":
            self._style = replace(self._style, page=CODE_PAGES.get(number, "cp437"))
        return match.end()

    def _initialise(self, match: re.Match[bytes]) -> int:
        self._style, self._text = _Style(), []
        self._line.clear()
        return match.end()

    def _symbol(self, match: re.Match[bytes]) -> int:
        """GS ( k: store the data of a QR code, or print what is stored."""
        length = match[1][0] + 256 * match[1][1]
        end = match.end() + length
        if len(match.string) < end:
            return 0
        body = match.string[match.end() : end]
        if body[:2] == b"1P":
            self._code = body[3:].decode("utf-8", "replace")
        elif body[:2] == b"1Q":
            self._print(Printed(code=self._code, centre=self._style.centre), 25.0)
        return end

    def _raster(self, match: re.Match[bytes]) -> int:
        """GS v 0: rows of dots."""
        across, rows = match[1][0] + 256 * match[1][1], match[1][2] + 256 * match[1][3]
        end = match.end() + across * rows
        if len(match.string) < end:
            return 0
        self._print(Printed(width=8 * across, dots=match.string[match.end() : end]), rows * DOT_MM)
        return end

    def _cut(self, match: re.Match[bytes]) -> int:
        if self._strikes("cutter-jam"):
            self._jammed = True
            return match.end()
        self._tear()
        return match.end()

    def _tear(self) -> None:
        """What is printed hangs out of the slot."""
        if self.strip:
            self._cuts += 1
            self.hanging.append(Receipt(self._cuts, tuple(self.strip)))
            self.strip = []
            self._changed()

    def _printed(self, match: re.Match[bytes]) -> int:
        self._answer(0x03 * self._is_low)
        return match.end()

    def _skip(self, match: re.Match[bytes]) -> int:
        """Answered when it arrived, or of no matter here."""
        return match.end()

    def _reset(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._buffer.clear()
        self._line.clear()
        self._text, self._style = [], _Style()

    def _fault_changed(self, name: str) -> None:
        if name == "unplugged":
            (self.wire.cut if self._has(name) else self.wire.plug)()
        elif name == "dead" and self._has(name):
            self._reset()
            self._jammed = False
        elif name in ("paper-out", "cover-open") and self._buffer and not self._has(name):
            self._go_on()
