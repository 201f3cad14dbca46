"""A matrix keypad on GPIO pins: silent at rest, scanned only while a key is down.

Rows are outputs that pull low or let go (never high, so that two closed keys join no fighting outputs); columns are
inputs with pull-ups. At rest all rows are low, and any key is an edge on its column. After an edge the rows are pulled
low one at a time until every key is up again. Long cables need pull-ups of some 10 kilo-ohms of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from drivers.debounce import Edge
from drivers.devices import KEYS, ONLINE, DeviceError, DeviceReport, DeviceState, Fault, KeyPress
from drivers.gpio import Board, InputPin, InputWiring, OpenDrainPin, close_all
from drivers.key_tracker import KeyTracker


@dataclass(frozen=True, slots=True, kw_only=True)
class KeypadWiring:
    """BCM pins of rows and columns; `keys` names the keys row by row."""

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    keys: tuple[str, ...] = KEYS


@dataclass(frozen=True, slots=True, kw_only=True)
class KeypadTimings:
    """Milliseconds."""

    scan_ms: int = 10
    """Between two scans while a key is down."""
    debounce_ms: int = 20
    """Contacts must be alike for this long."""
    hold_ms: int = 2000
    """A key down for this long is reported as held, once."""
    held_scan_ms: int = 20
    """Between two scans from then on. A second key still counts, so it is not much slower."""
    stuck_ms: int = 15000
    """A key down for this long is a fault."""
    stuck_scan_ms: int = 200
    """Between two scans while a key is stuck."""


class MatrixKeypad:
    """A `devices.Keypad` on GPIO."""

    def __init__(
        self, board: Board, wiring: KeypadWiring, timings: KeypadTimings | None = None, *, name: str = "keypad"
    ) -> None:
        """Raises DeviceError (CONFIG) where the keys do not fill the matrix. No pin is touched yet."""
        self.name = name
        self._board = board
        self._wiring = wiring
        self._times = timings or KeypadTimings()
        self._rows: list[OpenDrainPin] = []
        self._columns: list[InputPin] = []
        self._heard: Callable[[KeyPress], None] | None = None
        self._tracker = self._fresh_tracker()
        self._timer: asyncio.TimerHandle | None = None
        self._trouble: DeviceError | None = None
        keys = wiring.keys
        if len(keys) != len(wiring.rows) * len(wiring.columns) or len(set(keys)) != len(keys):
            sentence = f"The {name} needs one key of its own name for each crossing of rows and columns."
            raise DeviceError(name, Fault.CONFIG, sentence)

    def __repr__(self) -> str:
        return f"<keypad, {'scanning' if self._timer else 'at rest'}>"

    @property
    def report(self) -> DeviceReport:
        if not self._columns:
            return DeviceReport(DeviceState.OFFLINE, f"The {self.name} is not open.")
        if self._trouble is not None:
            return DeviceReport(DeviceState.HARDWARE_ERROR, str(self._trouble))
        stuck = self._tracker.stuck(self._now())
        if stuck:
            return DeviceReport(DeviceState.HARDWARE_ERROR, self._stuck_sentence(stuck))
        return ONLINE

    def listen(self, heard: Callable[[KeyPress], None]) -> None:
        """Call `heard` for each press from now on; it takes the place of an earlier listener."""
        self._heard = heard

    def open(self) -> None:
        """Claim the pins. A key that is down already is not a press. Raises DeviceError (CONFIG); then none is claimed."""
        if self._columns:
            return
        try:
            self._claim()
            self._rest()
        except BaseException:
            self.close()
            raise
        if self._timer is not None:
            self._tracker.lock()

    def close(self) -> None:
        """Rows let go, every pin given back. May be called again."""
        self._stop()
        pins = [*self._columns, *self._rows]
        self._columns.clear()
        self._rows.clear()
        self._tracker = self._fresh_tracker()
        self._trouble = None
        close_all(pins)

    def _claim(self) -> None:
        for number, pin in enumerate(self._wiring.rows, 1):
            self._rows.append(self._board.open_drain(pin, f"row {number} of the {self.name}"))
        for number, pin in enumerate(self._wiring.columns, 1):
            column = self._board.input(InputWiring(pin=pin), f"column {number} of the {self.name}")
            self._columns.append(column)
            column.watch(self._woken)

    def _fresh_tracker(self) -> KeyTracker:
        times = self._times
        return KeyTracker(debounce_ms=times.debounce_ms, hold_ms=times.hold_ms, stuck_ms=times.stuck_ms)

    # ---- at rest, and scanning ----

    def _rest(self) -> None:
        """All rows low: any key makes an edge. One that is down already made its edge before, so look."""
        for row in self._rows:
            row.pull_low()
        for column in self._columns:
            column.refresh()
        if any(column.on for column in self._columns):
            self._scan_in(0)

    def _woken(self, edge: Edge) -> None:
        if edge.on and self._timer is None and self._trouble is None:
            self._scan_in(0)

    def _scan_in(self, wait_ms: int) -> None:
        self._timer = asyncio.get_running_loop().call_later(wait_ms / 1000, self._scan)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _scan(self) -> None:
        self._timer = None
        now = self._now()
        try:
            presses = self._tracker.scanned(self._closed(), now)
            if self._tracker.at_rest:
                self._rest()
            else:
                self._scan_in(self._pace_ms(now))
        except DeviceError as error:
            self._trouble = error
            return
        for press in presses:
            if self._heard is not None:
                self._heard(press)

    def _pace_ms(self, now: float) -> int:
        if self._tracker.stuck(now):
            return self._times.stuck_scan_ms
        return self._times.held_scan_ms if self._tracker.held(now) else self._times.scan_ms

    def _closed(self) -> frozenset[str]:
        """The keys whose contacts are closed, with the ghosts of a matrix without diodes. Leaves the rows let go."""
        for row in [row for row in self._rows if row.low]:
            row.release()
        closed = set[str]()
        for number, row in enumerate(self._rows):
            row.pull_low()
            keys = self._wiring.keys[number * len(self._columns) :]
            closed.update(key for key, column in zip(keys, self._columns, strict=False) if column.on)
            row.release()
        return frozenset(closed)

    def _stuck_sentence(self, stuck: tuple[str, ...]) -> str:
        keys = f"Key {stuck[0]} is" if len(stuck) == 1 else "Several keys are"
        return f"{keys} held down on the {self.name}: free it, or replace the pad."

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
