"""What one browser has not seen of the glass yet."""

from __future__ import annotations

from collections.abc import Callable

from kiosk.display.pygame.geometry import Box, around
from kiosk.display.pygame.scene import joined
from kiosk.simulator.page.glass import Glass

#: Above so many places that changed, one box about them all is cheaper.
MOST_BOXES = 6


class View:
    """Gathers changes until they are taken, so that a slow browser gets fewer pictures and none that is old."""

    def __init__(self, glass: Glass, changed: Callable[[], None]) -> None:
        self._glass = glass
        self._changed = changed
        self._unseen = [glass.whole]
        glass.watch(self._note)

    def _note(self, boxes: list[Box]) -> None:
        self._unseen = joined([*self._unseen, *boxes])
        if len(self._unseen) > MOST_BOXES:
            self._unseen = [around(self._unseen)]
        self._changed()

    def take(self) -> list[tuple[Box, bytes]]:
        """Every place that changed since the last call, with its pixels of now."""
        boxes, self._unseen = self._unseen, []
        return [(box, self._glass.pixels(box)) for box in boxes]

    def close(self) -> None:
        self._glass.leave(self._note)
