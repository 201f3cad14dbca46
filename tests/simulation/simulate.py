"""`make simulate` and `make campaign`: the whole system under simulation, by seeds; a failing seed is told and repeated.

    python tests/simulation/simulate.py --seeds 1000 [--first 1] [--jobs N] [--visits V] [--codes P] [--deposits P]
                                     [--errands P] [--trays P] [--doors P] [--receipts P]
    python tests/simulation/simulate.py --seed 17 [--visits V] [--only FAULT,… | --without FAULT,…]
    python tests/simulation/simulate.py --campaign [--visits-total 200000] [--report DIR] [--codes P] …

Exit code 1: a seed failed; 130: it was stopped.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from simulation.campaign import Done, Tally, Task
    from simulation.report import Report
    from simulation.run import Plan
    from simulation.shrink import Shrunk

ROOT = Path(__file__).resolve().parents[2]
if not __package__:
    # In the place of this folder: modules of the standard library must not be looked for here.
    sys.path[:1] = [str(ROOT), str(ROOT / "tests")]

VISITS = 24
#: What a plan and the command line name alike.
SHARES = ("codes", "deposits", "errands", "trays", "doors", "receipts")
#: Of them: what a machine can have, with its own weather.
FITTED = ("trays", "doors", "receipts")
#: What a campaign's seeds have one after the other, where nothing else is asked for: all that a customer can do, and none of it.
MIXES: tuple[dict[str, float], ...] = (
    {},
    {"errands": 0.5, "receipts": 0.3},
    {"trays": 0.7, "doors": 0.3, "receipts": 0.5, "codes": 0.2},
    {"deposits": 0.4, "errands": 0.3, "trays": 0.3, "doors": 0.3},
)
#: Every so many seeds of a campaign one has its lines watched, which takes twice its time. No multiple of the mixes' number
#: or of a part of it: each of them is watched in turn.
WATCHED_EVERY = 49
#: To shrink takes many runs: what breaks every seed shows in a few of them.
SHRUNK = 3


def main(arguments: Sequence[str] | None = None) -> int:
    options = parsed(arguments)
    try:
        return one(options) if options.seed is not None else many(options)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--seed", type=int, metavar="N", help="this one, with its story")
    add("--seeds", type=_positive, default=1000, metavar="N", help="so many seeds (1000)")
    add("--first", type=int, default=1, metavar="N", help="the first of them (1)")
    add("--visits", type=_positive, default=VISITS, metavar="V", help=f"of each seed ({VISITS})")
    add(
        "--codes", type=_share, default=0.0, metavar="P", help="so many of the customers come with a cash code (0 to 1)"
    )
    add("--deposits", type=_share, default=0.0, metavar="P", help="so many have notes to pay in (0 to 1)")
    add(
        "--errands",
        type=_share,
        default=0.0,
        metavar="P",
        help="so many have something else to do, bills above all; and operators come",
    )
    add(
        "--trays",
        type=_share,
        default=0.0,
        metavar="P",
        help="so many of the machines see whether their cash was taken, and take back what is left (0 to 1)",
    )
    add("--doors", type=_share, default=0.0, metavar="P", help="so many of the machines watch their doors (0 to 1)")
    add(
        "--receipts",
        type=_share,
        default=0.0,
        metavar="P",
        help="so many of the machines have a receipt printer, and of the customers want a receipt (0 to 1)",
    )
    add("--jobs", type=_positive, default=_cores(), metavar="N", help="processes at once (one for each core)")
    add("--shrink", type=int, default=SHRUNK, metavar="N", help=f"shrink so many of the failing seeds ({SHRUNK})")
    add("--only", metavar="FAULT,…", help="with one seed: what may go wrong, or nothing")
    add("--without", metavar="FAULT,…", default="", help="with one seed: what may not go wrong")
    add("--campaign", action="store_true", help="until --visits-total are done; leaves a report")
    add("--visits-total", type=_positive, default=200_000, metavar="N", help="of a campaign (200000)")
    add("--watch-every", type=_positive, default=WATCHED_EVERY, metavar="N", help=argparse.SUPPRESS)
    add(
        "--report",
        type=Path,
        default=ROOT / "build" / "campaign",
        metavar="DIR",
        help="where it is left (build/campaign)",
    )
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of 1 or more")
    return int(text)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0.0 <= share <= 1.0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to 1")
    return share


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# ── One seed ────────────────────────────────────────────────────────────────────────────────────────────────────────


def one(options: argparse.Namespace) -> int:
    from simulation.story import lived, told

    lives = lived(_plan(options))
    print("\n".join(told(lives)))
    return int(lives.result.failed)


def _plan(options: argparse.Namespace) -> Plan:
    from simulation.run import Plan
    from simulation.weather import Weather

    without = tuple(name for name in options.without.split(",") if name)
    if options.only is not None:
        known = Weather.of(options.seed, **{name: bool(getattr(options, name)) for name in FITTED}).on()
        wanted = set(options.only.split(",")) - {"nothing"}
        if not wanted <= known.keys():
            sys.exit(
                f"seed {options.seed} has no {', '.join(sorted(wanted - known.keys()))}; it has {', '.join(known)}"
            )
        without += tuple(sorted(known.keys() - wanted))
    with suppress(AttributeError):
        for name in without:
            Weather().without(name)
        return Plan(options.seed, options.visits, without, **_shares(options))
    sys.exit(f"--without {options.without}: such a fault is not known")


def _shares(options: argparse.Namespace) -> dict[str, float]:
    """How many of the customers come for something else than cash by card."""
    return {kind: getattr(options, kind) for kind in SHARES}


def command(plan: Plan, faults: Sequence[str] | None = None) -> str:
    """What repeats the plan. `faults`: what is on in it, where that is not all."""
    here = Path(sys.prefix)
    python = here.relative_to(ROOT) / "bin" / "python" if here.is_relative_to(ROOT) else Path("python")
    words = [python.as_posix(), "tests/simulation/simulate.py", f"--seed {plan.seed} --visits {plan.visits}"]
    words += [f"--{kind} {share}" for kind in SHARES if (share := getattr(plan, kind))]
    if faults is not None:
        words.append(f"--only {','.join(faults) or 'nothing'}")
    elif plan.without:
        words.append(f"--without {','.join(plan.without)}")
    return " ".join(words)


# ── Many ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def many(options: argparse.Namespace) -> int:
    from simulation.campaign import Crew, Tally
    from simulation.reached import events, reached
    from simulation.report import Report
    from simulation.shrink import MOST_RUNS

    # Whoever ends it gets what there is so far, and no process or file is left behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # Read now: what is wrong with the list must not show after hours.
    needed = events() if options.campaign else []
    tally, began = Tally(), time.monotonic()
    progress = Progress(options.visits_total if options.campaign else options.seeds, campaign=options.campaign)
    with tempfile.TemporaryDirectory(prefix="simulate-") as directory:
        try:
            with Crew(options.jobs, Path(directory)) as crew:
                shrinking = options.shrink
                for done in crew.run(_tasks(options, tally)):
                    if done.task.shrinks:
                        progress.say(*_small(done))
                        continue
                    tally.add(done)
                    if done.violations:
                        progress.say(*_failure(done))
                        if shrinking > 0:
                            shrinking -= 1
                            progress.say(f"  being shrunk: this takes up to {MOST_RUNS} runs")
                            crew.add(replace(done.task, watched=False, shrinks=True))
                    progress.show(tally)
        finally:
            progress.end(tally)
            if options.campaign and tally.seeds:
                seconds = time.monotonic() - began
                _report(options, Report(tally, needed, reached(Path(directory)), seconds, options.jobs))
    return int(bool(tally.failed))


def _tasks(options: argparse.Namespace, tally: Tally) -> Iterator[Task]:
    """Seed after seed: so many, or until so many visits are done."""
    from simulation.campaign import Task
    from simulation.run import Plan

    asked = _shares(options)
    mixed = options.campaign and not any(asked.values())
    for number, seed in enumerate(count(options.first)):
        if tally.visits >= options.visits_total if options.campaign else number >= options.seeds:
            return
        plan = Plan(seed, options.visits, **(MIXES[seed % len(MIXES)] if mixed else asked))
        yield Task(plan, watched=options.campaign and number % options.watch_every == 0)


def _failure(done: Done) -> list[str]:
    plan = done.task.plan
    return [f"SEED {plan.seed} FAILED", *(f"  {each}" for each in done.violations), f"  repeat: {command(plan)}"]


def _small(done: Done) -> list[str]:
    """What a failing seed came down to."""
    if done.shrunk is None:
        return [
            f"SEED {done.task.plan.seed} could not be shrunk: {'; '.join(done.violations) or 'it did not fail again'}"
        ]
    return shortest(done.task.plan.seed, done.shrunk)


def shortest(seed: int, shrunk: Shrunk) -> list[str]:
    """The smallest plan that still fails as this seed did: its history, and the command that repeats it."""
    from simulation.story import line

    what = f"{shrunk.plan.visits} visits, and {', '.join(shrunk.faults) or 'nothing'} goes wrong"
    return [
        f"SEED {seed}, the shortest that fails, found in {shrunk.runs} runs: {what}",
        *(f"  {line(each)}" for each in shrunk.result.history),
        *(f"  FAILS: {each}" for each in shrunk.result.violations),
        f"  repeat: {command(shrunk.plan, shrunk.faults)}",
    ]  # fmt: skip


def _report(options: argparse.Namespace, report: Report) -> None:
    from simulation.report import write

    write(report, options.report)
    place = options.report.resolve()
    shown = place.relative_to(ROOT) if place.is_relative_to(ROOT) else place
    print(f"{report.verdict}. {report.reaching}. The report: {shown}/report.txt and report.png")


class Progress:
    """How far it came: one line that changes in a terminal; elsewhere a new one every now and then."""

    EVERY_S = 15.0
    BAR = 24

    def __init__(self, total: int, *, campaign: bool, out: TextIO = sys.stdout) -> None:
        self._total, self._campaign, self._out = total, campaign, out
        self._changes = out.isatty()
        self._began = self._shown = time.monotonic()

    def show(self, tally: Tally) -> None:
        now = time.monotonic()
        if self._changes:
            self._out.write(f"\r{self._line(tally, now)}\x1b[K")
            self._out.flush()
        elif now - self._shown >= self.EVERY_S and tally.seeds:
            self._shown = now
            print(self._line(tally, now), file=self._out, flush=True)

    def say(self, *lines: str) -> None:
        """Something that stays."""
        if self._changes:
            self._out.write("\r\x1b[K")
        print(*lines, sep="\n", file=self._out, flush=True)

    def end(self, tally: Tally) -> None:
        self.say(self._line(tally, time.monotonic()))

    def _line(self, tally: Tally, now: float) -> str:
        done = min(1.0, (tally.visits if self._campaign else tally.seeds) / self._total)
        full = int(done * self.BAR)
        seconds = max(now - self._began, 1e-9)
        left = f", {_span(seconds / done - seconds)} to go" if 0 < done < 1 else f" in {_span(seconds)}"
        return (
            f"[{'█' * full}{'·' * (self.BAR - full)}] {tally.seeds:,} seeds, {tally.visits:,} visits, "
            f"{tally.visits / seconds:.0f} visits/s, {len(tally.failed)} failed{left}"
        )


def _span(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


if __name__ == "__main__":
    sys.exit(main())
