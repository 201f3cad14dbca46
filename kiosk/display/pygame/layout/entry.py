"""AMOUNT and PIN: what is entered so far beside or over a pad of digits."""

from __future__ import annotations

from kiosk.display.pygame.geometry import Box, square
from kiosk.display.pygame.layout import frame, keycaps
from kiosk.display.pygame.layout.notices import needs, notice
from kiosk.display.pygame.layout.plan import Disc, Plate
from kiosk.display.pygame.layout.sketch import Sketch
from kiosk.display.pygame.layout.zones import GAP_MM, RAIL_MM, TARGET_MM, column, margins, zones
from kiosk.display.pygame.panel import Shape
from kiosk.screens.model import Amount, Notice, Pin, Tone

_PAD_FROM, _PAD_GAP_MM = 0.55, 3
_KEY_MOST_MM = 26
_ROWS = ("123", "456", "789", " 0 ")
_RADIUS_MM = 3.5
_AMOUNT_MM, _PIN_MM, _LOWEST_MM = 28, 24, 16
_NOTICE_GAP_MM = 3
_RING_MM, _RING_PITCH_MM, _LEAST_RINGS = 9, 15, 4


def amount(sketch: Sketch, screen: Amount) -> Box:
    """A number entered by digits; returns the stage."""
    stage, words = _beside_pad(sketch, screen)
    top = frame.title(sketch, screen.title, words)
    box = _display(sketch, words, top, _AMOUNT_MM, screen.notice)
    inner = Box(box.x + sketch.mm(6), box.y, box.w - sketch.mm(12), box.h)
    _entry(sketch, screen.shown, "entry_word" if screen.entered else "entry_idle", inner)
    _under(sketch, screen.notice, screen.limits, Box(words.x, box.bottom, words.w, words.bottom - box.bottom))
    return stage


def _entry(sketch: Sketch, said: str, colour: str, box: Box) -> None:
    """As large as it goes; a long number is read small, or in two lines, rather than in part."""
    fitting = [role for role in ("amount", "amount_long", "figure", "fact") if sketch.width(said, role) <= box.w]
    if fitting:
        sketch.middle(said, (fitting[0], colour), box, "right")
        return
    half = len(said) // 2
    for place, part in enumerate((said[:half], said[half:])):
        sketch.middle(part, ("fact", colour), Box(box.x, box.y + place * box.h // 2, box.w, box.h // 2), "right")


def pin(sketch: Sketch, screen: Pin) -> Box:
    """Rings that fill; returns the stage."""
    stage, words = _beside_pad(sketch, screen)
    top = frame.title(sketch, screen.title, words)
    box = _display(sketch, words, top, _PIN_MM, screen.notice)
    _rings(sketch, box, screen.count, max(_LEAST_RINGS, screen.count))
    _under(sketch, screen.notice, screen.line, Box(words.x, box.bottom, words.w, words.bottom - box.bottom))
    return stage


def _beside_pad(sketch: Sketch, screen: Amount | Pin) -> tuple[Box, Box]:
    """Stage, rail and pad; returns the stage and the room for words."""
    shape = sketch.panel.shape
    if shape is Shape.COMPACT and not sketch.panel.keypad:
        return _small_touch(sketch, screen)
    frame.header(sketch, screen)
    stage = frame.stage(sketch)
    keycaps.rail(sketch, screen)
    content = frame.content(sketch, screen, stage.y)
    if shape is Shape.COMPACT:
        return stage, content
    if shape is Shape.PORTRAIT:
        high = sketch.mm(4 * TARGET_MM + 3 * _PAD_GAP_MM)
        _pad(sketch, Box(content.x, content.bottom - high, content.w, high))
        return stage, Box(content.x, content.y, content.w, content.h - high - sketch.mm(_PAD_GAP_MM))
    across = column(sketch)
    left = across.x + round(across.w * _PAD_FROM)
    top = stage.y + sketch.mm(GAP_MM)
    high = min(content.bottom + sketch.mm(1) - top, sketch.mm(4 * _KEY_MOST_MM + 3 * _PAD_GAP_MM))
    _pad(sketch, Box(left, top, content.right - left, high))
    return stage, Box(content.x, content.y, left - sketch.mm(8) - content.x, content.h)


def _small_touch(sketch: Sketch, screen: Amount | Pin) -> tuple[Box, Box]:
    """A small panel without keys: the pad needs its whole height, so the header makes way; C and D stand beside the 0."""
    stage = frame.stage(sketch, top=0)
    across = margins(sketch)
    left = round(sketch.panel.width * _PAD_FROM)
    high = sketch.mm(4 * TARGET_MM + 3 * _PAD_GAP_MM)
    pad = Box(left, (sketch.panel.height - high) // 2, across.right - left, high)
    free = _pad(sketch, pad)
    with sketch.unmirrored(pad):
        for key, box in zip("CD", free, strict=True):
            if key == "D" and screen.keys.main:
                keycaps.main(sketch, "", box)
            elif key == "C" and screen.keys.help:
                keycaps.secondary(sketch, "C", "", box)
    bottom = sketch.panel.height - sketch.mm(zones(sketch).rail_bottom)
    rail = Box(across.x, bottom - sketch.mm(RAIL_MM), left - sketch.mm(5) - across.x, sketch.mm(RAIL_MM))
    wide = keycaps.width(sketch, "", 3)  # what is left beside the two holds the time-left ring
    for place, (key, words) in enumerate((("A", screen.keys.cancel), ("B", screen.keys.back))):
        if words:
            box = Box(rail.x + place * (wide + sketch.mm(GAP_MM)), rail.y, wide, rail.h)
            keycaps.secondary(sketch, key, "", box)
    return stage, Box(across.x, 0, rail.w, rail.y - sketch.mm(3))


def _pad(sketch: Sketch, area: Box) -> list[Box]:
    """The digits in their fixed places; returns the two free places beside the 0."""
    gap = sketch.mm(_PAD_GAP_MM)
    width, height = (area.w - 2 * gap) // 3, (area.h - 3 * gap) // 4
    free = []
    for row, digits in enumerate(_ROWS):
        for place, digit in enumerate(digits):
            box = Box(area.x + place * (width + gap), area.y + row * (height + gap), width, height)
            if digit == " ":
                free.append(box)
                continue
            with sketch.unmirrored(area):
                _pad_key(sketch, digit, box)
    return free


def _pad_key(sketch: Sketch, digit: str, box: Box) -> None:
    pressed, focused = sketch.look.pressed == digit, sketch.look.focus == digit
    shown = box.moved(dy=sketch.mm(0.6)) if pressed else box
    state = "pressed" if pressed else "focus" if focused else "card"
    line = max(1, sketch.mm(sketch.furniture.card_line_mm))
    sketch.add(
        Plate(
            shown,
            sketch.mm(_RADIUS_MM),
            state,
            line="" if focused else f"{state}_line",
            line_px=0 if focused else line,
            shadow=0 if pressed else sketch.mm(0.8),
            band=keycaps.focus_band(sketch) if focused else (),
        )
    )
    sketch.middle(digit, ("pad", f"{state}_word"), shown, "centre")
    sketch.target(digit, box)


def _display(sketch: Sketch, words: Box, top: int, height_mm: float, said: Notice | None) -> Box:
    """The card that shows what is entered; lower where a notice needs the room."""
    top += sketch.mm(1) if sketch.panel.shape is not Shape.COMPACT else 0
    height = sketch.mm(height_mm if sketch.panel.shape is not Shape.PORTRAIT else _PIN_MM)
    if said is not None:
        left = words.bottom - top - needs(sketch, said, words.w) - sketch.mm(_NOTICE_GAP_MM)
        height = max(sketch.mm(_LOWEST_MM), min(height, left))
    box = Box(words.x, top, words.w, height)
    wrong = said is not None and said.tone in {Tone.WARNING, Tone.DANGER}
    sketch.add(
        Plate(
            box,
            sketch.mm(_RADIUS_MM),
            "card",
            line="error_line" if wrong else "entry_line",
            line_px=max(2, sketch.mm(0.9)),
            shadow=sketch.mm(0.8),
        )
    )
    return box


def _rings(sketch: Sketch, box: Box, filled: int, rings: int) -> None:
    pitch = min(sketch.mm(_RING_PITCH_MM), (box.w - sketch.mm(6)) // rings)
    size = min(sketch.mm(_RING_MM), pitch - sketch.mm(2))
    x, y = box.centre
    left = x - pitch * (rings - 1) / 2
    for ring in range(rings):
        line = 0 if ring < filled else max(2, sketch.mm(0.7))
        with sketch.unmirrored(box):
            sketch.add(Disc(square(left + ring * pitch, y, size), "ring", line))


def _under(sketch: Sketch, said: Notice | None, line: str, room: Box) -> None:
    """The notice, or where there is none the line of limits."""
    if said is not None:
        roomy = room.h - sketch.mm(GAP_MM) >= needs(sketch, said, room.w)
        gap = sketch.mm(GAP_MM if roomy else _NOTICE_GAP_MM)
        notice(sketch, said, Box(room.x, room.y + gap, room.w, room.h - gap))
        return
    indent = sketch.mm(1)
    inner = Box(room.x + indent, room.y, room.w - indent, room.h)
    lines = sketch.wrapped(line, "body", inner.w, 2)
    high = sketch.face("body").cap + (len(lines) - 1) * sketch.pitch("body")
    gap = max(sketch.mm(3), min(sketch.mm(5.5), room.h - high - sketch.mm(1)))
    sketch.lines(lines, ("body", "ink2"), inner, room.y + gap + sketch.face("body").cap)
