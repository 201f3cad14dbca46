"""Lines of a receipt as dots, in the display's own fonts: what a printer has no letters for is printed as a picture."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from drivers.devices import PrintLine
from drivers.escpos_bytes import Bitmap

if TYPE_CHECKING:
    import pygame

    from kiosk.display.pygame.paint.fonts import Fonts

#: Dots; what such printers' own letters are high for.
EM = 26
SMALLEST_EM = 12
#: A dot is black where the letter covers more of it than this, of 255.
INK = 110
BLACK = (0, 0, 0)


class FontRaster:
    """A `drivers.escpos_bytes.Raster`. pygame is loaded with the first line that needs it."""

    def __init__(self) -> None:
        self._fonts: Fonts | None = None

    def __call__(self, line: PrintLine, width: int) -> Bitmap:
        """As wide as `width` dots; letters get smaller where they would not fit."""
        left, right = self._drawn(line, width)
        if _turned(line.text + line.right):
            left, right = right, left
        height = max(left.get_height(), right.get_height())
        import pygame

        paper = pygame.Surface((width, height), pygame.SRCALPHA)
        alone = not (line.text and line.right)
        middle = (width - left.get_width() - right.get_width()) // 2
        paper.blit(left, (middle if alone and line.centre else 0, 0))
        paper.blit(right, (middle if alone and line.centre else width - right.get_width(), 0))
        return Bitmap(width, _rows(paper))

    def _drawn(self, line: PrintLine, width: int) -> tuple[pygame.Surface, pygame.Surface]:
        from kiosk.display.pygame.layout.plan import Face

        fonts = self._open()
        em = EM * (2 if line.large else 1)
        while True:
            face = Face(700 if line.bold else 500, em, rtl=_turned(line.text + line.right))
            words = [fonts.words(part, face, BLACK).surface for part in (line.text, line.right)]
            if sum(each.get_width() for each in words) <= width - em or em <= SMALLEST_EM:
                return words[0], words[1]
            em -= 2

    def _open(self) -> Fonts:
        if self._fonts is None:
            import pygame

            from kiosk.display.pygame.paint.fonts import Fonts

            pygame.font.init()
            self._fonts = Fonts()
        return self._fonts


def _turned(text: str) -> bool:
    """Read from right to left: by its first letter that has a direction."""
    kinds = (unicodedata.bidirectional(letter) for letter in text)
    return next((kind for kind in kinds if kind in {"L", "R", "AL"}), "L") != "L"


def _rows(paper: pygame.Surface) -> tuple[bytes, ...]:
    width, height = paper.get_size()
    import pygame

    alpha = pygame.image.tobytes(paper, "RGBA")[3::4]
    return tuple(_packed(alpha[row * width : (row + 1) * width]) for row in range(height))


def _packed(row: bytes) -> bytes:
    bits = "".join("1" if cover > INK else "0" for cover in row)
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")
