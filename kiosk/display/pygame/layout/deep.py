"""WAIT, TAKE and OUT: the machine's turn, on deep."""

from __future__ import annotations

from kiosk.display.pygame.geometry import Box
from kiosk.display.pygame.layout import frame, keycaps, timing
from kiosk.display.pygame.layout.plan import Arrow, CardArt, NoteArt, Plate, Sun, Waves
from kiosk.display.pygame.layout.sketch import Sketch
from kiosk.display.pygame.layout.zones import RAIL_MM, margins, zones
from kiosk.display.pygame.panel import Shape
from kiosk.screens.model import Out, Slot, Take, Wait

_INDENT_MM = 6
_SUN_MM = (60, 40)
_NOTE_MM = (62, 34)
_STACK_MM = (4, 5)
_MOST_DRAWN = 5
_RADIUS_MM = 3.5


def body(sketch: Sketch) -> Box:
    """Everything under the header, within the margins."""
    across = margins(sketch)
    top = sketch.mm(zones(sketch).header)
    return Box(across.x, top, across.w, sketch.panel.height - top - sketch.mm(zones(sketch).margin))


def wait(sketch: Sketch, screen: Wait) -> None:
    """The sun on three waves, title and line, in the middle; a rail where there is something to press meanwhile."""
    frame.header(sketch, screen)
    area = body(sketch)
    rail = _over_rail(sketch, screen, area)
    area = rail or area
    small = sketch.panel.shape is Shape.COMPACT
    width, height = (sketch.mm(side * (0.75 if small else 1)) for side in _SUN_MM)
    lines = sketch.balanced(screen.title, "take", area.w)
    said = sketch.balanced(screen.line, "count", area.w) if screen.line else []
    words = sketch.face("take").cap + (len(lines) - 1) * sketch.pitch("take")
    below = sketch.mm(11 if sketch.tall else 6)
    words += below + sketch.face("count").cap + max(0, len(said) - 1) * sketch.pitch("count")
    gap = sketch.mm(8 if small else 14)
    if rail is not None and height + gap + words > area.h:
        # The words have the room that they need; the picture has what is left.
        gap = sketch.mm(6)
        left = max(sketch.mm(12), area.h - gap - words)
        width, height = width * left // height, left
    top = area.y + max(0, (area.h - height - gap - words) * 45 // 100)
    sun_on_waves(sketch, Box(area.x + (area.w - width) // 2, top, width, height))
    last = sketch.lines(lines, ("take", "on_deep"), area, top + height + gap + sketch.face("take").cap, "centre")
    if said:
        baseline = last + below + sketch.face("count").cap
        sketch.lines(said, ("count", "on_deep2"), area, baseline, "centre")


def _over_rail(sketch: Sketch, screen: Wait | Take, area: Box) -> Box | None:
    """What a rail leaves of `area`; None where there is nothing to press, and no rail."""
    top = keycaps.rail_top(sketch, screen) if screen.keys.cancel or screen.keys.main else None
    if top is None:
        return None
    keycaps.rail(sketch, screen, deep=True)
    return Box(area.x, area.y, area.w, top - sketch.mm(zones(sketch).over_rail) - area.y)


def sun_on_waves(sketch: Sketch, box: Box) -> None:
    """The sun's lower edge touches the first wave; only the waves move."""
    sun = box.w // 3
    waves = Box(box.x, box.y + box.h * 55 // 100, box.w, box.h - box.h * 55 // 100)
    top = waves.y + sketch.mm(0.6) - round(sun * 0.66)
    sketch.add(Sun(Box(box.x + (box.w - sun) // 2, top, sun, round(sun * 0.66)), "sun"))
    sketch.add(Waves(waves, max(3, sketch.mm(1.7)), sketch.frame))


def take(sketch: Sketch, screen: Take) -> None:
    """What to take, its picture under its slot, and the time left."""
    frame.header(sketch, screen)
    area = body(sketch)
    if screen.slot is Slot.NONE:
        _farewell(sketch, screen, area)
        return
    area = _over_rail(sketch, screen, area) or area
    if sketch.panel.shape is Shape.PORTRAIT:
        words = Box(area.x + sketch.mm(2), area.y, area.w - sketch.mm(4), area.h * 45 // 100)
        picture = Box(area.x, words.bottom, area.w, area.bottom - words.bottom)
    else:
        indent = sketch.mm(_INDENT_MM) if sketch.panel.shape is not Shape.COMPACT else sketch.mm(2)
        words = Box(area.x + indent, area.y, area.w // 2 - indent, area.h)
        picture = Box(area.x + area.w // 2, area.y, area.w - area.w // 2, area.h)
    _take_words(sketch, screen, words)
    _take_picture(sketch, screen, picture)


def _farewell(sketch: Sketch, screen: Take, area: Box) -> None:
    width, height = (sketch.mm(side) for side in _SUN_MM)
    cap = sketch.face("attract").cap
    gap = sketch.mm(12)
    top = area.y + (area.h - height - gap - cap) * 45 // 100
    box = Box(area.x + (area.w - width) // 2, top, width, height)
    sun_on_waves(sketch, box)
    sketch.line(screen.title, ("attract", "on_deep"), area, box.bottom + gap + cap, "centre")


def _take_words(sketch: Sketch, screen: Take, room: Box) -> None:
    """Title, value, line and ring under one another, centred in height, closer where they must."""
    value = "amount" if sketch.panel.shape is Shape.COMPACT else "value"
    title = sketch.balanced(screen.title, "take", room.w)
    lines = sketch.wrapped(screen.line, "body", room.w, 2) if screen.line else []
    blocks = [("take", "on_deep", title)]
    blocks += [(value, "on_deep_accent", [screen.value])] if screen.value else []
    blocks += [("body", "on_deep2", lines)] if lines else []
    heights = [sketch.face(role).cap + (len(words) - 1) * sketch.pitch(role) for role, _, words in blocks]
    ring = timing.size(sketch)
    gap = min(sketch.mm(10), (room.h - sum(heights) - ring) // (len(blocks) + 1))
    at = room.y + max(0, (room.h - sum(heights) - ring - gap * len(blocks)) // 2)
    for (role, colour, words), height in zip(blocks, heights, strict=True):
        sketch.lines(words, (role, colour), room, at + sketch.face(role).cap)
        at += height + gap
    timing.beside_words(sketch, screen.left, Box(room.x, at, room.w, ring))


def _take_picture(sketch: Sketch, screen: Take, room: Box) -> None:
    """The slot, what comes out of it, and an arrow downwards where there is room for one."""
    width, height = _picture_size(sketch, screen)
    slot_height, arrow_gap, arrow = sketch.mm(9), sketch.mm(7), sketch.mm(16)
    hidden = sketch.mm(3.5)
    total = slot_height - hidden + height + arrow_gap + arrow
    has_arrow = total <= room.h
    if not has_arrow:
        total -= arrow_gap + arrow
    top = room.y + max(0, (room.h - total) // 2)
    x = room.x + room.w // 2
    slot_width = min(room.w, width + sketch.mm(22))
    slot = Box(x - slot_width // 2, top, slot_width, slot_height)
    line = max(2, sketch.mm(0.5)) if sketch.furniture.dark_lines else 0
    sketch.add(Plate(slot, sketch.mm(3), "slot", line="on_deep_line" if line else "", line_px=line))
    out = Box(x - width // 2, slot.bottom - hidden, width, height)
    if screen.slot is Slot.CASH:
        _notes(sketch, screen, out)
    elif screen.slot is Slot.CARD:
        sketch.add(CardArt(out))
    else:
        _receipt(sketch, out)
    if not has_arrow:
        return
    size = Box(x - sketch.mm(7), out.bottom + arrow_gap, sketch.mm(14), arrow)
    sketch.add(Arrow(size, "on_deep_accent", max(3, sketch.mm(2)), sketch.frame))


def _stack(screen: Take) -> tuple[int, ...]:
    """The notes that are drawn: all of a few, else the largest, with one of each value in sight."""
    values = screen.notes.values if screen.notes else ()
    if len(values) <= _MOST_DRAWN:
        return values
    kinds = sorted(set(values), reverse=True)[:_MOST_DRAWN]
    more = [values[0]] * (_MOST_DRAWN - len(kinds))
    return tuple(sorted([*kinds, *more], reverse=True))


def _picture_size(sketch: Sketch, screen: Take) -> tuple[int, int]:
    if screen.slot is Slot.CASH:
        behind = max(0, len(_stack(screen)) - 1)
        scale = 0.8 if sketch.panel.shape is Shape.COMPACT else 1
        return (
            sketch.mm(_NOTE_MM[0] * scale + _STACK_MM[0] * behind * scale),
            sketch.mm(_NOTE_MM[1] * scale + _STACK_MM[1] * behind * scale),
        )
    if sketch.panel.shape is Shape.COMPACT:
        return sketch.mm(42), sketch.mm(38)
    return sketch.mm(54), sketch.mm(51)


def _notes(sketch: Sketch, screen: Take, box: Box) -> None:
    """A stack, the last one in front; each is offset from the one behind it."""
    stack = _stack(screen)
    scale = 0.8 if sketch.panel.shape is Shape.COMPACT else 1
    width, height = sketch.mm(_NOTE_MM[0] * scale), sketch.mm(_NOTE_MM[1] * scale)
    for place, value in enumerate(stack):
        dx, dy = sketch.mm(_STACK_MM[0] * scale * place), sketch.mm(_STACK_MM[1] * scale * place)
        with sketch.unmirrored(box):
            sketch.add(NoteArt(Box(box.x + dx, box.y + dy, width, height), value))


def _receipt(sketch: Sketch, box: Box) -> None:
    sketch.add(Plate(box, sketch.mm(1), "plastic"))
    for number, share in enumerate((0.5, 0.8, 0.7, 0.8, 0.35)):
        top = box.y + sketch.mm(8 + 8 * number)
        if top + sketch.mm(2) < box.bottom:
            width = round((box.w - sketch.mm(12)) * share)
            sketch.add(Plate(Box(box.x + sketch.mm(6), top, width, sketch.mm(2)), sketch.mm(1), "print"))


def out(sketch: Sketch, screen: Out) -> None:
    """Why the machine is closed, a low sun, and on a panel where else to go."""
    frame.header(sketch, screen)
    area = body(sketch)
    small = sketch.panel.shape is Shape.COMPACT
    indent = sketch.mm(2 if small or sketch.panel.shape is Shape.PORTRAIT else _INDENT_MM)
    room = Box(area.x + indent, area.y, area.w - 2 * indent, area.h)
    top = _low_sun(sketch, room) if sketch.panel.shape is Shape.PORTRAIT else room.y + room.h * 12 // 100
    beside = 0 if sketch.panel.shape is Shape.PORTRAIT else sketch.mm(40 if small else 58)
    words = Box(room.x, room.y, room.w - beside, room.h)
    title = sketch.balanced(screen.title, "take", words.w)
    at = sketch.lines(title, ("take", "on_deep"), words, top + sketch.face("take").cap)
    reason = sketch.wrapped(screen.lines[0] if screen.lines else "", "body", words.w, 2)
    at = sketch.lines(reason, ("body", "on_deep"), words, at + sketch.mm(5 if small else 8) + sketch.face("body").cap)
    if beside:
        _sun_at_horizon(sketch, Box(room.right - beside + sketch.mm(8), top - sketch.mm(11), beside - sketch.mm(8), 0))
    if len(screen.lines) > 2:
        at += sketch.mm(6 if small else 15)
        _elsewhere(sketch, screen, Box(room.x, at, room.w, room.bottom - at), small=small)
    if small and screen.keys.help:
        help_below(sketch, screen.keys.help)


def help_below(sketch: Sketch, words: str) -> None:
    """On a small panel Help has no room in the header."""
    across, high = margins(sketch), sketch.mm(RAIL_MM)
    width = keycaps.width(sketch, words)
    top = sketch.panel.height - sketch.mm(zones(sketch).rail_bottom) - high
    keycaps.secondary(sketch, "C", words, Box(across.x, top, width, high), deep=True)


def _low_sun(sketch: Sketch, room: Box) -> int:
    box = Box(room.x + (room.w - sketch.mm(50)) // 2, room.y + room.h * 12 // 100, sketch.mm(50), 0)
    _sun_at_horizon(sketch, box)
    return box.y + sketch.mm(52)


def _sun_at_horizon(sketch: Sketch, box: Box) -> None:
    """Half a sun without rays on its way down, and lines of water, from `box`'s top."""
    sun = round(box.w * 0.42)
    x = box.x + box.w // 2
    horizon = box.y + sketch.mm(22 if sketch.panel.shape is Shape.COMPACT else 26)
    sketch.add(Sun(Box(x - sun // 2, horizon - sun // 2, sun, sun // 2), "sun_low"))
    thick = max(3, sketch.mm(1.5))
    for number, share in enumerate((1.0, 0.7, 0.4)):
        width = round(box.w * share)
        bar = Box(x - width // 2, horizon + number * sketch.mm(5.2), width, thick)
        sketch.add(Plate(bar, thick // 2, "wave2" if not number else "wave3"))


def _elsewhere(sketch: Sketch, screen: Out, room: Box, *, small: bool) -> None:
    """A panel at the top of `room`: label, and large where to go."""
    inset = sketch.mm(5 if small or sketch.panel.shape is Shape.PORTRAIT else 7)
    label, value = ("body", "on_deep2"), ("attract_line", "on_deep_accent")
    where = sketch.wrapped(screen.lines[2], value[0], room.w - 2 * inset, 2)
    gap, edge = sketch.mm(4.5 if small else 6), sketch.mm(5.5 if small else 9)
    high = sketch.face(label[0]).cap + gap + sketch.face(value[0]).cap + (len(where) - 1) * sketch.pitch(value[0])
    box = Box(room.x, room.y, room.w, high + 2 * edge)
    line = max(2, sketch.mm(0.5)) if sketch.furniture.dark_lines else 0
    sketch.add(Plate(box, sketch.mm(_RADIUS_MM), "slot", line="on_deep_line" if line else "", line_px=line))
    inner = Box(box.x + inset, box.y, box.w - 2 * inset, box.h)
    first = box.y + edge + sketch.face(label[0]).cap
    sketch.line(screen.lines[1], label, inner, first)
    sketch.lines(where, value, inner, first + gap + sketch.face(value[0]).cap)
