"""Smooth shapes: SDL draws corners and circles in steps, so each is drawn at four times its size and scaled down."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import pygame

from kiosk.display.pygame.theme import Colour

#: A power of two: at others, `smoothscale` darkens every channel by two levels, and seams show.
_SCALE = 4
Point = tuple[float, float]


def smooth(width: int, height: int, colour: Colour, draw: Callable[[pygame.Surface, int], object]) -> pygame.Surface:
    """What `draw` paints in `colour` on a surface four times as large, scaled down; the rest is clear.

    The clear pixels have the colour too, so that no other one shines through at the edges.
    """
    large = pygame.Surface((max(1, width) * _SCALE, max(1, height) * _SCALE), pygame.SRCALPHA)
    large.fill((*colour, 0))
    draw(large, _SCALE)
    return pygame.transform.smoothscale(large, (max(1, width), max(1, height)))


def rounded(width: int, height: int, radius: int, colour: Colour, *, low: bool = False) -> pygame.Surface:
    """A rounded rectangle: four smooth corners on a plain body. `low`: the lower corners are square."""
    radius = max(0, min(radius, width // 2, height // 2))
    made = pygame.Surface((max(1, width), max(1, height)), pygame.SRCALPHA)
    made.fill((*colour, 255))
    if radius == 0:
        return made
    round_one = smooth(
        2 * radius,
        2 * radius,
        colour,
        lambda large, scale: pygame.draw.circle(large, colour, (radius * scale, radius * scale), radius * scale),
    )
    for right in (False, True):
        for lower in (False,) if low else (False, True):
            corner = pygame.Rect(radius if right else 0, radius if lower else 0, radius, radius)
            place = (width - radius if right else 0, height - radius if lower else 0)
            made.fill((*colour, 0), (*place, radius, radius))
            made.blit(round_one, place, corner, pygame.BLEND_RGBA_MAX)
    return made


def disc(size: int, colour: Colour, line: int = 0) -> pygame.Surface:
    """A circle, filled or as a ring of `line` pixels."""
    return smooth(
        size,
        size,
        colour,
        lambda large, scale: pygame.draw.circle(
            large, colour, (size * scale / 2, size * scale / 2), size * scale / 2, line * scale
        ),
    )


def arc(size: int, colour: Colour, line: int, share: float) -> pygame.Surface:
    """A part of a ring from twelve o'clock clockwise, with round ends."""

    def draw(large: pygame.Surface, scale: int) -> None:
        middle, radius = size * scale / 2, (size - line) * scale / 2
        steps = max(2, round(240 * share))
        points = [_on_circle(middle, radius, share * step / steps) for step in range(steps + 1)]
        stroke(large, colour, points, line * scale)

    return smooth(size, size, colour, draw)


def _on_circle(middle: float, radius: float, share: float) -> Point:
    angle = 2 * math.pi * share - math.pi / 2
    return middle + radius * math.cos(angle), middle + radius * math.sin(angle)


def stroke(surface: pygame.Surface, colour: Colour, points: Sequence[Point], width: float) -> None:
    """A line through `points` with round ends and joints."""
    half = width / 2
    for (x1, y1), (x2, y2) in itertools.pairwise(points):
        length = math.hypot(x2 - x1, y2 - y1)
        if length:
            nx, ny = (y1 - y2) / length * half, (x2 - x1) / length * half
            corners = [(x1 + nx, y1 + ny), (x2 + nx, y2 + ny), (x2 - nx, y2 - ny), (x1 - nx, y1 - ny)]
            pygame.draw.polygon(surface, colour, corners)
    for point in points:
        pygame.draw.circle(surface, colour, point, half)
