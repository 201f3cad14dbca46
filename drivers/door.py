"""The switch at a cabinet's door, on a GPIO pin: open, or closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from drivers.debounce import Edge
from drivers.devices import ONLINE, DeviceError, DeviceReport, DeviceState
from drivers.gpio import Board, InputPin, InputWiring

#: A blow against the cabinet shakes the contact; a door that opens is open for longer.
OPEN_S = 0.05
#: A door is closed when it has come to rest.
CLOSED_S = 1.0


class GpioDoor:
    """A `devices.Door`. The pin is on while the door is open: a wire that breaks should read so, too."""

    def __init__(self, board: Board, wiring: InputWiring, *, name: str = "door") -> None:
        self.name = name
        self._board = board
        self._wiring = wiring
        self._pin: InputPin | None = None
        self._is_open = False
        self._timer: asyncio.TimerHandle | None = None
        self._heard: Callable[[bool], None] = lambda _: None

    def __repr__(self) -> str:
        return f"<{self.name}, {'open' if self._is_open else 'closed'}>"

    @property
    def report(self) -> DeviceReport:
        """Online with a sentence while it is open."""
        if self._pin is None:
            return DeviceReport(DeviceState.OFFLINE, f"The {self.name} is not watched.")
        try:
            _ = self._pin.on
        except DeviceError as error:
            return DeviceReport(DeviceState.HARDWARE_ERROR, str(error))
        return DeviceReport(DeviceState.ONLINE, f"The {self.name} is open.") if self._is_open else ONLINE

    @property
    def is_open(self) -> bool:
        return self._is_open

    def listen(self, heard: Callable[[bool], None]) -> None:
        self._heard = heard

    def open(self) -> None:
        """Claim and watch the pin. Raises DeviceError (CONFIG, UNPLUGGED); then it stays unclaimed."""
        if self._pin is not None:
            return
        pin = self._pin = self._board.input(self._wiring, f"the {self.name}'s switch")
        try:
            pin.watch(self._edge)
            self._is_open = pin.steady
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._settle()
        pin, self._pin = self._pin, None
        if pin is not None:
            pin.close()

    def _edge(self, edge: Edge) -> None:
        self._settle()
        if edge.on != self._is_open:
            after = OPEN_S if edge.on else CLOSED_S
            self._timer = asyncio.get_running_loop().call_at(edge.at + after, self._set, edge.on)

    def _settle(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self, is_open: bool) -> None:
        self._timer = None
        self._is_open = is_open
        self._heard(is_open)
