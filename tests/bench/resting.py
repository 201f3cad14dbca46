"""The windowed kiosk on a virtual display: how soon its first picture is there, and what it costs at rest, in service."""

from __future__ import annotations

import contextlib
import mmap
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from processes import Command, MeasuringError, Memory, Share, memory, shares_of_a_core
from support.real_processes import PROGRAMS, RealKiosk

KIOSK = "atm-kiosk simulate --window, welcome in service"
#: As often as the window looks for touches at rest.
LOOP = "an asyncio loop that wakes ten times a second"
_LOOP = "import asyncio\nasync def main():\n    while True: await asyncio.sleep(0.1)\nasyncio.run(main())"
#: SDL draws into plain memory, as docs/technician.md has it for a machine.
SDL = {"SDL_FRAMEBUFFER_ACCELERATION": "0", "SDL_RENDER_DRIVER": "software"}
_PATIENCE_S, _SETTLED_S, _STARTED_S, _LOOK_S = 60.0, 5.0, 1.0, 0.01
#: A window's plain ground has one colour; a picture with letters in it has many.
_PICTURE_COLOURS = 8
#: Of a dump (XWDFile.h): where it says how many colours its map has, and what each takes. Of its pixels, one in so many is seen.
_COLOURS_WORD, _COLOUR_BYTES, _SAMPLED = 19, 12, 61


def has_display_server() -> bool:
    return shutil.which("Xvfb") is not None


@dataclass(frozen=True)
class Screen:
    """A display of our own: its name, and the file that has its pixels."""

    name: str
    pixels: Path

    def has_picture(self) -> bool:
        """More than grounds is seen. The file is an X window dump: header and colour map, then the pixels."""
        with self.pixels.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as seen:
            size, colours = (int.from_bytes(seen[at : at + 4], "big") for at in (0, 4 * _COLOURS_WORD))
            begin = size + colours * _COLOUR_BYTES
            return len({seen[at : at + 4] for at in range(begin, len(seen) - 3, 4 * _SAMPLED)}) > _PICTURE_COLOURS


@contextlib.contextmanager
def virtual_display(folder: Path) -> Iterator[Screen]:
    """Its pixels lie in `folder`."""
    folder.mkdir()
    read, write = os.pipe()
    command = [
        "Xvfb", "-displayfd", str(write), "-screen", "0", "1280x1024x24", "-nolisten", "tcp", "-fbdir", str(folder),
    ]  # fmt: skip
    with subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL) as server, os.fdopen(read) as told:
        os.close(write)
        number = told.readline().strip()
        if not number:
            raise MeasuringError(f"Xvfb ended with {server.wait()} before it had a display")
        try:
            yield Screen(f":{number}", folder / "Xvfb_screen0")
        finally:
            server.terminate()


@dataclass(frozen=True)
class Window:
    """A kiosk that is in service in its window. `first_s`: from its start until its first picture was on the display."""

    process: int
    first_s: float
    memory: Memory


@contextlib.contextmanager
def kiosk_window(kiosk: RealKiosk, screen: Screen, said: Path) -> Iterator[Window]:
    """The kiosk's bank runs, and its cassettes are loaded. Raises MeasuringError."""
    begun = time.monotonic()
    with (
        said.open("wb") as out,
        subprocess.Popen(
            [str(PROGRAMS / "atm-kiosk"), "simulate", "--window", "--state", str(kiosk.directory)],
            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            env=os.environ | SDL | {"DISPLAY": screen.name},
        ) as window,
    ):  # fmt: skip
        try:
            first_s = _first_picture(window, screen, begun)
            _until_welcome(window, said)
            yield Window(window.pid, first_s, memory([window.pid]))
        finally:
            window.terminate()
            window.wait()


def rest(window: Window, seconds: int, others: dict[str, Sequence[int]]) -> dict[str, Share]:
    """Shares of a core, `others` (processes by name) beside them."""
    with subprocess.Popen(Command.python(_LOOP).line) as loop:
        try:
            time.sleep(_STARTED_S)
            return shares_of_a_core({LOOP: [loop.pid], KIOSK: [window.process], **others}, seconds)
        finally:
            loop.terminate()


def _first_picture(window: subprocess.Popen[bytes], screen: Screen, begun: float) -> float:
    while not screen.has_picture():
        if window.poll() is not None or time.monotonic() > begun + _PATIENCE_S:
            raise MeasuringError("the windowed kiosk shows no picture")
        time.sleep(_LOOK_S)
    return time.monotonic() - begun


def _until_welcome(window: subprocess.Popen[bytes], said: Path) -> None:
    end = time.monotonic() + _PATIENCE_S
    while b"Welcome" not in said.read_bytes():
        if window.poll() is not None or time.monotonic() > end:
            raise MeasuringError(f"the windowed kiosk does not come into service: {said.read_text()[-500:]}")
        time.sleep(0.1)
    time.sleep(_SETTLED_S)
