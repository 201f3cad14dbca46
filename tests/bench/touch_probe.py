"""Run by `touching`: the kiosk's own window with the menu on it, fingers at random moments, one line a touch.

touch_probe.py TOUCHES      prints the seconds from the event's posting to the return of the flip that shows it
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from typing import Any

import pygame
from menu import HEIGHT, PANEL, WIDTH, menu, places

from kiosk.display.pygame.brand import Brand
from kiosk.display.pygame.display import PygameDisplay

#: A finger's pause: until the last press is off again, and somewhere in a frame.
_PAUSE_S = 0.2
_PATIENCE_S = 5.0
_COME_S = 0.5


class Flips:
    """Stands before `pygame.display.update`, and knows when it last returned."""

    def __init__(self) -> None:
        self._update = pygame.display.update
        self.last = 0.0
        pygame.display.update = self  # type: ignore[assignment]

    def __call__(self, *changed: Any) -> None:
        self._update(*changed)
        self.last = time.perf_counter()


async def touch(flips: Flips, at: tuple[int, int]) -> float:
    posted = time.perf_counter()
    pygame.event.post(
        pygame.Event(
            pygame.FINGERDOWN, x=at[0] / WIDTH, y=at[1] / HEIGHT, dx=0.0, dy=0.0, finger_id=1, touch_id=1
        )
    )  # fmt: skip
    while flips.last < posted:
        if time.perf_counter() > posted + _PATIENCE_S:
            raise SystemExit("a touch changed nothing")
        await asyncio.sleep(0.001)
    return flips.last - posted


async def measure(touches: int) -> None:
    display = PygameDisplay(PANEL, Brand())
    display.show(menu())
    flips = Flips()
    running = asyncio.create_task(display.run())
    await asyncio.sleep(_COME_S)
    at, moment = places(), random.Random(1)
    for number in range(touches):
        await asyncio.sleep(_PAUSE_S + moment.uniform(0, 1 / 30))
        print(await touch(flips, at[number % len(at)]), flush=True)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1])))
