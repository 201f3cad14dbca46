"""Installed programs run as processes, and loopback ports that stay a test's own.

Whatever a process says is kept below `logs`, and none of it may hold a traceback.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

PROGRAMS = Path(sys.executable).parent
TESTS = Path(__file__).parents[1]
#: Programs are started hundreds of times: what they are compiled to is kept, also where nothing else may be.
COMPILED = TESTS.parent / ".pytest_cache" / "compiled"
#: Nothing here takes longer on a machine that is busy with other tests; reached, it is a failure.
PATIENCE_S = 90.0

_serial = itertools.count(1)


def next_serial() -> int:
    """For names of files: each once in this process."""
    return next(_serial)


# ── Ports ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class Ports:
    """Loopback ports that stay this test's own while a bank is down: no other test takes them, and no outgoing call.

    They lie below the kernel's range for outgoing calls, and a UDP socket of the same number is held as the claim.
    """

    def __init__(self, count: int) -> None:
        self._claims: list[socket.socket] = []
        self.numbers: list[int] = []
        while len(self.numbers) < count:
            self._claim(random.randrange(20_000, 32_000))

    def _claim(self, port: int) -> None:
        claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            claim.bind(("127.0.0.1", port))
            for host in ("127.0.0.1", "127.0.0.2"):
                with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
                    probe.bind((host, port))
        except OSError:
            claim.close()
            return
        self._claims.append(claim)
        self.numbers.append(port)

    def release(self) -> None:
        for claim in self._claims:
            claim.close()


# ── Programs ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Done:
    """A program that has ended. `code` is negative where a signal ended it."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one line of JSON that it printed."""
        lines = self.out.splitlines()
        assert len(lines) == 1, self
        return json.loads(lines[0])

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL

    @property
    def sentence(self) -> str:
        """What it said on stderr, where it was one line."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self
        return lines[0]


@dataclass
class Programs:
    """Starts programs; `logs` keeps what each says."""

    logs: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.logs.mkdir(parents=True, exist_ok=True)
        # Bugs' own details and what is temporary go below `logs` too, where every test looks for them; and the programs
        # are those of this tree, wherever they were installed from.
        (self.logs / "tmp").mkdir(exist_ok=True)
        self.environment = {
            **os.environ, "PYTHONWARNINGS": "error", "XDG_STATE_HOME": str(self.logs), "HOME": str(self.logs),
            "TMPDIR": str(self.logs / "tmp"), "PYTHONPATH": str(TESTS.parent), "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPYCACHEPREFIX": str(COMPILED), **self.environment,
        }  # fmt: skip

    def line(self, program: str, probe: Sequence[str] = ()) -> list[str]:
        """The beginning of a command line: the installed program, or the probe that runs the same entry point."""
        if probe:
            # The root comes first: below `tests` there are folders of the packages' names.
            return ["/usr/bin/env", f"PYTHONPATH={TESTS.parent}:{TESTS}", sys.executable, "-m", *probe, "--"]
        path = PROGRAMS / program
        assert path.exists(), f"{program} is not installed in {PROGRAMS}: pip install --no-deps --editable ."
        return [str(path)]

    def run(self, line: Sequence[str], *, given: str = "", patience_s: float = PATIENCE_S) -> Done:
        """Run to the end."""
        process = subprocess.Popen(
            line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment
        )
        try:
            out, err = process.communicate(given, timeout=patience_s)
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
        self._keep(line, out, err)
        done = Done(process.returncode, out, err)
        assert "Traceback" not in err, done
        return done

    def open_log(self, name: str) -> IO[bytes]:
        return (self.logs / f"{next_serial():05d}-{name}").open("wb")

    def _keep(self, line: Sequence[str], out: str, err: str) -> None:
        name = Path(line[0]).name if "-m" not in line else line[line.index("-m") + 1]
        (self.logs / f"{next_serial():05d}-{name}.txt").write_text(f"{out}\n----\n{err}\n", encoding="utf-8")


# ── What no story may leave behind ──────────────────────────────────────────────────────────────────────────────────


def no_bug_was_kept(*folders: Path) -> None:
    """No program met anything that it had no sentence for."""
    for folder in folders:
        for file in folder.rglob("*"):
            if file.is_file() and file.suffix in {".txt", ".err", ".log"}:
                text = file.read_text(encoding="utf-8", errors="replace")
                assert "Traceback" not in text, f"{file}: {text}"
                assert "mistake in the program" not in text, f"{file}: {text}"
