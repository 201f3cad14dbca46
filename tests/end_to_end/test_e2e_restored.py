"""A real bank whose database is put back to an older copy, and a real kiosk whose disk is: noticed, and nothing lost."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.real_books import books
from support.real_processes import Case, RealBank, RealKiosk
from support.real_reckoning import VALUES, Lane

#: A busy machine takes its time for so many processes.
pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[RealBank]:
    with RealBank.found(tmp_path / "bank", logs=tmp_path / "logs") as bank:
        yield bank


def _back_up(bank: RealBank, folder: Path) -> None:
    """As an operator does it: stopped in good order, copied, started again."""
    assert bank.stop() == 0
    folder.mkdir()
    for file in bank.directory.glob("books.sqlite*"):
        shutil.copy(file, folder)
    assert not (folder / "books.sqlite-wal").exists(), "all of it is in one file"
    bank.start()


def _restore(bank: RealBank, folder: Path) -> None:
    """After a disaster: whatever there is now goes, the copy takes its place."""
    bank.kill()
    for file in bank.directory.glob("books.sqlite*"):
        file.unlink()
    for file in folder.iterdir():
        shutil.copy(file, bank.directory)
    bank.start()


def _withdraw(lane: Lane, amount: int) -> None:
    done = lane.kiosk.once(lane.card, "--withdraw", str(amount))
    assert (done.code, done.json["outcome"], done.json["delivered"]) == (0, "paid", True), done


def _newest_head(kiosk: RealKiosk) -> str:
    """What this machine remembers of the audit log."""
    with kiosk.journal() as journal:
        newest = journal.newest("signed-on")
    assert newest is not None
    return str(newest.record.audit_head)


def test_a_restored_bank_learns_what_it_lost(bank: RealBank, tmp_path: Path) -> None:
    """Every machine sends again what the bank forgot, each fact posts once, and what has no account waits in suspense."""
    first, second = Lane(bank, tmp_path / "first"), Lane(bank, tmp_path / "second")
    for lane in (first, second):
        _withdraw(lane, 10)
    _back_up(bank, tmp_path / "copy")
    for lane, amount in ((first, 20), (second, 30), (first, 50)):
        _withdraw(lane, amount)
    new = bank.customer(tmp_path)
    assert first.kiosk.once(new, "--withdraw", "20").code == 0
    head = _newest_head(first.kiosk)
    assert bank.run("audit", "verify", "--head", head).code == 0
    right = {lane: bank.account(lane.card) for lane in (first, second)}
    _restore(bank, tmp_path / "copy")
    assert bank.account(first.card).balance == 4990_00
    for lane in (first, second):
        lane.restart()
    assert {lane: bank.account(lane.card) for lane in (first, second)} == right
    cases = bank.open_cases()
    assert list(cases.values()) == [Case("suspense", 20_00, new.account)], cases
    for lane in (first, second):
        _withdraw(lane, 20)
    assert not [row for row in books(bank)["numbers"] if "lost" in row]
    assert first.kiosk.once(new, "--balance").sentence == "atm-kiosk: no-card: the bank does not know this card"
    # The log is whole, but it is not the one that the machine remembers: that much cannot be put right.
    bank.sound_by_command()
    contradicted = bank.run("audit", "verify", "--head", head)
    assert contradicted.code == 1, contradicted


def test_a_bank_restored_twice_posts_nothing_twice(bank: RealBank, tmp_path: Path) -> None:
    """The same facts come back again, and are the same facts."""
    lane = Lane(bank, tmp_path / "lane")
    _withdraw(lane, 10)
    _back_up(bank, tmp_path / "copy")
    for _ in range(2):
        _withdraw(lane, 20)
        right = bank.account(lane.card)
        _restore(bank, tmp_path / "copy")
        lane.restart()
        assert bank.account(lane.card) == right
    assert bank.account(lane.card).balance == 5000_00 - lane.kiosk.given
    assert bank.open_cases() == {}
    bank.sound()


# ── The kiosk's disk ────────────────────────────────────────────────────────────────────────────────────────────────


def _keep_disk(kiosk: RealKiosk, folder: Path) -> None:
    folder.mkdir()
    for file in kiosk.directory.glob("journal.sqlite*"):
        shutil.copy(file, folder)


def _put_disk_back(kiosk: RealKiosk, folder: Path | None) -> None:
    """The notes stay where they are: a disk is put back, not the world."""
    for file in kiosk.directory.glob("journal.sqlite*"):
        file.unlink()
    if folder is not None:
        for file in folder.iterdir():
            shutil.copy(file, kiosk.directory)


def _count_and_load(lane: Lane) -> None:
    """An operator counts what is really there, and fills up."""
    found = [f"{name}={place['cassette']}" for name, place in lane.kiosk.notes.items()]
    counts = [f"{name}=100" for name in VALUES]
    done = lane.kiosk.run("cash", "load", *counts, "--found", *found, "--by", "Olga")
    assert done.code == 0, done


def _is_suspended(lane: Lane, why: str) -> None:
    """Closed, in one sentence, for cash and balance; the bank says why."""
    before, notes = lane.bank.account(lane.card), lane.kiosk.notes
    for what in (("--withdraw", "20"), ("--balance",)):
        done = lane.kiosk.once(lane.card, *what)
        assert done.code == 3, done
        assert why in done.sentence, done
    (terminal,) = lane.bank.ask("terminal-list")["terminals"]
    assert terminal["state"] == "suspended"
    assert why in terminal["why"]
    assert (lane.bank.account(lane.card), lane.kiosk.notes) == (before, notes)


def _comes_back(lane: Lane) -> None:
    """A person at the bank resumes it, a person at the machine counts; then it serves again."""
    resumed = lane.bank.command("terminal", "resume", lane.kiosk.terminal)
    assert resumed["state"] == "active", resumed
    waits = lane.kiosk.once(lane.card, "--withdraw", "20")
    assert waits.code == 3, waits
    assert waits.sentence.startswith("atm-kiosk: exchange: "), waits
    _count_and_load(lane)
    _withdraw(lane, 20)
    lane.bank.sound()


@pytest.mark.parametrize("lost", [False, True])
def test_a_kiosk_with_another_disk_is_suspended_and_comes_back(bank: RealBank, tmp_path: Path, lost: bool) -> None:
    """An older copy of its journal, or none at all: no money moves until two people have looked, and nothing is lost."""
    lane = Lane(bank, tmp_path / "lane")
    _keep_disk(lane.kiosk, tmp_path / "copy")
    _withdraw(lane, 30)
    _put_disk_back(lane.kiosk, None if lost else tmp_path / "copy")
    _is_suspended(lane, "the disk was changed, lost or cloned" if lost else "the disk was rolled back")
    _comes_back(lane)
    assert bank.account(lane.card).balance == 5000_00 - lane.kiosk.given == 5000_00 - 50_00
    assert bank.open_cases() == {}


def test_a_payment_that_the_disk_forgot_becomes_a_case(bank: RealBank, tmp_path: Path) -> None:
    """Released, then the kiosk died and its disk was put back: resumed, the money waits in a case until it is decided."""
    lane = Lane(bank, tmp_path / "lane")
    _withdraw(lane, 10)
    _keep_disk(lane.kiosk, tmp_path / "copy")
    done, _ = lane.withdraw(30, "--kill", "after", "--at", "nonce-burnt")
    assert done.killed
    _put_disk_back(lane.kiosk, tmp_path / "copy")
    _is_suspended(lane, "the disk was rolled back")
    assert bank.account(lane.card).held == 30_00
    _comes_back(lane)
    ((name, case),) = bank.open_cases().items()
    assert (case.amount, case.account) == (30_00, lane.card.account)
    assert bank.account(lane.card).held == 30_00
    # The operator has found every note in its place.
    bank.command("case", "resolve", name, "--void", "--note", "all notes were counted in their cassettes")
    assert (bank.account(lane.card).balance, bank.account(lane.card).held) == (5000_00 - lane.kiosk.given, 0)
    bank.sound()
