"""A touch window on SDL's dummy driver in virtual time, with fingers, mice and keyboards that a test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pygame

from kiosk.display.face import Look
from kiosk.display.pygame.brand import Brand
from kiosk.display.pygame.display import PygameDisplay
from kiosk.display.pygame.panel import Panel, panel_for
from kiosk.display.pygame.render import Studio, render
from kiosk.screens.model import Screen

REGULAR = panel_for(1024, 600)


class Hand:
    """What a person does at the window, and what came of it."""

    def __init__(self, display: PygameDisplay, panel: Panel) -> None:
        self.display = display
        self.panel = panel
        self.keys: list[str] = []
        self.studio = Studio(Brand())
        display.listen(self.keys.append)

    def place(self, screen: Screen, key: str, *, page: int = 0) -> tuple[int, int]:
        """The middle of a key's target on `screen`."""
        plan = self.studio.plan(screen, Look(), self.panel, page=page)
        return next(target.box.centre for target in plan.targets if target.key == key)

    def finger(self, at: tuple[float, float]) -> None:
        """Put a finger on the glass (pixels of the glass)."""
        width, height = pygame.display.get_window_size()
        post(pygame.FINGERDOWN, x=at[0] / width, y=at[1] / height, dx=0.0, dy=0.0, finger_id=1, touch_id=1)

    def mouse(self, at: tuple[int, int], *, touch: bool = False, button: int = 1) -> None:
        post(pygame.MOUSEBUTTONDOWN, pos=at, button=button, touch=touch)

    def type(self, letter: str, key: int = 0) -> None:
        post(pygame.KEYDOWN, key=key, unicode=letter, mod=0)

    def glass(self) -> bytes:
        """Every pixel that is seen."""
        return pygame.image.tobytes(pygame.display.get_surface(), "RGB")

    def expected(self, screen: Screen, look: Look = Look(), *, contrast: bool = False) -> bytes:
        """The same screen painted at once, on a surface of its own."""
        return pygame.image.tobytes(render(screen, look, self.panel, Brand(), contrast=contrast), "RGB")


def post(kind: int, **values: object) -> None:
    pygame.event.post(pygame.Event(kind, **values))


@contextmanager
def shown(display: PygameDisplay, panel: Panel = REGULAR) -> Iterator[Hand]:
    """The display's own task runs meanwhile; it is cancelled and closed at the end."""
    task = asyncio.get_running_loop().create_task(display.run())
    try:
        yield Hand(display, panel)
    finally:
        task.cancel()
        display.close()
