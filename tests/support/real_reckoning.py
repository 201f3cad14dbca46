"""What must agree after a crash, to the note: physical notes, journal, account, cases, ledger and audit log."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from support.real_processes import VALUES, Account, Case, Done, RealBank, RealKiosk

#: Each third write or commit is one to be killed at; with EVERY_WRITE=1, as in `make kill`, every one. In virtual time
#: (`tests/kiosk/test_power_cuts.py`, the simulation) it is every one at all times.
STEP = 1 if os.environ.get("EVERY_WRITE") else 3


@dataclass(frozen=True)
class Expected:
    """What one withdrawal came to (minor units). `given`: cassettes of the notes that are the customer's now.

    `counted`: those of them that the journal knows. `cases`: what was opened for it, by kind. `closes`: the machine does
    not know of a note where it is, and pays nobody before an operator has looked.
    """

    given: tuple[str, ...] = ()
    counted: tuple[str, ...] = ()
    held: int = 0
    cases: dict[str, int] = field(default_factory=dict)
    closes: bool = False

    @property
    def debited(self) -> int:
        """What is counted is debited, and nothing else."""
        return worth(self.counted)


def worth(cassettes: Sequence[str]) -> int:
    return sum(VALUES[cassette] for cassette in cassettes)


def expected(trace: Sequence[str], when: str, plan: Sequence[str]) -> Expected:
    """What a withdrawal whose notes should have been `plan` comes to when it is killed `when` its last write is due.

    The cases that name a difference: nothing counted after a release ("unknown", the money stays set aside), and a
    note that may have been moving ("doubt", not debited).
    """
    written = trace if when == "after" else trace[:-1]
    given = [what.removeprefix("note-moved:") for what in trace if what.startswith("note-moved:")]
    counted = [what.removeprefix("note-moved:") for what in written if what.startswith("note-moved:")]
    assert counted == list(plan[: len(counted)])
    asked = any("taken:release" in what for what in written)
    released = any("answered:release" in what for what in trace)
    if not released:
        return Expected(closes=asked)
    if not counted:
        amount = worth(plan)
        return Expected(given=tuple(given), held=amount, cases={"unknown": amount}, closes=True)
    left = plan[len(counted) : len(counted) + 1]
    cases = {"doubt": worth(left)} if left else {}
    return Expected(given=tuple(given), counted=tuple(counted), cases=cases, closes=bool(left))


def is_stuck(done: Done) -> bool:
    """Closed until somebody has looked after a note."""
    return done.code == 5 and "clear the" in done.err and "path" in done.err


@dataclass(frozen=True)
class State:
    """Everything that is counted, at one moment."""

    notes: dict[str, dict[str, int]]
    counts: dict[str, int]
    account: Account
    cases: dict[str, Case]


class Lane:
    """One kiosk and one customer's card, through many crashes."""

    def __init__(self, bank: RealBank, folder: Path, *, opening: str = "5000") -> None:
        folder.mkdir()
        self.folder = folder
        self.bank = bank
        self.kiosk = RealKiosk.enrolled(bank, folder / "kiosk")
        self.kiosk.load(top=100, middle=100, bottom=100)
        self.card = bank.customer(folder, opening=opening)
        self._traces = 0

    # ---- what happens ----

    def withdraw(self, amount: int, *probe: str) -> tuple[Done, list[str]]:
        """One `once --withdraw`; with the trace of its journal's writes."""
        self._traces += 1
        trace = self.folder / f"{self._traces}.trace"
        done = self.kiosk.once(
            self.card, "--withdraw", str(amount), probe=["support.journal_probe", "--trace", str(trace), *probe]
        )
        return done, trace.read_text(encoding="utf-8").splitlines() if trace.exists() else []

    def plan(self, amount: int) -> tuple[str, ...]:
        """The cassettes that an undisturbed withdrawal takes its notes from, in their order; it is made."""
        done, trace = self.withdraw(amount)
        assert (done.code, done.json["outcome"]) == (0, "paid"), done
        return tuple(what.removeprefix("note-moved:") for what in trace if what.startswith("note-moved:"))

    def restart(self, tries: int = 1) -> Done:
        """Start again, until all of the past has ended. The balance is asked for: where nothing is stuck, it is told."""
        for _ in range(tries):
            self.bank.until_reached()
            done = self.kiosk.once(self.card, "--balance")
            if done.code == 0 or is_stuck(done):
                return done
        raise AssertionError(f"it does not come back: {done}")

    def mend(self) -> None:
        """An operator looks after the note that is in doubt, and loads anew."""
        self.kiosk.load(top=100, middle=100, bottom=100)

    def crash_is_over(self, before: State, wanted: Expected, said: object, tries: int = 1) -> None:
        """Started again: all has ended as it was `wanted`, and the machine serves, after an exchange where it must."""
        done = self.restart(tries)
        self.agrees(before, wanted, said)
        assert is_stuck(done) == wanted.closes, (said, done)
        if is_stuck(done):
            self.mend()

    # ---- what is true ----

    def state(self) -> State:
        with self.kiosk.journal() as journal:
            counts = {count.cassette: count.count for count in journal.counts()}
        account = self.bank.account(self.card)
        cases = {name: case for name, case in self.bank.open_cases().items() if case.account == self.card.account}
        return State(self.kiosk.notes, counts, account, cases)

    def agrees(self, before: State, wanted: Expected, said: object = "") -> State:
        """Since `before`, exactly what was `wanted` has happened, on every side."""
        with self.kiosk.journal() as journal:
            assert journal.outbox_length() == 0, f"{said}: a fact still waits"
            assert journal.open_transactions() == (), said
            assert journal.parked() == (), said
        now = self.state()
        for name, places in now.notes.items():
            was = before.notes[name]
            assert sum(places.values()) == sum(was.values()), (
                f"{said}: notes of {name} came from nowhere, or went there"
            )
            assert places["out"] - was["out"] == Counter(wanted.given)[name], (said, name, was, places)
            assert places["throat"] == was["throat"], (said, name, was, places)
            assert before.counts[name] - now.counts[name] == Counter(wanted.counted)[name], (
                said,
                name,
                before.counts,
                now.counts,
            )
        assert before.account.balance - now.account.balance == wanted.debited, (said, before, now)
        assert now.account.held - before.account.held == wanted.held, (said, before, now)
        new = {case.kind: case.amount for name, case in now.cases.items() if name not in before.cases}
        assert new == wanted.cases, (said, before.cases, now.cases)
        self.bank.sound()
        return now
