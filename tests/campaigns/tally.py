"""What a campaign has come to: counted from many threads, printed as it grows, reported at the end."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass
class Tally:
    """Kills by (victim, phase), ends of visits, and whatever else is counted by its name. `wanted`: so many kills."""

    wanted: int
    kills: Counter[tuple[str, str]] = field(default_factory=Counter)
    visits: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)
    cases: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    begun_s: float = field(default_factory=time.monotonic)
    over: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def kill(self, victim: str, phase: str) -> None:
        with self._lock:
            self.kills[victim, phase] += 1
            if self.kills.total() >= self.wanted:
                self.over.set()

    def visit(self, program: str, end: str) -> None:
        with self._lock:
            self.visits[program] += 1
            self.ends[end] += 1

    def count(self, what: str) -> None:
        with self._lock:
            self.others[what] += 1

    def case(self, kinds: Iterable[str]) -> None:
        with self._lock:
            self.cases.update(kinds)

    def fault(self, *sentences: str) -> None:
        """Something is not right: the campaign ends."""
        with self._lock:
            self.faults += sentences
        if sentences:
            self.over.set()

    @property
    def took_s(self) -> float:
        return time.monotonic() - self.begun_s


class Line:
    """One line on a terminal that is written anew again and again; elsewhere a line now and then."""

    def __init__(self, every_s: float = 10.0) -> None:
        self._every_s = every_s
        self._last_s = -every_s
        self._is_shown = False

    def say(self, text: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
            self._is_shown = True
        elif time.monotonic() - self._last_s >= self._every_s:
            self._last_s = time.monotonic()
            print(text, file=sys.stderr, flush=True)

    def end(self) -> None:
        if self._is_shown:
            print(file=sys.stderr)
            self._is_shown = False


def table(counted: Counter[str], order: Sequence[str] = ()) -> list[str]:
    """A line for each, in that order or the most frequent first."""
    names = [name for name in order if counted[name]] or [name for name, _ in counted.most_common()]
    return [f"  {counted[name]:7,}  {name}" for name in names] or ["  none"]
