"""One picture of one screen, and the studio that makes them: layout and painter with one brand in one theme.

Command: `python -m kiosk.display.pygame.render FOLDER` writes the pictures of the documentation.
"""

from __future__ import annotations

import pygame

from kiosk.display.face import Look
from kiosk.display.pygame.brand import Brand
from kiosk.display.pygame.layout.plan import Plan
from kiosk.display.pygame.layout.planner import plan
from kiosk.display.pygame.layout.sketch import Furniture
from kiosk.display.pygame.paint.fonts import Fonts
from kiosk.display.pygame.paint.painter import Painter
from kiosk.display.pygame.panel import Panel
from kiosk.display.pygame.theme import Theme, high_contrast, standard
from kiosk.screens.model import Screen


class Studio:
    """Plans and paints screens of one brand; `contrast` chooses the high-contrast theme."""

    def __init__(self, brand: Brand, *, contrast: bool = False) -> None:
        pygame.font.init()
        self.theme: Theme = high_contrast() if contrast else standard(brand.deep, brand.accent)
        self.fonts = Fonts()
        self.furniture = Furniture(
            name=brand.name,
            shimmer=brand.shimmer,
            shimmer_tall=brand.shimmer_tall,
            card_line_mm=self.theme.card_line_mm,
            dark_lines=self.theme.line_on_dark,
            art=not contrast and brand.attract is not None,
            art_tall=not contrast and brand.attract_tall is not None,
        )
        self._painter = Painter(self.theme, brand, self.fonts)
        self.paint = self._painter.paint

    def plan(self, screen: Screen, look: Look, panel: Panel, *, frame: int = 0, page: int = 0) -> Plan:
        """Where everything of `screen` goes on `panel`."""
        return plan(
            screen,
            look,
            panel,
            measure=self.fonts.measure,
            furniture=self.furniture,
            frame_number=frame,
            page=page,
        )


def render(
    screen: Screen, look: Look, panel: Panel, brand: Brand, *, contrast: bool = False, studio: Studio | None = None
) -> pygame.Surface:
    """`screen` as a picture of the panel's size. A `studio` at hand saves making one (then brand and theme are its own)."""
    studio = studio or Studio(brand, contrast=contrast)
    surface = pygame.Surface((panel.width, panel.height))
    studio.paint(surface, studio.plan(screen, look, panel))
    return surface
