"""Notices: tinted, an icon, one bold sentence and a plain one (FACE, section 5)."""

from __future__ import annotations

from kiosk.display.pygame.geometry import Box
from kiosk.display.pygame.layout.plan import Icon, Plate
from kiosk.display.pygame.layout.sketch import Sketch
from kiosk.screens.model import Notice

_ICON_MM, _INSET_MM, _WORD_GAP_MM = 12, 4, 4.2
_LEAST_MM = 18
_PADDING_MM, _TIGHT_MM = 5.4, 2.3
_RADIUS_MM = 3.5
_MOST_LINES = 4


def needs(sketch: Sketch, said: Notice, width: int) -> int:
    """The least height of a notice of `width`."""
    inside = width - _inset(sketch, width) - sketch.mm(_INSET_MM)
    bold, plain = _lines(sketch, said, inside)
    return max(sketch.mm(_LEAST_MM), _words_high(sketch, len(bold) + len(plain)) + 2 * _tight(sketch))


def _tight(sketch: Sketch) -> int:
    return sketch.mm(_TIGHT_MM + (1 if sketch.tall else 0))


def _pictured(sketch: Sketch, width: int) -> bool:
    return width > sketch.mm(80)


def _inset(sketch: Sketch, width: int) -> int:
    return sketch.mm(_INSET_MM + _ICON_MM + _WORD_GAP_MM if _pictured(sketch, width) else _INSET_MM)


def _lines(sketch: Sketch, said: Notice, width: int) -> tuple[list[str], list[str]]:
    plain = sketch.wrapped(said.plain, "body", width, _MOST_LINES) if said.plain else []
    return sketch.wrapped(said.bold, "bold", width, _MOST_LINES), plain


def _words_high(sketch: Sketch, lines: int) -> int:
    """From the first line's capitals to the last baseline."""
    return sketch.face("body").cap + (lines - 1) * sketch.pitch("body")


def notice(sketch: Sketch, said: Notice, area: Box, least_mm: float = _LEAST_MM) -> int:
    """A notice across `area` from its top, as high as its words need and `area` allows; returns its lower edge.

    Where `area` is low the words stand closer to the edges; where it is narrow and low the icon makes way.
    """
    pictured = _pictured(sketch, area.w)
    inset = _inset(sketch, area.w)
    room = Box(area.x + inset, area.y, area.w - inset - sketch.mm(_INSET_MM), area.h)
    bold, plain = _lines(sketch, said, room.w)
    words = _words_high(sketch, len(bold) + len(plain))
    padding = sketch.mm(_PADDING_MM)
    if words + 2 * padding > area.h:
        padding = max(_tight(sketch), (area.h - words) // 2)
    least = max(sketch.mm(_LEAST_MM), min(sketch.mm(least_mm), area.h))
    box = Box(area.x, area.y, area.w, max(least, words + 2 * padding))
    tone = said.tone.value
    line = max(2, sketch.mm(0.5)) if sketch.furniture.dark_lines else 0
    sketch.add(Plate(box, sketch.mm(_RADIUS_MM), f"{tone}_ground", line=tone if line else "", line_px=line))
    if pictured:
        size = sketch.mm(_ICON_MM)
        sketch.add(Icon(Box(box.x + sketch.mm(_INSET_MM), box.y + (box.h - size) // 2, size, size), tone, tone))
    first = box.y + (box.h - words) // 2 + sketch.face("body").cap
    inside = Box(room.x, box.y, room.w, box.h)
    last = sketch.lines(bold, ("bold", "notice_word" if plain else tone), inside, first)
    if plain:
        sketch.lines(plain, ("body", "notice_word"), inside, last + sketch.pitch("body"))
    return box.bottom
