"""The face's type at the sizes of a panel: widths for the layout, rendered words for the painter.

A line is drawn in parts, one for each script: pygame shapes Devanagari and Arabic right only by a font that was told the
script, and turns figures round in a line that it draws from the right.
"""

from __future__ import annotations

import contextlib
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pygame

from kiosk.display.pygame.layout.plan import Face
from kiosk.display.pygame.paint.cache import Surfaces
from kiosk.display.pygame.scripts import Run, Script, runs
from kiosk.display.pygame.theme import Colour

_FONTS = Path(__file__).parent.parent.parent / "fonts"
_MOST_BYTES = 8_000_000
#: FACE, section 3: a script's font, and its em beside Figtree's.
_FAMILY = {Script.DEVANAGARI: ("Mukta", 1.10), Script.ARABIC: ("Vazirmatn", 1.00)}


class Line(NamedTuple):
    """Drawn words on a clear ground, and how far under its top their baseline is."""

    surface: pygame.Surface
    ascent: int


class Fonts:
    """Opens each face once. `pygame.font.init()` must have been called."""

    def __init__(self) -> None:
        self._open: dict[tuple[Face, Script], pygame.font.Font] = {}
        self._rendered = Surfaces(_MOST_BYTES)
        self.measure = lru_cache(maxsize=4096)(self._measure)
        self._runs = lru_cache(maxsize=4096)(runs)

    def font(self, face: Face, script: Script = Script.LATIN) -> pygame.font.Font:
        """The font of a face for one script."""
        if (face, script) not in self._open:
            self._open[face, script] = _opened(face, script)
        return self._open[face, script]

    def _measure(self, words: str, face: Face) -> int:
        """Width in pixels."""
        return sum(self._width(run, face) for run in self._runs(words, rtl=face.rtl))

    def _width(self, run: Run, face: Face) -> int:
        return self.font(face, run.script).size(run.text)[0]

    def words(self, words: str, face: Face, colour: Colour) -> Line:
        """The words on a clear ground."""
        parts = self._runs(words, rtl=face.rtl)
        ascent = max((self.font(face, run.script).get_ascent() for run in parts), default=0)
        return Line(self._rendered.get((words, face, colour), lambda: self._drawn(parts, face, colour, ascent)), ascent)

    def _drawn(self, parts: tuple[Run, ...], face: Face, colour: Colour, ascent: int) -> pygame.Surface:
        made = [(self.font(face, run.script).render(run.text, True, colour), run.script) for run in parts]
        if len(made) == 1:
            return made[0][0]
        tops = [ascent - self.font(face, script).get_ascent() for _, script in made]
        high = max((surface.get_height() + top for (surface, _), top in zip(made, tops, strict=True)), default=1)
        line = pygame.Surface((sum(surface.get_width() for surface, _ in made), high), pygame.SRCALPHA)
        line.fill((*colour, 0))
        left = 0
        for (surface, _), top in zip(made, tops, strict=True):
            line.blit(surface, (left, top), None, pygame.BLEND_RGBA_MAX)
            left += surface.get_width()
        return line


def _opened(face: Face, script: Script) -> pygame.font.Font:
    if script is Script.LATIN:
        family = "FigtreeTabular" if face.tabular else "Figtree"
        return pygame.font.Font(_FONTS / f"{family}-{face.weight}.ttf", face.em)
    family, factor = _FAMILY[script]
    font = pygame.font.Font(_FONTS / f"{family}-{face.weight}.ttf", round(face.em * factor))
    # A build of SDL_ttf without its shaper still shows the letters.
    with contextlib.suppress(pygame.error):
        font.set_script(script.value)
        if script is Script.ARABIC:
            font.set_direction(pygame.DIRECTION_RTL)
    return font
