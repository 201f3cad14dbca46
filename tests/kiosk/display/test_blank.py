"""A screen that a customer wished hidden: nothing of it is to be seen, in any display, and nothing on it can be touched."""

from __future__ import annotations

import io

import pygame
import pytest
from support.every_screen import every_screen
from support.virtual_time import run_virtual

from kiosk.display.face import Look
from kiosk.display.pygame.brand import Brand
from kiosk.display.pygame.panel import KNOWN, Panel
from kiosk.display.pygame.render import Studio, render
from kiosk.display.pygame.scene import Scene
from kiosk.display.terminal import TerminalDisplay
from kiosk.screens.words.load import load_words

SCREENS = every_screen(load_words())
BRAND = Brand()
everywhere = pytest.mark.parametrize("panel", KNOWN, ids=[f"{panel.width}x{panel.height}" for panel in KNOWN])


@everywhere
@pytest.mark.parametrize("contrast", [False, True], ids=["standard", "contrast"])
def test_a_hidden_screen_is_one_black(panel: Panel, contrast: bool) -> None:
    """Not a word, not a ring, not the place of a button: every pixel of every screen is the same."""
    studio = Studio(BRAND, contrast=contrast)
    black = pygame.Surface((panel.width, panel.height))
    for name, screen in SCREENS.items():
        look = Look(blank=True, left_s=12, focus="1", pressed="2")
        assert studio.plan(screen, look, panel).targets == (), name
        drawn = render(screen, look, panel, BRAND, studio=studio)
        assert pygame.image.tobytes(drawn, "RGB") == pygame.image.tobytes(black, "RGB"), name


def test_a_screen_that_is_hidden_and_shown_again_is_painted_anew() -> None:
    """The window's own way: what was drawn goes, nothing of it can be hit, and all of it comes back."""
    panel, screen = KNOWN[1], SCREENS["menu"]
    surface = pygame.Surface((panel.width, panel.height))
    scene = Scene(Studio(BRAND), panel, surface, still=True)

    def seen(look: Look, now: float) -> bytes:
        scene.want(screen, look)
        scene.advance(now)
        return pygame.image.tobytes(surface, "RGB")

    open_, hidden, again = seen(Look(), 1), seen(Look(blank=True), 2), seen(Look(), 3)
    assert set(hidden) == {0}
    assert again == open_
    seen(Look(blank=True), 4)
    assert not [(x, y) for x in range(0, panel.width, 40) for y in range(0, panel.height, 40) if scene.touched(x, y)]


def test_a_terminal_tells_once_that_nothing_is_to_be_seen() -> None:
    """No word of a hidden screen is printed, whatever changes; shown again, the whole block is."""

    async def story() -> str:
        out = io.StringIO()
        display = TerminalDisplay(out, columns=80)
        for name in SCREENS:
            display.show(SCREENS[name], Look(blank=True))
        hidden = out.getvalue()
        display.show(SCREENS["menu"])
        assert "What would you like to do?" in out.getvalue()[len(hidden) :]
        return hidden

    assert run_virtual(story()) == "  (nothing is to be seen)\n"
