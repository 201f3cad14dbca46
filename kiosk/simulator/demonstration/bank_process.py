"""The bank as its own process, and its staff's commands: the kiosk never imports it."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from kiosk.exit_codes import Code, CommandError

READY_S = 30.0
STOP_S = 10.0
COMMAND_S = 30.0


#: prctl(2): the signal that this process gets when the one that started it is gone, however it went.
_SET_DEATH_SIGNAL = 1


def _end_with_parent() -> None:
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGTERM)


def program() -> str:
    """`atm-bank` of this environment. Raises CommandError where there is none."""
    beside = Path(sys.executable).parent / "atm-bank"
    found = str(beside) if beside.exists() else shutil.which("atm-bank")
    if found is None:
        raise CommandError("there is no atm-bank beside this Python: install this program with its extra 'bank'")
    return found


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


@dataclass
class BankProcess:
    """A bank in `folder`. Every error is a CommandError with the bank's own sentence."""

    folder: Path
    port: int
    enrol_port: int
    _process: subprocess.Popen[bytes] | None = None
    _log: IO[bytes] | None = None

    @property
    def control(self) -> Path:
        """Where it is asked without a process of its own."""
        return self.folder / "control.sock"

    def found(self, name: str, currency: str) -> None:
        """New keys and empty books."""
        self._run(
            "init", "--name", name, "--currency", currency,
            "--port", str(self.port), "--enrol-port", str(self.enrol_port),
        )  # fmt: skip

    def open_to_all(self) -> None:
        """Who has no card can open an account, from the next start on. Raises CommandError."""
        settings = self.folder / "bank.toml"
        try:
            with settings.open("a", encoding="utf-8") as file:
                file.write("\n[accounts]\nopen_to_all = true\n")
        except OSError as error:
            raise CommandError(f"the settings {settings} cannot be written: {error.strerror}") from error

    async def start(self) -> None:
        """Returns once it listens."""
        log = self.folder / "serve.log"
        self._log = log.open("wb")
        self._process = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
            [program(), "--dir", str(self.folder), "serve", "--movable-clock"], stdin=subprocess.DEVNULL, stdout=self._log,
            stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=_end_with_parent,  # noqa: PLW1509 - one system call
        )  # fmt: skip
        try:
            async with asyncio.timeout(READY_S):
                while b"listens" not in log.read_bytes():
                    self.check()
                    await asyncio.sleep(0.05)
        except TimeoutError as error:
            raise CommandError(f"the bank did not start within {READY_S:g} s; see {log}", Code.FAILED) from error

    def check(self) -> None:
        """Raises CommandError where it has ended."""
        if self._process is not None and self._process.poll() is not None:
            lines = (self.folder / "serve.log").read_text(errors="replace").strip().splitlines()
            said = lines[-1].removeprefix("atm-bank: ") if lines else "it said nothing"
            raise CommandError(f"the bank has ended: {said}", Code.FAILED)

    def stop(self) -> None:
        """In good order; killed where it does not. May be called again."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._log is not None:
            self._log.close()

    def ask(self, *words: str, text: str = "") -> Any:
        """One command's answer; `text` is its standard input."""
        return json.loads(self._run(*words, "--json", text=text))

    def said(self, *words: str) -> str:
        """One command's answer for people."""
        return self._run(*words)

    def _run(self, *words: str, text: str = "") -> str:
        environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
        done = subprocess.run(
            [program(), "--dir", str(self.folder), *words], input=text, capture_output=True, text=True,
            timeout=COMMAND_S, check=False, env=environment,
        )  # fmt: skip
        if done.returncode != 0:
            lines = (done.stderr or done.stdout).strip().splitlines()
            said = lines[-1].removeprefix("atm-bank: ") if lines else f"exit code {done.returncode}"
            raise CommandError(f"the bank's {words[0]} {words[1]} failed: {said}", Code.FAILED)
        return done.stdout
