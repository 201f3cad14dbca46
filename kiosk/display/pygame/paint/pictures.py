"""Pictures: the sun's waves and reflection, notes, a card, an arrow."""

from __future__ import annotations

import math

import pygame

from kiosk.display.pygame.layout.plan import Arrow, Face, Waves
from kiosk.display.pygame.motion import LOOP_FRAMES, SHIMMER_FRAMES, swing
from kiosk.display.pygame.paint.fonts import Fonts
from kiosk.display.pygame.paint.shapes import Point, disc, rounded, smooth, stroke
from kiosk.display.pygame.theme import CAPITAL, Colour, Theme, colour

#: A colour for each denomination, in whole units; all are at least 4.5:1 with white.
NOTES = {
    1: "#59625F", 2: "#7A5C2E", 5: "#2B6A8C", 10: "#2F62A8", 20: "#23744F", 50: "#7A569E", 100: "#AD4A24",
    200: "#8A6200", 500: "#6B4C9A", 1000: "#1F6F78", 2000: "#A03A6A", 5000: "#3C6A2A", 10_000: "#8A4B00",
}  # fmt: skip
_WHITE: Colour = (255, 255, 255)
_BARS = 5


def note(width: int, height: int, value: int, fonts: Fonts) -> pygame.Surface:
    """A banknote: colour, inner line, figure, roundel; a thin shadow under it."""
    paper = colour(NOTES.get(value, "#3F565E"))
    pale: Colour = tuple(round(part * 0.18 + 255 * 0.82) for part in paper)  # type: ignore[assignment]  # three parts
    radius, shadow = max(2, height // 24), max(2, height // 24)
    made = pygame.Surface((width, height + shadow), pygame.SRCALPHA)
    below = rounded(width, height, radius, (6, 34, 42))
    below.set_alpha(150)
    made.blit(below, (0, shadow))
    made.blit(rounded(width, height, radius, paper), (0, 0))
    inset, line = height // 18, max(1, height // 75)
    made.blit(rounded(width - 2 * inset, height - 2 * inset, radius // 2, pale), (inset, inset))
    inner = inset + line
    made.blit(rounded(width - 2 * inner, height - 2 * inner, radius // 2, paper), (inner, inner))
    _figure(made, str(value), (width, height), fonts)
    size = round(height * 0.52)
    made.blit(disc(size, pale, max(2, round(size * 0.22))), (width - inner - size - height // 6, (height - size) // 2))
    return made


def _figure(made: pygame.Surface, figure: str, size: tuple[int, int], fonts: Fonts) -> None:
    width, height = size
    left, right = round(height * 0.22), width - round(height * 0.82)
    em = round(height * 0.25 / CAPITAL)
    while em > 8 and fonts.measure(figure, Face(700, em)) > right - left:
        em -= 1
    face = Face(700, em)
    line = fonts.words(figure, face, _WHITE)
    made.blit(line.surface, (left, (height + face.cap) // 2 - line.ascent))


#: Light modules around a QR code (ISO/IEC 18004).
QUIET_MODULES = 4


def code(side: int, rows: tuple[str, ...]) -> pygame.Surface:
    """A QR code in a square of `side` pixels, white to its edges; modules are whole pixels."""
    made = pygame.Surface((side, side))
    made.fill(_WHITE)
    pitch = max(1, side // (len(rows) + 2 * QUIET_MODULES))
    edge = (side - pitch * len(rows)) // 2
    for y, row in enumerate(rows):
        for x, module in enumerate(row):
            if module == "1":
                made.fill((0, 0, 0), pygame.Rect(edge + x * pitch, edge + y * pitch, pitch, pitch))
    return made


def card(width: int, height: int, theme: Theme, mark: pygame.Surface) -> pygame.Surface:
    """A bank card's lower part: chip, and the bank's mark."""
    shadow = max(2, height // 40)
    made = pygame.Surface((width, height + shadow), pygame.SRCALPHA)
    below = rounded(width, height, width // 15, (6, 34, 42))
    below.set_alpha(150)
    made.blit(below, (0, shadow))
    made.blit(rounded(width, height, width // 15, theme["plastic"]), (0, 0))
    chip_w, chip_h = round(width * 0.22), round(width * 0.27)
    x, y = round(width * 0.13), round(height * 0.27)
    made.blit(rounded(chip_w, chip_h, max(2, chip_w // 8), theme["accent"]), (x, y))
    line = max(2, width // 90)
    made.fill(theme["chip"], (x + (chip_w - line) // 2, y, line, chip_h))
    made.fill(theme["chip"], (x, y + (chip_h - line) // 2, chip_w, line))
    edge = round(width * 0.09)
    made.blit(mark, (width - edge - mark.get_width(), height - edge - mark.get_height()))
    return made


def waves(element: Waves, theme: Theme) -> pygame.Surface:
    """Three waves, each moved on by its own share of a period; ends keep their places."""
    box, line = element.box, element.line_px
    made = pygame.Surface((box.w, box.h), pygame.SRCALPHA)
    row = box.h // 3
    for number, (use, left) in enumerate((("wave1", 0.08), ("wave2", 0.0), ("wave3", 0.14))):
        width = round(box.w * 0.85)
        made.blit(
            _wave(width, row, line, theme[use], _phase(element.frame, number)), (round(box.w * left), number * row)
        )
    return made


def _phase(frame: int, number: int) -> float:
    """In periods: the middle wave runs the other way."""
    return frame / LOOP_FRAMES * (-1 if number == 1 else 1) + number * 0.35


def _wave(width: int, height: int, line: int, of: Colour, phase: float) -> pygame.Surface:
    period, swing_px = width / 3.1, (height - line) / 2 * 0.72

    def draw(large: pygame.Surface, scale: int) -> None:
        half = line / 2
        steps = max(8, int(width - line) // 3)
        points: list[Point] = []
        for step in range(steps + 1):
            x = half + (width - line) * step / steps
            y = height / 2 - swing_px * math.sin(2 * math.pi * (x / period - phase))
            points.append((x * scale, y * scale))
        stroke(large, of, points, line * scale)

    return smooth(width, height, of, draw)


def arrow(element: Arrow, theme: Theme) -> pygame.Surface:
    """An arrow downwards; it sinks by a fifth of its box and comes back."""
    box, line = element.box, element.line_px
    of = theme[element.colour]
    travel = box.h // 5
    dy = travel * swing(element.frame, LOOP_FRAMES)

    def draw(large: pygame.Surface, scale: int) -> None:
        x, top, foot = box.w / 2, line / 2 + dy, box.h - travel - line / 2 + dy
        wing = min(box.w / 2 - line / 2, (foot - top) * 0.5)
        shaft = [(x, top), (x, foot)]
        head = [(x - wing, foot - wing), (x, foot), (x + wing, foot - wing)]
        for part in (shaft, head):
            stroke(large, of, [(px * scale, py * scale) for px, py in part], line * scale)

    return smooth(box.w, box.h, of, draw)


def shimmer(surface: pygame.Surface, box: pygame.Rect, frame: int, of: Colour) -> None:
    """Bars of light on the water, each breathing in its own time; drawn straight onto the picture."""
    thick = max(3, box.h // 11)
    pitch = (box.h - thick) / (_BARS - 1)
    for bar in range(_BARS):
        breath = math.sin(2 * math.pi * (frame / SHIMMER_FRAMES * (1 + bar % 2) + bar * 0.31))
        width = round(box.w * (0.74 - bar * 0.07) * (0.86 + 0.14 * breath))
        drift = box.w * 0.05 * math.sin(2 * math.pi * (frame / SHIMMER_FRAMES + bar * 0.43)) + _SIDE[bar] * box.w
        made = rounded(width, thick, thick // 2, of)
        made.set_alpha(round(255 * (1 - bar * 0.13)))
        surface.blit(made, (box.x + round((box.w - width) / 2 + drift), box.y + round(bar * pitch)))


_SIDE = (-0.03, 0.09, -0.05, 0.06, -0.04)
