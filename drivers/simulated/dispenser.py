"""A note dispenser as electricity: watches the motors' pins, moves notes, works the sensors' pins, keeps every note.

It stands behind `drivers.dispenser.GpioDispenser` through the pins alone; both are built from one `DispenserWiring`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, ClassVar

from drivers.dispenser import DispenserWiring
from drivers.gpio import InputWiring, OutputWiring
from drivers.passage import Way
from drivers.simulated.faults import FaultMenu
from drivers.simulated.note_path import Mechanics, Note, NotePath
from drivers.simulated.pins import SimulatedPins

CHATTER_MS = (2, 4, 7, 9)  # after an edge, a bouncing sensor turns again at these


@dataclass(slots=True)
class Whereabouts:
    """Where the notes of one cassette are. All of them are somewhere: the sum is what was ever loaded."""

    cassette: int = 0
    throat: int = 0  # on the way, also under a sensor
    tray: int = 0  # the customer's, lying in the tray
    taken: int = 0  # the customer's, in hand
    reject: int = 0
    removed: int = 0  # by an operator: from the path, or with an exchange

    @property
    def customer(self) -> int:
        """Notes on the customer's side."""
        return self.tray + self.taken

    @property
    def total(self) -> int:
        return self.cassette + self.throat + self.tray + self.taken + self.reject + self.removed


class SensorLine:
    """A sensor's pin: what it should show, with what its faults make of it."""

    def __init__(
        self, pins: SimulatedPins, wiring: InputWiring, shown: Callable[[bool], bool], bounces: Callable[[], bool]
    ) -> None:
        self._pins = pins
        self._wiring = wiring
        self._shown = shown
        self._bounces = bounces
        self._on = False
        self._chatter: list[asyncio.TimerHandle] = []
        self._show(on=False)

    def set(self, on: bool) -> None:
        if on == self._on:
            return
        self._on = on
        self.refresh()
        if self._bounces():
            loop = asyncio.get_running_loop()
            for turn, after_ms in enumerate(CHATTER_MS):
                self._chatter.append(loop.call_later(after_ms / 1000, self._show, on if turn % 2 else not on))

    def refresh(self) -> None:
        for timer in self._chatter:
            timer.cancel()
        self._chatter.clear()
        self._show(self._on)

    def _show(self, on: bool) -> None:
        self._pins.drive(self._wiring.pin, self._shown(on) == self._wiring.active_high)


class ElectricDispenser(FaultMenu):
    """The mechanism, with its faults and with every note's place."""

    faults: ClassVar[Mapping[str, str]] = {
        "jam-before-sensor": "The next note jams before the exit sensor, until someone clears the path.",
        "jam-in-sensor": "The next note jams under the exit sensor, until someone clears the path.",
        "falls-back": "The next note clears the exit sensor and falls back on it.",
        "stuck-in-throat": "The next note sticks before the sensor and moves on with the next run of the motor.",
        "slow-note": "The wheel slips on the next note before it moves.",
        "double-overlap": "Two notes come, one lying on the other's end.",
        "double-gap": "Two notes come, one close behind the other.",
        "reject-next": "The next note goes to the reject bin.",
        "motor-dead": "The motor is told to run and does not turn.",
        "sensor-bounce": "The exit sensor chatters at each edge.",
        "sensor-stuck-covered": "The exit sensor says covered, whatever is there.",
        "sensor-stuck-clear": "The exit sensor says clear, whatever is there.",
        "looks-empty": "The cassettes' own sensors say empty.",
        "looks-full": "The cassettes' own sensors say that there are notes.",
    }

    def __init__(
        self,
        pins: SimulatedPins,
        wiring: DispenserWiring,
        mechanics: Mechanics | None = None,
        *,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """`changed` is called whenever a note is somewhere else than before: the moment to keep a `snapshot`."""
        super().__init__()
        self._told = changed
        self.tray_changed: Callable[[], None] = lambda: None
        self._pins = pins
        self._wiring = wiring
        self._mechanics = mechanics or Mechanics()
        names = tuple(cassette.name for cassette in wiring.cassettes)
        self._places = {name: Whereabouts() for name in names}
        self._path = NotePath(names, self._mechanics, self)
        self._sensors = {Way.EXIT: SensorLine(pins, wiring.exit_sensor, self._exit_shown, self._exit_bounces)}
        if wiring.reject_sensor is not None:
            self._sensors[Way.REJECT] = SensorLine(pins, wiring.reject_sensor, bool, lambda: False)
        for cassette in wiring.cassettes:
            self._attach_motor(cassette.motor, cassette.name)
        if wiring.diverter is not None:
            pins.resistor(wiring.diverter.pin, not wiring.diverter.active_high)
        self._tell_cassettes()

    def __repr__(self) -> str:
        return f"<simulated dispenser {self.physical}>"

    # ---- what a person does to it, and sees ----

    @property
    def physical(self) -> dict[str, Whereabouts]:
        """Where the notes of each cassette are now (copies)."""
        places = {name: Whereabouts(**asdict(place)) for name, place in self._places.items()}
        for note in self._path.notes:
            places[note.cassette].throat += 1
        return places

    @property
    def in_tray(self) -> int:
        """Notes that lie in the tray."""
        return sum(place.tray for place in self._places.values())

    @property
    def motors_on(self) -> tuple[str, ...]:
        """The cassettes whose motor has current now."""
        return tuple(each.name for each in self._wiring.cassettes if self._is_on(each.motor))

    def load(self, cassette: str, count: int) -> None:
        """An exchange: the notes that are in the cassette go out with it, `count` fresh ones are in it."""
        place = self._places[cassette]
        place.removed += place.cassette
        place.cassette = count
        self._tell_cassettes()
        self._changed()

    def empty_rejects(self) -> dict[str, int]:
        """An operator empties the reject bin: its notes by cassette."""
        found = {name: place.reject for name, place in self._places.items() if place.reject}
        for place in self._places.values():
            place.removed += place.reject
            place.reject = 0
        self._changed()
        return found

    def take_cash(self) -> dict[str, int]:
        """The customer takes what is in the tray: notes by cassette."""
        taken = {name: place.tray for name, place in self._places.items() if place.tray}
        for place in self._places.values():
            place.taken += place.tray
            place.tray = 0
        self._changed()
        return taken

    def tip_tray(self) -> None:
        """What lies in the tray falls into the reject bin."""
        for place in self._places.values():
            place.reject += place.tray
            place.tray = 0
        self._changed()

    def pull_note(self) -> int:
        """The customer pulls at what sticks out under the exit sensor: notes that came."""
        pulled = self._path.take(partial(self._path.covers, way=Way.EXIT))
        for note in pulled:
            self._places[note.cassette].taken += 1
        self._changed()
        return len(pulled)

    def clear_path(self) -> int:
        """An operator takes every note out of the path: how many there were."""
        cleared = self._path.take(lambda _: True)
        for note in cleared:
            self._places[note.cassette].removed += 1
        self._changed()
        return len(cleared)

    def snapshot(self) -> dict[str, Any]:
        """Every note's place as plain data, for a machine that keeps its notes over a restart."""
        return {
            "places": {name: asdict(place) for name, place in self._places.items()},
            "path": [asdict(note) for note in self._path.notes],
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Put every note where it was. Raises ValueError where the machine has other cassettes than it had."""
        strangers = sorted(set(snapshot["places"]) - set(self._places))
        if strangers:
            raise ValueError(f"The notes that were kept are of cassettes that this machine has not: {strangers}.")
        for name, place in snapshot["places"].items():
            self._places[name] = Whereabouts(**place)
        for note in snapshot["path"]:
            way = None if note["way"] is None else Way(note["way"])
            self._path.put(Note(**{**note, "way": way}))
        self._tell_cassettes()
        self.tray_changed()

    # ---- the path's surroundings ----

    def grip(self, cassette: str) -> list[Note]:
        notes = [self._next_note(cassette)][: self._places[cassette].cassette]
        if notes and self._places[cassette].cassette > 1:
            notes += self._second_note(notes[0])
        self._places[cassette].cassette -= len(notes)
        self._tell_cassettes()
        return notes

    def moved(self) -> None:
        self._changed()

    def turn_off(self, note: Note) -> Way:  # noqa: ARG002 - the faults are the next note's, whichever it is
        diverter = self._wiring.diverter
        if self._strikes("reject-next") or (diverter is not None and not self._is_on(diverter)):
            return Way.REJECT
        return Way.EXIT

    def arrived(self, note: Note) -> None:
        place = self._places[note.cassette]
        if note.way is Way.REJECT:
            place.reject += 1
        else:
            place.tray += 1
            self.tray_changed()

    def covered(self, way: Way, on: bool) -> None:
        if way in self._sensors:
            self._sensors[way].set(on)

    def _changed(self) -> None:
        self._told()
        self.tray_changed()

    def _next_note(self, cassette: str) -> Note:
        times, note = self._mechanics, Note(cassette)
        if self._places[cassette].cassette == 0:
            return note
        if self._strikes("slow-note"):
            note.progress_ms = -times.slow_ms
        if self._strikes("jam-before-sensor"):
            note.stops_at_ms = times.feed_ms * 0.75
        elif self._strikes("jam-in-sensor"):
            note.stops_at_ms = times.feed_ms + times.note_ms / 2
        elif self._strikes("stuck-in-throat"):
            note.stops_at_ms, note.by_hand = times.feed_ms * 0.75, False
        elif self._strikes("falls-back"):
            note.falls_back, note.free_from_ms = True, times.past_ms
        return note

    def _second_note(self, first: Note) -> list[Note]:
        times = self._mechanics
        if self._strikes("double-overlap"):
            return [Note(first.cassette, first.progress_ms - times.overlap_ms)]
        if self._strikes("double-gap"):
            behind = times.note_ms + times.follow_ms
            free_from_ms = times.feed_ms - times.follow_ms
            return [Note(first.cassette, first.progress_ms - behind, free_from_ms=free_from_ms)]
        return []

    # ---- the pins ----

    def _attach_motor(self, motor: OutputWiring, cassette: str) -> None:
        self._pins.resistor(motor.pin, not motor.active_high)  # the driver board holds it off
        self._pins.watch(motor.pin, partial(self._motor_turned, motor, cassette))

    def _motor_turned(self, motor: OutputWiring, cassette: str, level: bool) -> None:
        if level == motor.active_high:
            self._path.start(cassette, dead=self._strikes("motor-dead"))
        else:
            self._path.stop(cassette)

    def _is_on(self, output: OutputWiring) -> bool:
        return self._pins.level(output.pin) == output.active_high

    def _exit_shown(self, on: bool) -> bool:
        return self._has("sensor-stuck-covered") or (on and not self._has("sensor-stuck-clear"))

    def _exit_bounces(self) -> bool:
        return self._strikes("sensor-bounce")

    def _tell_cassettes(self) -> None:
        for cassette in self._wiring.cassettes:
            if cassette.empty_sensor is not None:
                empty = self._places[cassette.name].cassette == 0
                shown = self._has("looks-empty") or (empty and not self._has("looks-full"))
                self._pins.drive(cassette.empty_sensor.pin, shown == cassette.empty_sensor.active_high)

    def _fault_changed(self, name: str) -> None:
        if name.startswith("sensor-stuck"):
            self._sensors[Way.EXIT].refresh()
        if name.startswith("looks-"):
            self._tell_cassettes()
