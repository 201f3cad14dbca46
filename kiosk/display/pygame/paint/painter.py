"""Paints a plan: each kind of element by its own small function, shapes from a cache."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pygame

from kiosk.display.pygame.brand import Brand
from kiosk.display.pygame.geometry import Box
from kiosk.display.pygame.layout.attract import art_placed
from kiosk.display.pygame.layout.plan import (
    Arc,
    Arrow,
    CardArt,
    CodeArt,
    Disc,
    Element,
    Ground,
    Icon,
    NoteArt,
    Picture,
    Plan,
    Plate,
    Shimmer,
    Sun,
    Text,
    Waves,
)
from kiosk.display.pygame.paint import pictures, shapes
from kiosk.display.pygame.paint.cache import Surfaces
from kiosk.display.pygame.paint.fonts import Fonts
from kiosk.display.pygame.theme import Theme

_ICONS = Path(__file__).parent.parent.parent / "art"
_MOST_BYTES = 24_000_000
_SHADOW_ALPHA = 34


class Painter:
    """Paints plans in one theme with one brand's pictures."""

    def __init__(self, theme: Theme, brand: Brand, fonts: Fonts) -> None:
        self._theme = theme
        self._brand = brand
        self._fonts = fonts
        self._made = Surfaces(_MOST_BYTES)
        self._paint: Mapping[type[Element], Callable[[pygame.Surface, Any], None]] = {
            Ground: self._ground, Plate: self._plate, Text: self._text, Icon: self._icon, Disc: self._disc,
            Arc: self._arc, Picture: self._picture, Shimmer: self._shimmer, Sun: self._sun, Waves: self._waves,
            Arrow: self._arrow, NoteArt: self._note, CardArt: self._card, CodeArt: self._code,
        }  # fmt: skip

    def paint(self, surface: pygame.Surface, plan: Plan, only: Box | None = None) -> None:
        """Paint the whole plan, or what of it lies in `only`."""
        surface.set_clip(None if only is None else pygame.Rect(only))
        for element in plan.elements:
            if only is None or element.bounds.meets(only):
                self._paint[type(element)](surface, element)
        surface.set_clip(None)

    def _ground(self, surface: pygame.Surface, element: Ground) -> None:
        surface.fill(self._theme[element.fill], pygame.Rect(element.box))

    def _plate(self, surface: pygame.Surface, element: Plate) -> None:
        at = element.bounds
        key = (element.box.w, element.box.h, element.radius, element.fill, element.line, element.line_px)
        whole = (*key, element.shadow, element.band, element.low)
        surface.blit(self._made.get(whole, lambda: self._plate_made(element)), (at.x, at.y))

    def _plate_made(self, element: Plate) -> pygame.Surface:
        at, box = element.bounds, element.box
        made = pygame.Surface((at.w, at.h), pygame.SRCALPHA)
        dx, dy = box.x - at.x, box.y - at.y
        if element.shadow:
            shadow = shapes.rounded(box.w, box.h, element.radius, self._theme["shadow"])
            shadow.set_alpha(_SHADOW_ALPHA)
            made.blit(shadow, (dx, dy + element.shadow))
        grow = sum(width for width, _ in element.band)
        for width, use in reversed(element.band):
            self._layer(made, Box(dx, dy, box.w, box.h).grown(grow), element.radius + grow, use)
            grow -= width
        inner = Box(dx, dy, box.w, box.h)
        if element.line:
            self._layer(made, inner, element.radius, element.line, low=element.low)
            inner = inner.grown(-element.line_px)
        self._layer(made, inner, element.radius - element.line_px, element.fill, low=element.low)
        return made

    def _layer(self, made: pygame.Surface, box: Box, radius: int, use: str, *, low: bool = False) -> None:
        made.blit(shapes.rounded(box.w, box.h, radius, self._theme[use], low=low), (box.x, box.y))

    def _text(self, surface: pygame.Surface, element: Text) -> None:
        line = self._fonts.words(element.words, element.face, self._theme[element.colour])
        surface.blit(line.surface, (element.x, element.baseline - line.ascent))

    def _icon(self, surface: pygame.Surface, element: Icon) -> None:
        surface.blit(self._drawn(element), element.box[:2])

    def _drawn(self, element: Icon) -> pygame.Surface:
        size, of = element.box.h, self._theme[element.colour]
        key = ("icon", element.name, size, element.colour, element.turned)
        return self._made.get(key, lambda: _turned(_icon(element.name, size, of), turned=element.turned))

    def _disc(self, surface: pygame.Surface, element: Disc) -> None:
        key = ("disc", element.box.w, element.colour, element.line_px)
        of = self._theme[element.colour]
        surface.blit(self._made.get(key, lambda: shapes.disc(element.box.w, of, element.line_px)), element.box[:2])

    def _arc(self, surface: pygame.Surface, element: Arc) -> None:
        size, line = element.box.w, element.line_px
        track = self._made.get(
            ("disc", size, element.track, line), lambda: shapes.disc(size, self._theme[element.track], line)
        )
        surface.blit(track, element.box[:2])
        if element.share > 0:
            surface.blit(shapes.arc(size, self._theme[element.colour], line, element.share), element.box[:2])

    def _picture(self, surface: pygame.Surface, element: Picture) -> None:
        key = ("picture", element.name, element.box.w, element.box.h, element.turned)
        made = self._made.get(key, lambda: _turned(self._loaded(element), turned=element.turned))
        surface.blit(made, element.box[:2])

    def _loaded(self, element: Picture) -> pygame.Surface:
        """The drawing scaled to cover the element's box from its lower edge."""
        path = {"mark": self._brand.mark, "attract": self._brand.attract}.get(element.name, self._brand.attract_tall)
        assert path is not None
        if element.name == "mark":
            return pygame.image.load_sized_svg(path, (element.box.w, element.box.h))
        box = Box(0, 0, element.box.w, element.box.h)
        natural = pygame.image.load(path).get_size()
        scale, left, top = art_placed(box, natural)
        size = (round(natural[0] * scale), round(natural[1] * scale))
        made = pygame.Surface((box.w, box.h))
        made.blit(pygame.image.load_sized_svg(path, size), (round(left), round(top)))
        return made

    def _shimmer(self, surface: pygame.Surface, element: Shimmer) -> None:
        pictures.shimmer(surface, pygame.Rect(element.box), element.frame, self._theme["sun"])

    def _sun(self, surface: pygame.Surface, element: Sun) -> None:
        size, of = element.box.w, self._theme[element.colour]
        made = self._made.get(("disc", size, element.colour, 0), lambda: shapes.disc(size, of))
        surface.blit(made, element.box[:2], (0, 0, size, element.box.h))

    def _waves(self, surface: pygame.Surface, element: Waves) -> None:
        key = ("waves", element.box.w, element.box.h, element.frame)
        surface.blit(self._made.get(key, lambda: pictures.waves(element, self._theme)), element.box[:2])

    def _arrow(self, surface: pygame.Surface, element: Arrow) -> None:
        key = ("arrow", element.box.w, element.box.h, element.colour, element.frame)
        surface.blit(self._made.get(key, lambda: pictures.arrow(element, self._theme)), element.box[:2])

    def _note(self, surface: pygame.Surface, element: NoteArt) -> None:
        key = ("note", element.box.w, element.box.h, element.value)
        made = self._made.get(key, lambda: pictures.note(element.box.w, element.box.h, element.value, self._fonts))
        surface.blit(made, element.box[:2])

    def _card(self, surface: pygame.Surface, element: CardArt) -> None:
        size = round(element.box.w * 0.24)

        def make() -> pygame.Surface:
            mark = self._loaded(Picture(Box(0, 0, size, size), "mark"))
            return pictures.card(element.box.w, element.box.h, self._theme, mark)

        surface.blit(self._made.get(("card", element.box.w, element.box.h), make), element.box[:2])

    def _code(self, surface: pygame.Surface, element: CodeArt) -> None:
        key = ("code", element.box.w, element.rows)
        surface.blit(self._made.get(key, lambda: pictures.code(element.box.w, element.rows)), element.box[:2])


def _turned(made: pygame.Surface, *, turned: bool) -> pygame.Surface:
    return pygame.transform.flip(made, flip_x=True, flip_y=False) if turned else made


def _icon(name: str, size: int, colour: tuple[int, int, int]) -> pygame.Surface:
    """An icon in its colour; one that there is no drawing for is left blank, its card has words."""
    path = _ICONS / f"icon_{name}.svg"
    if not path.exists():
        return pygame.Surface((size, size), pygame.SRCALPHA)
    red, green, blue = colour
    drawing = path.read_text(encoding="utf-8").replace("currentColor", f"#{red:02x}{green:02x}{blue:02x}")
    return pygame.image.load_sized_svg(io.BytesIO(drawing.encode()), (size, size))
