"""What a note dispenser's sensors saw during one pick, and what that proves. Knows nothing of pins."""

from __future__ import annotations

import asyncio
import enum
from collections import deque
from dataclasses import dataclass, field

from drivers.debounce import Edge
from drivers.devices import Pick, PickOutcome


class Way(enum.StrEnum):
    """Where a sensor stands: past it a note is the customer's, or in the reject bin."""

    EXIT = "exit"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Change:
    """One sensor was covered or cleared, at a time of the loop's clock (seconds)."""

    way: Way
    covered: bool
    at: float


@dataclass(slots=True)
class Passage:
    """One sensor's account: how long each thing covered it that is past it, and whether one covers it still."""

    lengths_ms: list[float] = field(default_factory=list)
    covered_since: float | None = None

    @property
    def covered(self) -> bool:
        return self.covered_since is not None

    def take(self, change: Change) -> None:
        if change.covered:
            self.covered_since = change.at
        elif self.covered_since is not None:
            self.lengths_ms.append((change.at - self.covered_since) * 1000)
            self.covered_since = None

    def notes(self, double_note_ms: int) -> int:
        """Notes past the sensor: what covered it for longer than one note does is two that overlap."""
        return sum(2 if length > double_note_ms else 1 for length in self.lengths_ms)

    def proven(self) -> int:
        """Notes past the sensor for certain: the last one may be what covers it again, and lengths are no proof."""
        return max(0, len(self.lengths_ms) - 1) if self.covered else len(self.lengths_ms)


class Observation:
    """Collects the changes of one pick in their order, and lets the pick wait for the next one."""

    def __init__(self) -> None:
        self.exit = Passage()
        self.reject = Passage()
        self._loop = asyncio.get_running_loop()
        self._changes: deque[Change] = deque()
        self._wake: asyncio.Future[None] | None = None

    @property
    def passed(self) -> bool:
        """A note has covered a sensor and cleared it."""
        return bool(self.exit.lengths_ms or self.reject.lengths_ms)

    def saw(self, way: Way, edge: Edge) -> None:
        change = Change(way, edge.on, edge.at)
        (self.exit if way is Way.EXIT else self.reject).take(change)
        self._changes.append(change)
        self._rouse()

    async def next(self, deadline: float) -> Change | None:
        """The next change, or None at `deadline` (loop time). What came in time is never lost to the deadline."""
        if not self._changes:
            self._wake = self._loop.create_future()
            timer = self._loop.call_at(deadline, self._rouse)
            try:
                await self._wake
            finally:
                timer.cancel()
                self._wake = None
        return self._changes.popleft() if self._changes else None

    def _rouse(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)


def judge(exit_: Passage, reject: Passage, *, double_note_ms: int, cassette: str) -> Pick:
    """What the two accounts prove, once motor and notes have come to rest. Money in doubt is never counted.

    - A sensor still covered: the note that covers it is in doubt. It may be a further one, or the last that was counted
      and fell back; so that one is not counted either. Only what had passed before it is.
    - A second note, by a second pulse or by its length, is surplus.
    - No sensor saw anything: the note is in doubt, whatever the cassette's own sensor says. That it says "empty" now
      and did not before proves that a note left the cassette, not that none did; that it still says "not empty"
      proves neither. So after a motor ran there is no EMPTY.
    """
    if exit_.covered or reject.covered:
        return _jammed(exit_, reject, double_note_ms, cassette)
    out, rejected = exit_.notes(double_note_ms), reject.notes(double_note_ms)
    if out:
        surplus = out - 1
        sentence = f"{surplus} more than one note came from cassette {cassette} in one pick." if surplus else ""
        return Pick(PickOutcome.DISPENSED, dispensed=1, surplus=surplus, rejected=rejected, sentence=sentence)
    if rejected:
        sentence = f"A note of cassette {cassette} went to the reject bin."
        return Pick(PickOutcome.REJECTED, rejected=rejected, sentence=sentence)
    sentence = (
        f"The motor of cassette {cassette} ran and no sensor saw a note: "
        "look for it in the note path, then reset the dispenser."
    )
    return Pick(PickOutcome.TIMEOUT, in_doubt=1, sentence=sentence)


def _jammed(exit_: Passage, reject: Passage, double_note_ms: int, cassette: str) -> Pick:
    dispensed = min(1, exit_.proven())
    surplus = exit_.proven() - dispensed
    unproven = exit_.notes(double_note_ms) - exit_.proven()
    place = "exit" if exit_.covered else "reject"
    return Pick(
        PickOutcome.JAM,
        dispensed=dispensed,
        surplus=surplus,
        rejected=reject.proven(),
        in_doubt=max(1, unproven),
        sentence=f"A note of cassette {cassette} covers the {place} sensor: clear the note path, then reset the dispenser.",
    )
