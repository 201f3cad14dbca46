"""How a panel is divided (FACE, section 2), for each class of layout."""

from __future__ import annotations

from typing import NamedTuple

from kiosk.display.pygame.geometry import Box
from kiosk.display.pygame.layout.sketch import Sketch
from kiosk.display.pygame.panel import Shape

#: The stage of a wide panel, centred.
_STAGE_WIDE_MM = 220
RAIL_MM = 18
#: Between targets.
GAP_MM = 4
#: The least side of a target.
TARGET_MM = 18


class Zones(NamedTuple):
    """Millimetres that a class of layout sets."""

    margin: float
    header: float
    title_top: float
    rail_bottom: float
    over_rail: float
    mark: float


_ZONES = {
    Shape.REGULAR: Zones(6, 18, 6, 5, 5, 11),
    Shape.WIDE: Zones(6, 18, 6, 5, 5, 11),
    Shape.COMPACT: Zones(5, 11, 3, 3, 4, 8.6),
    Shape.PORTRAIT: Zones(6, 20, 9, 6, 4, 11),
}


def zones(sketch: Sketch) -> Zones:
    return _ZONES[sketch.panel.shape]


def column(sketch: Sketch) -> Box:
    """The full height of the panel, as wide as stage and header are."""
    if sketch.panel.shape is not Shape.WIDE:
        return sketch.whole
    wide = min(sketch.panel.width, sketch.mm(_STAGE_WIDE_MM))
    return Box((sketch.panel.width - wide) // 2, 0, wide, sketch.panel.height)


def margins(sketch: Sketch) -> Box:
    """The column without its side margins."""
    inner, margin = column(sketch), sketch.mm(zones(sketch).margin)
    return Box(inner.x + margin, 0, inner.w - 2 * margin, inner.h)
