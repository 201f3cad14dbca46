"""A note dispenser on GPIO pins: a motor a cassette, and an exit sensor past which a note is the customer's (*drop*).

One pick: exit clear, motor on, the note covers the sensor, clears it, motor off at once, and nothing more may move
until the path has been quiet. Every way out of it, also cancellation, switches the motors off.

What it cannot know, with a single sensor at the exit, and the next exchange finds instead: two notes that lie exactly on
one another; notes that pass a sensor gone blind. So that a blind sensor costs one note and not many, `pick_timeout_ms`
must be shorter than the mechanism needs for two notes.

Wiring that has to be safe without this program (power-on, a killed process): each motor's driver board needs a resistor
that holds it off. The diverter rests on the reject bin: only during a pick is the way to the customer open.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial

from drivers.debounce import Edge
from drivers.devices import ONLINE, DeviceError, DeviceReport, DeviceState, Fault, Pick, PickOutcome
from drivers.gpio import Board, InputPin, InputWiring, OutputPin, OutputWiring, Pin, close_all
from drivers.passage import Observation, Way, judge

MOST_CHANGES = 16  # of the sensors in one pick; more is a sensor that flickers


@dataclass(frozen=True, slots=True, kw_only=True)
class CassetteWiring:
    """One cassette: its motor, and its own sensor (on: it holds no note) where it has one."""

    name: str
    motor: OutputWiring
    empty_sensor: InputWiring | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DispenserWiring:
    """The mechanism's pins. Sensors are on while covered; the diverter is on while the way to the customer is open."""

    cassettes: tuple[CassetteWiring, ...]
    exit_sensor: InputWiring
    reject_sensor: InputWiring | None = None
    diverter: OutputWiring | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DispenserTimings:
    """The mechanism's times in milliseconds."""

    pick_timeout_ms: int = 600
    """Motor on until the note covers a sensor, at most. Shorter than the mechanism needs for two notes."""
    shortest_note_ms: int = 15
    """A sensor covered or clear for less is a bounce."""
    double_note_ms: int = 220
    """A sensor covered for longer saw two notes that overlap."""
    longest_note_ms: int = 500
    """A sensor covered for longer is jammed."""
    gap_ms: int = 150
    """A second note follows a first one within this, or not at all; the path is quiet when none did."""
    brake_ms: int = 50
    """A motor that is switched off may still move a note for this long."""


@dataclass(frozen=True, slots=True)
class _Doubt:
    """Why nothing is picked until a reset succeeds."""

    fault: Fault
    sentence: str


class GpioDispenser:
    """A `devices.Dispenser` on GPIO. It has no memory of its own, so `counter` is None."""

    counter: int | None = None

    def __init__(
        self, board: Board, wiring: DispenserWiring, timings: DispenserTimings | None = None, *, name: str = "dispenser"
    ) -> None:
        """Raises DeviceError (CONFIG) for times or wiring that contradict one another. No pin is touched yet."""
        self.name = name
        self.cassettes = tuple(cassette.name for cassette in wiring.cassettes)
        self._board = board
        self._wiring = wiring
        self._times = timings or DispenserTimings()
        self._motors: dict[str, OutputPin] = {}
        self._empty: dict[str, InputPin] = {}
        self._sensors: dict[Way, InputPin] = {}
        self._diverter: OutputPin | None = None
        self._observation: Observation | None = None
        self._doubt: _Doubt | None = None
        self._busy = False
        self._check()

    def __repr__(self) -> str:
        return f"<dispenser with {len(self.cassettes)} cassettes, {self.report.state}>"

    # ---- Device ----

    @property
    def report(self) -> DeviceReport:
        if not self._sensors:
            return DeviceReport(DeviceState.OFFLINE, f"The {self.name} is not open.")
        if self._busy:
            return ONLINE
        if self._doubt is not None:
            return DeviceReport(DeviceState.HARDWARE_ERROR, self._doubt.sentence)
        try:
            covered = self._covered()
        except DeviceError as error:
            return DeviceReport(DeviceState.HARDWARE_ERROR, str(error))
        if covered:
            return DeviceReport(DeviceState.HARDWARE_ERROR, self._covered_sentence(covered))
        return ONLINE

    def open(self) -> None:
        """Claim the pins, motors off. Raises DeviceError (CONFIG); then no pin stays claimed."""
        if self._sensors:
            return
        try:
            self._claim()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Motors off, then every pin given back. May be called again."""
        pins: list[Pin] = [*self._motors.values(), *self._empty.values(), *self._sensors.values()]
        if self._diverter is not None:
            pins.append(self._diverter)
        self._diverter = None
        for claimed in (self._motors, self._empty, self._sensors):
            claimed.clear()
        close_all(pins)

    def _claim(self) -> None:
        wiring = self._wiring
        for cassette in wiring.cassettes:  # motors first: from here on they are off
            self._motors[cassette.name] = self._board.output(cassette.motor, self._use(f"motor of {cassette.name}"))
        if wiring.diverter is not None:
            self._diverter = self._board.output(wiring.diverter, self._use("diverter"))
        for cassette in wiring.cassettes:
            if cassette.empty_sensor is not None:
                use = self._use(f"empty sensor of {cassette.name}")
                self._empty[cassette.name] = self._board.input(cassette.empty_sensor, use)
        self._claim_sensor(Way.EXIT, wiring.exit_sensor)
        if wiring.reject_sensor is not None:
            self._claim_sensor(Way.REJECT, wiring.reject_sensor)

    def _claim_sensor(self, way: Way, wiring: InputWiring) -> None:
        sensor = self._board.input(wiring, self._use(f"{way} sensor"))
        self._sensors[way] = sensor
        sensor.watch(partial(self._saw, way), debounce_ms=self._times.shortest_note_ms)

    def _use(self, what: str) -> str:
        return f"the {self.name}'s {what}"

    # ---- Dispenser ----

    def looks_empty(self, cassette: str) -> bool:
        """False where the cassette has no sensor: nothing says so. Raises DeviceError where it cannot be read."""
        sensor = self._empty.get(cassette)
        return sensor is not None and sensor.on

    async def pick(self, cassette: str) -> Pick:
        """Move one note of `cassette` and say what is proven of it.

        Raises DeviceError only before anything moved: SENSOR (the exit is covered), CONFIG (no such cassette),
        UNPLUGGED (not open, a pin that cannot be read), JAM or TIMEOUT (an earlier doubt: reset first). Once the motor
        was told to run, even a pin that fails ends in a Pick.
        """
        return await self._pick(cassette, to_exit=True)

    @property
    def tests_to_bin(self) -> bool:
        """The diverter, left as it rests, leads to the bin, and a sensor there sees the note arrive."""
        return self._wiring.diverter is not None and self._wiring.reject_sensor is not None

    async def test(self, cassette: str) -> Pick:
        """As `pick`, into the reject bin where `tests_to_bin`, else out at the exit."""
        return await self._pick(cassette, to_exit=not self.tests_to_bin)

    async def reset(self) -> None:
        """Motors off; end an earlier doubt. Raises DeviceError (SENSOR, or JAM after one) while a sensor is covered."""
        assert not self._busy, "no reset during a pick"
        self._open_or_raise()
        self._busy = True
        try:
            self._stop()
            await asyncio.sleep(self._times.brake_ms / 1000)
            await self._path_clear(Fault.JAM if self._doubt else Fault.SENSOR)
            self._doubt = None
        finally:
            self._busy = False

    # ---- one pick ----

    async def _pick(self, cassette: str, *, to_exit: bool) -> Pick:
        assert not self._busy, "one pick at a time"
        self._busy = True
        try:
            self._may_pick(cassette)
            await self._path_clear()
            if self.looks_empty(cassette):
                return Pick(PickOutcome.EMPTY, sentence=f"Cassette {cassette} is empty: exchange it.")
            return await self._move(cassette, to_exit=to_exit)
        finally:
            self._busy = False

    def _may_pick(self, cassette: str) -> None:
        self._open_or_raise()
        if cassette not in self._motors:
            raise DeviceError(self.name, Fault.CONFIG, f"The {self.name} has no cassette '{cassette}'.")
        if self._doubt is not None:
            raise DeviceError(self.name, self._doubt.fault, self._doubt.sentence)

    def _open_or_raise(self) -> None:
        if not self._sensors:
            raise DeviceError(self.name, Fault.UNPLUGGED, f"The {self.name} is not open.")

    async def _path_clear(self, fault: Fault = Fault.SENSOR) -> None:
        """A sensor that is covered gets one more look after the gap: it may have been a bounce."""
        for sensor in self._sensors.values():
            sensor.refresh()
        if self._covered():
            await asyncio.sleep(self._times.gap_ms / 1000)
        covered = self._covered()
        if covered:
            raise DeviceError(self.name, fault, self._covered_sentence(covered))

    def _covered(self) -> str:
        return " and ".join([way for way, sensor in self._sensors.items() if sensor.on or sensor.steady])

    def _covered_sentence(self, covered: str) -> str:
        return f"The {self.name}'s {covered} sensor is covered: clear the note path, then reset the {self.name}."

    async def _move(self, cassette: str, *, to_exit: bool) -> Pick:
        # stands until the end proves something else: a pick that is broken off leaves its note in doubt
        self._doubt = _Doubt(Fault.JAM, f"A pick of cassette {cassette} was broken off: its note is in doubt. Reset.")
        self._observation = observation = Observation()
        try:
            try:
                await self._run_motor(cassette, observation, to_exit=to_exit)
                calm = await self._quiet(observation)
            finally:
                self._observation = None
                self._stop()
        except DeviceError as error:
            return self._ended(Pick(PickOutcome.JAM, in_doubt=1, sentence=f"{error} The note that moved is in doubt."))
        return self._ended(self._judged(observation, calm, cassette))

    async def _run_motor(self, cassette: str, observation: Observation, *, to_exit: bool) -> None:
        """Until a note has passed a sensor, or the time for it is over."""
        try:
            if self._diverter is not None and to_exit:
                self._diverter.set(on=True)
            self._motors[cassette].set(on=True)
            await self._one_note(observation)
        finally:
            self._stop_motors()

    async def _one_note(self, observation: Observation) -> None:
        deadline = self._now() + self._times.pick_timeout_ms / 1000
        while (change := await observation.next(deadline)) is not None:
            if observation.passed:
                return
            deadline = self._passed_by(change.at)

    async def _quiet(self, observation: Observation) -> bool:
        """Wait until nothing has moved for the gap. False where a sensor flickers and there is no end to it."""
        quiet_at = self._now() + (self._times.brake_ms + self._times.gap_ms) / 1000
        for _ in range(MOST_CHANGES):
            change = await observation.next(quiet_at)
            if change is None:
                return True
            further = self._passed_by(change.at) if change.covered else change.at + self._times.gap_ms / 1000
            quiet_at = max(quiet_at, further)
        return False

    def _passed_by(self, covered_at: float) -> float:
        """When a note that covered a sensor at that time must have cleared it, and been seen to."""
        return covered_at + (self._times.longest_note_ms + self._times.shortest_note_ms) / 1000

    def _judged(self, observation: Observation, calm: bool, cassette: str) -> Pick:
        if calm:
            double_ms = self._times.double_note_ms
            return judge(observation.exit, observation.reject, double_note_ms=double_ms, cassette=cassette)
        sentence = f"The {self.name}'s sensors flicker: clean them, look for a note of cassette {cassette}, then reset."
        return Pick(PickOutcome.JAM, in_doubt=1, sentence=sentence)

    def _ended(self, pick: Pick) -> Pick:
        faults = {PickOutcome.JAM: Fault.JAM, PickOutcome.TIMEOUT: Fault.TIMEOUT}
        fault = faults.get(pick.outcome)
        self._doubt = _Doubt(fault, pick.sentence) if fault else None
        return pick

    def _saw(self, way: Way, edge: Edge) -> None:
        if self._observation is not None:
            self._observation.saw(way, edge)

    # ---- safe stop ----

    def _stop(self) -> None:
        try:
            self._stop_motors()
        finally:
            self._close_way()

    def _stop_motors(self) -> None:
        """Each motor is told to stop, whatever became of the others."""
        failed: DeviceError | None = None
        for motor in self._motors.values():
            try:
                motor.safe()
            except DeviceError as error:
                failed = failed or error
        if failed is not None:
            raise failed

    def _close_way(self) -> None:
        if self._diverter is not None:
            self._diverter.safe()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _check(self) -> None:
        times, wiring = self._times, self._wiring
        rules = {
            "needs at least one cassette": bool(self.cassettes),
            "needs cassettes of different names": len(set(self.cassettes)) == len(self.cassettes),
            "needs motors that are off where they are safe": not any(each.motor.safe_on for each in wiring.cassettes),
            "needs a diverter that rests on the reject bin": wiring.diverter is None or not wiring.diverter.safe_on,
            "needs shortest_note_ms < double_note_ms < longest_note_ms, from 1 ms on": 0
            < times.shortest_note_ms
            < times.double_note_ms
            < times.longest_note_ms,
            "needs gap_ms > shortest_note_ms": times.gap_ms > times.shortest_note_ms,
            "needs pick_timeout_ms > shortest_note_ms": times.pick_timeout_ms > times.shortest_note_ms,
            "needs brake_ms of 0 or more": times.brake_ms >= 0,
        }
        for rule, kept in rules.items():
            if not kept:
                raise DeviceError(self.name, Fault.CONFIG, f"The {self.name} {rule}.")
