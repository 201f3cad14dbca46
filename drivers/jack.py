"""The switch in a headphone jack, on a GPIO pin: plugged in, or not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from drivers.debounce import Edge
from drivers.devices import ONLINE, DeviceError, DeviceReport, DeviceState
from drivers.gpio import Board, InputPin, InputWiring

#: A plug scrapes along the contact while it goes in: it is in when the contact has held for so long.
HOLD_S = 0.2


class GpioJack:
    """A `devices.Jack`. A plug counts as in when the contact held, and as out at the first edge.

    Out is never late, since what is said in private must end before somebody else hears it.
    """

    def __init__(self, board: Board, wiring: InputWiring, *, name: str = "headphone jack") -> None:
        self.name = name
        self._board = board
        self._wiring = wiring
        self._pin: InputPin | None = None
        self._plugged = False
        self._timer: asyncio.TimerHandle | None = None
        self._heard: Callable[[bool], None] = lambda _: None

    def __repr__(self) -> str:
        return f"<{self.name}, {'plugged' if self._plugged else 'empty'}>"

    @property
    def report(self) -> DeviceReport:
        if self._pin is None:
            return DeviceReport(DeviceState.OFFLINE, f"The {self.name} is not open.")
        try:
            _ = self._pin.on
        except DeviceError as error:
            return DeviceReport(DeviceState.HARDWARE_ERROR, str(error))
        return ONLINE

    @property
    def plugged(self) -> bool:
        return self._plugged

    def listen(self, heard: Callable[[bool], None]) -> None:
        self._heard = heard

    def open(self) -> None:
        """Claim and watch the pin. Raises DeviceError (CONFIG, UNPLUGGED); then it stays unclaimed."""
        if self._pin is not None:
            return
        pin = self._pin = self._board.input(self._wiring, f"the {self.name}")
        try:
            pin.watch(self._edge)
            self._plugged = pin.steady
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._settle()
        self._plugged = False
        pin, self._pin = self._pin, None
        if pin is not None:
            pin.close()

    def _edge(self, edge: Edge) -> None:
        self._settle()
        if edge.on and not self._plugged:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(edge.at + HOLD_S, self._set, True)
        elif not edge.on:
            self._set(False)

    def _settle(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self, plugged: bool) -> None:
        if plugged != self._plugged:
            self._plugged = plugged
            self._heard(plugged)
