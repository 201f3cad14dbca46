"""A journal of months at the start: its check takes as long as it takes, and systemd, who waits less, is kept fed."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from support.link_authority import Authority, SeededRandom

from bank_link import auth_file
from bank_link.auth_secret import make_key_file
from bank_link.errors import NotSent
from bank_link.seams import SystemClock, SystemRandomness
from config.kiosk import KioskConfig
from kiosk.assembly import Seams
from kiosk.display.face import Display, Look
from kiosk.exit_codes import Code
from kiosk.journal.store import Journal, JournalError
from kiosk.running import Surroundings, run
from kiosk.screens.model import Screen
from kiosk.screens.words.load import load_words
from kiosk.simulator.laptop import Laptop
from kiosk.supervision import of_systemd
from kiosk.where import laptop

WATCHDOG_S = 0.4
PATIENCE_S = 30.0


class Glass:
    """A display that draws at once."""

    def __init__(self, drawn: Callable[[], None]) -> None:
        drawn()

    def show(self, screen: Screen, look: Look = Look()) -> None: ...

    def listen(self, pressed: Callable[[str], None]) -> None: ...

    async def run(self) -> None:
        await asyncio.Event().wait()

    def close(self) -> None: ...


class NoLine:
    """No bank."""

    async def exchange(self, request: bytes, timeout_ms: int) -> bytes:
        raise NotSent("there is no bank")

    async def reset(self) -> None: ...

    def trust(self, cas: tuple[str, ...]) -> None: ...

    def close(self) -> None: ...


class SlowCheck:
    """`Journal.check` that ends when it is told to; `raises`: the sentence that it ends with, the first time."""

    def __init__(self, patched: pytest.MonkeyPatch, raises: str = "") -> None:
        self.begun = threading.Event()
        self.may_end = threading.Event()
        self.thread = 0
        self.raises = raises
        really = Journal.check

        def check(journal: Journal) -> None:
            self.thread = threading.get_ident()
            self.begun.set()
            assert self.may_end.wait(PATIENCE_S)
            really(journal)
            if self.raises:
                sentence, self.raises = self.raises, ""
                raise JournalError(sentence)

        patched.setattr(Journal, "check", check)


class Start:
    """A kiosk in this process with systemd's socket; `said` is what its operator reads."""

    def __init__(self, folder: Path) -> None:
        self.config = laptop(folder).config
        auth_file.write(
            self.config.terminal.auth_file, Authority().identity(),
            make_key_file(folder / "terminal.key", SeededRandom()), SeededRandom(),
        )  # fmt: skip
        self.said: list[str] = []
        self.heard: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(folder / "notify"))
        self._socket.setblocking(False)
        environment = {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6))}
        self._around = Surroundings(
            say=self.said.append, supervisor=of_systemd(environment, time.monotonic), displays=_displays,
            words=load_words, seams=lambda: _seams(self.config),
        )  # fmt: skip

    def listen(self) -> list[str]:
        while True:
            try:
                self.heard.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return self.heard

    async def until(self, true: Callable[[], Any]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not true():
                await asyncio.sleep(0.01)

    def play(self, story: Callable[[Start], Any]) -> Code:
        """The story beside the running kiosk, which is stopped at its end."""

        async def whole() -> Code:
            kiosk = asyncio.create_task(run(self.config, self._around))
            await story(self)
            os.kill(os.getpid(), signal.SIGTERM)
            return await kiosk

        try:
            return asyncio.run(whole())
        finally:
            self._socket.close()


def _displays(drawn: Callable[[], None]) -> Sequence[Display]:
    return [Glass(drawn)]


def _seams(config: KioskConfig) -> Seams:
    machine = Laptop(config)
    return Seams(
        gpio=machine.pins, devices=machine.devices, line=lambda _: NoLine(), random=SystemRandomness(),
        clock=SystemClock(),
    )  # fmt: skip


def test_a_long_check_of_the_journal_is_no_reason_to_be_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop goes on and the watchdog is fed while it lasts; then the kiosk opens, and writes to the same journal."""
    slow, start = SlowCheck(monkeypatch), Start(tmp_path)

    async def story(start: Start) -> None:
        await start.until(slow.begun.is_set)
        before = len(start.listen())
        await start.until(lambda: start.listen()[before:].count("WATCHDOG=1") >= 3)
        assert "started" not in start.said
        slow.may_end.set()
        await start.until(lambda: "started" in start.said)

    assert start.play(story) is Code.DONE
    assert start.heard[0] == "READY=1"
    assert slow.thread != threading.get_ident()
    monkeypatch.undo()
    journal = Journal.open(tmp_path / "journal.sqlite", random=SystemRandomness())
    assert journal.newest("booted") is not None
    journal.close()


def test_what_the_check_finds_is_said_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Damage that a thread has found closes the machine with its sentence; it tries again, and nothing holds the file."""
    slow, start = SlowCheck(monkeypatch, "the journal is damaged; keep it"), Start(tmp_path)
    slow.may_end.set()

    async def story(start: Start) -> None:
        await start.until(lambda: "started" in start.said)

    gc.disable()
    try:
        assert start.play(story) is Code.DONE
    finally:
        gc.enable()
    assert start.said[:2] == ["out of service: the journal is damaged; keep it", "started"]


def test_a_stop_during_the_check_is_obeyed_when_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The signal is not lost, and no machine is started for it: no motor moves, nothing is written."""
    slow, start = SlowCheck(monkeypatch), Start(tmp_path)

    async def story(start: Start) -> None:
        await start.until(slow.begun.is_set)
        asyncio.get_running_loop().call_later(0.2, slow.may_end.set)

    assert start.play(story) is Code.DONE
    assert start.said == []
    monkeypatch.undo()
    journal = Journal.open(tmp_path / "journal.sqlite", random=SystemRandomness())
    assert journal.newest("booted") is None
    journal.close()
