"""Notices: tinted, an icon, one bold sentence and a plain one (FACE, section 5)."""

from __future__ import annotations

from typing import NamedTuple

from kiosk.display.pygame.geometry import Box
from kiosk.display.pygame.layout.plan import Icon, Plate
from kiosk.display.pygame.layout.sketch import Sketch
from kiosk.display.pygame.scripts import Script, script_of
from kiosk.screens.model import Notice

_ICON_MM, _INSET_MM, _WORD_GAP_MM = 12, 4, 4.2
_LEAST_MM = 18
_PADDING_MM, _TIGHT_MM = 5.4, 2.3
_RADIUS_MM = 3.5
_MOST_LINES = 4
#: No panel has room for more.
_MOST_TRIED = 12
#: Two lines of Latin letters are no closer than this, in ems.
_CLOSE, _GAP = 1.1, 1.25


class _Words(NamedTuple):
    """How a notice's sentences are laid out: whether the icon is there, lines, and how far apart.

    `gap` is from the bold sentence to the plain one, `pitch` between the plain one's lines.
    """

    pictured: bool
    bold: list[str]
    plain: list[str]
    gap: int
    pitch: int


def needs(sketch: Sketch, said: Notice, width: int) -> int:
    """The least height of a notice of `width`."""
    words = _laid(sketch, said, width, _MOST_LINES, pictured=_pictured(sketch, width))
    return max(sketch.mm(_LEAST_MM), _high(sketch, words) + 2 * _tight(sketch))


def _tight(sketch: Sketch) -> int:
    return sketch.mm(_TIGHT_MM + (1 if sketch.tall else 0))


def _pictured(sketch: Sketch, width: int) -> bool:
    return width > sketch.mm(80)


def _inset(sketch: Sketch, *, pictured: bool) -> int:
    return sketch.mm(_INSET_MM + _ICON_MM + _WORD_GAP_MM if pictured else _INSET_MM)


def _laid(sketch: Sketch, said: Notice, width: int, most: int, *, pictured: bool) -> _Words:
    inside = width - _inset(sketch, pictured=pictured) - sketch.mm(_INSET_MM)
    bold = sketch.wrapped(said.bold, "bold", inside, most)
    plain = sketch.wrapped(said.plain, "body", inside, max(1, most - len(bold))) if said.plain else []
    return _Words(pictured, bold, plain, sketch.pitch("body"), sketch.pitch("body"))


def _fitted(sketch: Sketch, said: Notice, area: Box) -> _Words:
    """All of it, if `area` can hold it: the icon makes way for words, then the room between lines, then the bold ones."""
    pictured = _pictured(sketch, area.w)
    room = area.h - 2 * _tight(sketch)
    for with_icon in (True, False) if pictured else (False,):
        words = _laid(sketch, said, area.w, _MOST_TRIED, pictured=with_icon)
        if _high(sketch, words) <= room:
            return words
        closer = _closer(sketch, said, words)
        if _high(sketch, closer) <= room:
            spare = (room - _high(sketch, closer)) // max(1, len(words.plain) - 1)
            return closer._replace(pitch=min(words.pitch, closer.pitch + spare))
    alone = closer._replace(bold=[])
    if closer.plain and _high(sketch, alone) <= room:
        # What a device says is worth more than the words before it.
        return alone
    most = len(closer.bold) + len(closer.plain)
    while most > _MOST_LINES and _high(sketch, closer) > room:
        most -= 1
        closer = _closer(sketch, said, _laid(sketch, said, area.w, most, pictured=False))
    return closer


def _closer(sketch: Sketch, said: Notice, words: _Words) -> _Words:
    """With less room around plain lines; those of a device's sentence are Latin in every language."""
    if script_of(said.plain) is not Script.LATIN:
        return words
    em = sketch.face("body").em
    return words._replace(gap=min(words.gap, round(em * _GAP)), pitch=min(words.pitch, round(em * _CLOSE)))


def _high(sketch: Sketch, words: _Words) -> int:
    """From the first line's capitals to the last baseline."""
    gaps = [sketch.pitch("body")] * (len(words.bold) - 1)
    gaps += [words.gap] if words.bold and words.plain else []
    gaps += [words.pitch] * (len(words.plain) - 1)
    return sketch.face("body").cap + sum(gaps)


def notice(sketch: Sketch, said: Notice, area: Box, least_mm: float = _LEAST_MM) -> int:
    """A notice across `area` from its top, as high as its words need and `area` allows; returns its lower edge.

    Where `area` is low the words stand closer to the edges; where it is narrow and low the icon makes way.
    """
    words = _fitted(sketch, said, area)
    inset, high = _inset(sketch, pictured=words.pictured), _high(sketch, words)
    padding = sketch.mm(_PADDING_MM)
    if high + 2 * padding > area.h:
        padding = max(_tight(sketch), (area.h - high) // 2)
    least = max(sketch.mm(_LEAST_MM), min(sketch.mm(least_mm), area.h))
    box = Box(area.x, area.y, area.w, max(least, high + 2 * padding))
    tone = said.tone.value
    line = max(2, sketch.mm(0.5)) if sketch.furniture.dark_lines else 0
    sketch.add(Plate(box, sketch.mm(_RADIUS_MM), f"{tone}_ground", line=tone if line else "", line_px=line))
    if words.pictured:
        size = sketch.mm(_ICON_MM)
        sketch.add(Icon(Box(box.x + sketch.mm(_INSET_MM), box.y + (box.h - size) // 2, size, size), tone, tone))
    baseline = box.y + (box.h - high) // 2 + sketch.face("body").cap
    inside = Box(area.x + inset, box.y, area.w - inset - sketch.mm(_INSET_MM), box.h)
    bold = "notice_word" if words.plain else tone
    if words.bold:
        baseline = sketch.lines(words.bold, ("bold", bold), inside, baseline) + words.gap
    for number, line_of_words in enumerate(words.plain):
        sketch.line(line_of_words, ("body", "notice_word"), inside, baseline + number * words.pitch)
    return box.bottom
