"""What is placed on a panel: elements in the order of painting, and the targets that a finger can hit.

Elements are values. Two plans differ in exactly the elements that must be painted again, so a display needs no other
notion of what changed. Colours are named by use (`theme`), sizes are pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from kiosk.display.pygame.geometry import Box
from kiosk.display.pygame.theme import CAPITAL

#: From here on letters may stand higher and lower than Latin ones.
_TALL = "\u0600"


@dataclass(frozen=True, slots=True)
class Face:
    """A type face: weight 500, 600 or 700, pixels to an em, whether digits all have one width.

    `rtl`: lines in it are read from the right.
    """

    weight: int
    em: int
    tabular: bool = False
    rtl: bool = False

    @property
    def cap(self) -> int:
        """Height of a capital in pixels."""
        return round(self.em * CAPITAL)


@dataclass(frozen=True, slots=True)
class Ground:
    """A plain rectangle."""

    box: Box
    fill: str

    @property
    def bounds(self) -> Box:
        return self.box


@dataclass(frozen=True, slots=True)
class Plate:
    """A rounded rectangle. `line` is drawn inside its edge, `shadow` pixels below it, `band` rings around it.

    `band` are (width, colour) from the inside out. `low` flattens the lower corners (a sheet that leaves the panel).
    """

    box: Box
    radius: int
    fill: str
    line: str = ""
    line_px: int = 0
    shadow: int = 0
    band: tuple[tuple[int, str], ...] = ()
    low: bool = False

    @property
    def bounds(self) -> Box:
        wide = self.box.grown(sum(width for width, _ in self.band))
        return Box(wide.x, wide.y, wide.w, wide.h + self.shadow)


@dataclass(frozen=True, slots=True)
class Text:
    """One line of words from `x` on `baseline`. `room` is where it must stay inside; `cut`: it did not fit."""

    words: str
    face: Face
    colour: str
    x: int
    baseline: int
    width: int
    room: Box
    cut: bool = False

    @property
    def bounds(self) -> Box:
        em = self.face.em
        if max(self.words, default="") < _TALL:
            return Box(self.x - 2, self.baseline - em, self.width + 4, round(em * 1.3))
        return Box(self.x - 2, self.baseline - round(em * 1.4), self.width + 4, round(em * 2.1))

    @property
    def ink(self) -> Box:
        """From the capitals' top to the baseline: what optical centring and gaps look at."""
        return Box(self.x, self.baseline - self.face.cap, self.width, self.face.cap)


@dataclass(frozen=True, slots=True)
class Icon:
    """A line drawing of `kiosk/display/art`, in one colour. `turned`: its left is right."""

    box: Box
    name: str
    colour: str
    turned: bool = False

    @property
    def bounds(self) -> Box:
        return self.box


@dataclass(frozen=True, slots=True)
class Disc:
    """A circle: filled, or a ring of `line_px`."""

    box: Box
    colour: str
    line_px: int = 0

    @property
    def bounds(self) -> Box:
        return self.box


@dataclass(frozen=True, slots=True)
class Arc:
    """Part of a ring from twelve o'clock clockwise: `share` of it (0 to 1) over its track."""

    box: Box
    colour: str
    track: str
    line_px: int
    share: float

    @property
    def bounds(self) -> Box:
        return self.box


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing with colours of its own: `mark`, `attract` or `attract_tall`, covering `box` from its lower edge.

    `turned`: its left is right.
    """

    box: Box
    name: str
    turned: bool = False

    @property
    def bounds(self) -> Box:
        return self.box


@dataclass(frozen=True, slots=True)
class Shimmer:
    """The sun's reflection on the attract picture: bars across `box`, `frame` of its loop."""

    box: Box
    frame: int

    @property
    def bounds(self) -> Box:
        return self.box


@dataclass(frozen=True, slots=True)
class Sun:
    """A disc cut flat at `box`'s lower edge."""

    box: Box
    colour: str

    @property
    def bounds(self) -> Box:
        return self.box


@dataclass(frozen=True, slots=True)
class Waves:
    """Three waves, at `frame` of their loop."""

    box: Box
    line_px: int
    frame: int

    @property
    def bounds(self) -> Box:
        return self.box


@dataclass(frozen=True, slots=True)
class Arrow:
    """An arrow downwards, moving within `box` with `frame`."""

    box: Box
    colour: str
    line_px: int
    frame: int

    @property
    def bounds(self) -> Box:
        return self.box


@dataclass(frozen=True, slots=True)
class NoteArt:
    """A banknote of `value` whole units."""

    box: Box
    value: int

    @property
    def bounds(self) -> Box:
        return Box(self.box.x, self.box.y, self.box.w, self.box.h + max(2, self.box.h // 24))


@dataclass(frozen=True, slots=True)
class CardArt:
    """A bank card on its way out of a slot that hides its upper edge."""

    box: Box

    @property
    def bounds(self) -> Box:
        return Box(self.box.x, self.box.y, self.box.w, self.box.h + max(2, self.box.h // 40))


@dataclass(frozen=True, slots=True)
class CodeArt:
    """A QR code: dark modules on white with the margin that a phone needs, in any theme."""

    box: Box
    rows: tuple[str, ...]

    @property
    def bounds(self) -> Box:
        return self.box


Element = (
    Ground | Plate | Text | Icon | Disc | Arc | Picture | Shimmer | Sun | Waves | Arrow | NoteArt | CardArt | CodeArt
)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a finger means `key` (`drivers.devices.KEYS`, `screens.model.LANGUAGE_KEY`). Disabled ones hear nothing."""

    key: str
    box: Box
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole panel. `deep` is the machine's turn; `stage` is the paper (empty where there is none).

    `rtl`: it is read from the right, so the paper comes from the left.
    """

    elements: tuple[Element, ...]
    targets: tuple[Target, ...]
    deep: bool
    stage: Box = field(default=Box(0, 0, 0, 0))
    rtl: bool = False

    def hit(self, x: float, y: float) -> Target | None:
        """The target at a point."""
        return next((target for target in self.targets if target.box.has(x, y)), None)

    def texts(self) -> Iterator[Text]:
        return (element for element in self.elements if isinstance(element, Text))


def changed(old: Plan, new: Plan) -> list[Box]:
    """Where `new` looks different from `old`: the places of all elements that only one of them has."""
    before, after = set(old.elements), set(new.elements)
    if [e for e in old.elements if e in after] != [e for e in new.elements if e in before]:
        return [element.bounds for element in (*old.elements, *new.elements)]  # the same ones in another order
    return [element.bounds for element in before ^ after]
