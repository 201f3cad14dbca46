"""How notes move through a simulated dispenser: gripped by a motor, past a junction and a sensor, out or stuck.

Each cassette has a lane of its own; a note moves while its lane's motor runs, stops where it is when the motor does, and
moves on with the next run. Nothing here knows of pins. A loop that comes round late slows this world down, so that
no note jumps over a sensor.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from drivers.passage import Way

TINY_MS = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Mechanics:
    """The mechanism's times in milliseconds of a running motor."""

    feed_ms: float = 150
    """From the cassette to the sensor."""
    note_ms: float = 120
    """How long one note covers the sensor."""
    refeed_ms: float = 400
    """From the end of one note until the wheel grips the next."""
    coast_ms: float = 10
    """How long a motor still turns after it is switched off."""
    overlap_ms: float = 115
    """How far the second of two overlapping notes lies behind the first."""
    follow_ms: float = 40
    """The gap before a second note that follows on its own weight."""
    fall_back_ms: float = 40
    """How long after it cleared the sensor a note lies on it again."""
    slow_ms: float = 300
    """How long the wheel slips on a slow note."""

    @property
    def junction_ms(self) -> float:
        return self.feed_ms / 2

    @property
    def past_ms(self) -> float:
        return self.feed_ms + self.note_ms


@dataclass(slots=True)
class Note:
    """A note on its way, by the motor time since it was gripped (negative: the wheel still slips)."""

    cassette: str
    progress_ms: float = 0.0
    way: Way | None = None
    """Where the junction sent it; None before that."""
    stops_at_ms: float | None = None
    by_hand: bool = True
    """Where it stops it stays until someone takes it out; else the next run of the motor frees it."""
    free_from_ms: float | None = None
    """From here on it moves by its own weight, motor or not."""
    falls_back: bool = False

    @property
    def stopped(self) -> bool:
        return self.stops_at_ms is not None and self.progress_ms >= self.stops_at_ms - TINY_MS

    @property
    def free(self) -> bool:
        return self.free_from_ms is not None and self.progress_ms >= self.free_from_ms - TINY_MS


@dataclass(slots=True)
class Lane:
    """One cassette's way: its motor and the notes on it, the first one foremost."""

    notes: list[Note] = field(default_factory=list)
    running: bool = False
    dead: bool = False
    grip_in_ms: float | None = None

    @property
    def turning(self) -> bool:
        return self.running and not self.dead

    def moving(self) -> Iterator[Note]:
        held = any(note.stopped for note in self.notes)
        for note in self.notes:
            if not note.stopped and (note.free or (self.turning and not held)):
                yield note


class Surroundings(Protocol):
    """What the path asks and tells."""

    def grip(self, cassette: str) -> list[Note]:
        """The wheel grips: the notes that leave the cassette now."""

    def turn_off(self, note: Note) -> Way:
        """A note is at the junction: which way?"""

    def arrived(self, note: Note) -> None:
        """A note is past its sensor for good."""

    def covered(self, way: Way, on: bool) -> None:
        """A sensor is covered, or clear."""

    def moved(self) -> None:
        """Notes are elsewhere than before, and the path knows it already."""


class NotePath:
    """All lanes, in the time of the running loop."""

    def __init__(self, cassettes: tuple[str, ...], mechanics: Mechanics, surroundings: Surroundings) -> None:
        self.lanes = {name: Lane() for name in cassettes}
        self._mechanics = mechanics
        self._around = surroundings
        self._at: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._coasting: dict[str, asyncio.TimerHandle] = {}

    @property
    def notes(self) -> list[Note]:
        return [note for lane in self.lanes.values() for note in lane.notes]

    def start(self, cassette: str, *, dead: bool = False) -> None:
        """The motor is switched on; `dead`: it does not turn."""
        self._advance()
        coasting = self._coasting.pop(cassette, None)
        if coasting is not None:
            coasting.cancel()
        lane = self.lanes[cassette]
        lane.running, lane.dead = True, dead
        for note in lane.notes:
            if note.stopped and not note.by_hand:
                note.stops_at_ms = None
        lane.grip_in_ms = None if lane.notes else 0.0
        self._happen()

    def stop(self, cassette: str) -> None:
        """The motor is switched off; it coasts for a moment."""
        loop = asyncio.get_running_loop()
        self._coasting[cassette] = loop.call_later(self._mechanics.coast_ms / 1000, self._halt, cassette)

    def take(self, chosen: Callable[[Note], bool]) -> list[Note]:
        """Someone takes notes out of the path: those that were `chosen`."""
        self._advance()
        self._happen()
        taken = [note for note in self.notes if chosen(note)]
        for note in taken:
            self.lanes[note.cassette].notes.remove(note)
        self._happen()
        return taken

    def put(self, note: Note) -> None:
        """A note that lies in the path already."""
        self.lanes[note.cassette].notes.append(note)
        self._tell_sensors()

    def covers(self, note: Note, way: Way) -> bool:
        """The note lies under that sensor."""
        under = self._mechanics.feed_ms - TINY_MS <= note.progress_ms < self._mechanics.past_ms - TINY_MS
        return note.way is way and (under or self._fell_back(note))

    def _fell_back(self, note: Note) -> bool:
        return note.falls_back and note.progress_ms >= self._rest(note) - TINY_MS

    def _rest(self, note: Note) -> float:
        """Where the note ends its way."""
        return self._mechanics.past_ms + (self._mechanics.fall_back_ms if note.falls_back else 0)

    def _halt(self, cassette: str) -> None:
        self._coasting.pop(cassette, None)
        self._advance()
        lane = self.lanes[cassette]
        lane.running, lane.grip_in_ms = False, None
        self._happen()

    # ---- time ----

    def _advance(self) -> None:
        """Time passes until now, never past the next thing that is to happen."""
        now = asyncio.get_running_loop().time()
        elapsed = 0.0 if self._at is None else (now - self._at) * 1000
        self._at = now
        step = min([elapsed, *self._waits()])
        for lane in self.lanes.values():
            if lane.grip_in_ms is not None and lane.turning:
                lane.grip_in_ms -= step
            for note in list(lane.moving()):
                note.progress_ms += step

    def _waits(self) -> Iterator[float]:
        """Milliseconds until each next thing."""
        for lane in self.lanes.values():
            if lane.grip_in_ms is not None and lane.turning:
                yield max(0.0, lane.grip_in_ms)
            for note in lane.moving():
                yield min(mark - note.progress_ms for mark in self._marks(note) if mark > note.progress_ms + TINY_MS)

    def _marks(self, note: Note) -> Iterator[float]:
        yield from (self._mechanics.junction_ms, self._mechanics.feed_ms, self._mechanics.past_ms, self._rest(note))
        yield from (mark for mark in (note.stops_at_ms, note.free_from_ms) if mark is not None)

    def _tick(self) -> None:
        self._timer = None
        self._advance()
        self._happen()

    def _happen(self) -> None:
        for cassette, lane in self.lanes.items():
            for note in list(lane.notes):
                self._move_on(lane, note)
            self._grip(cassette, lane)
        self._tell_sensors()
        self._schedule()
        self._around.moved()

    def _move_on(self, lane: Lane, note: Note) -> None:
        if note.way is None and note.progress_ms >= self._mechanics.junction_ms - TINY_MS:
            note.way = self._around.turn_off(note)
        if note.progress_ms < self._rest(note) - TINY_MS:
            return
        if note.falls_back:
            note.stops_at_ms = self._rest(note)
        else:
            lane.notes.remove(note)
            self._around.arrived(note)

    def _grip(self, cassette: str, lane: Lane) -> None:
        if not lane.turning or lane.notes:
            return
        if lane.grip_in_ms is None:
            lane.grip_in_ms = self._mechanics.refeed_ms
        elif lane.grip_in_ms <= TINY_MS:
            lane.grip_in_ms = None
            lane.notes.extend(self._around.grip(cassette))

    def _tell_sensors(self) -> None:
        for way in Way:
            self._around.covered(way, any(self.covers(note, way) for note in self.notes))

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        wait_ms = min(self._waits(), default=None)
        if wait_ms is not None:
            self._timer = asyncio.get_running_loop().call_later(wait_ms / 1000, self._tick)
