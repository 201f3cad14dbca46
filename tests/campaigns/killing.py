"""SIGKILL from outside, at a moment: a program at a kiosk that may be killed, and a bank that is started again whenever it was."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from support.programs import PATIENCE_S, Programs
from support.real_processes import RealBank

#: As often as the journal is looked at where a kill waits for one of its writes.
LOOK_S = 0.001


class WentWrong(Exception):
    """A process did what none may do; `str()` says what."""


# ── A kiosk's program ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Moment:
    """`after_s` seconds after the start; with `writes`, so long after the journal's file has changed so often."""

    after_s: float = 0.0
    writes: int = 0


NEVER = Moment(writes=1_000_000)


@dataclass(frozen=True)
class Ended:
    """A program's end. `struck_at`: wall clock in ms when the moment had come while it ran, else 0. `writes`: changes of
    the journal's file that were seen, where somebody looked.
    """

    code: int
    out: str
    err: str
    took_s: float
    struck_at: int
    writes: int

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL


class File:
    """Counts how often a file was seen to be another than before."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._state = self._now()
        self.changes = 0

    def look(self) -> int:
        state = self._now()
        self.changes += state != self._state
        self._state = state
        return self.changes

    def _now(self) -> tuple[int, int]:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return 0, 0
        return found.st_mtime_ns, found.st_size


def run(
    programs: Programs, line: Sequence[str], *, journal: Path, moment: Moment, strike: Callable[[subprocess.Popen[bytes]], None]
) -> Ended:  # fmt: skip
    """Run `line` to its end; `strike` is called with its process once the moment has come, if it still runs then."""
    begun, file, struck_at = time.monotonic(), File(journal), 0
    with programs.open_log("kiosk.out") as out, programs.open_log("kiosk.err") as err:
        process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=programs.environment)
        try:
            if _comes(process, moment, file):
                struck_at = time.time_ns() // 1_000_000
                strike(process)
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise WentWrong(f"{' '.join(line)} did not end within {PATIENCE_S:g} s") from None
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    took_s = time.monotonic() - begun
    return Ended(process.returncode, _text(out.name), _text(err.name), took_s, struck_at, file.changes)


def _text(path: str | Path) -> str:
    return Path(path).read_text(encoding="utf-8", errors="replace")


def _comes(process: subprocess.Popen[bytes], moment: Moment, file: File) -> bool:
    """Whether the moment comes before the process has ended."""
    while file.look() < moment.writes:
        if process.poll() is not None:
            return False
        time.sleep(LOOK_S)
    try:
        process.wait(moment.after_s)
    except subprocess.TimeoutExpired:
        return True
    return False


# ── The bank ────────────────────────────────────────────────────────────────────────────────────────────────────────


class KeptBank:
    """`atm-bank serve` under a supervisor: whoever kills it, it is started again. `failed`: it ended in another way."""

    def __init__(self, bank: RealBank) -> None:
        self._bank = bank
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._over = threading.Event()
        self._out = self._err = Path()
        self._pause_s = 0.0
        self._thread = threading.Thread(target=self._keep, name="the bank's supervisor", daemon=True)
        self.deaths = 0
        self.failed = ""

    def __enter__(self) -> Self:
        self._bank.is_kept = True
        self._launch()
        self._thread.start()
        self.until_it_listens()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        with self._lock:
            if self._process is not None:
                self._process.kill()
        self._thread.join()
        self._bank.is_kept = False

    def kill(self, pause_s: float) -> bool:
        """SIGKILL, also while it starts; it is started again after `pause_s`. Whether there was anything to be killed."""
        with self._lock:
            process, self._process = self._process, None
            if process is None:
                return False
            self._pause_s = pause_s
            process.kill()
        return True

    def until_it_listens(self) -> None:
        end = time.monotonic() + PATIENCE_S
        while self._process is None or b"listens on" not in self._out.read_bytes():
            if self.failed or time.monotonic() > end:
                raise WentWrong(self.failed or f"the bank does not listen: {self._said()}")
            time.sleep(0.01)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """It stands still, between any two instructions: what lies on the disk then is what a crash would leave."""
        with self._lock:
            if self._process is None:
                raise WentWrong("the bank does not run")
            self._process.send_signal(signal.SIGSTOP)
            try:
                yield
            finally:
                self._process.send_signal(signal.SIGCONT)

    def _launch(self) -> None:
        programs = self._bank.programs
        line = [*programs.line("atm-bank"), "--dir", str(self._bank.directory), "serve"]
        with self._lock, programs.open_log("serve.out") as out, programs.open_log("serve.err") as err:
            if self._over.is_set():
                return
            self._running = subprocess.Popen(line, stdout=out, stderr=err, env=programs.environment)
            self._out, self._err = Path(out.name), Path(err.name)
            self._process = self._running

    def _keep(self) -> None:
        while True:
            code = self._running.wait()
            if self._over.is_set():
                return
            if code != -signal.SIGKILL:
                self.failed = f"the bank ended by itself with code {code}: {self._said()}"
                return
            self.deaths += 1
            if self._over.wait(self._pause_s):
                return
            self._launch()

    def _said(self) -> str:
        return _text(self._err)[-500:]
