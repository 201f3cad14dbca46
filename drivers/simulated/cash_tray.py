"""A cash tray as electricity: its sensor sees the notes that lie in a simulated dispenser's tray, its motor tips them out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import ClassVar

from drivers.cash_tray import CashTrayWiring
from drivers.simulated.dispenser import ElectricDispenser
from drivers.simulated.faults import FaultMenu
from drivers.simulated.pins import SimulatedPins

#: The motor runs for so long before the notes fall.
TIPS_S = 0.8
#: A note that has left the exit is so long in the air.
FALLS_S = 0.25


class ElectricCashTray(FaultMenu):
    """The tray under a dispenser's exit. Where its notes are, the dispenser knows."""

    faults: ClassVar[Mapping[str, str]] = {
        "retract-dead": "The retract motor is told to run and does not turn.",
        "sensor-stuck-covered": "The tray's sensor says that notes lie in it, whatever is there.",
        "sensor-stuck-clear": "The tray's sensor says that nothing lies in it, whatever is there.",
    }

    def __init__(
        self, pins: SimulatedPins, wiring: CashTrayWiring, dispenser: ElectricDispenser, *, falls_s: float = FALLS_S
    ) -> None:
        super().__init__()
        self._falls_s = falls_s
        self._falling: asyncio.TimerHandle | None = None
        self._pins = pins
        self._wiring = wiring
        self._dispenser = dispenser
        self._tips: asyncio.TimerHandle | None = None
        pins.resistor(wiring.retract.pin, not wiring.retract.active_high)
        pins.watch(wiring.retract.pin, self._motor_turned)
        dispenser.tray_changed = self._changed
        self._show()

    def __repr__(self) -> str:
        return f"<simulated cash tray with {self._dispenser.in_tray} notes>"

    def _motor_turned(self, level: bool) -> None:
        if self._tips is not None:
            self._tips.cancel()
            self._tips = None
        if level == self._wiring.retract.active_high and not self._has("retract-dead"):
            self._tips = asyncio.get_running_loop().call_later(TIPS_S, self._dispenser.tip_tray)

    def _changed(self) -> None:
        """What is taken is gone at once; what comes has to fall first."""
        if not self._dispenser.in_tray:
            self._show()
        elif self._falling is None:
            self._falling = asyncio.get_running_loop().call_later(self._falls_s, self._show)

    def _show(self) -> None:
        if self._falling is not None:
            self._falling.cancel()
            self._falling = None
        covered = self._dispenser.in_tray > 0 and not self._has("sensor-stuck-clear")
        shown = covered or self._has("sensor-stuck-covered")
        self._pins.drive(self._wiring.sensor.pin, shown == self._wiring.sensor.active_high)

    def _fault_changed(self, name: str) -> None:
        if name.startswith("sensor-stuck"):
            self._show()
