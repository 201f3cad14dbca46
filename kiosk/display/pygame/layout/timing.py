"""The time-left ring: in the last twenty seconds only, its figure inside (FACE, section 5)."""

from __future__ import annotations

from kiosk.display.pygame.geometry import Box, square
from kiosk.display.pygame.layout.keycaps import rail_top
from kiosk.display.pygame.layout.plan import Arc, Disc
from kiosk.display.pygame.layout.sketch import Sketch
from kiosk.display.pygame.layout.zones import RAIL_MM, margins, zones
from kiosk.display.pygame.panel import Shape
from kiosk.screens.model import Screen

_RING_MM, _STROKE_MM = 18, 1.7
#: The ring is full at so many seconds, and not drawn before.
FULL_S = 20


def size(sketch: Sketch) -> int:
    return sketch.mm(_RING_MM)


def beside_words(sketch: Sketch, words: str, box: Box) -> None:
    """The ring at the left of `box`, with what its figure counts; on deep."""
    left = sketch.look.left_s
    if left is None or left > FULL_S:
        return
    ring = Box(box.x, box.y, size(sketch), size(sketch))
    _ring(sketch, ring, left, on_deep=True)
    room = Box(ring.right + sketch.mm(7), box.y, box.right - ring.right - sketch.mm(7), box.h)
    if words:
        sketch.middle(words, ("body", "on_deep2"), room)


def on_paper(sketch: Sketch, screen: Screen) -> None:
    """The ring on a paper screen: in the rail before the main button, or where that is full, at the header's edge.

    An upright panel has it in the header.
    """
    left = sketch.look.left_s
    if left is None or left > FULL_S:
        return
    across, ring = margins(sketch), size(sketch)
    if sketch.panel.shape is Shape.PORTRAIT:
        _ring(sketch, square(*sketch.header_free.centre, ring), left, on_deep=True)
        return
    top = rail_top(sketch, screen)
    y = (sketch.panel.height - sketch.mm(zones(sketch).rail_bottom + RAIL_MM) if top is None else top) + ring // 2
    buttons = [target.box for target in sketch.targets if target.box.y <= y < target.box.bottom]
    start = max((box.right for box in buttons if box.x < across.x + across.w // 2), default=across.x)
    end = min((box.x for box in buttons if box.x > start), default=across.right)
    if end - start >= ring + 2 * sketch.mm(1):
        x = end - sketch.mm(4) - ring / 2 if end - start > ring + sketch.mm(8) else (start + end) / 2
        _ring(sketch, square(x, y, ring), left, on_deep=False)
        return
    box = square(across.right - ring / 2, sketch.mm(zones(sketch).header + 2), ring)
    sketch.add(Disc(box.grown(sketch.mm(0.8)), "paper"))
    _ring(sketch, box, left, on_deep=False)


def _ring(sketch: Sketch, box: Box, left: int, *, on_deep: bool) -> None:
    arc, track, word = (
        ("time_arc", "ring_track", "time_word") if on_deep else ("paper_arc", "paper_track", "paper_time")
    )
    stroke = max(2, sketch.mm(_STROKE_MM))
    sketch.add(Arc(box, arc, track, stroke, max(0, min(1, left / FULL_S))))
    sketch.middle(str(left), ("timer", word), box, "centre")
