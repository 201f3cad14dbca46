"""ATTRACT: the picture, the welcome, and the strip of languages."""

from __future__ import annotations

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
#: Badge and insets of a card of the strip.
_AROUND_LABEL_MM = 21
#: Where in the free height the words stand.
_WORDS_AT = 29


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
    """Cards in as many columns as their words allow, and on a small panel Help after them; returns their upper edge."""
    across, gap, high = margins(sketch), sketch.mm(GAP_MM), sketch.mm(RAIL_MM)
    bottom = sketch.panel.height - sketch.mm(zones(sketch).rail_bottom)
    count = len(screen.choices)
    if not count:
        return bottom - high
    with_help = sketch.panel.shape is Shape.COMPACT and bool(screen.keys.help)
    columns = _columns(sketch, screen.choices, across.w, count + with_help)
    width = (across.w - gap * (columns - 1)) // columns
    top = bottom - -(-(count + with_help) // columns) * (high + gap) + gap
    cells = [
        Box(across.x + place % columns * (width + gap), top + place // columns * (high + gap), width, high)
        for place in range(count + with_help)
    ]
    for place, choice in enumerate(screen.choices):
        _language(sketch, cells[place], str(place + 1), choice)
    if with_help:
        keycaps.secondary(sketch, "C", screen.keys.help, cells[-1], deep=True)
    return top


def _columns(sketch: Sketch, offered: tuple[Choice, ...], across: int, count: int) -> int:
    if sketch.panel.shape is Shape.PORTRAIT:
        return 1
    lines = [line for choice in offered for line in _label(sketch, choice)]
    needs = max(sketch.width(line, "strip") for line in lines) + sketch.mm(_AROUND_LABEL_MM)
    fitting = (across + sketch.mm(GAP_MM)) // (needs + sketch.mm(GAP_MM))
    return max(1, min(count, 3, fitting))


def _label(sketch: Sketch, choice: Choice) -> list[str]:
    """In one line, or on a small panel in two."""
    return sketch.balanced(choice.label, "strip", 0) if sketch.panel.shape is Shape.COMPACT else [choice.label]


def _language(sketch: Sketch, box: Box, digit: str, choice: Choice) -> None:
    chosen, pressed = choice.chosen, sketch.look.pressed == digit
    fill = "strip_chosen" if chosen or pressed else "strip"
    line = "strip_chosen_line" if chosen else "strip_line"
    band = keycaps.focus_band(sketch) if sketch.look.focus == digit else ()
    line_px = max(2, sketch.mm(1 if chosen else 0.5))
    sketch.add(Plate(box, sketch.mm(_RADIUS_MM), fill, line=line, line_px=line_px, band=band))
    badge = sketch.mm(12)
    spot = Box(box.x + sketch.mm(3), box.y + (box.h - badge) // 2, badge, badge)
    sketch.add(Plate(spot, sketch.mm(2.6), "card_badge"))
    sketch.middle(digit, ("badge", "card_badge_word"), spot, "centre")
    room = Box(spot.right + sketch.mm(3), box.y, box.right - spot.right - sketch.mm(6), box.h)
    word = "strip_chosen_word" if chosen or pressed else "strip_word"
    lines = [choice.label] if sketch.width(choice.label, "strip") <= room.w else _label(sketch, choice)
    pitch = min(sketch.pitch("strip"), room.h - sketch.face("strip").cap - sketch.mm(5))
    first = sketch.centred(room, "strip") - (len(lines) - 1) * pitch // 2
    for number, line in enumerate(lines):
        sketch.line(line, ("strip", word), room, first + number * pitch, "centre")
    sketch.target(digit, box, enabled=choice.enabled)
