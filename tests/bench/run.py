"""`make bench`: start, window and visits a second, each beside a baseline of the same run. It measures and never judges.

    python tests/bench/run.py [--rounds N] [--touches N] [--rest S] [--seconds S] [--terminals N …] [PART …]

What the figures mean is in docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from support.real_processes import RealBank, RealKiosk

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

PARTS = ("starting", "window", "visits", "till")


def main() -> int:
    from processes import MeasuringError

    options = parsed()
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"load {os.getloadavg()[0]:.1f} at the start"
    )
    try:
        with folder() as directory:
            if {"starting", "window"} & set(options.parts):
                kiosk_parts(directory, options)
            if "visits" in options.parts:
                print_visits(directory, options)
            if "till" in options.parts:
                print_till(directory, options.rounds)
    except MeasuringError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (default: all)")
    add("--rounds", type=int, default=5, help="of each start; the median is printed (5)")
    add("--touches", type=int, default=150, help="of the window, and of the page in Chromium (150)")
    add("--rest", type=int, default=20, metavar="SECONDS", help="how long the kiosk at rest is watched (20)")
    add("--seconds", type=float, default=4.0, help="of visits, and of empty answers, for each row (4)")
    add("--terminals", type=int, nargs="+", default=[2, 16, 128], metavar="N", help="a row for each number (2 16 128)")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"{', '.join(sorted(unknown))}: the parts are {', '.join(PARTS)}")
    options.parts = options.parts or PARTS
    return options


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """On the disk that the sources are on: where temporary files are kept in memory, no commit is durable."""
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="bench-", dir=build))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


# ── The kiosk ───────────────────────────────────────────────────────────────────────────────────────────────────────


def kiosk_parts(directory: Path, options: argparse.Namespace) -> None:
    """A bank that runs and a kiosk that is enrolled and loaded, and what is wanted of them."""
    from support.real_processes import RealBank, RealKiosk

    with RealBank.found(directory / "bank", logs=directory / "logs") as bank:
        kiosk = RealKiosk.enrolled(bank, directory / "kiosk")
        kiosk.load(top=100, middle=100, bottom=100)
        if "starting" in options.parts:
            print_starts(bank, kiosk, options.rounds)
        if "window" in options.parts:
            print_window(kiosk, directory, options)


def print_starts(bank: RealBank, kiosk: RealKiosk, rounds: int) -> None:
    import starting

    print(f"\nStarting: processor time, medians of {rounds} rounds in turn")
    print_times(starting.beside_a_bank(bank, kiosk, rounds), starting.BASE)
    bank.stop()
    print_times(starting.without_a_bank(bank, rounds), starting.BASE)
    bank.start()


def print_times(spent_s: Mapping[str, float], base: str) -> None:
    for name, seconds in spent_s.items():
        print(f"  {name:66}{seconds * 1000:6.0f} ms{seconds / spent_s[base]:7.1f}×")


def print_window(kiosk: RealKiosk, directory: Path, options: argparse.Namespace) -> None:
    """The kiosk's window, and beside it the same menu as a page in headless Chromium."""
    import resting
    import window

    if not resting.has_display_server():
        print("\nThe window: SKIPPED, there is no Xvfb here (apt-get install xvfb)")
        return
    window.measure(kiosk, directory, touches=options.touches, rest=options.rest)


# ── The bank ────────────────────────────────────────────────────────────────────────────────────────────────────────


def print_visits(directory: Path, options: argparse.Namespace) -> None:
    import visits

    disk = visits.durable_appends_a_second(directory)
    print("\nVisits: one bank process, mutual TLS 1.3, durable SQLite")
    print(
        f"  {visits.CLIENTS} client processes, {visits.MESSAGES} messages a visit; this disk does {disk:.0f} synced appends a second"
    )
    print("  terminals     visits   messages  empty answers     a message's     bank's processor    messages")
    print("              a second   a second       a second   time in empties   µs    in empties    a commit")
    for row in visits.visits(directory / "visits", options.terminals, options.seconds):
        print(
            f"  {row.terminals:9}{row.visits_a_second:11.0f}{row.messages_a_second:11.0f}{row.answers_a_second:15.0f}"
            f"{row.answers_a_second / row.messages_a_second:17.1f}×{row.message_s * 1e6:6.0f}"
            f"{row.message_s / row.answer_s:13.1f}×{row.shared:12.1f}"
        )
        print(f"  {'':9}  of its processor time: {shares(row.steps)}")


def shares(steps: Mapping[str, float]) -> str:
    rest = 1 - sum(steps.values())
    return ", ".join(f"{name} {share:.0%}" for name, share in {**steps, "TLS, HTTP, threads, sealing": rest}.items())


# ── Tills ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def print_till(directory: Path, rounds: int) -> None:
    import till

    found = till.measure(directory / "till", rounds)
    print("\nA till's balance, a process for each call: processor time, medians of runs in turn")
    print_times(found.spent_s, till.BASE)
    whole_s = found.spent_s[till.BALANCE]
    print(f"  of it: {', '.join(f'{step} {part_s / whole_s:.0%}' for step, part_s in found.steps_s.items())}; its end")
    crowd, base = found.crowd, found.base_crowd
    for name, seconds, of in (
        ("the bank's processor time for a call, its connection included", found.bank_s, found.spent_s[till.BASE]),
        ("a call by the clock on the wall", found.wall_s, found.base_wall_s),
        (f"{till.AT_ONCE} calls at once, by the clock on the wall", crowd.wall_s, base.wall_s),
        (f"{till.AT_ONCE} calls at once, their processor time", crowd.processor_s, base.processor_s),
    ):
        print(f"  {name:66}{seconds * 1000:6.0f} ms{seconds / of:7.1f}×")
    print(f"  (ratios to {till.BASE}: one, or as many at once)")


if __name__ == "__main__":
    sys.exit(main())
