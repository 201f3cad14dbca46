"""Lamps on GPIO pins, steady or flashing, never faster than is safe to look at."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from drivers.devices import ONLINE, DeviceError, DeviceReport, DeviceState, Fault, Light
from drivers.gpio import Board, OutputPin, OutputWiring, close_all

HALF_PERIOD_S = {Light.SLOW: 1.0, Light.MEDIUM: 0.5, Light.QUICK: 0.25}

CALM_S = 0.170
"""A lamp keeps its level for this long at least, whatever it is told: so there are never more than three flashes in any
one second (WCAG 2.3.1), as seven changes take six of these, 1.02 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LampWiring:
    """One lamp, by the name of its slot: `card`, `cash`, `notes`, `receipt`, `keypad`, `status`."""

    name: str
    output: OutputWiring


@dataclass(slots=True)
class _Lamp:
    """A lamp, what it is to show, and when it last changed and will next."""

    pin: OutputPin
    light: Light
    changed_at: float = field(default=float("-inf"))
    timer: asyncio.TimerHandle | None = None
    trouble: str = ""

    def cancel(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class GpioIndicators:
    """A `devices.Indicators` on GPIO. Slow flashes every 2 s, medium every second, quick twice a second."""

    def __init__(self, board: Board, wiring: tuple[LampWiring, ...], *, name: str = "indicators") -> None:
        self.name = name
        self.lamps = tuple(lamp.name for lamp in wiring)
        self._board = board
        self._wiring = wiring
        self._lit: dict[str, _Lamp] = {}
        self._open = False
        if len(set(self.lamps)) != len(self.lamps):
            raise DeviceError(name, Fault.CONFIG, f"The {name} need lamps of different names.")

    def __repr__(self) -> str:
        return f"<indicators {', '.join(f'{name}: {lamp.light}' for name, lamp in self._lit.items())}>"

    @property
    def report(self) -> DeviceReport:
        if not self._open:
            return DeviceReport(DeviceState.OFFLINE, f"The {self.name} are not open.")
        for lamp in self._lit.values():
            if lamp.trouble:
                return DeviceReport(DeviceState.HARDWARE_ERROR, lamp.trouble)
        return ONLINE

    def open(self) -> None:
        """Claim the pins, lamps as they are safe. Raises DeviceError (CONFIG); then no pin stays claimed."""
        if self._open:
            return
        try:
            for lamp in self._wiring:
                pin = self._board.output(lamp.output, f"the {lamp.name} lamp")
                self._lit[lamp.name] = _Lamp(pin, Light.ON if pin.on else Light.OFF)
        except BaseException:
            self.close()
            raise
        self._open = True

    def close(self) -> None:
        """Lamps at their safe level, every pin given back. May be called again."""
        lamps = list(self._lit.values())
        self._lit.clear()
        self._open = False
        for lamp in lamps:
            lamp.cancel()
        close_all([lamp.pin for lamp in lamps])

    def set(self, lamp: str, light: Light) -> None:
        """Show `light` from now on, or as soon as a calm change allows. What a lamp shows already goes on undisturbed.

        Never raises for a lamp: one that does not obey is in `report`.
        """
        found = self._lit.get(lamp)
        if found is None or found.light is light:
            return
        found.light = light
        found.cancel()
        self._show(found, on=light is not Light.OFF)

    def _show(self, lamp: _Lamp, *, on: bool) -> None:
        """Bring the lamp to `on`, now or when it has been calm for long enough, and let it flash on from there."""
        loop = asyncio.get_running_loop()
        lamp.timer = None
        if on != lamp.pin.on:
            calm_at = lamp.changed_at + CALM_S
            if loop.time() < calm_at:
                lamp.timer = loop.call_at(calm_at, lambda: self._show(lamp, on=on))
                return
            self._switch(lamp, on=on)
            lamp.changed_at = loop.time()
        half = HALF_PERIOD_S.get(lamp.light)
        if half is not None:
            lamp.timer = loop.call_later(half, lambda: self._show(lamp, on=not on))

    @staticmethod
    def _switch(lamp: _Lamp, *, on: bool) -> None:
        try:
            lamp.pin.set(on=on)
            lamp.trouble = ""
        except DeviceError as error:
            lamp.trouble = str(error)
