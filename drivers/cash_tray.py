"""The tray in which paid notes lie, on GPIO pins: a sensor that sees them, and a motor that takes back what is left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from drivers.debounce import Edge
from drivers.devices import ONLINE, DeviceError, DeviceReport, DeviceState, Fault
from drivers.gpio import Board, InputPin, InputWiring, OutputPin, OutputWiring
from drivers.presence import Presence

#: A hand that reaches in covers and clears the sensor; notes that lie, or are gone, stay so for longer.
STEADY_MS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class CashTrayWiring:
    """The tray's pins. `sensor` is on while a note lies in the tray; `retract` moves all of it into the reject bin."""

    sensor: InputWiring
    retract: OutputWiring


class GpioCashTray:
    """A `devices.CashTray` on GPIO. Its motor is on for `retract_ms` at most, whatever ends a retract."""

    def __init__(
        self, board: Board, wiring: CashTrayWiring, *, retract_ms: int = 2_000, name: str = "cash tray"
    ) -> None:
        """Raises DeviceError (CONFIG) for a motor that is not off where it is safe. No pin is touched yet."""
        self.name = name
        self._board = board
        self._wiring = wiring
        self._retract_ms = retract_ms
        self._sensor: InputPin | None = None
        self._motor: OutputPin | None = None
        self._holds = Presence()
        self._seen = self._failed = False
        self._broken = ""
        self._moving = asyncio.Lock()
        self._heard: Callable[[], None] = lambda: None
        if wiring.retract.safe_on:
            raise DeviceError(name, Fault.CONFIG, f"The {name} needs a retract motor that is off where it is safe.")

    def __repr__(self) -> str:
        return f"<{self.name}, {'with notes' if self._holds else 'empty'}, {self.report.state}>"

    # ---- Device ----

    @property
    def report(self) -> DeviceReport:
        """A hardware error while something lies in it that could not be taken back, and where its motor does not obey."""
        if self._sensor is None:
            return DeviceReport(DeviceState.OFFLINE, f"The {self.name} is not open.")
        try:
            _ = self._sensor.on
        except DeviceError as error:
            return DeviceReport(DeviceState.HARDWARE_ERROR, str(error))
        if self._broken:
            return DeviceReport(DeviceState.HARDWARE_ERROR, self._broken)
        if self._failed and self.present:
            return DeviceReport(DeviceState.HARDWARE_ERROR, self._sentence())
        return ONLINE

    def open(self) -> None:
        """Claim the pins, motor off. Raises DeviceError (CONFIG, UNPLUGGED); then no pin stays claimed."""
        if self._sensor is not None:
            return
        try:
            self._motor = self._board.output(self._wiring.retract, f"the {self.name}'s retract motor")
            self._sensor = self._board.input(self._wiring.sensor, f"the {self.name}'s sensor")
            self._sensor.watch(self._edge, debounce_ms=STEADY_MS)
            self._set(self._sensor.steady)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Motor off, then both pins given back. May be called again."""
        motor, self._motor = self._motor, None
        sensor, self._sensor = self._sensor, None
        try:
            if motor is not None:
                motor.close()
        finally:
            if sensor is not None:
                sensor.close()

    # ---- CashTray ----

    @property
    def present(self) -> bool:
        """Also what has only just fallen in, and may not lie still yet."""
        return bool(self._holds) or self._is_covered()

    @property
    def seen(self) -> bool:
        return self._seen or self.present

    def listen(self, heard: Callable[[], None]) -> None:
        self._heard = heard

    def forget(self) -> None:
        """What was seen until now was another bunch."""
        self._seen = False

    async def ready(self) -> None:
        """Forget what was seen; raises DeviceError (SENSOR) where something lies in it, UNPLUGGED where it is not open."""
        async with self._moving:
            self._open_or_raise()
            if self.present:
                raise DeviceError(self.name, Fault.SENSOR, f"Something lies in the {self.name}: take it out.")
            self._seen = False

    async def appeared(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._holds.wait(True)
        except TimeoutError:
            return self.seen
        return True

    async def removed(self) -> None:
        await self._holds.wait(False)
        while self._is_covered():
            await asyncio.sleep(STEADY_MS / 1000)
            await self._holds.wait(False)

    async def retract(self) -> None:
        """Run the motor for its time; raises DeviceError (JAM) where something lies in the tray still."""
        async with self._moving:
            motor = self._open_or_raise()
            self._failed = True  # until its end proves otherwise
            try:
                try:
                    motor.set(on=True)
                    await asyncio.sleep(self._retract_ms / 1000)
                finally:
                    motor.safe()
            except DeviceError as error:
                self._broken = str(error)
                raise
            self._broken = ""
            await asyncio.sleep((STEADY_MS + STEADY_MS // 10) / 1000)
            self._failed = self.present
            if self._failed:
                raise DeviceError(self.name, Fault.JAM, self._sentence())

    # ---- inside ----

    def _open_or_raise(self) -> OutputPin:
        if self._motor is None:
            raise DeviceError(self.name, Fault.UNPLUGGED, f"The {self.name} is not open.")
        return self._motor

    def _is_covered(self) -> bool:
        """At this moment. A pin that cannot be read is told by the report."""
        if self._sensor is None:
            return False
        try:
            return self._sensor.on
        except DeviceError:
            return False

    def _edge(self, edge: Edge) -> None:
        self._set(edge.on)
        self._heard()

    def _set(self, holds: bool) -> None:
        self._holds.set(holds)
        self._seen = self._seen or holds
        self._failed = self._failed and holds

    def _sentence(self) -> str:
        return f"Notes lie in the {self.name} that could not be taken back: take them out, count them with the rejects."
