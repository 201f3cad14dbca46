"""Panels: how many pixels, how many to a millimetre, and which class of layout that makes."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

#: FACE, section 3: a capital of 0.7 degrees (EN 301 549, 5.1.4) at the viewing distance, never under 4.8 mm (ADA, 707.7.2).
_CAP_PER_DISTANCE = 0.01222
LEAST_CAP_MM = 4.8
#: From this width in millimetres the stage is centred.
_WIDE_MM = 280
_COMPACT_MM = 100


class Shape(enum.StrEnum):
    """A class of layout (FACE, section 2)."""

    COMPACT = "compact"
    REGULAR = "regular"
    WIDE = "wide"
    PORTRAIT = "portrait"


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel as the customer sees it (already turned): pixels, pixels to a millimetre, viewing distance.

    `keypad` says that the machine has a real pad, so the small panel need not draw one.
    """

    width: int
    height: int
    pitch: float
    distance_mm: int = 600
    keypad: bool = True

    @property
    def shape(self) -> Shape:
        short = min(self.width, self.height) / self.pitch
        if self.height > self.width:
            return Shape.PORTRAIT
        if short < _COMPACT_MM:
            return Shape.COMPACT
        return Shape.WIDE if self.width / self.pitch >= _WIDE_MM else Shape.REGULAR

    @property
    def cap_mm(self) -> float:
        """H: the height of a capital in titles, choices and buttons, in millimetres."""
        return max(LEAST_CAP_MM, _CAP_PER_DISTANCE * self.distance_mm)

    def px(self, mm: float) -> int:
        return round(mm * self.pitch)


#: The panels that the face was designed on: width, height, pitch, viewing distance.
KNOWN = (
    Panel(800, 480, 5.2, 450),
    Panel(1024, 600, 4.6),
    Panel(1280, 800, 5.9),
    Panel(1920, 1080, 5.6),
    Panel(720, 1280, 5.8),
)


def panel_for(
    width: int, height: int, *, pitch: float | None = None, distance_mm: int | None = None, keypad: bool = True
) -> Panel:
    """A panel of `width` x `height` pixels. Unknown pitch and distance are those of the nearest known panel."""
    nearest = min(KNOWN, key=lambda known: _unlike(known, width, height))
    return Panel(width, height, pitch or nearest.pitch, distance_mm or nearest.distance_mm, keypad)


def _unlike(known: Panel, width: int, height: int) -> float:
    return abs(math.log(width / known.width)) + abs(math.log(height / known.height))
