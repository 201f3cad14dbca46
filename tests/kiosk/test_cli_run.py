"""`atm-kiosk run` as its unit runs it: first picture, READY, watchdog, status, a clean end; closed rather than dark."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from support.living_kiosk import bank_in, until
from support.real_processes import PATIENCE_S, PROGRAMS, RealBank, RealKiosk

#: Stands for the board: the library's own API over pins on which nothing hangs.
_GPIO = """\
from drivers.simulated.pins import SimulatedPins
_pins = SimulatedPins()
# Pad and path at rest, cassettes with notes in them, doors shut.
for _pin in (5, 6, 13, 19, 12, 16, 20, 21, 25, 8):
    _pins.resistor(_pin, True)
for _pin in (7, 9, 10, 37, 38):
    _pins.resistor(_pin, False)
globals().update({name: getattr(_pins, name) for name in dir(_pins) if not name.startswith("_")})
"""


class Systemd:
    """What the unit's supervisor hears of it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "notify"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self.path))
        self._socket.setblocking(False)
        self.heard: list[str] = []

    def listen(self) -> list[str]:
        while True:
            try:
                self.heard.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return self.heard

    def close(self) -> None:
        self._socket.close()


class Unit:
    """`atm-kiosk run` as a process."""

    def __init__(self, kiosk: RealKiosk, folder: Path, *, pins: bool = True, **environment: str) -> None:
        self.systemd = Systemd(folder)
        self._out = folder / "out.txt"
        self._err = folder / "err.txt"
        self._line = [str(PROGRAMS / "atm-kiosk"), "run", "--config", str(kiosk.directory / "kiosk.toml")]
        self._environment = {
            **kiosk.programs.environment, "NOTIFY_SOCKET": str(self.systemd.path), "WATCHDOG_USEC": "4000000",
            **environment,
        }  # fmt: skip
        if pins:
            (folder / "board" / "RPi").mkdir(parents=True)
            (folder / "board" / "RPi" / "__init__.py").write_text("")
            (folder / "board" / "RPi" / "GPIO.py").write_text(_GPIO)
            self._environment["PYTHONPATH"] = str(folder / "board")

    def __enter__(self) -> Self:
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                self._line, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=self._environment
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.systemd.close()
        if kind is None:
            assert "Traceback" not in self.err, self.err

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    def hears(self, words: str) -> None:
        try:
            until(lambda: any(words in line for line in self.systemd.listen()), "")
        except AssertionError:
            raise AssertionError(f"{words} was not told: {self.systemd.heard} {self.err}") from None

    def ends(self) -> int:
        return self.process.wait(PATIENCE_S)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.ends()


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealBank]:
    with bank_in(tmp_path_factory.mktemp("run")) as bank:
        yield bank


@pytest.fixture
def kiosk(bank: RealBank, tmp_path: Path) -> RealKiosk:
    """Enrolled, with its screens on standard output."""
    kiosk = RealKiosk.enrolled(bank, tmp_path / "kiosk")
    with (kiosk.directory / "kiosk.toml").open("a") as file:
        file.write('\n[display]\nkind = "terminal"\n')
    (kiosk.directory / "slot").mkdir()
    return kiosk


def test_a_day_of_a_unit(kiosk: RealKiosk, tmp_path: Path) -> None:
    """READY with the first picture, then the watchdog and the status; SIGTERM ends it in order, with exit 0."""
    kiosk.load(top=20)
    with Unit(kiosk, tmp_path) as unit:
        unit.hears("READY=1")
        unit.hears("STATUS=in service")
        unit.hears("WATCHDOG=1")
        until(lambda: "Welcome" in unit.out, "no welcome")
        assert unit.out.index("Starting") < unit.out.index("Welcome")
        assert unit.systemd.heard.index("READY=1") == 0
        assert kiosk.run("status", "--json").json["in_service"]
        assert unit.stop() == 0
        assert "STOPPING=1" in unit.systemd.listen()
    assert unit.err.splitlines() == ["atm-kiosk: started", "atm-kiosk: stopping"]
    assert "booted" in kiosk.run("journal", "show").out


def test_the_watchdog_starves_with_the_loop(kiosk: RealKiosk, tmp_path: Path) -> None:
    """A kiosk whose loop stands still feeds nobody: its supervisor will kill it."""
    with Unit(kiosk, tmp_path) as unit:
        unit.hears("WATCHDOG=1")
        os.kill(unit.process.pid, signal.SIGSTOP)
        unit.systemd.listen()
        before = len(unit.systemd.heard)
        time.sleep(2.5)
        assert len(unit.systemd.listen()) == before
        os.kill(unit.process.pid, signal.SIGCONT)
        until(lambda: "WATCHDOG=1" in unit.systemd.listen()[before:], "not fed again")


def test_closed_rather_than_dark(kiosk: RealKiosk, tmp_path: Path) -> None:
    """Without its auth file it shows that it is closed, says why, and opens by itself once the file is there."""
    auth = kiosk.directory / "terminal.auth"
    shutil.move(auth, tmp_path / "away")
    kiosk_out = "Closed for now"
    with Unit(kiosk, tmp_path) as unit:
        unit.hears("READY=1")
        unit.hears("STATUS=out of service: there is no auth file")
        until(lambda: kiosk_out in unit.out, "not shown as closed")
        unit.hears("WATCHDOG=1")
        assert unit.process.poll() is None
        shutil.move(tmp_path / "away", auth)
        until(lambda: "atm-kiosk: started" in unit.err, "did not start")
        assert unit.stop() == 0


def test_stopped_while_closed_tells_the_reason_by_its_code(kiosk: RealKiosk, tmp_path: Path) -> None:
    """The exit code is the reason's own."""
    (kiosk.directory / "terminal.auth").unlink()
    with Unit(kiosk, tmp_path) as unit:
        unit.hears("STATUS=out of service")
        assert unit.stop() == 6


def test_a_damaged_journal_is_no_reason_to_go_dark(kiosk: RealKiosk, tmp_path: Path) -> None:
    """One sentence with the way out; the customers see that the machine is closed."""
    kiosk.load(top=20)
    for file in kiosk.directory.glob("journal.sqlite*"):
        file.write_bytes(b"not a journal at all, and long enough to be looked at " * 100)
    with Unit(kiosk, tmp_path) as unit:
        unit.hears("STATUS=out of service: the journal")
        until(lambda: "Closed for now" in unit.out, "not shown as closed")
        assert unit.stop() == 6
    assert "damaged" in unit.err
    assert "atm-bank terminal resume" in unit.err


def test_a_journal_in_use_is_waited_for(kiosk: RealKiosk, tmp_path: Path) -> None:
    """A command that has the journal for a moment does not keep the kiosk from starting."""
    from bank_link.seams import SystemRandomness
    from kiosk.journal.store import Journal

    journal = Journal.open(kiosk.directory / "journal.sqlite", random=SystemRandomness())
    with Unit(kiosk, tmp_path) as unit:
        unit.hears("STATUS=out of service: the journal")
        assert "in use" in unit.err
        journal.close()
        until(lambda: "atm-kiosk: started" in unit.err, "did not start")
        assert unit.stop() == 0


def test_no_pins(kiosk: RealKiosk, tmp_path: Path) -> None:
    """A machine that is no Raspberry Pi says so, and what to do."""
    with Unit(kiosk, tmp_path, pins=False) as unit:
        unit.hears("STATUS=out of service: RPi.GPIO is not installed")
        assert unit.stop() == 5
    assert "atm-kiosk simulate" in unit.err


def test_nothing_to_draw_on_ends_at_once(kiosk: RealKiosk, tmp_path: Path) -> None:
    """Without a panel there is nothing to show a reason on: one sentence and its code."""
    path = kiosk.directory / "kiosk.toml"
    path.write_text(path.read_text().replace('kind = "terminal"', 'kind = "touch"'))
    with Unit(kiosk, tmp_path, SDL_VIDEODRIVER="kmsdrm", DISPLAY="", WAYLAND_DISPLAY="") as unit:
        assert unit.ends() == 7
        assert unit.systemd.listen() == []
    assert len(unit.err.splitlines()) == 1
    assert "display" in unit.err


def test_a_wrong_configuration_ends_at_once(kiosk: RealKiosk, tmp_path: Path) -> None:
    """Every mistake in a line of its own, before anything is opened."""
    path = kiosk.directory / "kiosk.toml"
    path.write_text(path.read_text() + "widht = 3\n[limits]\nanswer_s = 0\n")
    with Unit(kiosk, tmp_path) as unit:
        assert unit.ends() == 2
    assert len(unit.err.splitlines()) == 2
    assert "display.widht" in unit.err
