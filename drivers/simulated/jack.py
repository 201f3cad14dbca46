"""A headphone jack as electricity: a contact to ground that a plug opens or closes, and that scrapes on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import ClassVar

from drivers.gpio import InputWiring
from drivers.simulated.faults import FaultMenu
from drivers.simulated.pins import SimulatedPins

SCRAPE_MS = (3, 7, 12, 30, 41)  # the contact turns at these while a plug goes in
LOOSE_MS = (50, 90, 180, 250, 330, 400, 520, 600, 700, 760)


class ElectricJack(FaultMenu):
    """The customer's side of the jack: `plug` and `unplug`. The pin's level is made by the contact alone."""

    faults: ClassVar[Mapping[str, str]] = {
        "loose-contact": "The contact turns for a second while a plug goes in.",
        "stuck-contact": "The contact does not notice a plug that goes in.",
    }

    def __init__(self, pins: SimulatedPins, wiring: InputWiring) -> None:
        super().__init__()
        self._pins = pins
        self._wiring = wiring
        self._timers: list[asyncio.TimerHandle] = []
        self.plugged = False
        pins.resistor(wiring.pin, True)
        self._touch(False)

    def __repr__(self) -> str:
        return f"<simulated headphone jack, {'plugged' if self.plugged else 'empty'}>"

    def plug(self) -> None:
        """Headphones go in. In a running loop."""
        if self.plugged:
            return
        self.plugged = True
        if self._strikes("stuck-contact"):
            return
        loop = asyncio.get_running_loop()
        moments = LOOSE_MS if self._strikes("loose-contact") else SCRAPE_MS
        self._touch(True)
        self._timers = [
            loop.call_later(after_ms / 1000, self._touch, bool(turn % 2)) for turn, after_ms in enumerate(moments)
        ] + [loop.call_later((moments[-1] + 5) / 1000, self._touch, True)]

    def unplug(self) -> None:
        """Headphones are pulled out."""
        self.plugged = False
        for timer in self._timers:
            timer.cancel()
        self._timers = []
        self._touch(False)

    def _touch(self, plugged: bool) -> None:
        """Where a plug means high it opens the contact to ground, else it closes it."""
        closed = plugged != self._wiring.active_high
        self._pins.drive(self._wiring.pin, False if closed else None)
