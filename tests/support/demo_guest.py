"""The whole demonstration as a process, without a terminal: its page is the way in."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.page_guest import Guest
from support.real_processes import PATIENCE_S, PROGRAMS

#: Where it lies in the folder in which it is begun.
BANK = Path("demo/bank/control.sock")


@contextmanager
def demonstrated(folder: Path) -> Iterator[Guest]:
    """`atm-kiosk simulate --demo --page` in `folder`, once its scripted visit is over."""
    process = subprocess.Popen(
        [str(PROGRAMS / "atm-kiosk"), "simulate", "--demo", "--page"], cwd=folder, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    out, end = "", time.monotonic() + PATIENCE_S
    try:
        while "In a browser on this computer: http" not in out:
            assert time.monotonic() < end, out
            assert process.poll() is None, out
            if select.select([process.stdout], [], [], 0.5)[0]:
                out += os.read(process.stdout.fileno(), 65_536).decode("utf-8", "replace")
        yield Guest(out)
        process.terminate()
        rest, _ = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0
        assert "Traceback" not in out + rest.decode()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()
