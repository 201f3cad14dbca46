"""Saves every screen that was shown as a numbered picture, drawn while no note moves: drawing takes time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kiosk.display.face import Look
from kiosk.exit_codes import StateError
from kiosk.screens.model import Screen

WIDTH, HEIGHT = 1024, 600
LOOK_S = 0.2


class Pictures:
    """`see` takes a screen, `run` draws those that wait, `finish` the rest. Makes `folder`. Raises StateError."""

    def __init__(self, folder: Path, brand: Path | None, at_rest: Callable[[], bool]) -> None:
        self._folder = folder
        self._brand = brand
        self._at_rest = at_rest
        self._waiting: deque[tuple[int, Screen, Look]] = deque()
        self._last: Screen | None = None
        self._count = 0
        self._draw: Callable[[Screen, Look], Any] | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StateError(f"{folder} cannot be made: {error.strerror}") from error

    def see(self, screen: Screen, look: Look) -> None:
        """Each screen once, however often its seconds change."""
        if screen != self._last:
            self._last = screen
            self._count += 1
            self._waiting.append((self._count, screen, look))

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            if self._waiting and self._at_rest():
                self._save(*self._waiting.popleft())

    def finish(self) -> None:
        """Draw what still waits."""
        while self._waiting:
            self._save(*self._waiting.popleft())

    def _save(self, number: int, screen: Screen, look: Look) -> None:
        import pygame

        if self._draw is None:
            self._draw = _drawer(self._brand)
        path = self._folder / f"{number:04d}-{screen.id}.png"
        try:
            pygame.image.save(self._draw(screen, look), str(path))
        except (pygame.error, OSError) as error:
            raise StateError(f"the picture {path} cannot be written: {error}") from error


def _drawer(folder: Path | None) -> Callable[[Screen, Look], Any]:
    from kiosk.display.pygame.brand import load_brand
    from kiosk.display.pygame.panel import panel_for
    from kiosk.display.pygame.render import Studio, render

    brand, _ = load_brand(folder)
    studio, panel = Studio(brand), panel_for(WIDTH, HEIGHT)
    return lambda screen, look: render(screen, look, panel, brand, studio=studio)
