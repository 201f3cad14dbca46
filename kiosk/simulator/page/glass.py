"""The touch window without a window: the same scene, drawn on a surface that the page looks at and touches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pygame

from config.kiosk import DisplayConfig, Theme
from kiosk.display.pygame.brand import Brand
from kiosk.display.pygame.display import PygameDisplay
from kiosk.display.pygame.geometry import Box
from kiosk.display.pygame.panel import panel_for
from kiosk.display.pygame.touches import Touch

Watcher = Callable[[list[Box]], None]


class Glass(PygameDisplay):
    """A `kiosk.display.face.Display` as the customer sees it: a panel that is mounted turned is upright here."""

    def __init__(self, config: DisplayConfig, brand: Brand) -> None:
        panel = panel_for(
            config.width_px, config.height_px, pitch=config.pixels_per_mm, distance_mm=config.viewing_distance_mm
        )
        super().__init__(panel, brand, contrast=config.theme is Theme.CONTRAST, still=config.reduced_motion)
        self.size = (panel.width, panel.height)
        self.whole = Box(0, 0, panel.width, panel.height)
        self._watchers: list[Watcher] = []

    def open(self) -> None:
        """Begin to draw; there is nothing that could fail."""
        if self._glass is None:
            self._glass = pygame.Surface(self.size)
            self._stage()

    def tick(self, now: float) -> None:
        """Draw what `now` looks different; touches do not wait for a tick."""
        if self._scene is not None:
            self._update(self._scene.advance(now))

    def touch(self, x: float, y: float) -> None:
        """A finger at a point of the picture, in its pixels."""
        if self._scene is not None:
            self._touched(Touch(x, y), asyncio.get_running_loop().time())

    def watch(self, watcher: Watcher) -> None:
        """Tell `watcher` which boxes have changed, each time."""
        self._watchers.append(watcher)

    def leave(self, watcher: Watcher) -> None:
        self._watchers.remove(watcher)

    def pixels(self, box: Box) -> bytes:
        """What is in the box now: rows of red, green, blue. Black before the first picture and after the last."""
        if self._glass is None:
            return bytes(3 * box.w * box.h)
        return pygame.image.tobytes(self._glass.subsurface(pygame.Rect(box)), "RGB")

    def _update(self, boxes: list[Box]) -> None:
        if boxes:
            for watcher in self._watchers:
                watcher(boxes)

    def close(self) -> None:
        """There is no window to give back."""
        self._scene = self._glass = self._canvas = None
