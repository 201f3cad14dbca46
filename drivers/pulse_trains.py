"""Pulses on a line into trains of pulses, by their edges' own times. Knows nothing of pins, timers or money."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

#: A train that goes on for longer is a line that flickers.
MOST_PULSES = 200
#: A length on its limit is within it, whatever the clock's floats make of it.
_CLOCK_S = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class PulseTimings:
    """How the acceptor speaks, in milliseconds. What holds for less than `noise_ms` did not happen."""

    noise_ms: int = 5
    pulse_least_ms: int = 30
    pulse_most_ms: int = 150
    gap_least_ms: int = 20
    gap_most_ms: int = 300
    """A pause that is longer ends the train; the acceptor must leave more than this between two notes."""

    def mistake(self) -> str:
        """What contradicts itself, as "needs ..."; empty where nothing does."""
        rules = {
            "needs 0 < noise_ms < pulse_least_ms < pulse_most_ms": 0
            < self.noise_ms
            < self.pulse_least_ms
            < self.pulse_most_ms,
            "needs noise_ms < gap_least_ms < gap_most_ms": self.noise_ms < self.gap_least_ms < self.gap_most_ms,
        }
        return next((rule for rule, kept in rules.items() if not kept), "")


@dataclass(frozen=True, slots=True)
class Train:
    """What ended in a long pause: the pulses of the right width, and what else was strange about it ("" for nothing)."""

    pulses: int
    strange: str = ""


class PulseTrains:
    """Give it every edge by `saw`, and call `settle` at `due`; both yield the trains that are over.

    Every pulse that held for `noise_ms` belongs to some train: nothing that may have been a note is dropped.
    """

    def __init__(self, timings: PulseTimings) -> None:
        self._least = timings.pulse_least_ms / 1000 - _CLOCK_S
        self._most = timings.pulse_most_ms / 1000 + _CLOCK_S
        self._gap_least = timings.gap_least_ms / 1000 - _CLOCK_S
        self._gap_most = timings.gap_most_ms / 1000 + _CLOCK_S
        self._noise = timings.noise_ms / 1000
        self._on = False  # as it last held
        self._changed_at = float("-inf")
        self._pending: tuple[bool, float] | None = None
        self._pulses = 0
        self._strange = ""
        self._open = False
        self.stuck = False

    @property
    def quiet(self) -> bool:
        """No train is under way, and nothing is on the line."""
        return not self._open and self._pending is None and not self._on

    @property
    def due(self) -> float | None:
        """When to call `settle`, in seconds of the edges' clock; None while there is nothing to wait for."""
        if self._pending is not None:
            return self._pending[1] + self._noise
        if self._on:
            return None if self.stuck else self._changed_at + self._most + self._noise
        return self._changed_at + self._gap_most + self._noise if self._open else None

    def saw(self, on: bool, at: float) -> Iterator[Train]:
        """An edge."""
        yield from self.settle(at, at_edge=True)
        self._pending = None if on == self._on else (on, at)

    def settle(self, now: float, *, at_edge: bool = False) -> Iterator[Train]:
        """What the time that has passed proves. `at_edge`: the level was `on` until now, so a pulse is as long as this."""
        if self._pending is not None and now >= self._pending[1] + self._noise:
            on, at = self._pending
            self._pending = None
            yield from self._held(on, at)
        if self._pending is not None:
            return
        late = 0 if at_edge else self._noise
        if self._on and not self.stuck and now > self._changed_at + self._most + late:
            self.stuck = True
            self._note("a pulse that did not end in time")
            yield self._over()
        elif self._open and not self._on and now > self._changed_at + self._gap_most:
            yield self._over()

    def _held(self, on: bool, at: float) -> Iterator[Train]:
        length = at - self._changed_at
        if on:
            if self._open and length > self._gap_most:
                yield self._over()
            if self._open and length < self._gap_least:
                self._note("two pulses too close to one another")
            self._open = True
        elif self.stuck:
            self.stuck = False
        else:
            yield from self._pulse(length)
        self._on, self._changed_at = on, at

    def _pulse(self, length: float) -> Iterator[Train]:
        if length < self._least:
            self._note("a pulse too short")
        elif length > self._most:
            self._note("a pulse too long")
        else:
            self._pulses += 1
        if self._pulses > MOST_PULSES:
            self._note("pulses without an end")
            yield self._over()

    def _note(self, what: str) -> None:
        self._strange = self._strange or what

    def _over(self) -> Train:
        train = Train(self._pulses, self._strange)
        self._pulses, self._strange, self._open = 0, "", False
        return train
