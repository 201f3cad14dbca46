"""A cabinet's door as electricity: a contact to ground that is closed while the door is, and that can lie."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import ClassVar

from drivers.gpio import InputWiring
from drivers.simulated.faults import FaultMenu
from drivers.simulated.pins import SimulatedPins

BOUNCE_MS = (2, 5, 9, 14)
BLOW_MS = (0, 12, 20, 31)


class ElectricDoor(FaultMenu):
    """The door in a person's hand: `open` and `shut`. The pin's level is made by the contact alone."""

    faults: ClassVar[Mapping[str, str]] = {
        "stuck-closed": "The switch does not notice that the door is opened.",
        "broken-wire": "The switch's wire is broken: it reads open.",
        "blow": "Something hits the cabinet: the contact shakes for a moment.",
    }

    def __init__(self, pins: SimulatedPins, wiring: InputWiring) -> None:
        super().__init__()
        self._pins = pins
        self._wiring = wiring
        self._timers: list[asyncio.TimerHandle] = []
        self.is_open = False
        pins.resistor(wiring.pin, wiring.active_high)
        self._touch()

    def __repr__(self) -> str:
        return f"<simulated door, {'open' if self.is_open else 'closed'}>"

    def open(self) -> None:
        self._move(True)

    def shut(self) -> None:
        self._move(False)

    def _move(self, is_open: bool) -> None:
        if is_open == self.is_open:
            return
        self.is_open = is_open
        self._touch()
        self._shake(BOUNCE_MS)

    def _shake(self, moments: tuple[int, ...]) -> None:
        loop = asyncio.get_running_loop()
        for timer in self._timers:
            timer.cancel()
        self._timers = [
            loop.call_later(after_ms / 1000, self._show, self.is_open != (turn % 2 == 0))
            for turn, after_ms in enumerate(moments)
        ]
        self._timers.append(loop.call_later((moments[-1] + 5) / 1000, self._touch))

    def _touch(self) -> None:
        self._show(self.is_open)

    def _show(self, is_open: bool) -> None:
        shown = self._has("broken-wire") or (is_open and not self._has("stuck-closed"))
        # The contact makes "closed"; "open" is what the resistor makes of a wire that leads nowhere.
        self._pins.drive(self._wiring.pin, None if shown else not self._wiring.active_high)

    def _fault_changed(self, name: str) -> None:
        if name == "blow" and self._strikes("blow"):
            self._shake(BLOW_MS)
        else:
            self._touch()
