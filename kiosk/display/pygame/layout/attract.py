"""ATTRACT: the picture, the welcome, and the strip of languages."""

from __future__ import annotations

from typing import NamedTuple

from kiosk.display.pygame.geometry import Box
from kiosk.display.pygame.layout import frame, keycaps
from kiosk.display.pygame.layout.deep import help_below, sun_on_waves
from kiosk.display.pygame.layout.plan import Picture, Plate, Shimmer
from kiosk.display.pygame.layout.sketch import Sketch
from kiosk.display.pygame.layout.zones import GAP_MM, RAIL_MM, margins, zones
from kiosk.display.pygame.panel import Shape
from kiosk.screens.model import Attract, Choice

_RADIUS_MM = 3.5
#: viewBox of the attract pictures.
WIDE_ART, TALL_ART = (1024, 600), (720, 1280)
_BADGE_MM = 12
#: More rows of cards leave no room for the words.
_MOST_ROWS = 2
#: Where in the free height the words stand.
_WORDS_AT = 29


class _Worn(NamedTuple):
    """How the strip's cards wear their labels."""

    role: str
    inset_mm: float
    gap_mm: float


_LOOSE = _Worn("strip", 3, GAP_MM)
#: Languages, cash code and an account on a small panel: type, insets and gaps are the least that the face allows.
_TIGHT = _Worn("button", 2, 3)
_HELP_INSETS_MM = (4.6, 3)


def attract(sketch: Sketch, screen: Attract) -> None:
    """Art over the whole panel, words on the left or on top, strip at the foot."""
    tall = sketch.panel.height > sketch.panel.width
    drawn = sketch.furniture.art_tall if tall else sketch.furniture.art
    if drawn:
        _art(sketch, tall=tall)
    frame.header(sketch, screen, named=True)
    foot = _strip(sketch, screen)
    if not drawn:
        _plain(sketch, foot, tall=tall)
    if sketch.panel.shape is Shape.COMPACT and screen.keys.help and not screen.choices:
        help_below(sketch, screen.keys.help)
    _words(sketch, screen, foot)


def _plain(sketch: Sketch, foot: int, *, tall: bool) -> None:
    """Without a picture: the sun on waves, beside or under the words."""
    across, top = margins(sketch), sketch.mm(zones(sketch).header)
    width, height = sketch.mm(60), sketch.mm(40)
    x = across.x + (across.w - width) // 2 if tall else across.right - width - sketch.mm(8)
    y = top + (foot - top) * 62 // 100 if tall else top + (foot - top - height) // 2
    sun_on_waves(sketch, Box(x, y, width, height))


def _art(sketch: Sketch, *, tall: bool) -> None:
    sketch.add(Picture(sketch.whole, "attract_tall" if tall else "attract"))
    shimmer = sketch.furniture.shimmer_tall if tall else sketch.furniture.shimmer
    if shimmer is None:
        return
    scale, left, top = art_placed(sketch.whole, TALL_ART if tall else WIDE_ART)
    x, y, w, h = shimmer
    box = Box(round(left + x * scale), round(top + y * scale), round(w * scale), round(h * scale))
    sketch.add(Shimmer(box, sketch.frame))


def art_placed(box: Box, art: tuple[int, int]) -> tuple[float, float, float]:
    """How a picture of `art` units covers `box` from its lower edge: scale, left and top."""
    scale = max(box.w / art[0], box.h / art[1])
    return scale, box.x + (box.w - art[0] * scale) / 2, box.bottom - art[1] * scale


def _words(sketch: Sketch, screen: Attract, foot: int) -> None:
    across = margins(sketch)
    top = sketch.mm(zones(sketch).header)
    gap = sketch.mm((5 if sketch.tall else 4) if sketch.panel.shape is Shape.COMPACT else 8)
    caps = [sketch.face("attract").cap, sketch.face("attract_line").cap, sketch.face("body").cap]
    high = sum(caps) + 2 * gap
    indent = sketch.mm(1)
    portrait = sketch.panel.shape is Shape.PORTRAIT
    room = Box(across.x + indent, top, (across.w if portrait else across.w * 58 // 100) - indent, foot - top)
    share = _WORDS_AT - (10 if portrait else 0)
    at = top + (foot - top - high) * share // 100 + caps[0]
    roles = ("attract", "attract_long")[sketch.tall and sketch.panel.shape is Shape.COMPACT :]
    fitting = [role for role in roles if sketch.width(screen.title, role) <= room.w]
    sketch.line(screen.title, ((*fitting, "take")[0], "on_deep"), room, at)
    for number, words in enumerate(screen.lines[:2]):
        at += gap + caps[number + 1]
        # The second line is small, and may go on over the picture.
        wide = Box(room.x, room.y, across.w - indent, room.h) if number else room
        sketch.line(words, (("attract_line", "on_deep_accent"), ("body", "on_deep"))[number], wide, at)


def _strip(sketch: Sketch, screen: Attract) -> int:
    """Cards in rows, and on a small panel Help after them; returns their upper edge."""
    across, high = margins(sketch), sketch.mm(RAIL_MM)
    bottom = sketch.panel.height - sketch.mm(zones(sketch).rail_bottom)
    if not screen.choices:
        return bottom - high
    help_words = screen.keys.help if sketch.panel.shape is Shape.COMPACT else ""
    count = len(screen.choices) + bool(help_words)
    columns = _columns(sketch, screen.choices, across.w, count)
    rows = -(-count // columns)
    tight = rows > _MOST_ROWS and sketch.panel.shape is Shape.COMPACT
    if tight:
        rows = _MOST_ROWS
    top = bottom - rows * (high + sketch.mm(GAP_MM)) + sketch.mm(GAP_MM)
    room = Box(across.x, top, across.w, bottom - top)
    cells = _as_needed(sketch, screen, help_words, room) if tight else _evenly(sketch, room, count, columns)
    for place, choice in enumerate(screen.choices):
        _card(sketch, cells[place], str(place + 1), choice, _TIGHT if tight else _LOOSE)
    if help_words:
        with_words = keycaps.width(sketch, help_words, _TIGHT.inset_mm) <= cells[-1].w
        keycaps.secondary(sketch, "C", help_words if with_words else "", cells[-1], deep=True)
    return top


def _evenly(sketch: Sketch, room: Box, count: int, columns: int) -> list[Box]:
    gap, high = sketch.mm(GAP_MM), sketch.mm(RAIL_MM)
    width = (room.w - gap * (columns - 1)) // columns
    return [
        Box(room.x + place % columns * (width + gap), room.y + place // columns * (high + gap), width, high)
        for place in range(count)
    ]


def _as_needed(sketch: Sketch, screen: Attract, help_words: str, room: Box) -> list[Box]:
    """`_MOST_ROWS` rows, each card as wide as its words and its share of what is over; Help only has what it needs."""
    gap, high = sketch.mm(_TIGHT.gap_mm), sketch.mm(RAIL_MM)
    needs = [_needs(sketch, choice, _TIGHT) for choice in screen.choices]
    each = -(-(len(needs) + bool(help_words)) // _MOST_ROWS)
    cells: list[Box] = []
    for row in range(_MOST_ROWS):
        cards = needs[row * each : (row + 1) * each]
        last = row == _MOST_ROWS - 1 and bool(help_words)
        free = room.w - sum(cards) - gap * (len(cards) + last - 1)
        of_help = _help_wide(sketch, help_words, free) if last else 0
        spare = max(0, free - of_help) // max(1, len(cards))
        left, top = room.x, room.bottom - high - (_MOST_ROWS - 1 - row) * (high + sketch.mm(GAP_MM))
        for width in [*(need + spare for need in cards), *([of_help] if last else [])]:
            cells.append(Box(left, top, width, high))
            left += width + gap
    return cells


def _help_wide(sketch: Sketch, words: str, free: int) -> int:
    """With its word, as far from the edges as there is room for; else the keycap alone."""
    tried = [keycaps.width(sketch, words, inset) for inset in (*_HELP_INSETS_MM, _TIGHT.inset_mm)]
    return next((wide for wide in tried if wide <= free), keycaps.width(sketch, "", _TIGHT.inset_mm))


def _columns(sketch: Sketch, offered: tuple[Choice, ...], across: int, count: int) -> int:
    """As many as labels of one line allow, or of two where the strip would be higher than `_MOST_ROWS`."""
    if sketch.panel.shape is Shape.PORTRAIT:
        return 1
    gap = sketch.mm(GAP_MM)
    columns = 1
    for lines in (2,) if sketch.panel.shape is Shape.COMPACT else (1, 2):
        widest = max(_needs(sketch, choice, _LOOSE, lines) for choice in offered)
        columns = max(1, min(count, 3, (across + gap) // (widest + gap)))
        if -(-count // columns) <= _MOST_ROWS:
            break
    return columns


def _needs(sketch: Sketch, choice: Choice, worn: _Worn, lines: int = 2) -> int:
    """The width of a card whose label stands in one line, or in two."""
    parts = sketch.balanced(choice.label, worn.role, 0) if lines == 2 else [choice.label]
    around = sketch.mm(_BADGE_MM) + 3 * sketch.mm(worn.inset_mm)
    return around + max(sketch.width(part, worn.role) for part in parts)


def _card(sketch: Sketch, box: Box, digit: str, choice: Choice, worn: _Worn) -> None:
    chosen, pressed = choice.chosen, sketch.look.pressed == digit
    fill = "strip_chosen" if chosen or pressed else "strip"
    line = "strip_chosen_line" if chosen else "strip_line"
    band = keycaps.focus_band(sketch) if sketch.look.focus == digit else ()
    line_px = max(2, sketch.mm(1 if chosen else 0.5))
    sketch.add(Plate(box, sketch.mm(_RADIUS_MM), fill, line=line, line_px=line_px, band=band))
    badge, inset = sketch.mm(_BADGE_MM), sketch.mm(worn.inset_mm)
    spot = Box(box.x + inset, box.y + (box.h - badge) // 2, badge, badge)
    sketch.add(Plate(spot, sketch.mm(2.6), "card_badge"))
    sketch.middle(digit, ("badge", "card_badge_word"), spot, "centre")
    room = Box(spot.right + inset, box.y, box.right - spot.right - 2 * inset, box.h)
    word = "strip_chosen_word" if chosen or pressed else "strip_word"
    lines = sketch.balanced(choice.label, worn.role, room.w)
    face = sketch.face(worn.role)
    pitch = min(sketch.pitch(worn.role), room.h - face.cap - sketch.mm(5))
    first = sketch.centred(room, worn.role) - (len(lines) - 1) * pitch // 2
    for number, line in enumerate(lines):
        sketch.line(line, (worn.role, word), room, first + number * pitch, "centre")
    sketch.target(digit, box, enabled=choice.enabled)
