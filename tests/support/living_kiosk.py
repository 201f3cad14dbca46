"""A simulated kiosk as a running process of its own, spoken to through its files, its socket and its terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
from support.real_processes import PATIENCE_S, PROGRAMS, Done, RealBank, RealCard, RealKiosk


class LivingKiosk:
    """`atm-kiosk simulate` of a kiosk's directory, with cards in it; `out` is all that it has said."""

    def __init__(self, kiosk: RealKiosk, *arguments: str, terminal: bool = False, **environment: str) -> None:
        self.kiosk = kiosk
        self._line = [str(PROGRAMS / "atm-kiosk"), "simulate", "--state", str(kiosk.directory), *arguments]
        self._environment = {**kiosk.programs.environment, **environment}
        self._wants_terminal = terminal
        self._process: subprocess.Popen[bytes] | None = None
        self._master = -1
        self.out = ""

    def __enter__(self) -> Self:
        slave: int = subprocess.DEVNULL
        self._master, other = pty.openpty() if self._wants_terminal else os.pipe()
        if self._wants_terminal:
            slave = other
        self._process = subprocess.Popen(
            self._line, stdin=slave, stdout=other, stderr=subprocess.STDOUT, env=self._environment, close_fds=True
        )
        os.close(other)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self._read(0)
        os.close(self._master)
        if kind is None:
            assert "Traceback" not in self.out, self.out

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self, how: int = signal.SIGKILL) -> int:
        """Send the signal and wait; the exit code."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(how)
        return self.wait()

    def wait(self) -> int:
        """Until it has ended by itself; the exit code."""
        assert self._process is not None
        end = time.monotonic() + PATIENCE_S
        while self._process.poll() is None:
            self._read(0.05)
            assert time.monotonic() < end, self.out
        return self._process.wait()

    def type(self, keys: str) -> None:
        """On its terminal."""
        os.write(self._master, keys.encode())

    def _read(self, seconds: float) -> None:
        while select.select([self._master], [], [], seconds)[0]:
            try:
                data = os.read(self._master, 65_536)
            except OSError:  # a terminal whose other side is closed
                return
            if not data:
                return
            self.out += data.decode("utf-8", "replace")
            seconds = 0

    def until(self, words: str, *, since: int = 0) -> int:
        """Wait until it has said `words` after place `since`; the place behind them."""
        end = time.monotonic() + PATIENCE_S
        while (at := self.out.find(words, since)) < 0:
            assert self._process is not None
            ended = self._process.poll()
            self._read(0.05)
            assert ended is None or words in self.out[since:], f"it ended with {ended}: {self.out}"
            assert time.monotonic() < end, f"it never said {words!r}: {self.out[since:]}"
        return at + len(words)

    def status(self) -> dict[str, Any]:
        """By command, as an operator asks."""
        done = self.kiosk.run("status", "--json")
        assert done.code == 0, done
        return msgspec.json.decode(done.out)  # type: ignore[no-any-return]


def with_card(bank: RealBank, kiosk: RealKiosk, name: str = "card-1", *, opening: str = "500", pin: str) -> RealCard:
    """A customer whose card lies in the simulator's `cards`, with its PIN beside it."""
    cards = kiosk.directory / "cards"
    cards.mkdir(exist_ok=True)
    card = bank.customer(cards, opening=opening, pin=pin)
    file, pin_file = cards / f"{name}.atm", cards / f"{name}.pin"
    card.file.rename(file)
    card.pin_file.rename(pin_file)
    return RealCard(file, pin_file, card.account, card.reference, card.customer)


def until(true: Callable[[], bool], what: str) -> None:
    """Look again until it is so."""
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.02)


@contextmanager
def bank_in(folder: Path, **limits: int) -> Iterator[RealBank]:
    with RealBank.found(folder / "bank", logs=folder / "logs", **limits) as bank:
        yield bank


__all__ = ["Done", "LivingKiosk", "bank_in", "until", "with_card"]
