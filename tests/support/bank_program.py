"""`atm-bank` as a program: run to its end, or serving on free ports until it is told to stop."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAM = Path(sys.executable).with_name("atm-bank")
PATIENCE_S = 60


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Person:
    """Reads and types at a terminal. `seen`: all that the program wrote there, echoes included."""

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self.seen = ""
        self.code = -1

    def answers(self, *talk: str) -> None:
        """Waits for each question, then types what follows it."""
        for question, answer in zip(talk[::2], talk[1::2], strict=True):
            self.reads(question)
            os.write(self._terminal, answer.encode())

    def reads(self, question: str, *, until_end: bool = False) -> None:
        """Until the question is there (after what was seen before), or the program has ended."""
        start = len(self.seen)
        while until_end or question not in self.seen[start:]:
            ready, _, _ = select.select([self._terminal], [], [], PATIENCE_S)
            assert ready, f"it does not ask {question!r}: {self.seen}"
            try:
                data = os.read(self._terminal, 4096)
            except OSError:
                # The program's side is closed.
                data = b""
            if not data:
                assert until_end, f"it ended without asking {question!r}: {self.seen}"
                return
            self.seen += data.decode()


class BankProgram:
    """The program, with one bank's directory."""

    def __init__(self, directory: Path, home: Path) -> None:
        self.directory = directory
        self.home = home
        self.ports: tuple[int, int] = (0, 0)
        self.server: subprocess.Popen[str] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """No traceback of a test run's own settings, and a home of its own for whatever a bug would leave."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT") if name in os.environ}
        return {**kept, "HOME": str(self.home), "XDG_STATE_HOME": str(self.home), "ATM_BANK_DIR": str(self.directory)}

    def run(self, *arguments: str, typed: str | None = None, **more: str) -> Done:
        """Run to its end. Fails the test where a traceback shows, or where stderr has more than a sentence."""
        with subprocess.Popen(
            [PROGRAM, *arguments], stdin=subprocess.PIPE if typed is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**self.environment, **more},
        ) as process:  # fmt: skip
            out, err = process.communicate(typed, timeout=PATIENCE_S)
        assert "Traceback" not in out + err
        assert err.count("\n") <= 1, err
        assert (process.returncode == 0) == (not err) or process.returncode == 1, (process.returncode, err)
        return Done(process.returncode, out, err)

    def ok(self, *arguments: str, **more: Any) -> Any:
        """The JSON of a command that must succeed."""
        done = self.run("--json", *arguments, **more)
        assert done.code == 0, done
        return done.json

    def sentence(self, *arguments: str, code: int = 1, **more: Any) -> str:
        """The one sentence of a command that must fail."""
        done = self.run(*arguments, **more)
        assert done.code == code, done
        assert done.out == ""
        assert done.err.startswith("atm-bank: ")
        return done.err.removeprefix("atm-bank: ").rstrip("\n")

    @contextlib.contextmanager
    def typing(self, *arguments: str) -> Iterator[Person]:
        """The program at a terminal, with a person who answers what it asks; ended when the block is left."""
        process, terminal = pty.fork()
        if process == 0:
            os.execve(PROGRAM, [str(PROGRAM), *arguments], self.environment)
        person = Person(terminal)
        try:
            yield person
            person.reads("", until_end=True)
        finally:
            os.close(terminal)
            _, status = os.waitpid(process, 0)
        person.code = os.waitstatus_to_exitcode(status)

    def found(self) -> None:
        """A new bank on ports that were free a moment ago."""
        self.ports = (free_port(), free_port())
        done = self.run(
            "init", "--name", "Harbour", "--currency", "EUR", "--port", str(self.ports[0]), "--enrol-port",
            str(self.ports[1]),
        )  # fmt: skip
        assert done.code == 0, done

    @contextlib.contextmanager
    def serving(self, *arguments: str, **more: str) -> Iterator[subprocess.Popen[str]]:
        """Until the block is left; then it must end in good order."""
        process = self.start(*arguments, **more)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, err
        assert "Traceback" not in err

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        """Returns once it says that it listens."""
        process = subprocess.Popen(
            [PROGRAM, "serve", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, env={**self.environment, **more},
        )  # fmt: skip
        assert process.stdout is not None
        line = process.stdout.readline()
        if "listens on" not in line:
            process.kill()
            raise AssertionError(process.communicate(timeout=PATIENCE_S)[1])
        return process


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
