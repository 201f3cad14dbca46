"""A matrix keypad as electricity: contacts between row and column pins, which bounce, stick, and join what they join.

Ghosts need no code of their own: there are no diodes, so the nets of the pins show what a real pad would show.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import ClassVar

from drivers.keypad import KeypadWiring
from drivers.simulated.faults import FaultMenu
from drivers.simulated.pins import SimulatedPins

BOUNCE_MS = (1, 2, 4, 5)  # after it closed or opened, a contact turns again at these
WORN_MS = (1, 3, 6, 8, 11, 13, 16, 18)


class ElectricKeypad(FaultMenu):
    """The keys of a pad, to be pressed by name."""

    faults: ClassVar[Mapping[str, str]] = {
        "key-sticks": "A key that is pressed does not come up again.",
        "worn-contacts": "Contacts bounce for much longer than new ones.",
        "dead-contacts": "Pressed keys make no contact.",
    }

    def __init__(self, pins: SimulatedPins, wiring: KeypadWiring) -> None:
        super().__init__()
        self._pins = pins
        width = len(wiring.columns)
        self._contacts = {
            key: (wiring.rows[number // width], wiring.columns[number % width])
            for number, key in enumerate(wiring.keys)
        }
        self._stuck: set[str] = set()
        self._dead: set[str] = set()
        self._pressed: set[str] = set()
        self._bouncing: dict[str, list[asyncio.TimerHandle]] = {}

    def __repr__(self) -> str:
        return f"<simulated keypad, {len(self._pressed)} keys pressed>"

    def press(self, key: str) -> None:
        """A finger goes down on `key`."""
        if key in self._pressed:
            return
        assert key in self._contacts, f"the pad has no key {key}"
        self._pressed.add(key)
        if self._strikes("key-sticks"):
            self._stuck.add(key)
        if self._strikes("dead-contacts"):
            self._dead.add(key)
        else:
            self._turn(key, closed=True)

    def release(self, key: str) -> None:
        """The finger lets go; the key comes up unless it sticks."""
        if key in self._pressed and key not in self._stuck:
            self._pressed.discard(key)
            if key in self._dead:
                self._dead.discard(key)
            else:
                self._turn(key, closed=False)

    def tap(self, key: str, ms: int = 80) -> None:
        """Press now, let go after `ms` milliseconds; returns at once."""
        self.press(key)
        asyncio.get_running_loop().call_later(ms / 1000, self.release, key)

    def free(self) -> None:
        """Someone frees what sticks."""
        stuck, self._stuck = self._stuck, set()
        for key in sorted(stuck):
            self.release(key)

    def _fault_changed(self, name: str) -> None:
        if name == "key-sticks" and not self._has(name):
            self.free()

    def _turn(self, key: str, *, closed: bool) -> None:
        for timer in self._bouncing.pop(key, []):
            timer.cancel()
        loop = asyncio.get_running_loop()
        moments = WORN_MS if self._strikes("worn-contacts") else BOUNCE_MS
        self._touch(key, closed=closed)
        self._bouncing[key] = [
            loop.call_later(after_ms / 1000, partial(self._touch, key, closed=closed if turn % 2 else not closed))
            for turn, after_ms in enumerate(moments)
        ]

    def _touch(self, key: str, *, closed: bool) -> None:
        row, column = self._contacts[key]
        self._pins.join(row, column, closed)
