"""A note acceptor as electricity: reads its control lines, sends pulses, moves notes, and keeps every note's place.

It stands behind `drivers.note_acceptor.GpioNoteAcceptor` through the pins alone; both are built from one wiring.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from drivers.devices import Holds
from drivers.gpio import InputWiring, OutputWiring
from drivers.note_acceptor import NoteAcceptorWiring
from drivers.simulated.faults import FaultMenu
from drivers.simulated.pins import SimulatedPins

CHATTER_MS = (1, 2, 3)  # after an edge, a bouncing line turns again at these


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptorMechanics:
    """Times in milliseconds: to draw a note in, of one pulse, between two, and for a note to leave the escrow."""

    draw_ms: int = 900
    pulse_ms: int = 50
    gap_ms: int = 50
    move_ms: int = 600
    sensor_ms: int = 80


class ElectricNoteAcceptor(FaultMenu):
    """The mechanism. Face values are in minor units; notes are where `places` says, and all of them are somewhere."""

    faults: ClassVar[Mapping[str, str]] = {
        "pulse-lost": "The next note sends one pulse too few.",
        "pulse-extra": "The next note sends one pulse too many.",
        "bounce": "The pulse line chatters at each edge.",
        "stuck-line": "The pulse line stays on.",
        "jam": "The next note jams on its way in, until someone takes it out.",
        "no-stack": "The escrow does not move towards the box.",
        "no-return": "The escrow does not move towards the mouth.",
        "half-train": "The acceptor loses its power in the middle of the next note's pulses; the note is in the box.",
    }

    def __init__(
        self, pins: SimulatedPins, wiring: NoteAcceptorWiring, *, pulses: Mapping[int, int], holds: Holds, most: int,
        mechanics: AcceptorMechanics | None = None, changed: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        """`pulses`: count → minor units. `changed` is called whenever a note is somewhere else than before."""
        super().__init__()
        self._pins = pins
        self._wiring = wiring
        self._counts = {minor: count for count, minor in pulses.items()}
        self._holds = holds
        self._most = most
        self._times = mechanics or AcceptorMechanics()
        self._changed = changed
        self._timers: list[asyncio.TimerHandle] = []
        self._busy = False
        self._moving = ""
        self.mouth: list[int] = []
        self.path: list[int] = []
        self.escrow: list[int] = []
        self.box: list[int] = []
        self._attach()

    def __repr__(self) -> str:
        return f"<simulated note acceptor {self.places}>"

    # ---- what a person does to it, and sees ----

    @property
    def values(self) -> tuple[int, ...]:
        """What it recognises, in minor units."""
        return tuple(sorted(self._counts))

    @property
    def places(self) -> dict[str, list[int]]:
        """Where notes are: `mouth` (to be taken), `path`, `escrow`, `box`. Copies, by face value."""
        return {"mouth": list(self.mouth), "path": list(self.path), "escrow": list(self.escrow), "box": list(self.box)}

    @property
    def inhibited(self) -> bool:
        return self._pins.level(self._wiring.inhibit.pin) == self._wiring.inhibit.active_high

    @property
    def ready(self) -> bool:
        """A note would be drawn in now."""
        full = self._holds is not Holds.NOTHING and len(self.escrow) >= self._most
        return not (self.inhibited or self._busy or self._moving or full or self.path)

    def insert(self, minor: int) -> bool:
        """A customer pushes a note in. False: it is not drawn in, and is still in the hand. In a running loop."""
        if not self.ready or minor not in self._counts:
            return False
        self._busy = True
        self.path.append(minor)
        self._changed()
        if self._strikes("jam"):
            self._later(self._times.draw_ms / 2, self._jam)
        else:
            self._later(self._times.draw_ms, self._send)
        return True

    def take(self) -> list[int]:
        """The customer takes what lies in the mouth."""
        taken, self.mouth = self.mouth, []
        self._changed()
        return taken

    def clear(self) -> list[int]:
        """An operator takes out what is stuck; the escrow stays."""
        cleared, self.path, self._busy = self.path, [], False
        self._show(self._wiring.jam, on=False)
        self._changed()
        return cleared

    def empty_box(self) -> list[int]:
        """An operator empties the box."""
        found, self.box = self.box, []
        self._changed()
        return found

    def power_off(self) -> None:
        """A power cut: what moves stops. A note that was on its way falls into the box when power is back."""
        for timer in self._timers:
            timer.cancel()
        self._timers, self._busy, self._moving = [], False, ""
        self.box += self.path
        self.path = []
        for line in (self._wiring.pulse, self._wiring.stacked, self._wiring.returned, self._wiring.jam):
            self._show(line, on=False)
        self._changed()

    def snapshot(self) -> dict[str, Any]:
        """Every note's place as plain data."""
        return {"acceptor": self.places}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Put every note where it was. Raises ValueError, KeyError or TypeError for what is no snapshot."""
        found = {name: [int(minor) for minor in snapshot["acceptor"][name]] for name in self.places}
        self.mouth, self.escrow = found["mouth"], found["escrow"]
        self.box = found["box"] + found["path"]

    # ---- pulses ----

    def _send(self) -> None:
        minor, times = self.path[-1], self._times
        count = self._counts[minor] - self._strikes("pulse-lost") + self._strikes("pulse-extra")
        if self._strikes("half-train"):
            sent = max(1, count // 2)
            self._pulse(sent, self.power_off)
        elif count == 0:
            self._later(times.gap_ms, self._arrived)
        else:
            self._pulse(count, self._arrived)

    def _pulse(self, left: int, then: Callable[[], None]) -> None:
        self._line(on=True)
        self._later(self._times.pulse_ms, lambda: self._pause(left - 1, then))

    def _pause(self, left: int, then: Callable[[], None]) -> None:
        self._line(on=False)
        self._later(self._times.gap_ms, (lambda: self._pulse(left, then)) if left else then)

    def _arrived(self) -> None:
        place = self.box if self._holds is Holds.NOTHING else self.escrow
        place.append(self.path.pop())
        self._busy = False
        self._changed()
        if self._holds is Holds.NOTHING:
            self._flash(self._wiring.stacked)

    def _jam(self) -> None:
        self._show(self._wiring.jam, on=True)

    def _line(self, *, on: bool) -> None:
        shown = on or self._has("stuck-line")
        self._show(self._wiring.pulse, on=shown)
        if self._strikes("bounce") and not self._has("stuck-line"):
            for turn, after_ms in enumerate(CHATTER_MS):
                self._later(after_ms, lambda turn=turn: self._show(self._wiring.pulse, on=on if turn % 2 else not on))  # type: ignore[misc]  # the turn is bound on purpose
            self._later(CHATTER_MS[-1] + 1, lambda: self._show(self._wiring.pulse, on=on))

    # ---- escrow ----

    def _told(self, line: str, wiring: OutputWiring, level: bool) -> None:
        if level != wiring.active_high or self._moving:
            return
        if self._strikes("no-stack" if line == "stack" else "no-return"):
            return
        self._moving = line
        self._later(self._times.move_ms, self._next)

    def _next(self) -> None:
        wiring = self._wiring.stack if self._moving == "stack" else self._wiring.give_back
        if wiring is None or not self.escrow or not self._is_on(wiring):
            self._moving = ""
            return
        note = self.escrow.pop(0)
        (self.box if self._moving == "stack" else self.mouth).append(note)
        self._changed()
        self._flash(self._wiring.stacked if self._moving == "stack" else self._wiring.returned)
        self._later(self._times.move_ms, self._next)

    # ---- the pins ----

    def _attach(self) -> None:
        wiring = self._wiring
        # Its own resistors: inhibited and still while nobody drives.
        self._pins.resistor(wiring.inhibit.pin, wiring.inhibit.active_high)
        for line, output in (("stack", wiring.stack), ("return", wiring.give_back)):
            if output is not None:
                self._pins.resistor(output.pin, not output.active_high)
                self._pins.watch(output.pin, lambda level, line=line, output=output: self._told(line, output, level))  # type: ignore[misc]  # the line is bound on purpose
        for sensor in (wiring.pulse, wiring.stacked, wiring.returned, wiring.jam):
            self._show(sensor, on=False)

    def _is_on(self, wiring: OutputWiring) -> bool:
        return self._pins.level(wiring.pin) == wiring.active_high

    def _flash(self, wiring: InputWiring | None) -> None:
        self._show(wiring, on=True)
        self._later(self._times.sensor_ms, lambda: self._show(wiring, on=False))

    def _show(self, wiring: InputWiring | None, *, on: bool) -> None:
        if wiring is not None:
            self._pins.drive(wiring.pin, on == wiring.active_high)

    def _later(self, after_ms: float, do: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        self._timers = [timer for timer in self._timers if not timer.cancelled() and timer.when() >= loop.time()]
        self._timers.append(loop.call_later(after_ms / 1000, do))

    def _fault_changed(self, name: str) -> None:
        if name == "stuck-line":
            self._show(self._wiring.pulse, on=self._has(name))
