"""A display that is also heard: the voice learns of each screen, and may keep all of it from being seen."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from kiosk.display.face import Display, Look
from kiosk.screens.model import Screen
from kiosk.voice.voice import Voice


class HeardDisplay:
    """Implements `kiosk.display.face.Display` over another one."""

    def __init__(self, display: Display, voice: Voice) -> None:
        self._display = display
        self._voice = voice
        self._shown: tuple[Screen, Look] | None = None
        self.run = display.run
        self.close = display.close
        voice.blanked = self._draw

    def show(self, screen: Screen, look: Look = Look()) -> None:
        self._shown = screen, look
        self._draw()
        self._voice.shown(screen)

    def listen(self, pressed: Callable[[str], None]) -> None:
        self._display.listen(pressed)

    def _draw(self) -> None:
        if self._shown is not None:
            screen, look = self._shown
            self._display.show(screen, replace(look, blank=True) if self._voice.blank else look)
