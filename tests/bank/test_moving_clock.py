"""A demonstration's bank whose clock is moved forward: what is over ends at once, and no other bank can be moved."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from support.bank_program import BankProgram
from support.coded import authorise, code, reason, states
from support.hall import Hall, HeldCard, Machine, run_hall, with_slot

from bank.control import CommandRefused, call
from bank.keys.certificates import valid_at
from bank.keys.keyring import KeyRing
from bank.moving_clock import COMMAND, MOST_MS, moved_by_command
from bank_link import messages as m
from bank_link.enrolment import enrol
from bank_link.seams import MovedClock, SystemClock, SystemRandomness

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
Forward = Callable[[int], Awaitable[Any]]


def run_moved(folder: Path, story: Callable[[Hall, Forward], Awaitable[None]], **limits: int) -> None:
    async def whole(hall: Hall) -> None:
        await hall.close()
        hall.clock = clock = MovedClock(hall.clock)  # type: ignore[assignment]  # it tells the time as well
        await hall.open()
        execute = moved_by_command(hall.bank.execute_named, hall.bank, clock)
        await story(hall, lambda by_ms: execute(COMMAND, {"by": "Ada", "by_ms": by_ms}))
        await hall.sound()

    run_hall(folder, whole, **limits)


async def asked(machine: Machine, card: HeldCard, units: int = 40) -> m.Answer:
    """The bank's answer to somebody who wants so much."""
    opened = await machine.open_visit(card)
    assert isinstance(opened, m.VisitOpened), opened
    card.file = with_slot(card.file, opened)
    answer, _ = await authorise(machine, opened, units)
    return answer


def test_a_hold_that_is_over_by_then_is_voided_at_once(tmp_path: Path) -> None:
    """Nobody waits for the next look around; that and by how much stands in the audit log."""

    async def story(hall: Hall, forward: Forward) -> None:
        machine, card = await hall.machine(), await hall.card()
        await machine.hold(card, release=False)
        assert await hall.balance(card.account) == ("200.00", "40.00")
        assert await forward(HOUR_MS) == {"ahead_ms": HOUR_MS}
        assert await hall.balance(card.account) == ("200.00", "0.00")
        assert await forward(HOUR_MS) == {"ahead_ms": 2 * HOUR_MS}
        kinds = [row["kind"] for row in await hall.sql("SELECT kind FROM audit_events ORDER BY rowid")]
        assert kinds.count(COMMAND) == 2

    run_moved(tmp_path, story)


def test_a_new_day_has_its_own_limit(tmp_path: Path) -> None:
    """What was refused today is paid tomorrow, in the same session."""

    async def story(hall: Hall, forward: Forward) -> None:
        machine, card = await hall.machine(), await hall.card()
        session = machine.journal.session
        await machine.complete(await machine.hold(card), presented=2)
        assert reason(await asked(machine, card)) is m.Reason.AMOUNT_LIMIT
        await forward(DAY_MS)
        await machine.complete(await machine.hold(card), presented=2)
        assert machine.journal.session is session

    run_moved(tmp_path, story, day_amount=40, withdrawal_amount=40)


def test_a_code_that_is_over_by_then(tmp_path: Path) -> None:
    """It says so in the staff's list."""

    async def story(hall: Hall, forward: Forward) -> None:
        await code(hall, await hall.account(), minutes=30)
        await forward(29 * 60_000)
        assert await states(hall) == ["open"]
        await forward(60_000)
        assert await states(hall) == ["expired"]

    run_moved(tmp_path, story)


@pytest.mark.parametrize("by_ms", [0, -1, MOST_MS + 1, "60000", None, 1.5])
def test_never_back_and_never_by_nonsense(tmp_path: Path, by_ms: Any) -> None:
    """One sentence, and the clock is where it was."""

    async def story(hall: Hall, forward: Forward) -> None:
        with pytest.raises(CommandRefused, match="moved forward by 1 to"):
            await forward(by_ms)
        assert await forward(1) == {"ahead_ms": 1}

    run_moved(tmp_path, story)


# ── As a process ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def bank(tmp_path: Path) -> BankProgram:
    program = BankProgram(tmp_path / "bank", tmp_path / "home")
    program.found()
    return program


def moved(bank: BankProgram, by_ms: int) -> Any:
    return asyncio.run(call(bank.directory / "control.sock", COMMAND, {"by": "Ada", "by_ms": by_ms}))


def test_a_bank_that_was_started_as_usual_refuses(bank: BankProgram) -> None:
    """Whoever owns its control socket cannot move its time; its next posting is of today."""
    with bank.serving():
        with pytest.raises(CommandRefused, match="knows no command"):
            moved(bank, DAY_MS)
        bank.ok("customer", "add", "Ada")
        account = bank.ok("account", "open", "C1001", "--opening", "5")["account"]
        [posting] = bank.ok("account", "show", account)["postings"]
        assert posting["at"][:10] == time.strftime("%Y-%m-%d", time.gmtime())


def test_certificates_stay_with_the_real_clock(bank: BankProgram) -> None:
    """Far ahead, a terminal is enrolled over TLS and the next CA made: both are good today."""
    with bank.serving("--movable-clock"):
        for _ in range(24):
            moved(bank, MOST_MS)
        string = bank.ok("enrol")["string"]
        identity = enrol(string, random=SystemRandomness(), now_ms=SystemClock().now_ms())
        bank.ok("ca", "next")
        ring = KeyRing.load(bank.directory / "keys", random=SystemRandomness())
        terminal = x509.load_pem_x509_certificate(identity.certificate.encode())
        made = [terminal, *ring.ca_certificates().values()]
        assert len(made) == 3
        assert all(valid_at(one, SystemClock().now_ms()) for one in made)
