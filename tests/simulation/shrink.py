"""A failing plan made small: the fewest visits and the fewest switched-on faults that still fail in the same way."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol

from simulation.run import Plan, Result, simulate

MOST_RUNS = 60
#: What is tried for the number of visits, fewest first: few visits cost little time.
TRIED_VISITS = (1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 28, 32, 40, 48, 64, 96, 128)


class Runs(Protocol):
    """How a plan is run; `simulation.run.simulate` is one."""

    def __call__(self, plan: Plan, *, keep_history: bool = False) -> Result: ...


@dataclass(frozen=True)
class Shrunk:
    """The smallest plan that was found, its result with history, and what it took. `faults`: what is on in it."""

    plan: Plan
    result: Result
    faults: tuple[str, ...]
    runs: int


def kind_of(violation: str) -> str:
    """A violation without its figures and names: what two seeds with one cause have in common."""
    return re.sub(r"\S*\d\S*", "#", violation)


def shrink(failing: Result, *, most_runs: int = MOST_RUNS, run: Runs = simulate) -> Shrunk:
    """The smallest plan that fails as `failing` did: some violation of the kind of its first one.

    Where no smaller plan fails in that way, one that fails in any way will do. The same result gives the same answer.
    `failing` must have failed. At most `most_runs` runs (2 or more), the last of them with its history kept.
    """
    assert failing.failed, "there is nothing to shrink"
    first = kind_of(failing.violations[0])
    search = _Search(failing.plan, tuple(sorted(failing.weather)), most_runs - 1, run)

    def alike(result: Result) -> bool:
        return any(kind_of(violation) == first for violation in result.violations)

    faults, visits = search.smallest(alike)
    if faults == search.all and visits == failing.plan.visits:
        faults, visits = search.smallest(lambda result: result.failed)
    plan = search.plan(faults, visits)
    return Shrunk(plan, run(plan, keep_history=True), faults, search.runs + 1)


class _Search:
    """Remembers what was run, so that nothing is run twice and the limit holds."""

    def __init__(self, whole: Plan, faults: tuple[str, ...], most_runs: int, run: Runs) -> None:
        self._whole, self._most, self._run = whole, most_runs, run
        self._known: dict[Plan, Result] = {}
        self.all = faults

    @property
    def runs(self) -> int:
        return len(self._known)

    def plan(self, faults: Sequence[str], visits: int) -> Plan:
        """With only `faults` on."""
        off = tuple(name for name in self.all if name not in faults)
        return replace(self._whole, visits=visits, without=self._whole.without + off)

    def smallest(self, holds: Callable[[Result], bool]) -> tuple[tuple[str, ...], int]:
        """Faults and visits of the smallest plan for which `holds`; the whole one's, where nothing smaller was found.

        Visits come first, and once more at the end: a run that ends sooner is the same until then, and takes less time.
        """

        def fails(faults: Sequence[str], visits: int) -> bool:
            result = self._result(self.plan(faults, visits))
            return result is not None and holds(result)

        def fewest(faults: Sequence[str], most: int) -> int:
            fewer = (visits for visits in TRIED_VISITS if visits < most)
            return next((visits for visits in fewer if fails(faults, visits)), most)

        visits = fewest(self.all, self._whole.visits)
        faults = least(self.all, lambda on: fails(on, visits))
        return faults, fewest(faults, visits)

    def _result(self, plan: Plan) -> Result | None:
        """None where the limit is reached."""
        if plan not in self._known:
            if self.runs >= self._most:
                return None
            self._known[plan] = self._run(plan)
        return self._known[plan]


def least(names: tuple[str, ...], fails: Callable[[Sequence[str]], bool]) -> tuple[str, ...]:
    """The fewest of `names` for which `fails` holds, as it does for all of them.

    Delta debugging (Zeller and Hildebrandt, 2002): ever finer parts, of which one alone or all but one may do.
    """
    if not names or fails(()):
        return ()
    parts = 2
    while len(names) > 1:
        pieces = _pieces(names, parts)
        others = [tuple(name for name in names if name not in piece) for piece in pieces]
        if (found := next(filter(fails, pieces), None)) is not None:
            names, parts = found, 2
        elif parts > 2 and (found := next(filter(fails, others), None)) is not None:
            names, parts = found, parts - 1
        elif parts < len(names):
            parts = min(2 * parts, len(names))
        else:
            break
    return names


def _pieces(names: tuple[str, ...], parts: int) -> list[tuple[str, ...]]:
    """`names` in so many pieces of nearly one size, none of them empty where there are names enough."""
    edges = [len(names) * number // parts for number in range(parts + 1)]
    return [names[start:end] for start, end in pairwise(edges)]
