"""Power cuts at every write and sync of the journal and of the bank's database, by the hundred thousand.

    PYTHONPATH=tests python -m simulation.crash_points [--points N] [--jobs J] [--seed S]

A history runs once. At each effect of it the disk is copied as it is then, the copy loses its power, and what comes up
from it is opened and compared with what was acknowledged. The same seed gives the same points, however many jobs.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from itertools import count, islice

import apsw
from simulation.crash_books import BankOnDisk, JournalOnDisk, OnDisk, Refused, Rows
from simulation.disk import Disk, PowerCut, seed_sqlite

_KINDS: dict[str, Callable[[], OnDisk]] = {"journal": JournalOnDisk, "bank": BankOnDisk, "lying": JournalOnDisk}


@dataclass
class Tally:
    """What was tried and what came of it. `failures`: (point, sentence) of what must never be."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[str, str]] = field(default_factory=list)

    @property
    def points(self) -> int:
        return sum(number for name, number in self.counts.items() if name.startswith("at "))

    def add(self, other: Tally) -> None:
        self.counts.update(other.counts)
        self.failures += other.failures


@dataclass(frozen=True)
class Shape:
    """Of one history. `before`: writes that are old; `writes`: those that are tried; `share`: of effects, how many."""

    before: int
    writes: int
    share: float = 1.0
    spill: int | None = None
    reopens: float = 0.15


def _shape(kind: str, chance: random.Random) -> Shape:
    """Mostly short histories, all of whose effects are tried; some from the first start on, some with a full WAL."""
    match chance.randrange(40):
        case 0 | 1:
            return Shape(before=-1, writes=3, share=0.2 if kind == "bank" else 1.0)
        case 2:
            return Shape(before=100, writes=60, share=0.1, reopens=0.01)
        case lot if lot < 20:
            return Shape(before=chance.randrange(8), writes=8, spill=chance.randint(2, 60))
        case _:
            return Shape(before=chance.randrange(8), writes=8)


@dataclass(frozen=True)
class Point:
    """A disk as it was just before an effect."""

    number: int
    place: str
    disk: Disk
    chance: random.Random


class Trial:
    """One history, `name` of ("journal", "bank", "lying"), and all its points; or only the one numbered `only`."""

    def __init__(self, kind: str, seed: int, index: int, only: int | None = None) -> None:
        self.name = f"{kind}/{index}"
        self._kind = kind
        self._seed = seed
        self._only = only
        self._tally = Tally()
        self._points: list[Point] = []
        self._numbers = count()
        self._known: Rows = []
        self._flight: Rows = []
        self._marks = {0}
        self._cut_in = 0
        self._watching = False
        self._starting = False
        self._chance = self._stream("history")
        self._pick = self._stream("pick")
        self._shape = _shape(kind, self._chance)
        self._disk = Disk(self._stream("disk"), self._effect)
        self._books = _KINDS[kind]()
        self._work = self._books.work(self._stream("work"))

    def _stream(self, *names: object) -> random.Random:
        return random.Random(repr((self._seed, self.name, *names)))

    # ── The history ─────────────────────────────────────────────────────────────────────────────────────────────────

    def run(self) -> Tally:
        self._tally.counts["histories"] = 1
        if self._shape.before >= 0:
            self._make_old()
        self._disk.lies = self._kind == "lying"
        try:
            self._whole()
        except Refused as refusal:
            self._fail("refused", self.name, f"the history's own start: {refusal}")
        self._disk.close()
        return self._tally

    def _whole(self) -> None:
        self._watching = True
        self._step("open", self._open)
        self._step("boot", self._keep, self._books.boot("first"))
        for place, piece in enumerate(islice(self._work, self._shape.writes)):
            if self._chance.random() < self._shape.reopens:
                self._reopen(str(place))
            self._step(f"write {place}", self._keep, piece)
        self._step("close", self._books.close)
        self._watching = False
        if not self._disk.lies:
            self._last_cut()

    def _make_old(self) -> None:
        """What was there before, all of it durable."""
        self._open()
        self._keep(self._books.boot("old"))
        for piece in islice(self._work, self._shape.before):
            self._keep(piece)
        if self._chance.random() < 0.5:
            self._books.close()
        self._disk.replace(self._disk.copy())

    def _step(self, name: str, act: Callable[..., None], *given: object) -> None:
        """One step; then what would have come of a cut at each of its effects."""
        seed_sqlite(self._stream("sqlite", name))
        before = self._known
        act(*given)
        points, self._points = self._points, []
        for point in points:
            if self._only in (None, point.number):
                self._examine(point, before)
        self._flight = []

    def _open(self) -> None:
        self._starting = True
        self._books.open(self._disk, self._shape.spill)
        self._starting = False

    def _keep(self, piece: object) -> None:
        self._flight = self._books.as_rows(piece)
        self._books.keep(piece)
        self._known = self._known + self._flight
        self._marks.add(len(self._known))

    def _reopen(self, place: str) -> None:
        """The firmware stops, or is killed, or the power goes off between two writes; then it starts again."""
        ways: list[Callable[[], None]] = [self._books.close, self._disk.kill]
        if not self._disk.lies:
            ways.append(self._disk.cut)
        self._step(f"end {place}", self._chance.choice(ways))
        self._step(f"open {place}", self._open)
        self._step(f"boot {place}", self._keep, self._books.boot(place))

    def _last_cut(self) -> None:
        """A cut that the code itself meets: it comes out of `keep`, and what the dead one still does is nothing."""
        self._open()
        self._keep(self._books.boot("last"))
        before, self._cut_in = self._known, self._chance.randint(1, 20)
        with suppress(PowerCut):
            self._keep(next(self._work))
        self._cut_in = 0
        self._disk.cut()
        with suppress(Exception):
            self._books.close()
        self._count("PowerCut")
        self._judge(self._disk, [before, before + self._flight], f"{self.name}/last")

    def _effect(self, what: str) -> None:
        if self._cut_in:
            self._cut_in -= 1
            if not self._cut_in:
                raise PowerCut
        if self._watching and self._pick.random() < self._shape.share:
            place = "recovery" if self._starting else what.partition(" ")[0]
            number = next(self._numbers)
            chance = self._stream("point", number)
            self._points.append(Point(number, place, self._disk.fork(chance), chance))

    # ── The points ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _examine(self, point: Point, before: Rows) -> None:
        label = f"{self.name}/{point.number}"
        if self._disk.lies:
            point.disk.cut()
            self._judge_liar(point, label)
            return
        allowed = [before, before + self._flight]
        lot = point.chance.random()
        if lot < 0.08:
            self._kill_first(point, allowed, label)
        else:
            self._count(point.place)
            point.disk.cut()
            if lot < 0.25:
                self._cut_again(point, allowed, label)
        self._judge(point.disk, allowed, label)

    def _count(self, place: str) -> None:
        self._tally.counts[f"at {place}"] += 1

    def _kill_first(self, point: Point, allowed: list[Rows], label: str) -> None:
        """The process is killed there, starts again and writes; the power goes off later."""
        self._count("killed, cut later")
        point.disk.kill()
        books = _KINDS[self._kind]()
        self._start_again(books, point, allowed, label)
        point.disk.cut()

    def _cut_again(self, point: Point, allowed: list[Rows], label: str) -> None:
        """The power comes back and goes off again at an effect of the start that follows."""
        left = iter(range(point.chance.randint(0, 24)))

        def effect(_: str) -> None:
            if next(left, None) is None:
                raise PowerCut

        point.disk.effect = effect
        # It lives until the cut: a connection that nobody holds any more would be closed in good order.
        books = _KINDS[self._kind]()
        with suppress(PowerCut):
            self._start_again(books, point, allowed, label)
        self._count("recovery" if point.disk.dead else "after recovery")
        point.disk.effect = lambda _: None
        point.disk.cut()

    def _start_again(self, books: OnDisk, point: Point, allowed: list[Rows], label: str) -> None:
        """Narrows `allowed` down to what the start has seen and what it has written."""
        boot = books.boot("again")
        try:
            books.open(point.disk)
        except Refused as refusal:
            self._fail("refused", label, f"killed or cut, it did not start: {refusal}")
            return
        if point.disk.dead:
            # SQLite may pass over an error, and the code that it was told to: the power is off all the same.
            raise PowerCut
        seen, flaw = _look(books)
        if seen in allowed and not flaw:
            new = books.as_rows(boot)
            allowed[:] = [seen, seen + new]
            books.keep(boot)
            allowed[:] = [seen + new]

    def _judge(self, disk: Disk, allowed: list[Rows], label: str) -> None:
        """What must come up: all that was acknowledged, in its order, and the write at hand wholly or not at all."""
        books = _KINDS[self._kind]()
        try:
            books.open(disk)
        except Refused as refusal:
            self._fail("refused", label, f"it does not open: {refusal}")
            return
        found, flaw = _look(books)
        if flaw:
            self._fail("unfit", label, flaw)
        elif found not in allowed:
            self._fail(*_wrong(found, allowed[0], label))
        disk.close()

    def _judge_liar(self, point: Point, label: str) -> None:
        """Whatever is lost: what opens is a state that once was, or it says in a sentence that it does not."""
        self._count(point.place)
        books = _KINDS[self._kind]()
        try:
            books.open(point.disk)
        except Refused:
            self._tally.counts["liar refused"] += 1
            return
        all_of_it = self._known
        found, flaw = _look(books)
        if flaw:
            self._fail("mixture", label, flaw)
        elif found != all_of_it[: len(found)] or len(found) not in self._marks:
            self._fail("mixture", label, f"the lying disk came up as {len(found)} rows that never were a state")
        elif len(found) >= len(all_of_it) - len(self._flight):
            self._tally.counts["liar lost nothing"] += 1
        else:
            self._tally.counts["liar came up empty" if not found else "liar lost acknowledged records"] += 1
        point.disk.close()

    def _fail(self, kind: str, label: str, sentence: str) -> None:
        self._tally.counts[kind] += 1
        self._tally.failures.append((label, sentence))


def _look(books: OnDisk) -> tuple[Rows, str]:
    """What is kept there, and what does not fit."""
    try:
        return books.rows(), books.flaw()
    except (apsw.Error, ValueError) as error:
        return [], f"it opens and cannot be read: {error}"


def _wrong(found: Rows, acknowledged: Rows, label: str) -> tuple[str, str, str]:
    kept = next(
        (place for place, pair in enumerate(zip(found, acknowledged, strict=False)) if pair[0] != pair[1]), None
    )
    kept = min(len(found), len(acknowledged)) if kept is None else kept
    if kept < len(acknowledged):
        return "lost", label, f"{len(acknowledged) - kept} of {len(acknowledged)} acknowledged rows are lost"
    return "invented", label, f"{len(found) - kept} rows are there that were never wholly written"


# ── The campaign ────────────────────────────────────────────────────────────────────────────────────────────────────

#: Which history is of what, by its index, over and over.
_MIX = ("journal",) * 5 + ("bank",)


def _run(given: tuple[str, int, int]) -> Tally:
    return Trial(*given).run()


def campaign(
    seed: int, points: int, mix: tuple[str, ...], run: Callable[..., Iterable[Tally]], at_once: int,
    told: Callable[[Tally], None] = lambda _: None,
) -> Tally:  # fmt: skip
    """Histories one after the other until there are `points` of them. `run` is a `map`, given so many `at_once`.

    What of a round lies past the goal is left out: neither rounds nor jobs change what is counted.
    """
    total = Tally()
    names = ((mix[index % len(mix)], seed, index) for index in count())
    while True:
        for tally in run(_run, list(islice(names, at_once))):
            total.add(tally)
            told(total)
            if total.points >= points:
                return total


def _progress(what: str, goal: int) -> Callable[[Tally], None]:
    began = time.monotonic()

    def told(total: Tally) -> None:
        if sys.stderr.isatty():
            rate = total.points / max(time.monotonic() - began, 0.001)
            bar = "#" * min(30, total.points * 30 // goal)
            sys.stderr.write(
                f"\r{what} [{bar:<30}] {total.points:,} of {goal:,}, {rate:,.0f}/s, {len(total.failures)} wrong "
            )
            sys.stderr.write("\n" if total.points >= goal else "")
            sys.stderr.flush()

    return told


def report(honest: Tally, liar: Tally, seed: int) -> str:
    """What was tried, and what came of it, for a person."""
    counts, lies = honest.counts, liar.counts
    places = sorted((name.removeprefix("at "), number) for name, number in counts.items() if name.startswith("at "))
    lines = [
        f"{honest.points:,} crash points of {counts['histories']:,} histories",
        *(f"  at {name:<20}{number:>9,}" for name, number in places),
        f"  lost acknowledged records   {counts['lost']:>5,}",
        f"  refused opens               {counts['refused']:>5,}",
        f"  never wholly written        {counts['invented']:>5,}",
        f"  tables that do not fit      {counts['unfit']:>5,}",
        f"a disk that lies about its syncs: {liar.points:,} crash points",
        *(
            f"  {what:<28}{lies['liar ' + what]:>9,} ({lies['liar ' + what] / max(liar.points, 1):.1%})"
            for what in ("lost nothing", "lost acknowledged records", "came up empty", "refused")
        ),
        f"  opened as what never was    {lies['mixture']:>9,}",
    ]
    for label, sentence in (honest.failures + liar.failures)[:20]:
        history, _, point = label.rpartition("/")
        lines.append(f"WRONG at {label}: {sentence}")
        lines.append(
            f"  PYTHONPATH=tests python -m simulation.crash_points --seed {seed} --history {history} --point {point}"
        )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="simulation.crash_points", description=__doc__.partition("\n")[0])
    parser.add_argument("--points", type=int, default=20_000, help="how many; a tenth more on a lying disk (20000)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at a time (all cores)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--history", help="only this one: journal/17, bank/3, lying/4")
    parser.add_argument("--point", help="of that history, only this one")
    options = parser.parse_args(arguments)
    if options.history:
        return _again(options.seed, options.history, options.point)
    began = time.monotonic()
    with multiprocessing.Pool(options.jobs) if options.jobs > 1 else nullcontext() as pool:
        run, few = pool.imap if pool else map, max(1, options.points // 10)
        at_once = options.jobs * 4
        honest = campaign(options.seed, options.points, _MIX, run, at_once, _progress("cuts", options.points))
        liar = campaign(options.seed, few, ("lying",), run, at_once, _progress("lies", few))
    print(report(honest, liar, options.seed))
    print(f"seed {options.seed}, {time.monotonic() - began:.0f} s, {options.jobs} jobs")
    return 1 if honest.failures or liar.failures else 0


def _again(seed: int, history: str, point: str | None) -> int:
    """One history, or one point of it, once more."""
    kind, _, index = history.partition("/")
    only = None if point is None else int(point) if point.isdigit() else -1
    tally = Trial(kind, seed, int(index), only).run()
    for name, number in sorted(tally.counts.items()):
        print(f"{name:<28}{number:>9,}")
    for label, sentence in tally.failures:
        print(f"WRONG at {label}: {sentence}")
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
