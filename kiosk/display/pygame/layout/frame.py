"""The zones of a panel (FACE, section 2): header on deep, paper stage with its title, rail of lettered keys."""

from __future__ import annotations

from kiosk.display.pygame.geometry import Box
from kiosk.display.pygame.layout import keycaps
from kiosk.display.pygame.layout.plan import Ground, Icon, Picture, Plate
from kiosk.display.pygame.layout.sketch import Sketch
from kiosk.display.pygame.layout.zones import TARGET_MM, column, margins, zones
from kiosk.display.pygame.panel import Shape
from kiosk.screens.model import LANGUAGE_KEY, Screen

#: On a small panel the time-left ring may stand at the header's end: words keep clear of it.
BESIDE_RING_MM = 21


def deep_ground(sketch: Sketch) -> None:
    sketch.add(Ground(sketch.whole, "deep"))


def stage(sketch: Sketch, top: int | None = None) -> Box:
    """The paper from under the header to the panel's lower edge."""
    across = column(sketch)
    top = sketch.mm(zones(sketch).header) if top is None else top
    box = Box(across.x, top, across.w, across.h - top)
    sketch.add(Plate(box, sketch.mm(6) if top else 0, "paper", low=True))
    if sketch.furniture.dark_lines:
        sketch.add(Ground(Box(sketch.whole.x, top, sketch.whole.w, max(2, sketch.mm(0.5))), "header_line"))
    return box


def header(sketch: Sketch, screen: Screen, *, named: bool = False) -> None:
    """Mark and name; language and help at the far end. `named` keeps the name on a narrow panel, without the language."""
    across = margins(sketch)
    band = Box(across.x, 0, across.w, sketch.mm(zones(sketch).header))
    mark = sketch.mm(zones(sketch).mark)
    sketch.add(Picture(Box(band.x, (band.h - mark) // 2, mark, mark), "mark"))
    end = band.right
    if sketch.panel.shape is not Shape.COMPACT:
        narrow = sketch.panel.shape is Shape.PORTRAIT
        if screen.keys.help:
            end = keycaps.help_in_header(sketch, band, "" if narrow and named else screen.keys.help)
        if screen.language and not (narrow and named):
            end = _language(sketch, band, end, screen)
        if narrow and not named:
            sketch.header_free = Box(band.x + mark, 0, end - band.x - mark, band.h)
            return
    left = band.x + mark + sketch.mm(3.3)
    if sketch.panel.shape is Shape.COMPACT:
        end -= sketch.mm(BESIDE_RING_MM)
    room = Box(left, band.y, end - left - (sketch.mm(4) if end < band.right else 0), band.h)
    sketch.middle(sketch.furniture.name, ("body", "on_deep"), room)


def _language(sketch: Sketch, band: Box, end: int, screen: Screen) -> int:
    """The language by its own name, with a globe: a button where the screen answers. Returns where it begins."""
    right = end - sketch.mm(9) if end < band.right else end
    width = sketch.width(screen.language, "body")
    down = sketch.mm(0.6) if sketch.look.pressed == LANGUAGE_KEY else 0
    sketch.middle(screen.language, ("body", "on_deep"), Box(right - width, band.y + down, width, band.h))
    globe = sketch.mm(7)
    left = right - width - sketch.mm(3) - globe
    sketch.add(Icon(Box(left, (band.h - globe) // 2 + down, globe, globe), "language", "on_deep"))
    if screen.keys.help:
        wide = max(right + sketch.mm(3) - left, sketch.mm(TARGET_MM))
        sketch.target(LANGUAGE_KEY, Box(right + sketch.mm(3) - wide, band.y, wide, band.h))
    return left


def title(sketch: Sketch, words: str, room: Box) -> int:
    """The title in one line, or two balanced ones; returns where content starts."""
    cap = sketch.face("title").cap
    first = room.y + sketch.mm(zones(sketch).title_top) + cap
    indent = sketch.mm(1)
    taken = indent
    if sketch.panel.shape is Shape.COMPACT and room.right == margins(sketch).right:
        taken += sketch.mm(BESIDE_RING_MM)
    lines = sketch.balanced(words, "title", room.w - taken)
    shifted = Box(room.x + indent, room.y, room.w - taken, room.h)
    below = 7 if sketch.tall and sketch.panel.shape is not Shape.COMPACT else 5
    return sketch.lines(lines, ("title", "ink"), shifted, first) + sketch.mm(below)


def content(sketch: Sketch, screen: Screen, top: int) -> Box:
    """Where content goes: from `top` to over the rail, or to the lower margin where no rail is drawn."""
    across = margins(sketch)
    rail = keycaps.rail_top(sketch, screen)
    bottom = sketch.panel.height - sketch.mm(zones(sketch).margin)
    if rail is not None:
        bottom = rail - sketch.mm(zones(sketch).over_rail)
    return Box(across.x, top, across.w, bottom - top)
