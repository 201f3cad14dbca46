"""A film of a display: what its glass shows from tick to tick, kept small, and written as one animated picture."""

from __future__ import annotations

import asyncio
from pathlib import Path

from PIL import Image

from kiosk.display.pygame.geometry import Box
from kiosk.simulator.page.glass import Glass

#: The most pictures a second, and the size of each.
RATE = 8
SIZE = (640, 375)
#: The end is looked at longer than any picture before it.
LAST_S = 2.0


class Film:
    """Watches `glass` from `start` to `cut`. Times are the running loop's, so virtual time makes the same film each time."""

    def __init__(self, glass: Glass) -> None:
        self._glass = glass
        self._frames: list[tuple[int, Image.Image]] = []
        self._begun = 0.0

    @property
    def frames(self) -> list[tuple[int, Image.Image]]:
        """Tick and picture, no two alike in a row."""
        return list(self._frames)

    def start(self) -> None:
        self._begun = asyncio.get_running_loop().time()
        self._glass.watch(self._see)
        self._see([])

    def cut(self) -> None:
        self._glass.leave(self._see)

    def _see(self, _: list[Box]) -> None:
        tick = int((asyncio.get_running_loop().time() - self._begun) * RATE)
        if self._frames and self._frames[-1][0] == tick:
            self._frames.pop()
        whole = self._glass.whole
        picture = Image.frombytes("RGB", self._glass.size, self._glass.pixels(whole)).resize(
            SIZE, Image.Resampling.LANCZOS
        )
        if not self._frames or self._frames[-1][1].tobytes() != picture.tobytes():
            self._frames.append((tick, picture))

    def save(self, path: Path) -> None:
        """An animated PNG in its true colours that begins again at its end; of each picture only what changed is written."""
        pictures = [picture for _, picture in self._frames]
        ticks = [tick for tick, _ in self._frames]
        last = ticks[-1] + round(LAST_S * RATE)
        lasts = [(after - tick) * 1000 // RATE for tick, after in zip(ticks, [*ticks[1:], last], strict=True)]
        pictures[0].save(
            path, format="PNG", save_all=True, append_images=pictures[1:], duration=lasts, loop=0, optimize=True,
            disposal=0, blend=0,
        )  # fmt: skip
