"""A bank and kiosks as real processes on this machine: the installed programs, real files, mutual TLS on loopback ports.

    with RealBank.found(tmp_path / "bank", logs=tmp_path / "logs") as bank:
        kiosk = RealKiosk.enrolled(bank, tmp_path / "kiosk")
        kiosk.load(top=20, middle=20, bottom=20)
        card = bank.customer(tmp_path, opening="500")
        done = kiosk.once(card, "--withdraw", "70")

A probe (`support.journal_probe`, `support.commit_probe`) may stand before a program: it kills the process, or stops it for
a moment, at a step that it names.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from support.programs import PATIENCE_S, PROGRAMS, Done, Ports, Programs, next_serial, no_bug_was_kept

from bank.control import ControlError, call
from bank_link.seams import SystemRandomness
from kiosk.journal.store import Journal

#: An eight-digit PIN with its marks: nothing else in any file looks like it by chance.
PIN = "90817263"
BY = "Teller"


# ── The bank ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class RealCard:
    """A card's file and what belongs to it."""

    file: Path
    pin_file: Path
    account: str
    reference: str
    customer: str


class RealBank:
    """`atm-bank` in a directory of its own: `serve` as a process, its commands as others."""

    def __init__(self, directory: Path, programs: Programs, ports: Ports, host: str) -> None:
        self.directory = directory
        self.programs = programs
        self.ports = ports
        self.host = host
        self.probe: Sequence[str] = ()
        self.is_kept = False
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def found(cls, directory: Path, *, logs: Path, host: str = "127.0.0.1", **limits: int) -> Self:
        """`init`; `host` is where it listens, terminals come by way of `localhost`. Limits go into its configuration."""
        bank = cls(directory, Programs(logs), Ports(2), host)
        port, enrol_port = bank.ports.numbers
        done = bank.run(
            "init", "--name", "Harbour", "--currency", "USD", "--host", "localhost", "--listen", host,
            "--port", str(port), "--enrol-port", str(enrol_port),
        )  # fmt: skip
        assert done.code == 0, done
        bank.set_limits(**{"day_amount": 100_000, "day_count": 1_000, "withdrawal_amount": 1_000, **limits})
        return bank

    def set_limits(self, **limits: int) -> None:
        path = self.directory / "bank.toml"
        lines = path.read_text(encoding="utf-8").splitlines()
        for name, value in limits.items():
            lines = [line for line in lines if line.split(" ")[0] != name]
            place = next(at for at, line in enumerate(lines) if line.startswith("[limits]"))
            lines.insert(place + 1, f"{name} = {value}")
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    @property
    def port(self) -> int:
        return self.ports.numbers[0]

    @property
    def enrol_port(self) -> int:
        return self.ports.numbers[1]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self.ports.release()
        if kind is None:
            no_bug_was_kept(self.programs.logs, self.directory)

    # ---- the process ----

    def start(self, *probe: str) -> None:
        """`serve`, as a process; returns when it listens."""
        assert self._process is None, "it runs already"
        self.probe = probe or self.probe
        line = [*self.programs.line("atm-bank", self.probe), "--dir", str(self.directory), "serve"]
        with self.programs.open_log("serve.out") as out, self.programs.open_log("serve.err") as err:
            self._process = subprocess.Popen(line, stdout=out, stderr=err, env=self.programs.environment)
        self._until_it_listens(Path(out.name), Path(err.name))

    def _until_it_listens(self, out: Path, err: Path) -> None:
        end = time.monotonic() + PATIENCE_S
        while b"listens on" not in out.read_bytes():
            assert self.running, f"the bank ended at once: {err.read_text(encoding='utf-8')}"
            assert time.monotonic() < end, "the bank does not listen"
            time.sleep(0.01)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def until_reached(self) -> None:
        """Where somebody starts it again: until it listens. A busy machine takes its time for that."""
        end = time.monotonic() + PATIENCE_S
        while self.is_kept:
            try:
                socket.create_connection(("localhost", self.port), 1).close()
            except OSError:
                assert time.monotonic() < end, "the bank does not come back"
                time.sleep(0.02)
            else:
                return

    def wait(self, patience_s: float = PATIENCE_S) -> int:
        """Until it has ended by itself (or by its probe); its code."""
        assert self._process is not None
        code = self._process.wait(patience_s)
        self._process = None
        return code

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        assert self._process is not None
        self._process.terminate()
        return self.wait()

    def kill(self) -> None:
        """SIGKILL, where it runs."""
        if self._process is not None:
            self._process.kill()
            self.wait()

    # ---- commands ----

    def run(self, *words: str, given: str = "") -> Done:
        """One command as a process of its own."""
        line = [*self.programs.line("atm-bank"), "--dir", str(self.directory), "--by", BY, *words]
        return self.programs.run(line, given=given)

    def command(self, *words: str) -> Any:
        """A command that must be carried out; its answer."""
        done = self.run("--json", *words)
        assert done.code == 0, done
        return done.json

    def ask(self, command: str, **arguments: Any) -> Any:
        """The same over the running bank's control socket, without the price of a process.

        Where a `Keeper` starts the bank again and again, it is asked until it answers: then it must be a mere question.
        """
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                return _in_a_loop(lambda: call(self.directory / "control.sock", command, {"by": BY, **arguments}))
            except ControlError:
                if not self.is_kept or time.monotonic() > end:
                    raise
            time.sleep(0.02)

    def customer(self, folder: Path, *, opening: str = "500", pin: str = PIN) -> RealCard:
        """A customer with one account and one card. What is opened over the socket is what `account open` does."""
        customer = self.ask("customer-add", name="Ada Lovelace")["customer"]
        account = self.ask("account-open", customer=customer, label="Everyday", opening=opening)["account"]
        pin_file = new_pin_file(folder, pin)
        file = pin_file.with_suffix(".atm")
        made = self.command("card", "issue", customer, "--out", str(file), "--pin-file", str(pin_file))
        return RealCard(file, pin_file, account, made["card"], customer)

    def account(self, card: RealCard) -> Account:
        shown = self.ask("account-show", account=card.account, last=0)
        return Account(minor(shown["balance"]), minor(shown["held"]))

    def open_cases(self) -> dict[str, Case]:
        listed = self.ask("case-list")["cases"]
        return {one["case"]: Case(one["kind"], minor(one["amount"]), one["account"]) for one in listed}

    def sound(self) -> None:
        """The books hold together and agree with every machine; the audit log is whole."""
        checked = self.ask("ledger-check")
        assert checked["sound"], checked
        verified = self.ask("audit-verify")
        assert verified["sound"], verified

    def sound_by_command(self) -> None:
        """The same by the commands that a person runs: exit 0 and a sentence."""
        ledger, audit = self.run("ledger", "check"), self.run("audit", "verify")
        assert ledger.code == 0, ledger
        assert "The books are right." in ledger.out, ledger
        assert audit.code == 0, audit
        assert "The audit log is whole." in audit.out, audit


def _in_a_loop(made: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """What the coroutine returns; in a thread of its own where this one has a loop that runs (a browser's)."""
    if asyncio._get_running_loop() is None:
        return asyncio.run(made())
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(made())).result()


@dataclass(frozen=True)
class Account:
    """Minor units."""

    balance: int
    held: int


@dataclass(frozen=True)
class Case:
    """An open case, in minor units."""

    kind: str
    amount: int
    account: str


def minor(amount: dict[str, str]) -> int:
    """USD as the bank prints it, in cents."""
    whole, _, cents = amount["amount"].partition(".")
    assert amount["currency"] == "USD"
    assert len(cents) == 2, amount
    value = int(whole.lstrip("-")) * 100 + int(cents)
    return -value if whole.startswith("-") else value


def new_pin_file(folder: Path, pin: str) -> Path:
    """A file with that PIN, which only its owner may read."""
    path = folder / f"{next_serial()}.pin"
    path.write_text(pin + "\n", encoding="utf-8")
    path.chmod(0o600)
    return path


# ── The kiosk ───────────────────────────────────────────────────────────────────────────────────────────────────────

VALUES = {"top": 50_00, "middle": 20_00, "bottom": 10_00}


class RealKiosk:
    """`atm-kiosk` on a laptop's directory. `notes` are the physical ones, whatever anybody believes of them."""

    def __init__(self, directory: Path, programs: Programs) -> None:
        self.directory = directory
        self.programs = programs
        self.terminal = ""

    @classmethod
    def enrolled(cls, bank: RealBank, directory: Path, *, confirm: bool = True) -> Self:
        """By the real enrolment: the bank's string, `atm-provision`, and a person who compares the fingerprint."""
        kiosk = cls(directory, bank.programs)
        opened = bank.ask("enrol")
        done = kiosk.provision(opened["string"])
        assert done.code == 0, done
        kiosk.terminal = opened["terminal"]
        # On a machine that is busy with many tests a note may seem to take far longer than it does.
        kiosk.set("dispenser", double_note_ms=600, longest_note_ms=1_500, pick_timeout_ms=600)
        if confirm:
            fingerprint = done.out.partition("fingerprint ")[2].partition(":")[0]
            bank.ask("terminal-confirm", terminal=kiosk.terminal, fingerprint=fingerprint)
        return kiosk

    def provision(self, string: str, *more: str) -> Done:
        line = [*self.programs.line("atm-provision"), "--no-systemd", "--state", str(self.directory), *more]
        return self.programs.run(line, given=string + "\n")

    def run(self, *words: str, probe: Sequence[str] = ()) -> Done:
        """Any command of `atm-kiosk`, about this kiosk."""
        return self.programs.run([*self.programs.line("atm-kiosk", probe), *words, "--state", str(self.directory)])

    def load(self, **notes: int) -> Done:
        """An operator's exchange by command: what is in the cassettes from now on."""
        counts = [f"{name}={count}" for name, count in notes.items()]
        done = self.run("cash", "load", *counts, "--by", "Olga")
        assert done.code == 0, done
        return done

    def once(
        self, card: RealCard, *what: str, probe: Sequence[str] = (), pin_file: Path | None = None, more: Sequence[str] = ()
    ) -> Done:  # fmt: skip
        return self.run(
            "once", "--card", str(card.file), "--pin-file", str(pin_file or card.pin_file), *what, *more, probe=probe
        )

    def set(self, table: str, **values: int | str) -> None:
        """More of its own configuration, such as `[line]`'s time-outs."""
        lines = "".join(f"{name} = {value}\n" for name, value in values.items())
        with (self.directory / "kiosk.toml").open("a", encoding="utf-8") as file:
            file.write(f"\n[{table}]\n{lines}")

    # ---- what is true of it ----

    @property
    def notes(self) -> dict[str, dict[str, int]]:
        """Where the notes of each cassette are: `cassette`, `throat`, `out` (the customer's), `reject`, `removed`."""
        kept = json.loads((self.directory / "notes.json").read_text(encoding="utf-8"))
        found = {}
        for name, place in kept["places"].items():
            on_the_way = sum(note["cassette"] == name for note in kept["path"])
            found[name] = {
                "cassette": place["cassette"], "throat": place["throat"] + on_the_way,
                "out": place["tray"] + place["taken"], "reject": place["reject"], "removed": place["removed"],
            }  # fmt: skip
        return found

    @property
    def given(self) -> int:
        """What customers have in their hands, in minor units."""
        return sum(VALUES[name] * place["out"] for name, place in self.notes.items())

    @contextlib.contextmanager
    def journal(self) -> Iterator[Journal]:
        """A copy of its journal, checked, as it lies on the disk: reading changes nothing of what the next start finds."""
        with tempfile.TemporaryDirectory(prefix="journal-") as folder:
            for file in self.directory.glob("journal.sqlite*"):
                shutil.copy(file, folder)
            journal = Journal.open(Path(folder) / "journal.sqlite", random=SystemRandomness())
            try:
                yield journal
            finally:
                journal.close()


# ── A supervisor ────────────────────────────────────────────────────────────────────────────────────────────────────


class Keeper:
    """Starts the bank again whenever its probe has killed it, as its supervisor would; counts how often."""

    def __init__(self, bank: RealBank, *, pause_s: float = 0.0) -> None:
        self._bank = bank
        self._pause_s = pause_s
        self._over = threading.Event()
        self._failed: BaseException | None = None
        self.deaths = 0
        self._thread = threading.Thread(target=self._run, name="keeper")

    def __enter__(self) -> Self:
        self._bank.is_kept = True
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._bank.is_kept = False
        if self._failed is not None:
            raise self._failed

    def _run(self) -> None:
        try:
            while not self._over.wait(0.01):
                if not self._bank.running:
                    self._again()
        except BaseException as error:
            self._failed = error

    def _again(self) -> None:
        code = self._bank.wait()
        assert code == -signal.SIGKILL, f"the bank ended by itself: {code}"
        self.deaths += 1
        time.sleep(self._pause_s)
        self._bank.start()


__all__ = ["PATIENCE_S", "PIN", "PROGRAMS", "Done", "Keeper", "RealBank", "RealCard", "RealKiosk", "no_bug_was_kept"]
