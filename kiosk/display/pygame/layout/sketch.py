"""Places elements: millimetres to pixels, words measured, wrapped, centred by their capitals."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

from kiosk.display.face import Look
from kiosk.display.pygame.geometry import Box
from kiosk.display.pygame.layout import mirror
from kiosk.display.pygame.layout.plan import Element, Face, Plan, Target, Text
from kiosk.display.pygame.panel import Panel
from kiosk.display.pygame.scripts import Script, script_of
from kiosk.display.pygame.theme import CAPITAL, LINE_HEIGHT, TYPE

#: Width in pixels of words in a face.
Measure = Callable[[str, Face], int]

#: A role of `theme.TYPE` and a colour by use.
Style = tuple[str, str]

ELLIPSIS = "…"
#: Arabic letters reach further under their line than over a Latin capital: so much of an em brings them to its middle.
_ARABIC_UP = 0.08


class Furniture(NamedTuple):
    """What stands around every screen: the bank's name; where the sun's reflection lies on the attract pictures
    (left, top, width, height in their units).

    `card_line_mm` and `dark_lines` come from the theme: how thick cards are outlined, and whether dark grounds are too.
    `art` and `art_tall` say whether there is an attract picture (not in the contrast theme).
    """

    name: str
    shimmer: tuple[float, float, float, float] | None = None
    shimmer_tall: tuple[float, float, float, float] | None = None
    card_line_mm: float = 0.3
    dark_lines: bool = False
    art: bool = True
    art_tall: bool = True


class Sketch:
    """A plan in the making for one panel. Coordinates are pixels; `mm` turns millimetres into them.

    All is placed for who reads from the left; where `script` is read from the right, `done` mirrors it.
    """

    def __init__(
        self, panel: Panel, measure: Measure, furniture: Furniture, look: Look, frame: int, *,
        script: Script = Script.LATIN,
    ) -> None:  # fmt: skip
        self.panel = panel
        self.measure = measure
        self.furniture = furniture
        self.look = look
        self.frame = frame
        self.script = script
        self._kept: Box | None = None
        self._kept_of: dict[int, Box] = {}
        self.elements: list[Element] = []
        self.targets: list[Target] = []
        self.header_free = Box(0, 0, 0, 0)  # between what stands at the header's two ends

    @property
    def whole(self) -> Box:
        return Box(0, 0, self.panel.width, self.panel.height)

    def mm(self, millimetres: float) -> int:
        return self.panel.px(millimetres)

    def face(self, role: str) -> Face:
        """The type face of a role (`theme.TYPE`) on this panel."""
        cap, weight, tabular, factor = TYPE[role]
        em = (self.panel.cap_mm * factor if cap is None else cap) * self.panel.pitch / CAPITAL
        return Face(weight, round(em), tabular, self.rtl)

    @property
    def rtl(self) -> bool:
        return self.script is Script.ARABIC

    @property
    def tall(self) -> bool:
        """Letters of this script stand higher and lower than Latin ones, so lines need more between them."""
        return self.script is not Script.LATIN

    @contextlib.contextmanager
    def unmirrored(self, box: Box) -> Iterator[None]:
        """What is added meanwhile lies in `box` and keeps its order there for who reads from the right."""
        self._kept = box
        try:
            yield
        finally:
            self._kept = None

    def pitch(self, role: str) -> int:
        """From one baseline to the next."""
        return round(self.face(role).em * LINE_HEIGHT[self.script.value])

    def width(self, words: str, role: str) -> int:
        return self.measure(words, self.face(role))

    def add(self, *elements: Element) -> None:
        for element in elements:
            self._keep(element)
            self.elements.append(element)

    def target(self, key: str, box: Box, *, enabled: bool = True) -> None:
        target = Target(key, box, enabled)
        self._keep(target)
        self.targets.append(target)

    def _keep(self, placed: Element | Target) -> None:
        if self._kept is not None:
            self._kept_of[id(placed)] = self._kept

    def done(self, *, deep: bool, stage: Box = Box(0, 0, 0, 0)) -> Plan:
        if not self.rtl:
            return Plan(tuple(self.elements), tuple(self.targets), deep, stage)
        across = self.panel.width
        elements = tuple(mirror.element(one, across, self._kept_of.get(id(one))) for one in self.elements)
        targets = tuple(mirror.target(one, across, self._kept_of.get(id(one))) for one in self.targets)
        return Plan(elements, targets, deep, mirror.box(stage, across), rtl=True)

    def line(self, words: str, style: Style, room: Box, baseline: int, at: str = "left") -> Text:
        """Place one line in `room` at its `left`, `centre` or `right`; what is too long ends in an ellipsis."""
        role, colour = style
        said, cut = self.shortened(words, role, room.w)
        width = self.width(said, role)
        x = {"left": room.x, "centre": room.x + (room.w - width) // 2, "right": room.right - width}[at]
        face = self.face(role)
        if script_of(said) is Script.ARABIC:
            baseline -= round(face.em * _ARABIC_UP)
        placed = Text(said, face, colour, x, baseline, width, room, cut)
        self.add(placed)
        return placed

    def middle(self, words: str, style: Style, room: Box, at: str = "left") -> Text:
        """Like `line`, with the capitals centred in the height of `room`."""
        return self.line(words, style, room, self.centred(room, style[0]), at)

    def centred(self, room: Box, role: str) -> int:
        """The baseline that puts a role's capitals in the middle of `room`."""
        return room.y + (room.h + self.face(role).cap) // 2

    def shortened(self, words: str, role: str, width: int) -> tuple[str, bool]:
        if self.width(words, role) <= width:
            return words, False
        kept = words
        while kept and self.width(kept + ELLIPSIS, role) > width:
            kept = kept[:-1]
        return kept.rstrip() + ELLIPSIS, True

    def wrapped(self, words: str, role: str, width: int, most: int) -> list[str]:
        """`words` in as few lines as `width` allows, the last of `most` holding all the rest."""
        lines: list[str] = []
        rest = words.split(" ")  # not at a no-break space
        while rest:
            take = len(rest) if len(lines) == most - 1 else self._fitting(rest, role, width)
            lines.append(" ".join(rest[:take]))
            rest = rest[take:]
        return lines or [""]

    def _fitting(self, rest: list[str], role: str, width: int) -> int:
        count = 1
        while count < len(rest) and self.width(" ".join(rest[: count + 1]), role) <= width:
            count += 1
        return count

    def balanced(self, words: str, role: str, width: int) -> list[str]:
        """One line, or two of about the same length."""
        if self.width(words, role) <= width:
            return [words]
        parts = words.split(" ")
        splits = [(" ".join(parts[:n]), " ".join(parts[n:])) for n in range(1, len(parts))]
        return list(min(splits, key=lambda two: max(self.width(part, role) for part in two), default=(words,)))

    def lines(self, words: list[str], style: Style, room: Box, baseline: int, at: str = "left") -> int:
        """Place lines under one another from the first `baseline`; returns the last one."""
        for number, words_of_line in enumerate(words):
            self.line(words_of_line, style, room, baseline + number * self.pitch(style[0]), at)
        return baseline + (len(words) - 1) * self.pitch(style[0])
