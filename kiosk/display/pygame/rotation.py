"""A panel mounted turned: frame and touch by the same rule, since SDL on kmsdrm cannot rotate."""

from __future__ import annotations

from dataclasses import dataclass

import pygame

from kiosk.display.pygame.geometry import Box

DEGREES = (0, 90, 180, 270)


@dataclass(frozen=True, slots=True)
class Turn:
    """The picture of `width` x `height` pixels, turned clockwise by `degrees` (0, 90, 180, 270) onto the glass."""

    degrees: int
    width: int
    height: int

    def __post_init__(self) -> None:
        if self.degrees not in DEGREES:
            raise ValueError(f"a panel is turned by 0, 90, 180 or 270 degrees, not by {self.degrees}")

    @property
    def glass(self) -> tuple[int, int]:
        """The panel's own width and height."""
        return (self.height, self.width) if self.degrees in {90, 270} else (self.width, self.height)

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Where on the picture a point of the glass is (pixels)."""
        if self.degrees == 90:
            return y, self.height - x
        if self.degrees == 180:
            return self.width - x, self.height - y
        if self.degrees == 270:
            return self.width - y, x
        return x, y

    def box(self, of: Box) -> Box:
        """Where on the glass a box of the picture is."""
        if self.degrees == 90:
            return Box(self.height - of.bottom, of.x, of.h, of.w)
        if self.degrees == 180:
            return Box(self.width - of.right, self.height - of.bottom, of.w, of.h)
        if self.degrees == 270:
            return Box(of.y, self.width - of.right, of.h, of.w)
        return of

    def frame(self, picture: pygame.Surface, glass: pygame.Surface, of: Box) -> pygame.Rect:
        """Copy `of` from the picture to its place on the glass; returns that place."""
        place = self.box(of)
        part = picture.subsurface(pygame.Rect(of))
        turned = pygame.transform.rotate(part, -self.degrees) if self.degrees else part
        glass.blit(turned, (place.x, place.y))
        return pygame.Rect(place)
