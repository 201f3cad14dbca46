"""A customer of a town at a real touch window, on a panel of any size: every key is a finger on its target."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from support.touch_window import REGULAR, Hand
from support.town import ToldCustomer

from kiosk.display.face import Look
from kiosk.display.pygame.brand import Brand
from kiosk.display.pygame.display import PygameDisplay
from kiosk.display.pygame.layout.choices import MORE_DIGIT
from kiosk.display.pygame.panel import Panel
from kiosk.screens.model import Screen

_PAGES = 4


class Fingers(ToldCustomer):
    """Needs SDL's dummy driver: `SDL_VIDEODRIVER=dummy`."""

    def __init__(self, panel: Panel = REGULAR) -> None:
        super().__init__()
        self.window = PygameDisplay(panel, Brand(), environment={}, still=True)
        self._hand = Hand(self.window, panel)
        self._panel = panel
        self._look = Look()

    def show(self, screen: Screen, look: Look = Look()) -> None:
        super().show(screen, look)
        self._look = look
        self.window.show(screen, look)

    def listen(self, pressed: Callable[[str], None]) -> None:
        self.window.listen(pressed)

    def press(self, keys: str) -> None:
        assert self.shown is not None
        for key in keys:
            self._hand.finger(self._hand.place(self.shown, key))

    async def touch(self, key: str) -> None:
        """Turn the pages of a small panel until the key's target is there, then touch it."""
        assert self.shown is not None
        for page in range(_PAGES):
            plan = self._hand.studio.plan(self.shown, self._look, self._panel, page=page)
            places = {target.key: target.box.centre for target in plan.targets if target.enabled}
            if key in places or MORE_DIGIT not in places:
                break
            self._hand.finger(places[MORE_DIGIT])
            await asyncio.sleep(0.3)
        assert key in places, f"{key} is no target of {self.shown.id} on {self._panel}"
        self._hand.finger(places[key])

    def is_drawn(self) -> bool:
        """The glass has, pixel by pixel, the first page of what the machine shows."""
        assert self.shown is not None
        return self._hand.glass() == self._hand.expected(self.shown, self._look)

    async def run(self) -> None:
        await self.window.run()

    def close(self) -> None:
        self.window.close()
