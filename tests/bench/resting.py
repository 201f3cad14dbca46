"""What the windowed kiosk costs at rest: the welcome screen in service, on a virtual display."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from processes import Command, MeasuringError, Share, shares_of_a_core
from support.real_processes import PROGRAMS, RealKiosk

KIOSK = "atm-kiosk simulate --window, welcome in service"
#: As often as the window looks for touches at rest.
LOOP = "an asyncio loop that wakes ten times a second"
_LOOP = "import asyncio\nasync def main():\n    while True: await asyncio.sleep(0.1)\nasyncio.run(main())"
_PATIENCE_S, _SETTLED_S = 60.0, 5.0


def has_display_server() -> bool:
    return shutil.which("Xvfb") is not None


@contextlib.contextmanager
def virtual_display() -> Iterator[str]:
    """The name of a display of our own."""
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x1024x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL) as server, os.fdopen(read) as told:
        os.close(write)
        number = told.readline().strip()
        if not number:
            raise MeasuringError(f"Xvfb ended with {server.wait()} before it had a display")
        try:
            yield f":{number}"
        finally:
            server.terminate()


def rest(kiosk: RealKiosk, logs: Path, seconds: int) -> dict[str, Share]:
    """Shares of a core. The kiosk's bank runs, and its cassettes are loaded."""
    with (
        virtual_display() as display, (logs / "window.out").open("wb") as out,
        subprocess.Popen(
            [str(PROGRAMS / "atm-kiosk"), "simulate", "--window", "--state", str(kiosk.directory)],
            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=os.environ | {"DISPLAY": display},
        ) as window,
        subprocess.Popen(Command.python(_LOOP).line) as loop,
    ):  # fmt: skip
        try:
            _until_welcome(window, logs / "window.out")
            return shares_of_a_core({LOOP: loop.pid, KIOSK: window.pid}, seconds)
        finally:
            loop.terminate()
            window.terminate()
            window.wait()


def _until_welcome(window: subprocess.Popen[bytes], said: Path) -> None:
    end = time.monotonic() + _PATIENCE_S
    while b"Welcome" not in said.read_bytes():
        if window.poll() is not None or time.monotonic() > end:
            raise MeasuringError(f"the windowed kiosk does not come into service: {said.read_text()[-500:]}")
        time.sleep(0.1)
    time.sleep(_SETTLED_S)
