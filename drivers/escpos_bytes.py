"""A print job into ESC/POS bytes, made by python-escpos; lines in scripts that no code page has come as pictures.

Importing the library takes its time, so `compose` is run in a thread.
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from drivers.devices import PrintCode, PrintJob, PrintLine

#: What receipt printers have, by Python's names. Latin text in any of these is printed as text.
_PAGES = ("cp437", "cp850", "cp858", "cp852", "cp1252", "iso8859_15")
_SHAPED = frozenset({"Mn", "Mc", "Me"})
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
#: Dots of one module of a QR code: 8 dots are a millimetre.
QR_DOTS = 4
#: Blank dots above and below what a printer's line is high for.
_QR_MOST = 1_000


@dataclass(frozen=True, slots=True)
class Bitmap:
    """Rows of dots, eight to a byte, the leftmost in the highest bit; a set bit is black."""

    width: int
    rows: tuple[bytes, ...]


Raster = Callable[[PrintLine, int], Bitmap]
"""Draws a line as wide as so many dots."""


def as_picture(line: PrintLine) -> bool:
    """The line holds what no code page can print as it is written: another script, or one that is shaped or turned."""
    return any(not _plain(letter) for letter in line.text + line.right)


def _plain(letter: str) -> bool:
    if letter.isascii():
        return letter.isprintable()
    if unicodedata.category(letter) in _SHAPED or unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT:
        return False
    return any(_encodes(page, letter) for page in _PAGES)


def _encodes(page: str, letter: str) -> bool:
    try:
        letter.encode(page)
    except UnicodeEncodeError:
        return False
    return True


def wrapped(line: PrintLine, columns: int) -> list[PrintLine]:
    """The line as lines that fit: words are kept whole where they can be, and `right` stays at the far end."""
    room = columns // 2 if line.large else columns
    rows = textwrap.wrap(line.text, room) or [""]
    if line.right and len(rows[-1]) + 1 + len(line.right) > room:
        rows.append("")
    lines = [replace(line, text=row, right="") for row in rows[:-1]]
    last = rows[-1] + " " * (room - len(rows[-1]) - len(line.right)) + line.right if line.right else rows[-1]
    return [*lines, replace(line, text=last[-room:], right="")]


def compose(
    job: PrintJob, *, columns: int, model: str, pictures: Sequence[Bitmap | None]
) -> list[bytes]:  # fmt: skip
    """One entry a part, then the cut. `pictures` has a bitmap for each part that is to be one.

    `model` is a profile's name in python-escpos. Raises ValueError where there is none of that name.
    """
    printer = _Printer(model)
    printer.reset()
    for part, picture in zip(job.parts, pictures, strict=True):
        if isinstance(part, PrintCode):
            printer.code(part)
        elif picture is not None:
            printer.picture(picture)
        else:
            printer.line(part, columns)
    printer.cut()
    return printer.blocks


class _Printer:
    """python-escpos' printer that only keeps bytes, taken block by block."""

    def __init__(self, model: str) -> None:
        from escpos.printer import Dummy

        try:
            self._to: Any = Dummy(profile=model)
        except KeyError as error:
            raise ValueError(f"python-escpos knows no printer '{model}'") from error
        self.blocks: list[bytes] = []

    def reset(self) -> None:
        self._to.hw("INIT")

    def line(self, line: PrintLine, columns: int) -> None:
        for row in wrapped(line, columns):
            self._to.set(
                align="center" if row.centre else "left", bold=row.bold, normal_textsize=not row.large,
                double_width=row.large, double_height=row.large,
            )  # fmt: skip
            self._to.text(row.text + "\n")
        self._take()

    def code(self, code: PrintCode) -> None:
        self._to.set(align="center")
        self._to.qr(code.data[:_QR_MOST], native=True, size=QR_DOTS)
        self._to.text("\n")
        self._take()

    def picture(self, picture: Bitmap) -> None:
        from PIL import Image

        inverted = bytes(~byte & 0xFF for row in picture.rows for byte in row)
        self._to.set(align="left")
        self._to.image(Image.frombytes("1", (picture.width, len(picture.rows)), inverted), impl="bitImageRaster")
        self._take()

    def cut(self) -> None:
        self._to.cut()
        self._take()

    def _take(self) -> None:
        self.blocks.append(bytes(self._to.output))
        self._to.clear()
