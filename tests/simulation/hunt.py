"""The search from scratch: for each planted defect, the first seed on which the simulator finds it.

    python tests/simulation/hunt.py                              # all of them, 200 seeds each at most
    python tests/simulation/hunt.py --defect stale-books --seeds 20
    python tests/simulation/hunt.py --write                      # also the known seeds, for test_sim_defects.py

Exit 1 where a defect is not found: a hole in the simulator.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(_ROOT), str(_ROOT / "tests")]

from simulation.defects import DEFECTS, planted  # noqa: E402 - the path comes first
from simulation.founded import founded  # noqa: E402 - the path comes first
from simulation.run import Plan, Result, simulate  # noqa: E402 - the path comes first

#: Sizes that are tried, smallest first, for a known seed that costs a test as little as it can.
SIZES = (4, 8, 12, 24, 40)
#: What a plan must have for a defect whose name begins so.
_SHARES = {
    "code": ("codes",), "deposit": ("deposits",), "bill": ("errands",), "detail": ("errands",), "opening": ("errands",),
    "service": ("errands",), "balance": ("errands",), "statement": ("errands",), "pin": ("errands",), "tray": ("trays",),
    "door": ("doors", "trays"), "receipt": ("receipts",),
}  # fmt: skip
#: As many visits has a seed of the search.
VISITS = 40


@dataclass(frozen=True)
class Found:
    """What came of one defect. `seed` 0: nothing. `dirty`: seeds that fail without any defect, so that they prove nothing."""

    name: str
    seed: int = 0
    tried: int = 0
    sentence: str = ""
    dirty: tuple[int, ...] = ()
    plans: tuple[Plan, ...] = ()


def _plan(name: str, seed: int, visits: int) -> Plan:
    """A defect of cash codes, deposits or errands is found by people who have them: the others' plans stay as they were."""
    shares = dict.fromkeys(_SHARES.get(name.partition("-")[0], ()), 0.5)
    return Plan(seed, visits=visits, **shares)  # type: ignore[arg-type]  # its shares


def caught(name: str, plan: Plan) -> Result:
    """A run of `plan` with the defect in the code."""
    founded(errands=bool(plan.errands))  # what all runs of a process share is made before anything is broken
    with planted(name):
        return simulate(plan)


def hunt(name: str, seeds: range, *, small: bool) -> Found:
    """Seed after seed, until one finds the defect. `small`: then the cheapest of several plans that do, for the test."""
    dirty = []
    for seed in seeds:
        result = caught(name, _plan(name, seed, VISITS))
        if not result.failed:
            continue
        if simulate(_plan(name, seed, VISITS)).failed:
            dirty.append(seed)
            continue
        plans = tuple(_small(name, seed)) if small else ()
        return Found(
            name,
            seed,
            seed - seeds.start + 1,
            result.violations[0],
            tuple(dirty),
            plans or (_plan(name, seed, VISITS),),
        )
    return Found(name, 0, len(seeds), "", tuple(dirty))


def _small(name: str, first: int, more: int = 6) -> Iterator[Plan]:
    """Plans of the same and the next seeds that find it and are clean without it: the first of the smallest size."""
    for visits in SIZES:
        for seed in range(first, first + more):
            plan = _plan(name, seed, visits)
            if caught(name, plan).failed and not simulate(plan).failed:
                yield plan
                return


def _hunted(task: tuple[str, range, bool]) -> Found:
    name, seeds, small = task
    return hunt(name, seeds, small=small)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    began, found = time.monotonic(), []
    seeds = range(options.first, options.first + options.seeds)
    tasks = [(name, seeds, options.write) for name in options.defect or DEFECTS]
    with multiprocessing.get_context("spawn").Pool(min(options.jobs, len(tasks)), maxtasksperchild=4) as pool:
        for each in pool.imap_unordered(_hunted, tasks):
            found.append(each)
            print(f"[{len(found):2}/{len(tasks)}, {time.monotonic() - began:4.0f} s] {_line(each)}", flush=True)
    found.sort(key=lambda each: tasks.index((each.name, seeds, options.write)))
    return _report(found, options)


def _line(found: Found) -> str:
    dirty = f" (fail without it: {', '.join(map(str, found.dirty))})" if found.dirty else ""
    if not found.seed:
        return f"{found.name}: NOT FOUND in {found.tried} seeds{dirty}"
    return f"{found.name}: seed {found.seed}, after {found.tried}{dirty}: {found.sentence}"


def _report(found: Sequence[Found], options: argparse.Namespace) -> int:
    holes = [each for each in found if not each.seed]
    print(f"\n{len(found) - len(holes)} of {len(found)} defects found, within {options.seeds} seeds each")
    for each in holes:
        print(f"  hole: {each.name}: {DEFECTS[each.name].breaks}")
    if options.write:
        print("\nKNOWN: dict[str, Plan] = {")
        for each in found:
            if each.plans:
                plan = each.plans[0]
                known = dict.fromkeys(share for shares in _SHARES.values() for share in shares)
                shares = (share for share in known if getattr(plan, share))
                more = "".join(f", {share}={getattr(plan, share)}" for share in shares)
                print(f'    "{each.name}": Plan({plan.seed}, visits={plan.visits}{more}),')
        print("}")
    return 1 if holes else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Search for seeds that find the planted defects.")
    parser.add_argument(
        "--defect", action="append", metavar="NAME", choices=sorted(DEFECTS), help="only this one; may be repeated"
    )
    parser.add_argument("--seeds", type=int, default=200, help="give a defect up after so many (200)")
    parser.add_argument("--first", type=int, default=1, help="the first seed (1)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (one a core)")
    parser.add_argument(
        "--write", action="store_true", help="also print the dictionary of tests/simulation/test_sim_defects.py"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
