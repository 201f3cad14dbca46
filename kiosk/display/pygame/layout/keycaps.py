"""The lettered keys A, B, C, D: keycaps with shape and letter, and the buttons that wear them."""

from __future__ import annotations

from kiosk.display.pygame.geometry import Box
from kiosk.display.pygame.layout.plan import Icon, Plate
from kiosk.display.pygame.layout.sketch import Sketch
from kiosk.display.pygame.layout.zones import GAP_MM, RAIL_MM, margins, zones
from kiosk.display.pygame.panel import Shape
from kiosk.screens.model import Keys, Screen

CAP_MM = (16.5, 12.0)
_SHAPES = {"A": "cross", "B": "back", "C": "question", "D": "ring"}
_INSET_MM, _WORD_GAP_MM, _TIGHT_MM = 4.6, 3.4, 3.0
_MAIN_LEAST_MM, _MAIN_INSET_MM = 56, 5.9
_RADIUS_MM = 3.5
#: The time-left ring stands between the small keys and the main one.
_FOR_RING_MM = 21


def keycap(sketch: Sketch, key: str, at: tuple[int, int], *, use: str = "") -> Box:
    """A keycap with its upper left corner `at`; `use` are other colours than the key's own."""
    ground = use or f"key_{key.lower()}"
    word = f"{use}_word" if use else "key_word"
    width, height = sketch.mm(CAP_MM[0]), sketch.mm(CAP_MM[1])
    box = Box(at[0], at[1], width, height)
    sketch.add(Plate(box, sketch.mm(2.2), ground))
    shape = sketch.mm(6)
    middle = box.y + height // 2
    left = box.x + sketch.mm(5.2)
    sketch.add(Icon(Box(left - shape // 2, middle - shape // 2, shape, shape), _SHAPES[key], word))
    letter = Box(box.x + sketch.mm(8.4), box.y, sketch.mm(7.6), height)
    sketch.middle(key, ("letter", word), letter, "centre")
    return box


def help_in_header(sketch: Sketch, band: Box, words: str) -> int:
    """Help at the header's far end, as high as the header; returns where it begins."""
    width = sketch.mm(CAP_MM[0])
    words_width = sketch.width(words, "body") if words else 0
    left = band.right - words_width - (sketch.mm(3) if words else 0) - width
    down = sketch.mm(0.6) if sketch.look.pressed == "C" else 0
    top = (band.h - sketch.mm(CAP_MM[1])) // 2 + down
    if sketch.look.focus == "C":
        box = Box(left, top, width, sketch.mm(CAP_MM[1]))
        sketch.add(Plate(box, sketch.mm(2.2), "key_help", band=focus_band(sketch)))
    keycap(sketch, "C", (left, top), use="key_help")
    if words:
        sketch.middle(words, ("body", "on_deep"), Box(band.right - words_width, band.y, words_width, band.h))
    edge = left if words else left - sketch.mm(0.8)
    sketch.target("C", Box(edge, band.y, max(band.right - edge, sketch.mm(18)), band.h))
    return left


def rail_top(sketch: Sketch, screen: Screen) -> int | None:
    """The upper edge of the rail; None where the screen has none."""
    keys = screen.keys
    if not (keys.cancel or keys.back or keys.main or (keys.help and sketch.panel.shape is Shape.COMPACT)):
        return None
    height = sketch.panel.height - sketch.mm(zones(sketch).rail_bottom) - sketch.mm(RAIL_MM)
    if sketch.panel.shape is Shape.PORTRAIT and keys.main and (keys.cancel or keys.back):
        height -= sketch.mm(RAIL_MM) + sketch.mm(GAP_MM)
    return height


def rail(sketch: Sketch, screen: Screen, *, deep: bool = False, beside: int = 0) -> int:
    """A and B (and on a small panel C) from the left, D at the right; upright panels stack them.

    `beside`: so much width is left between them; returns where it begins.
    """
    top = rail_top(sketch, screen)
    if top is None:
        return 0
    across = margins(sketch)
    row = Box(across.x, top, across.w, sketch.mm(RAIL_MM))
    if sketch.panel.shape is Shape.PORTRAIT:
        _upright(sketch, screen.keys, row, deep=deep)
        return row.right
    left = row.x
    main_left = row.right
    if screen.keys.main:
        main_left = _main_from_right(sketch, screen.keys.main, row)
    small = _small(screen.keys, with_help=sketch.panel.shape is Shape.COMPACT)
    room = main_left - left - (sketch.mm(GAP_MM) if screen.keys.main else 0)
    room -= beside + sketch.mm(GAP_MM) if beside else 0
    if sketch.panel.shape is not Shape.COMPACT:
        room -= sketch.mm(_FOR_RING_MM)
    worded, inset = _as_fits(sketch, small, room)
    for key, words in worded:
        wide = width(sketch, words, inset)
        secondary(sketch, key, words, Box(left, row.y, wide, row.h), deep=deep)
        left += wide + sketch.mm(GAP_MM)
    return left


def _small(keys: Keys, *, with_help: bool) -> list[tuple[str, str]]:
    named = [("A", keys.cancel), ("B", keys.back), ("C", keys.help if with_help else "")]
    return [(key, words) for key, words in named if words]


def _as_fits(sketch: Sketch, named: list[tuple[str, str]], room: int) -> tuple[list[tuple[str, str]], float]:
    """Buttons with words, tighter ones, or keycaps alone: the first that fits `room`."""
    gaps = sketch.mm(GAP_MM) * (len(named) - 1)
    alone = [(key, "") for key, _ in named]
    for tried, inset in ((named, _INSET_MM), (named, _TIGHT_MM), (alone, _TIGHT_MM)):
        if sum(width(sketch, words, inset) for _, words in tried) + gaps <= room:
            return tried, inset
    return alone, 1.0


def width(sketch: Sketch, words: str, inset: float = _INSET_MM) -> int:
    """Of a secondary button."""
    wide = sketch.mm(CAP_MM[0]) + 2 * sketch.mm(inset)
    return wide + (sketch.mm(_WORD_GAP_MM) + sketch.width(words, "button") if words else 0)


def _main_from_right(sketch: Sketch, words: str, row: Box) -> int:
    """The main button at the right end; returns where it begins."""
    inner = sketch.mm(CAP_MM[0]) + sketch.mm(_WORD_GAP_MM) + sketch.width(words, "main")
    wide = max(sketch.mm(_MAIN_LEAST_MM), inner + 2 * sketch.mm(_MAIN_INSET_MM))
    main(sketch, words, Box(row.right - wide, row.y, wide, row.h))
    return row.right - wide


def _upright(sketch: Sketch, keys: Keys, top: Box, *, deep: bool) -> None:
    below = top
    if keys.main:
        main(sketch, keys.main, top)
        below = top.moved(dy=top.h + sketch.mm(GAP_MM))
    small = _small(keys, with_help=False)
    if not small:
        return
    width = (top.w - sketch.mm(GAP_MM) * (len(small) - 1)) // len(small)
    for place, (key, words) in enumerate(small):
        left = top.x + place * (width + sketch.mm(GAP_MM))
        secondary(sketch, key, words, Box(left, below.y, width, below.h), deep=deep)


def main(sketch: Sketch, words: str, box: Box) -> None:
    """The one main button: D, in accent."""
    pressed, focused = sketch.look.pressed == "D", sketch.look.focus == "D"
    shown = box.moved(dy=sketch.mm(0.6)) if pressed else box
    sketch.add(
        Plate(
            shown,
            sketch.mm(_RADIUS_MM),
            "main_pressed" if pressed else "main",
            shadow=0 if pressed else sketch.mm(0.8),
            band=focus_band(sketch) if focused else (),
        )
    )
    _worn(sketch, "D", words, shown, ("main", "main_word"))
    sketch.target("D", box)


def secondary(sketch: Sketch, key: str, words: str, box: Box, *, deep: bool = False) -> None:
    """A, B or C: outlined, on paper or on deep."""
    pressed, focused = sketch.look.pressed == key, sketch.look.focus == key
    shown = box.moved(dy=sketch.mm(0.6)) if pressed else box
    fill = "second_pressed" if pressed else "on_deep_button" if deep else "second"
    word = "second_pressed_word" if pressed else "on_deep" if deep else "second_word"
    sketch.add(
        Plate(
            shown,
            sketch.mm(_RADIUS_MM),
            fill,
            line="on_deep_line" if deep else "second_line",
            line_px=max(2, sketch.mm(0.5)),
            band=focus_band(sketch) if focused else (),
        )
    )
    _worn(sketch, key, words, shown, ("button", word), use="key_help" if deep and key == "C" else "")
    sketch.target(key, box)


def focus_band(sketch: Sketch) -> tuple[tuple[int, str], ...]:
    """Outside of what has the focus: accent, then a deeper line."""
    return (sketch.mm(1.4), "focus_band"), (sketch.mm(0.7), "focus_line")


def _worn(sketch: Sketch, key: str, words: str, box: Box, style: tuple[str, str], *, use: str = "") -> None:
    """Keycap and words, centred in a button."""
    gap = sketch.mm(_WORD_GAP_MM) if words else 0
    wide = sketch.mm(CAP_MM[0]) + gap + (sketch.width(words, style[0]) if words else 0)
    left = box.x + (box.w - wide) // 2
    cap = keycap(sketch, key, (left, box.y + (box.h - sketch.mm(CAP_MM[1])) // 2), use=use)
    if words:
        room = Box(cap.right + gap, box.y, box.right - sketch.mm(1) - cap.right - gap, box.h)
        sketch.middle(words, style, room)
