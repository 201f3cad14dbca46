"""From a finger to changed pixels, on the kiosk's window and on a page: the distribution, in frames of 60 Hz."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Sequence

from processes import BENCH, MeasuringError

FRAME_S = 1 / 60
TOUCH_PATIENCE_S = 60.0
MARKS = ("p50", "p95", "p99", "max")


def kiosk_touches_s(display: str, touches: int) -> list[float]:
    """On the X display of that name. Raises MeasuringError."""
    done = subprocess.run(
        [sys.executable, str(BENCH / "touch_probe.py"), str(touches)], capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL, timeout=TOUCH_PATIENCE_S + touches, env=os.environ | {"DISPLAY": display},
    )  # fmt: skip
    found = [float(line) for line in done.stdout.splitlines() if line.startswith(tuple("0123456789"))]
    if done.returncode or len(found) != touches:
        raise MeasuringError(f"the window was not touched {touches} times: {done.stderr[-500:]}")
    return found


def distribution(seconds: Sequence[float]) -> dict[str, float]:
    """In frames: half, 95, 99 of a hundred touches, and all of them, are no slower."""
    percentiles = statistics.quantiles(seconds, n=100, method="inclusive")
    marks = (percentiles[49], percentiles[94], percentiles[98], max(seconds))
    return {name: mark / FRAME_S for name, mark in zip(MARKS, marks, strict=True)}
