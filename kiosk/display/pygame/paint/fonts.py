"""Figtree at the sizes of a panel: widths for the layout, rendered words for the painter."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pygame

from kiosk.display.pygame.layout.plan import Face
from kiosk.display.pygame.paint.cache import Surfaces
from kiosk.display.pygame.theme import Colour

_FONTS = Path(__file__).parent.parent.parent / "fonts"
_MOST_BYTES = 8_000_000


class Fonts:
    """Opens each face once. `pygame.font.init()` must have been called."""

    def __init__(self) -> None:
        self._open: dict[Face, pygame.font.Font] = {}
        self._rendered = Surfaces(_MOST_BYTES)
        self.measure = lru_cache(maxsize=4096)(self._measure)

    def font(self, face: Face) -> pygame.font.Font:
        if face not in self._open:
            family = "FigtreeTabular" if face.tabular else "Figtree"
            self._open[face] = pygame.font.Font(_FONTS / f"{family}-{face.weight}.ttf", face.em)
        return self._open[face]

    def _measure(self, words: str, face: Face) -> int:
        """Width in pixels."""
        return self.font(face).size(words)[0]

    def words(self, words: str, face: Face, colour: Colour) -> pygame.Surface:
        """The words on a clear ground, their baseline at the font's ascent."""
        return self._rendered.get((words, face, colour), lambda: self.font(face).render(words, True, colour))
