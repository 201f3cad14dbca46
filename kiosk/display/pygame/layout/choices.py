"""Choice cards: how they are arranged and paged, and what is on one (FACE, section 5)."""

from __future__ import annotations

from collections.abc import Sequence

from kiosk.display.pygame.geometry import Box
from kiosk.display.pygame.layout.keycaps import focus_band
from kiosk.display.pygame.layout.plan import Icon, Plate, Text
from kiosk.display.pygame.layout.sketch import Sketch
from kiosk.display.pygame.layout.zones import GAP_MM, TARGET_MM
from kiosk.display.pygame.panel import Shape
from kiosk.display.pygame.scripts import Script
from kiosk.screens.model import Choice

#: The digit that turns the page where not all cards fit.
MORE_DIGIT = "9"
_MOST_MM = 24
_BADGE_MM, _BADGE_INSET_MM, _LABEL_GAP_MM = 12, 3.5, 4
_ICON_MM, _ICON_INSET_MM, _ICON_FREE_MM = 9, 4, 10
RADIUS_MM = 3.5
#: Between label and second words, for letters that stand high or low.
_MORE_GAP_MM = {Script.LATIN: 0.0, Script.DEVANAGARI: 0.8, Script.ARABIC: 0.4}
#: Vowel signs of Devanagari rise further over the label than the second words' hang down.
_LOWER_MM = 0.4
#: Two lines of a label are no closer than this, in ems.
_CLOSEST = 0.95
#: Label and second words under one another need this much more than the label's capitals.
_UNDER_MM = 13.6

Numbered = tuple[str, Choice]


def choices(sketch: Sketch, area: Box, offered: Sequence[Choice], *, more: str, page: int) -> int:
    """Place the cards of `page` in `area`; returns the lower edge of the last one."""
    numbered = paged(sketch, area, offered, more=more, page=page)
    boxes = arranged(sketch, area, [choice.label for _, choice in numbered])
    for box, (digit, choice) in zip(boxes, numbered, strict=True):
        card(sketch, box, digit, choice)
    return max((box.bottom for box in boxes), default=area.y)


def paged(sketch: Sketch, area: Box, offered: Sequence[Choice], *, more: str, page: int) -> list[Numbered]:
    """The cards of one page with their digits; where not all fit, the last is `MORE_DIGIT`, which turns the page."""
    numbered = [(str(place), choice) for place, choice in enumerate(offered, start=1)]
    room = _capacity(sketch, area, [choice.label for choice in offered])
    if len(numbered) <= room:
        return numbered
    each = max(1, room - 1)
    pages = -(-len(numbered) // each)
    start = page % pages * each
    return [*numbered[start : start + each], (MORE_DIGIT, Choice(key="", label=more, icon="more"))]


def _rows(sketch: Sketch, area: Box) -> int:
    least, gap = sketch.mm(TARGET_MM), sketch.mm(GAP_MM)
    return max(1, (area.h + gap) // (least + gap))


def _capacity(sketch: Sketch, area: Box, labels: Sequence[str]) -> int:
    rows = _rows(sketch, area)
    if sketch.panel.shape is Shape.PORTRAIT:
        return min(6, rows)
    if rows == 1:
        return 3 if len(labels) <= 3 and _row_widths(sketch, area, labels) else 2
    return min(3, rows) * 2


def arranged(sketch: Sketch, area: Box, labels: Sequence[str]) -> list[Box]:
    """Boxes for cards with these labels, in the order of their digits."""
    count, rows = len(labels), _rows(sketch, area)
    if sketch.panel.shape is Shape.PORTRAIT or count == 1 or (count == 2 and rows >= 2):
        return _grid(sketch, area, [[place] for place in range(count)])
    if rows == 1:
        return _one_row(sketch, area, labels)
    if count == 3:
        return _grid(sketch, area, [[0, 1], [2]])
    deep = 2 if count <= 4 else 3
    return _grid(sketch, area, [[row, row + deep][: 2 if row + deep < count else 1] for row in range(deep)], wide=2)


def _grid(sketch: Sketch, area: Box, rows: list[list[int]], *, wide: int = 0) -> list[Box]:
    """`rows` hold places; a row's cards share the width, or that of `wide` columns."""
    gap = sketch.mm(GAP_MM)
    height = min(sketch.mm(_MOST_MM), (area.h - gap * (len(rows) - 1)) // len(rows))
    boxes: dict[int, Box] = {}
    for number, row in enumerate(rows):
        columns = wide or len(row)
        width = (area.w - gap * (columns - 1)) // columns
        for column, place in enumerate(row):
            boxes[place] = Box(area.x + column * (width + gap), area.y + number * (height + gap), width, height)
    return [boxes[place] for place in sorted(boxes)]


def _one_row(sketch: Sketch, area: Box, labels: Sequence[str]) -> list[Box]:
    gap, height = sketch.mm(GAP_MM), min(sketch.mm(_MOST_MM), area.h)
    equal = (area.w - gap * (len(labels) - 1)) // len(labels)
    left, boxes = area.x, []
    for width in _row_widths(sketch, area, labels) or [equal] * len(labels):
        boxes.append(Box(left, area.y, width, height))
        left += width + gap
    return boxes


def _row_widths(sketch: Sketch, area: Box, labels: Sequence[str]) -> list[int] | None:
    """Widths by what each label needs in one line, or in two; None where that is too much for one row."""
    room = area.w - sketch.mm(GAP_MM) * (len(labels) - 1)
    for lines in (1, 2):
        needs = [_needs(sketch, label, lines) for label in labels]
        if sum(needs) <= room:
            spare = (room - sum(needs)) // len(labels)
            return [need + spare for need in needs]
    return None


def _needs(sketch: Sketch, label: str, lines: int) -> int:
    parts = sketch.balanced(label, "choice", 0) if lines == 2 else [label]
    around = _BADGE_INSET_MM + _BADGE_MM + _LABEL_GAP_MM + _ICON_INSET_MM
    return sketch.mm(around) + max(sketch.width(part, "choice") for part in parts)


def _state(sketch: Sketch, digit: str, choice: Choice) -> str:
    """The colours' prefix."""
    if not choice.enabled:
        return "closed"
    if sketch.look.pressed == digit:
        return "pressed"
    if sketch.look.focus == digit:
        return "focus"
    return "chosen" if choice.chosen else "card"


def card(sketch: Sketch, box: Box, digit: str, choice: Choice) -> None:
    """One card: badge with its digit, label, second words or icon."""
    state, shown, spot = _numbered(sketch, box, digit, choice)
    left = spot.right + sketch.mm(_LABEL_GAP_MM)
    right = shown.right - sketch.mm(_ICON_INSET_MM)
    _words(sketch, Box(left, shown.y, right - left, shown.h), choice, state)


def icon_card(sketch: Sketch, box: Box, digit: str, choice: Choice) -> None:
    """A card without its label, where there is no room for one."""
    state, shown, _ = _numbered(sketch, box, digit, choice)
    _at_far_end(
        sketch, Box(shown.x, shown.y, shown.w - sketch.mm(_ICON_INSET_MM), shown.h), choice.icon, f"{state}_icon"
    )


def card_width(sketch: Sketch, label: str) -> int:
    """Of a card with its icon; no `label` where it is an `icon_card`."""
    words = sketch.width(label, "choice") + sketch.mm(_ICON_FREE_MM - _ICON_MM + _LABEL_GAP_MM) if label else 0
    return sketch.mm(_BADGE_INSET_MM + _BADGE_MM + _LABEL_GAP_MM + _ICON_MM + _ICON_INSET_MM) + words


def _numbered(sketch: Sketch, box: Box, digit: str, choice: Choice) -> tuple[str, Box, Box]:
    """A card with its digit: its colours' prefix, where it is drawn, and where its badge is."""
    state = _state(sketch, digit, choice)
    shown = box.moved(dy=sketch.mm(0.6)) if state == "pressed" else box
    _plate(sketch, shown, state)
    badge = sketch.mm(_BADGE_MM)
    spot = Box(shown.x + sketch.mm(_BADGE_INSET_MM), shown.y + (shown.h - badge) // 2, badge, badge)
    line = max(1, sketch.mm(0.3)) if state == "closed" else 0
    sketch.add(Plate(spot, sketch.mm(2.6), f"{state}_badge", line="closed_line" if line else "", line_px=line))
    sketch.middle(digit, ("badge", f"{state}_badge_word"), spot, "centre")
    sketch.target(digit, box, enabled=choice.enabled)
    return state, shown, spot


def _plate(sketch: Sketch, box: Box, state: str) -> None:
    chosen, focused = state == "chosen", state == "focus"
    line_mm = 0.9 if chosen else sketch.furniture.card_line_mm
    sketch.add(
        Plate(
            box,
            sketch.mm(RADIUS_MM),
            state,
            line="" if focused else f"{state}_line",
            line_px=0 if focused else max(1, sketch.mm(line_mm)),
            shadow=sketch.mm(0.8) if state in {"card", "chosen"} else 0,
            band=focus_band(sketch) if focused else (),
        )
    )


def _words(sketch: Sketch, room: Box, choice: Choice, state: str) -> None:
    """Label, and at the far end second words, a tick or an icon, as there is room for."""
    end = room
    if choice.chosen:
        end = _at_far_end(sketch, room, "tick", f"{state}_icon")
    if not choice.second:
        text = _label(sketch, end, choice.label, state)
        if choice.icon and not choice.chosen and end.right - text.x - text.width >= sketch.mm(_ICON_FREE_MM):
            _at_far_end(sketch, room, choice.icon, f"{state}_icon")
        return
    second = sketch.width(choice.second, "body")
    if sketch.width(choice.label, "choice") + sketch.mm(_LABEL_GAP_MM) + second <= end.w:
        text = _label(sketch, end, choice.label, state)
        sketch.line(choice.second, ("body", f"{state}_second"), end, text.baseline, "right")
        return
    _under(sketch, end, choice, state)


def _at_far_end(sketch: Sketch, room: Box, icon: str, colour: str) -> Box:
    """An icon at the far end; returns the room that is left before it."""
    size = sketch.mm(_ICON_MM)
    sketch.add(Icon(Box(room.right - size, room.y + (room.h - size) // 2, size, size), icon, colour))
    return Box(room.x, room.y, room.w - size - sketch.mm(3), room.h)


def _label(sketch: Sketch, room: Box, label: str, state: str) -> Text:
    """The label in one line, or in two, closer where the card is low; returns the longest."""
    lines = sketch.balanced(label, "choice", room.w)
    face = sketch.face("choice")
    pitch = max(round(face.em * _CLOSEST), min(sketch.pitch("choice"), room.h - face.cap - sketch.mm(5.5)))
    first = sketch.centred(room, "choice") - (len(lines) - 1) * pitch // 2
    placed = [
        sketch.line(words, ("choice", f"{state}_word"), room, first + number * pitch)
        for number, words in enumerate(lines)
    ]
    return max(placed, key=lambda text: text.width)


def _under(sketch: Sketch, room: Box, choice: Choice, state: str) -> None:
    """Second words under the label, closer where the card is low."""
    cap, small = sketch.face("choice").cap, sketch.face("body").cap
    roomy = room.h >= sketch.mm(sketch.panel.cap_mm + _UNDER_MM) - 2
    gap = sketch.mm((4 if roomy else 2.6) + _MORE_GAP_MM[sketch.script])
    top = room.y + (room.h - cap - gap - small) // 2
    if sketch.script is Script.DEVANAGARI:
        top += sketch.mm(_LOWER_MM)
    sketch.line(choice.label, ("choice", f"{state}_word"), room, top + cap)
    sketch.line(choice.second, ("body", f"{state}_second"), room, top + cap + gap + small)
