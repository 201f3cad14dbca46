"""The touch window as an asyncio task: shows screens, hears touches, draws only what changed."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, MutableMapping

import pygame

from kiosk.display.face import DisplayError, Look
from kiosk.display.pygame.brand import Brand
from kiosk.display.pygame.geometry import Box
from kiosk.display.pygame.layout.plan import Target
from kiosk.display.pygame.panel import Panel
from kiosk.display.pygame.render import Studio
from kiosk.display.pygame.rotation import Turn
from kiosk.display.pygame.scene import Scene
from kiosk.display.pygame.touches import News, Touch, Typed, heard
from kiosk.screens.model import Screen

#: Seconds between two looks at the window: while someone is at the machine or something moves, and at rest. A finger may
#: just miss a look, and is drawn at the next: both together fit into a frame of 60 Hz.
VISIT_PACE_S, REST_PACE_S = 1 / 80, 1 / 10


class PygameDisplay:
    """Implements `kiosk.display.face.Display` on a panel or in a window.

    `panel` is what the customer sees; the glass is that turned clockwise by `degrees`. `keyboard` lets a keyboard stand
    for the pad (a simulator's; on a machine a customer must not find one): `other` then hears every other letter.
    `closed` is called when the window is closed by its frame; without it, the window cannot be closed. `drawn` is
    called once, after the first picture. `still` is reduced motion: nothing slides, nothing loops.
    """

    def __init__(
        self,
        panel: Panel,
        brand: Brand,
        *,
        degrees: int = 0,
        fullscreen: bool = False,
        contrast: bool = False,
        still: bool = False,
        keyboard: bool = False,
        other: Callable[[str], None] | None = None,
        closed: Callable[[], None] | None = None,
        drawn: Callable[[], None] | None = None,
        environment: MutableMapping[str, str] = os.environ,
    ) -> None:
        self._panel = panel
        self._brand = brand
        self._turn = Turn(degrees, panel.width, panel.height)
        self._fullscreen = fullscreen
        self._contrast = contrast
        self._still = still
        self._keyboard = keyboard
        self._other = other
        self._closed = closed
        self._drawn = drawn
        self._environment = environment
        self._pressed: Callable[[str], None] | None = None
        self._wanted: tuple[Screen, Look] | None = None
        self._glass: pygame.Surface | None = None
        self._canvas: pygame.Surface | None = None
        self._scene: Scene | None = None
        self._rest: asyncio.Future[None] | None = None

    def show(self, screen: Screen, look: Look = Look()) -> None:
        """From now on this is the screen; it is drawn at once, or as soon as the press before it has been seen."""
        self._wanted = screen, look
        if self._scene is not None:
            self._scene.want(screen, look)
        if self._rest is not None and not self._rest.done():
            self._rest.set_result(None)

    def listen(self, pressed: Callable[[str], None]) -> None:
        """`pressed` hears the keys of the targets that are touched."""
        self._pressed = pressed

    @property
    def contrast(self) -> bool:
        """The high-contrast theme is on."""
        return self._contrast

    @contrast.setter
    def contrast(self, on: bool) -> None:
        if on != self._contrast:
            self._contrast = on
            if self._scene is not None:
                self._scene.restage(Studio(self._brand, contrast=on))

    def offer(self, key: str) -> bool:
        """A key of the real pad, before the screen's own code hears it: True where it only turned a page here."""
        return self._scene is not None and self._scene.turn_page(key)

    def open(self) -> None:
        """Open the window, so that the next tick draws. Raises DisplayError."""
        if self._glass is not None:
            return
        if {"DISPLAY", "WAYLAND_DISPLAY"} & self._environment.keys():
            # On a desktop SDL else draws through OpenGL: four times the memory, and the whole window at each change.
            self._environment.setdefault("SDL_FRAMEBUFFER_ACCELERATION", "0")
        try:
            pygame.display.init()
            self._refuse_invisible(pygame.display.get_driver())
            self._glass = self._opened()
        except pygame.error as error:
            self.close()
            raise DisplayError(
                f"No display can be opened ({error}); attach a panel or start a desktop, or use the terminal display."
            ) from error
        self._stage()

    def _stage(self) -> None:
        """Begin to draw on the glass that is there now."""
        assert self._glass is not None
        straight = self._turn.degrees == 0
        self._canvas = self._glass if straight else pygame.Surface((self._panel.width, self._panel.height))
        studio = Studio(self._brand, contrast=self._contrast)
        self._scene = Scene(studio, self._panel, self._canvas, still=self._still)
        if self._wanted is not None:
            self._scene.want(*self._wanted)

    def _refuse_invisible(self, driver: str) -> None:
        """Where SDL finds no screen it draws into nothing, unless that was asked for."""
        if driver in {"offscreen", "dummy"} and os.environ.get("SDL_VIDEODRIVER") != driver:
            raise pygame.error("there is no screen")

    def _opened(self) -> pygame.Surface:
        size = self._turn.glass
        glass = pygame.display.set_mode(size, pygame.FULLSCREEN if self._fullscreen else 0)
        if glass.get_size() != size:
            width, height = glass.get_size()
            raise pygame.error(
                f"the screen has {width} x {height} pixels, the configuration says {size[0]} x {size[1]}"
            )
        pygame.display.set_caption(self._brand.name)
        if self._fullscreen:
            pygame.mouse.set_visible(False)
        return glass

    async def run(self) -> None:
        """Draw and poll until cancelled. Raises DisplayError if there is nothing to draw on, or it went away."""
        self.open()
        loop = asyncio.get_running_loop()
        try:
            while (scene := self._scene) is not None:
                self.tick(loop.time())
                await self._pause(VISIT_PACE_S if scene.lively else REST_PACE_S)
        except pygame.error as error:
            raise DisplayError(f"The display went away ({error}); check the panel's cable and restart.") from error
        finally:
            self.close()

    def tick(self, now: float) -> None:
        """Hear what happened since the last tick, then draw what `now` looks different."""
        for event in pygame.event.get():
            if self._scene is not None:  # what was heard may have closed the window
                self._hear(event, now)
        if self._scene is not None:
            self._update(self._scene.advance(now))

    async def _pause(self, seconds: float) -> None:
        """Until it is time to look again, or a new screen is wanted."""
        loop = asyncio.get_running_loop()
        self._rest = loop.create_future()
        timer = loop.call_later(seconds, _wake, self._rest)
        try:
            await self._rest
        finally:
            timer.cancel()
            self._rest = None

    def _update(self, boxes: list[Box]) -> None:
        if not boxes or self._glass is None or self._canvas is None:
            return
        if self._canvas is self._glass:
            pygame.display.update([pygame.Rect(box) for box in boxes])
        else:
            pygame.display.update([self._turn.frame(self._canvas, self._glass, box) for box in boxes])
        if self._drawn is not None:
            self._drawn()
            self._drawn = None

    def _hear(self, event: pygame.Event, now: float) -> None:
        assert self._scene is not None
        said = heard(event, self._turn.glass)
        if isinstance(said, Touch):
            self._touched(said, now)
        elif isinstance(said, Typed):
            if self._keyboard:
                self._type(said, now)
        elif said is News.CLOSED:
            if self._closed is not None:
                self._closed()
        elif said is News.UNCOVERED:
            self._update([Box(0, 0, self._panel.width, self._panel.height)])

    def _touched(self, at: Touch, now: float) -> None:
        assert self._scene is not None
        target = self._scene.touched(*self._turn.point(at.x, at.y))
        if target is not None:
            self._press(target, now)

    def _press(self, target: Target, now: float) -> None:
        """Show the press before anything else happens, then tell of it."""
        assert self._scene is not None
        if not target.enabled:
            return
        self._scene.press(target.key, now)
        self._update(self._scene.advance(now))
        if not self._scene.turn_page(target.key) and self._pressed is not None:
            self._pressed(target.key)

    def _type(self, said: Typed, now: float) -> None:
        """A keyboard in place of the pad: a key that has no target works too, as on the pad."""
        assert self._scene is not None
        if not said.pad:
            if self._other is not None:
                self._other(said.letter)
            return
        target = self._scene.target(said.pad)
        self._press(target if target is not None else Target(said.pad, Box(0, 0, 0, 0)), now)

    def close(self) -> None:
        """Give the screen back."""
        self._scene = self._glass = self._canvas = None
        with contextlib.suppress(pygame.error):  # closing what is already gone
            pygame.display.quit()


def _wake(rest: asyncio.Future[None]) -> None:
    if not rest.done():
        rest.set_result(None)
