"""The kiosk's window beside the same menu as a page in headless Chromium: start, touches, memory, rest. Prints as it measures."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import browser
import resting
import touching
from processes import Command, MeasuringError, Memory, Share, memory

if TYPE_CHECKING:
    from support.real_processes import RealKiosk

KIOSK, PAGE = "the kiosk's window", "the same menu in headless Chromium"
#: What any Python program has before it does anything.
_BARE = "print(flush=True); input()"


def measure(kiosk: RealKiosk, directory: Path, *, touches: int, rest: int) -> None:
    """Raises MeasuringError."""
    with page(directory) as chromium:
        with resting.virtual_display(directory / "touched") as screen:
            print_touches(screen.name, chromium, touches)
        # Pixels of a window stay on such a display when it is gone: the first picture of another needs one of its own.
        with (
            resting.virtual_display(directory / "started") as screen,
            resting.kiosk_window(kiosk, screen, directory / "window.out") as window,
        ):
            print_start(window, chromium)
            print_memory(window, chromium)
            others = {PAGE: chromium.processes} if chromium is not None else {}
            print_rest(resting.rest(window, rest, others))


@contextlib.contextmanager
def page(directory: Path) -> Iterator[browser.Chromium | None]:
    """None, said once, where there is no Chromium."""
    if not browser.can_measure():
        print("\nChromium: SKIPPED, there is none here (apt-get install chromium)")
        yield None
        return
    with browser.chromium(directory) as chromium:
        yield chromium


def print_touches(display: str, chromium: browser.Chromium | None, touches: int) -> None:
    print(f"\nTouch to changed pixels at 1024×600, in frames of 60 Hz: {touches} touches each")
    print(f"  {'':66}" + "".join(f"{mark:>8}" for mark in touching.MARKS))
    ours = touching.distribution(touching.kiosk_touches_s(display, touches))
    _row(KIOSK, ours)
    if chromium is not None:
        theirs = touching.distribution(chromium.touches_s(touches))
        _row(PAGE, theirs)
        _row("  times the kiosk's", {mark: theirs[mark] / ours[mark] for mark in touching.MARKS}, "×")


def _row(name: str, marks: Mapping[str, float], unit: str = "") -> None:
    print(f"  {name:66}" + "".join(f"{marks[mark]:8.2f}{unit}" for mark in touching.MARKS))


def print_start(window: resting.Window, chromium: browser.Chromium | None) -> None:
    print("\nStart to the first picture: one start each, by the clock on the wall")
    print(f"  {KIOSK:66}{window.first_s:6.2f} s")
    if chromium is not None:
        print(f"  {PAGE:66}{chromium.first_s:6.2f} s{chromium.first_s / window.first_s:7.1f}× the kiosk's")


def print_memory(window: resting.Window, chromium: browser.Chromium | None) -> None:
    """Resident, and proportional: what many processes share counts once there."""
    print("\nMemory: resident and proportional, in service before the first receipt")
    base = bare_memory()
    measured = {"python that waits": base, KIOSK: window.memory}
    if chromium is not None:
        measured[f"{PAGE}, all {len(chromium.processes)} processes"] = memory(chromium.processes)
    for name, found in measured.items():
        print(
            f"  {name:66}{found.resident / 1e6:6.0f} MB{found.proportional / 1e6:6.0f} MB"
            f"{found.proportional / base.proportional:7.1f}×"
        )


def bare_memory() -> Memory:
    """Of `python` itself. Raises MeasuringError."""
    with subprocess.Popen(Command.python(_BARE).line, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        if not process.stdout.readline():
            raise MeasuringError(f"{sys.executable} does not start")
        found = memory([process.pid])
        process.communicate(b"\n")
    return found


def print_rest(shares: Mapping[str, Share]) -> None:
    base = shares[resting.LOOP].median
    print("\nAt rest: share of one core, median (mean) of the seconds")
    for name, share in shares.items():
        print(f"  {name:66}{share.median:6.2%} ({share.mean:.2%}){share.median / base:7.1f}×")
