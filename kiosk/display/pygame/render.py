"""One picture of one screen, and the studio that makes them: layout and painter with one brand in one theme.

python -m kiosk.display.pygame.render FOLDER [WIDTHxHEIGHT]     writes the pictures of the documentation
"""

from __future__ import annotations

import sys
from pathlib import Path

import pygame

from kiosk.display.face import Look
from kiosk.display.pygame.brand import Brand
from kiosk.display.pygame.layout.plan import Plan
from kiosk.display.pygame.layout.planner import plan
from kiosk.display.pygame.layout.sketch import Furniture
from kiosk.display.pygame.paint.fonts import Fonts
from kiosk.display.pygame.paint.painter import Painter
from kiosk.display.pygame.panel import Panel, panel_for
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


def save_png(
    screen: Screen, look: Look, panel: Panel, brand: Brand, path: Path, *, studio: Studio | None = None
) -> None:
    """`render` into a PNG file; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pygame.image.save(render(screen, look, panel, brand, studio=studio), path)


def _documentation() -> dict[str, tuple[Screen, Look]]:
    """The pictures that the documentation shows, by file name."""
    from bank_link.money import major
    from kiosk.screens import catalogue, operator
    from kiosk.screens.words.load import load_words

    words, arabic = load_words(), load_words("ar")
    few, paid_in, sent = [(2, major(50, "USD")), (2, major(20, "USD"))], major(140, "USD"), major(60, "USD")
    jobs = ["exchange", "totals", "cassettes", "devices", "journal", "machine"]
    return {
        "pay-in": (catalogue.payin_count(words, few, paid_in, may_return=True, may_add=True), Look()),
        "send": (catalogue.send_ok(words, "Maria Lopez", sent, "4417", "Everyday"), Look()),
        "arabic": (catalogue.menu(arabic, ["cash", "balance", "pay_in", "send", "bill", "more"]), Look()),
        "operator": (operator.op_menu(words, jobs), Look()),
    }


def main(arguments: list[str]) -> None:
    """Write the documentation's pictures into the folder that is named first, on the panel that is named second."""
    width, height = (int(side) for side in (arguments[1] if len(arguments) > 1 else "1024x600").split("x"))
    for name, (screen, look) in _documentation().items():
        save_png(screen, look, panel_for(width, height), Brand(), Path(arguments[0]) / f"{name}.png")


if __name__ == "__main__":
    main(sys.argv[1:])
