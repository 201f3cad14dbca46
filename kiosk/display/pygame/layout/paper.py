"""CHOOSE, CONFIRM, LIST and NOTICE: paper screens without a pad."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from kiosk.display.pygame.geometry import Box
from kiosk.display.pygame.layout import frame, keycaps
from kiosk.display.pygame.layout.choices import card, card_width, choices, icon_card
from kiosk.display.pygame.layout.notices import notice
from kiosk.display.pygame.layout.plan import CodeArt, Ground, Plate
from kiosk.display.pygame.layout.sketch import Sketch
from kiosk.display.pygame.layout.zones import GAP_MM, TARGET_MM
from kiosk.display.pygame.panel import Shape
from kiosk.display.pygame.scripts import Script, script_of
from kiosk.screens.model import Choice, Choose, Code, Confirm, Fact, ListScreen, NoticeScreen, Row, Screen

_RADIUS_MM = 3.5
_ROWS_A_PAGE = 5
#: A notice that is all that a screen says stands higher than one among other things.
_NOTICE_MM = 26


def _paper(sketch: Sketch, screen: Screen) -> tuple[Box, Box]:
    """Header, stage, title, rail; returns the stage and the room for content."""
    stage, room, _ = _paper_beside(sketch, screen, 0)
    return stage, room


def _paper_beside(sketch: Sketch, screen: Screen, beside: int) -> tuple[Box, Box, int]:
    """The same, and where a room as wide as `beside` begins in the rail."""
    frame.header(sketch, screen)
    stage = frame.stage(sketch)
    left = keycaps.rail(sketch, screen, beside=beside)
    whole = frame.content(sketch, screen, stage.y)
    top = frame.title(sketch, screen.title, whole)
    return stage, Box(whole.x, top, whole.w, whole.bottom - top), left


def choose(sketch: Sketch, screen: Choose, page: int) -> Box:
    """Two to six cards, perhaps under a notice; returns the stage."""
    stage, area = _paper(sketch, screen)
    if screen.notice:
        compact = sketch.panel.shape is Shape.COMPACT
        high = sketch.mm(TARGET_MM) if compact else area.h
        bottom = notice(sketch, screen.notice, Box(area.x, area.y, area.w, high))
        # Cards are never under their least size: on a small panel the gap makes way for letters that stand high.
        spare = area.bottom - bottom - sketch.mm(TARGET_MM)
        bottom += max(sketch.mm(1.5), min(sketch.mm(3), spare)) if compact else sketch.mm(5)
        area = Box(area.x, bottom, area.w, area.bottom - bottom)
    choices(sketch, area, screen.choices, more=screen.more, page=page)
    return stage


def _with_cards(sketch: Sketch, area: Box, offered: tuple[Choice, ...], above: Callable[[Box], None]) -> None:
    """`above` gets what the cards of `offered`, at the foot of `area`, leave."""
    if not offered:
        above(area)
        return
    rows = len(offered) if sketch.panel.shape is Shape.PORTRAIT else 1
    high = rows * sketch.mm(TARGET_MM) + (rows - 1) * sketch.mm(GAP_MM)
    above(Box(area.x, area.y, area.w, area.h - high - sketch.mm(GAP_MM)))
    choices(sketch, Box(area.x, area.bottom - high, area.w, high), offered, more="", page=0)


def notice_screen(sketch: Sketch, screen: NoticeScreen) -> Box:
    """A notice, perhaps a reference and cards; returns the stage."""
    stage, area = _paper(sketch, screen)
    if sketch.panel.shape is Shape.COMPACT and screen.choices and screen.reference:
        # No room for a card of its own: it is the notice's second sentence.
        said = replace(screen.notice, plain=f"{screen.reference_label}: {screen.reference}")
        screen = replace(screen, notice=said, reference="")

    def above(room: Box) -> None:
        reference = _reference_high(sketch, screen, room.w)
        high = room.h - reference - (sketch.mm(3) if reference else 0)
        bottom = notice(sketch, screen.notice, Box(room.x, room.y, room.w, high), _NOTICE_MM)
        if reference:
            gap = sketch.mm(GAP_MM if room.bottom - bottom > 2 * reference else 3)
            high = min(room.bottom - bottom - gap, max(reference, sketch.mm(20)))
            _reference(sketch, screen, Box(room.x, bottom + gap, room.w, high))

    _with_cards(sketch, area, screen.choices, above)
    return stage


def _reference_fits(sketch: Sketch, screen: NoticeScreen, width: int) -> bool:
    """Label and reference fit on one line of a card of `width`."""
    words = sketch.width(screen.reference_label, "body") + sketch.width(screen.reference, "figure")
    return words + sketch.mm(15) <= width


def _reference_high(sketch: Sketch, screen: NoticeScreen, width: int) -> int:
    if not screen.reference:
        return 0
    return sketch.mm(13 if _reference_fits(sketch, screen, width) else 28)


def _reference(sketch: Sketch, screen: NoticeScreen, box: Box) -> None:
    """The claim reference on a card: beside its label, or under it where the card is narrow."""
    _card(sketch, box)
    inner = Box(box.x + sketch.mm(6), box.y, box.w - sketch.mm(12), box.h)
    if _reference_fits(sketch, screen, box.w):
        label = sketch.width(screen.reference_label, "body")
        sketch.middle(screen.reference_label, ("body", "card_second"), Box(inner.x, inner.y, label, inner.h))
        left = inner.x + label + sketch.mm(3)
        value = Box(left, inner.y, inner.right - left, inner.h)
        sketch.middle(screen.reference, ("figure", "card_word"), value, "right")
        return
    upper = inner.h * 45 // 100
    sketch.middle(screen.reference_label, ("body", "card_second"), Box(inner.x, inner.y, inner.w, upper))
    lower = Box(inner.x, inner.y + upper - sketch.mm(1), inner.w, inner.h - upper)
    sketch.middle(screen.reference, ("figure", "card_word"), lower)


def _card(sketch: Sketch, box: Box) -> None:
    line = max(1, sketch.mm(sketch.furniture.card_line_mm))
    sketch.add(Plate(box, sketch.mm(_RADIUS_MM), "card", line="card_line", line_px=line, shadow=sketch.mm(0.8)))


def confirm(sketch: Sketch, screen: Confirm) -> Box:
    """One to three facts on a card, the first one large; returns the stage."""
    stage, area = _paper(sketch, screen)

    def above(room: Box) -> None:
        top = room.y
        if screen.notice:
            top = notice(sketch, screen.notice, room) + sketch.mm(GAP_MM)
        _facts(sketch, Box(room.x, top, room.w, room.bottom - top), screen.facts)

    _with_cards(sketch, area, screen.choices, above)
    return stage


def _facts(sketch: Sketch, room: Box, facts: tuple[Fact, ...]) -> None:
    first, other = 4, 3  # shares of the height
    unit = min(sketch.mm(7.5), room.h // (first + other * (len(facts) - 1)))
    heights = [unit * first, *[unit * other] * (len(facts) - 1)]
    _card(sketch, Box(room.x, room.y, room.w, sum(heights)))
    inner = Box(room.x + sketch.mm(6), room.y, room.w - sketch.mm(12), room.h)
    top = room.y
    for number, (fact, height) in enumerate(zip(facts, heights, strict=True)):
        if number:
            sketch.add(Ground(Box(inner.x, top, inner.w, max(1, sketch.mm(0.3))), "hair"))
        _fact(sketch, Box(inner.x, top, inner.w, height), fact, large=number == 0)
        top += height


def _fact(sketch: Sketch, row: Box, fact: Fact, *, large: bool) -> None:
    """Label and value on one line, or under one another where the row is narrow."""
    label = sketch.width(fact.label, "body")
    free = row.w - label - sketch.mm(4)
    sizes = ("amount", "figure", "fact")[script_of(fact.value) is not Script.LATIN :]
    for role in sizes if large else ("fact",):
        if sketch.width(fact.value, role) <= free:
            sketch.middle(fact.label, ("body", "card_second"), Box(row.x, row.y, label, row.h))
            sketch.middle(fact.value, (role, "card_word"), Box(row.right - free, row.y, free, row.h), "right")
            return
    half = row.h // 2
    sketch.middle(fact.label, ("body", "card_second"), Box(row.x, row.y, row.w, half))
    sketch.middle(fact.value, ("fact", "card_word"), Box(row.x, row.y + half - sketch.mm(1), row.w, half), "right")


def code_screen(sketch: Sketch, screen: Code) -> Box:
    """A QR code, as large as there is room, and what is in it beside or below; returns the stage."""
    stage, area = _paper(sketch, screen)
    upright = sketch.panel.shape is Shape.PORTRAIT
    side = min(area.h, area.w * 45 // 100) if not upright else min(area.w, area.h * 55 // 100)
    code = Box(area.x + ((area.w - side) // 2 if upright else 0), area.y, side, side)
    _card(sketch, code)
    inset = max(2, sketch.mm(1))
    sketch.add(CodeArt(Box(code.x + inset, code.y + inset, side - 2 * inset, side - 2 * inset), screen.rows))
    gap = sketch.mm(5)
    if upright:
        _in_words(sketch, screen, Box(area.x, code.bottom + gap, area.w, area.bottom - code.bottom - gap))
    else:
        _in_words(sketch, screen, Box(code.right + gap, area.y, area.right - code.right - gap, area.h))
    return stage


def _in_words(sketch: Sketch, screen: Code, room: Box) -> None:
    """What to do with the code, then facts one under another: as many as there is room for, the rest is in the code."""
    _card(sketch, room)
    inner = Box(room.x + sketch.mm(5), room.y + sketch.mm(2), room.w - sketch.mm(10), room.h - sketch.mm(4))
    said = sketch.wrapped(screen.line, "bold", inner.w, 2)
    last = sketch.lines(said, ("bold", "card_word"), inner, inner.y + sketch.face("bold").cap + sketch.mm(2))
    pitch = sketch.pitch("body")
    for fact in screen.facts:
        label, value = sketch.width(fact.label, "body"), sketch.width(fact.value, "body")
        beside = label + value + sketch.mm(4) <= inner.w
        if last + (pitch if beside else 2 * pitch) > inner.bottom:
            return
        last += pitch
        sketch.line(fact.label, ("body", "card_second"), inner, last)
        last += 0 if beside else pitch
        sketch.line(fact.value, ("body", "card_word"), inner, last, "right")


def list_screen(sketch: Sketch, screen: ListScreen) -> Box:
    """Up to five rows of date, words, amount; returns the stage."""
    rows = screen.rows[:_ROWS_A_PAGE]
    if sketch.panel.shape is not Shape.PORTRAIT and screen.choices:
        # The rows need all the room over the rail.
        [offered] = screen.choices
        bare = sketch.panel.shape is Shape.COMPACT
        wide = card_width(sketch, "" if bare else offered.label)
        stage, area, left = _paper_beside(sketch, screen, wide)
        _rows(sketch, area, rows)
        top = keycaps.rail_top(sketch, screen) or 0
        (icon_card if bare else card)(sketch, Box(left, top, wide, sketch.mm(TARGET_MM)), "1", offered)
        return stage
    stage, area = _paper(sketch, screen)
    _with_cards(sketch, area, screen.choices, lambda room: _rows(sketch, room, rows))
    return stage


def _rows(sketch: Sketch, room: Box, rows: tuple[Row, ...]) -> None:
    if not rows:
        return
    upright = sketch.panel.shape is Shape.PORTRAIT
    edge = sketch.mm(1) if sketch.tall else 0
    height = min(sketch.mm(24 if upright else 13.5), (room.h - 2 * edge) // max(len(rows), 3))
    _card(sketch, Box(room.x, room.y, room.w, height * len(rows) + 2 * edge))
    inset, gap = (4, 3) if sketch.panel.shape is Shape.COMPACT else (5, 8)
    inner = Box(room.x + sketch.mm(inset), room.y + edge, room.w - 2 * sketch.mm(inset), room.h)
    dates = max(sketch.width(row.date, "list") for row in rows) + sketch.mm(gap)
    for number, row in enumerate(rows):
        line = Box(inner.x, inner.y + number * height, inner.w, height)
        if number:
            sketch.add(Ground(Box(line.x, line.y, line.w, max(1, sketch.mm(0.3))), "hair"))
        upper, words = line, Box(line.x + dates, line.y, line.w - dates, line.h)
        if upright:
            upper = Box(line.x, line.y + sketch.mm(1), line.w, height // 2)
            words = upper.moved(dy=height // 2 - sketch.mm(2))
        _row(sketch, row, upper, words)


def _row(sketch: Sketch, row: Row, upper: Box, words: Box) -> None:
    """Date and amount at the two ends of `upper`; the words in `words`, short of the amount where they share a line."""
    sketch.middle(row.date, ("list", "card_second"), upper)
    gain = "gain" if row.amount.startswith("+") else "card_word"
    amount = sketch.middle(row.amount, ("fact", gain), upper, "right")
    room = words
    if words.y == upper.y:
        room = Box(words.x, words.y, amount.x - sketch.mm(4) - words.x, words.h)
    sketch.middle(row.words, ("body", "card_word"), room)
