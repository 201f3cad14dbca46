"""Confirming, suspending and resuming a terminal: no key without a person, no journal that contradicts itself unseen."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace
from support.hall import Hall, HeldCard, Journal, Machine, another_disk, public_of, run_hall

from bank.commands import requests as r
from bank.control import CommandRefused
from bank_link.enrolment_string import fingerprint
from bank_link.messages import Command, Reason, Refused


async def refused(hall: Hall, command: type[r.Command], **fields: object) -> str:
    with pytest.raises(CommandRefused) as caught:
        await hall.do(command, **fields)
    return str(caught.value)


async def refused_visit(machine: Machine, card: HeldCard) -> Reason:
    answer = await machine.open_visit(card)
    assert isinstance(answer, Refused), answer
    return answer.reason


def rolled_back(machine: Machine, *, taken: int = 0) -> Machine:
    """The same machine from an older image of its disk, started since."""
    journal = Journal(boot_id="b7", boots={"b1", "b7"}, taken=taken)
    return Machine(machine.hall, machine.identity, journal)


def forget_floor(machine: Machine) -> None:
    """What it took before it heard of the bank, it took without knowing how far the bank has seen."""
    assert machine.journal.session is not None
    machine.journal.session = replace(machine.journal.session, next_number=0)


@pytest.mark.parametrize(
    "spelling", [str.lower, lambda text: text.replace("-", " "), lambda text: text.replace("-", "")]
)
def test_a_fingerprint_may_be_typed_in_any_spelling(tmp_path: Path, spelling: object) -> None:
    """Dashes and capitals are for reading; the letters count."""

    async def story(hall: Hall) -> None:
        machine = await hall.machine(confirm=False)
        typed = spelling(fingerprint(public_of(machine.identity.signing_key)))  # type: ignore[operator]
        assert (await hall.do(r.TerminalConfirm, terminal="T1", fingerprint=typed)).state == "active"

    run_hall(tmp_path, story)


@pytest.mark.parametrize("typed", ["", "AAAA-BBBB-CCCC-DDDD", "-", "A" * 60])
def test_another_fingerprint_confirms_nothing_and_is_alarmed(tmp_path: Path, typed: str) -> None:
    """Whoever has used the string instead stays outside, and the log says that it was tried."""

    async def story(hall: Hall) -> None:
        await hall.machine(confirm=False)
        assert "do not confirm" in await refused(hall, r.TerminalConfirm, terminal="T1", fingerprint=typed)
        assert [row["state"] for row in await hall.sql("SELECT state FROM terminals")] == ["pending"]
        assert await hall.sql(
            "SELECT * FROM audit_events WHERE kind = 'command-refused' AND detail LIKE 'terminal-confirm%'"
        )

    run_hall(tmp_path, story)


def test_what_is_not_pending_is_not_confirmed_and_what_is_pending_not_suspended(tmp_path: Path) -> None:
    """No way leads from pending to active but a person's comparison."""

    async def story(hall: Hall) -> None:
        await hall.machine(confirm=False)
        for command in (r.TerminalSuspend, r.TerminalResume):
            assert "pending" in await refused(hall, command, terminal="T1")
        machine = await hall.machine()
        mine = fingerprint(public_of(machine.identity.signing_key))
        assert "nothing to confirm" in await refused(hall, r.TerminalConfirm, terminal="T2", fingerprint=mine)
        assert "not suspended" in await refused(hall, r.TerminalResume, terminal="T2")

    run_hall(tmp_path, story)


def test_a_suspended_terminal_moves_no_money_and_its_facts_count(tmp_path: Path) -> None:
    """What already came out is debited; nothing more comes out; the machine is told why."""

    async def story(hall: Hall) -> None:
        machine, card = await hall.machine(), await hall.card()
        await machine.exchange(found=0, after=50)
        held = await machine.hold(card, 40)
        shown = await hall.do(r.TerminalSuspend, terminal="T1", why="a stranger was seen at it")
        assert (shown.state, shown.why) == ("suspended", "a stranger was seen at it")
        back = await machine.echo(48)
        assert (back.commands, back.why) == ((Command.OUT_OF_SERVICE,), "a stranger was seen at it")
        assert await refused_visit(machine, card) is Reason.SUSPENDED
        await machine.complete(held, presented=2)
        assert await hall.balance(card.account) == ("160.00", "0.00")
        assert "suspended already" in await refused(hall, r.TerminalSuspend, terminal="T1")
        await hall.sound()

    run_hall(tmp_path, story)


def test_resuming_a_plain_suspension_asks_for_a_new_sign_on_and_nothing_else(tmp_path: Path) -> None:
    """No case, no exchange: the machine signs on and works."""

    async def story(hall: Hall) -> None:
        machine, card = await hall.machine(), await hall.card()
        held = await machine.hold(card, 40)
        await hall.do(r.TerminalSuspend, terminal="T1")
        assert (await hall.do(r.TerminalResume, terminal="T1")).state == "active"
        await machine.complete(held, presented=2)
        session = machine.journal.session
        assert session is not None
        assert (session.state, session.exchange_needed) == ("active", False)
        assert await hall.open_cases() == []
        await machine.hold(card, 20)

    run_hall(tmp_path, story)


def test_another_disk_behind_a_plain_suspension_is_found_at_the_resumption(tmp_path: Path) -> None:
    """Whoever swaps the disk while the machine is suspended does not slip through by its resumption."""

    async def story(hall: Hall) -> None:
        machine = await hall.machine()
        await hall.do(r.TerminalSuspend, terminal="T1", why="by hand")
        swapped = another_disk(machine)
        assert (await swapped.sign_on()).state_sentence != "by hand"
        shown = (await hall.do(r.TerminalList)).terminals[0]
        assert shown.exchange_needed
        assert "another one" in shown.why

    run_hall(tmp_path, story)


@pytest.mark.parametrize("returned", [rolled_back, another_disk])
def test_a_journal_that_contradicts_the_bank_is_adopted_by_a_person(tmp_path: Path, returned: object) -> None:
    """Suspended; then resumed with a case for what it may have paid unseen, in service after an exchange, for good."""

    async def story(hall: Hall) -> None:
        machine, card = await hall.machine(), await hall.card()
        await machine.exchange(found=0, after=50)
        held = await machine.hold(card, 40)
        again = returned(machine)  # type: ignore[operator]
        assert (await again.sign_on()).state == "suspended"
        assert await refused_visit(again, card) is Reason.SUSPENDED
        await hall.do(r.TerminalResume, terminal="T1")
        assert await hall.open_cases() == ["silent"]
        for _ in range(2):
            session = await again.sign_on()
            assert (session.state, session.exchange_needed) == ("active", True)
            assert session.next_number > held.number
        await again.exchange(found=48, after=100)
        assert not (await again.sign_on()).exchange_needed
        await again.hold(card, 20)
        await hall.sound()

    run_hall(tmp_path, story)


def test_a_restart_before_the_first_number_after_a_resumption_is_no_contradiction(tmp_path: Path) -> None:
    """A rolled back journal lags behind what the bank has seen; once a person has adopted it, that is known."""

    async def story(hall: Hall) -> None:
        machine, card = await hall.machine(), await hall.card()
        await machine.hold(card, 40)
        again = rolled_back(machine)
        await again.sign_on()
        await hall.do(r.TerminalResume, terminal="T1")
        again.journal.restart("b8")
        assert (await again.sign_on()).state == "active"
        # A second time back is a second contradiction.
        await again.exchange(found=50, after=50)
        once_more = rolled_back(machine)
        once_more.journal.boots.add("b8")
        assert (await once_more.sign_on()).state == "suspended"

    run_hall(tmp_path, story)


def test_a_number_of_two_meanings_suspends_a_machine_whose_sign_on_looked_well(tmp_path: Path) -> None:
    """An old image took as many numbers offline as it had lost: the first thing that it tells of one of them gives it away."""

    async def story(hall: Hall) -> None:
        machine, card = await hall.machine(), await hall.card()
        await machine.exchange(found=0, after=10)
        await machine.open_visit(card)
        taken = machine.journal.taken
        # Offline, an operator has filled it: the number of the visit is the exchange's now.
        again = rolled_back(machine, taken=taken)
        assert (await again.sign_on()).state == "active"
        again.journal.taken -= 1
        forget_floor(again)
        assert "other-body" in await again.exchange(found=10, after=20)
        (row,) = await hall.sql("SELECT * FROM terminals")
        assert (row["state"], row["exchange_needed"]) == ("suspended", 1)
        assert "one number to two things" in row["why"]
        assert await refused_visit(again, card) is Reason.SUSPENDED
        await hall.do(r.TerminalResume, terminal="T1")
        session = await again.sign_on()
        # Nothing was booked of that exchange: what is in the machine must be counted.
        assert (session.state, session.exchange_needed) == ("active", True)

    run_hall(tmp_path, story)


def test_what_an_adopted_journal_still_tells_suspends_nothing_again(tmp_path: Path) -> None:
    """A person has looked at it: its old numbers have two meanings, and that is known."""

    async def story(hall: Hall) -> None:
        machine, card = await hall.machine(), await hall.card()
        await machine.open_visit(card)
        taken = machine.journal.taken
        again = rolled_back(machine)
        assert (await again.sign_on()).state == "suspended"
        await hall.do(r.TerminalResume, terminal="T1")
        assert (await again.sign_on()).state == "active"
        again.journal.taken = taken - 1
        forget_floor(again)
        assert "other-body" in await again.exchange(found=0, after=20)
        assert [row["state"] for row in await hall.sql("SELECT state FROM terminals")] == ["active"]

    run_hall(tmp_path, story)


def test_an_exchange_during_the_suspension_counts(tmp_path: Path) -> None:
    """An operator who counts first and has it resumed afterwards has done all there is to do."""

    async def story(hall: Hall) -> None:
        machine = await hall.machine()
        await machine.exchange(found=0, after=10)
        again = another_disk(machine)
        await again.sign_on()
        await again.exchange(found=10, after=10)
        await hall.do(r.TerminalResume, terminal="T1")
        session = await again.sign_on()
        assert (session.state, session.exchange_needed) == ("active", False)

    run_hall(tmp_path, story)


def test_a_late_completion_settles_the_case_of_the_resumption(tmp_path: Path) -> None:
    """The right disk comes back: what it paid is debited, and nobody has to decide anything."""

    async def story(hall: Hall) -> None:
        machine, card = await hall.machine(), await hall.card()
        held = await machine.hold(card, 40)
        await another_disk(machine).sign_on()
        await hall.do(r.TerminalResume, terminal="T1")
        assert await hall.open_cases() == ["silent"]
        await machine.sign_on()
        await machine.complete(held, presented=2)
        assert await hall.open_cases() == []
        assert await hall.balance(card.account) == ("160.00", "0.00")
        await hall.sound()

    run_hall(tmp_path, story)


def test_the_list_says_what_each_machine_said_last(tmp_path: Path) -> None:
    """State, cassettes, whether it is in service, what is open about it."""

    async def story(hall: Hall) -> None:
        machine, card = await hall.machine(), await hall.card()
        for _ in range(9):
            await hall.machine()
        held = await machine.hold(card, 40)
        await machine.complete(held, presented=1, in_doubt=1)
        await machine.echo(47, outbox=3)
        listed = (await hall.do(r.TerminalList)).terminals
        assert [one.terminal for one in listed] == [f"T{place}" for place in range(1, 11)]
        first = listed[0]
        assert (first.state, first.in_service, first.outbox) == ("active", True, 3)
        assert [(one.count, one.value.amount) for one in first.cassettes] == [(47, "20.00")]
        assert len(first.cases) == 1
        assert listed[1].last_seen
        assert not listed[1].in_service

    run_hall(tmp_path, story)
