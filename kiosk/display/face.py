"""What every display is to the rest of the kiosk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from kiosk.screens.model import Screen


class Look(msgspec.Struct, frozen=True):
    """How a screen is shown beside its words: what changes without the screen being another one.

    `left_s`: whole seconds left, shown as the ring (None: no ring). `focus`: the key whose target wears the focus
    ("1".."9", "A", "B", "C", "D"; "" for none). `pressed`: likewise for the pressed state. `blank`: nothing of the screen
    is to be seen, and nothing on it can be touched: the customer hears it.
    """

    left_s: int | None = None
    focus: str = ""
    pressed: str = ""
    blank: bool = False


class Display(Protocol):
    """Shows one screen at a time. `show` returns at once; drawing happens in the display's own task."""

    def show(self, screen: Screen, look: Look = Look()) -> None:
        """From now on this is the screen. The same screen again redraws only what changed."""

    def listen(self, pressed: Callable[[str], None]) -> None:
        """Call `pressed` with a key (`drivers.devices.KEYS`, `screens.model.LANGUAGE_KEY`) for each touch on a target.

        On the loop; there is one listener.
        """

    async def run(self) -> None:
        """Draw and poll until cancelled. Raises `DisplayError` if there is nothing to draw on."""

    def close(self) -> None:
        """Give the screen back. May be called twice."""


class DisplayError(Exception):
    """No display can be opened, or it went away; the sentence names it and the way out."""
