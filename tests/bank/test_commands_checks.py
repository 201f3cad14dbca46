"""The checks find what is wrong, and the database itself refuses most of it before any check."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError
from support.hall import Hall, HeldCard, Machine, cassette, run_hall

from bank.commands import requests as r
from bank.store.errors import StoreError
from bank_link.messages import Echo, Outcome

Story = Callable[[Hall, Machine, HeldCard], Awaitable[None]]


def play(directory: Path, story: Story) -> None:
    """A machine, a customer, and one withdrawal of 40 that went well."""

    async def whole(hall: Hall) -> None:
        machine, card = await hall.machine(), await hall.card()
        await machine.exchange(found=0, after=100)
        await machine.complete(await machine.hold(card, 40), presented=2)
        await hall.sound()
        await story(hall, machine, card)

    run_hall(directory, whole)


def posting(debit: str, credit: str, amount: int = 5, currency: str = "EUR") -> str:
    """A forged one: its two sides are in one row, so it cannot be unbalanced."""
    return (
        "INSERT INTO postings (debit_account, credit_account, amount_minor, currency, kind, terminal, generation, number,"
        f" case_id, text, at_ms) VALUES ('{debit}', '{credit}', {amount}, '{currency}', 'forged', '', 0, 0, '', '', 1)"
    )


async def findings(hall: Hall) -> set[str]:
    checked = await hall.check()
    assert checked.sound == (not checked.findings)
    assert all("\n" not in found.sentence for found in checked.findings)
    return {found.what for found in checked.findings}


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE accounts SET balance_minor = balance_minor + 1 WHERE kind = 'customer'", {"balance", "sum"}),
        ("UPDATE accounts SET held_minor = 100 WHERE kind = 'customer'", {"held"}),
        ("UPDATE usage SET amount_minor = amount_minor + 1", {"usage"}),
        ("UPDATE usage SET count = 2", {"usage"}),
        ("DELETE FROM usage", {"usage"}),
        (posting("suspense.EUR", "vault.EUR"), {"balance", "suspense"}),
        ("UPDATE accounts SET floor_minor = 20000, forced_case = 'gone' WHERE kind = 'customer'", {"floor"}),
        ("UPDATE accounts SET balance_minor = -balance_minor WHERE kind IN ('vault', 'cash')", {"balance", "sum"}),
    ],
)
def test_a_forged_figure_is_found(tmp_path: Path, statement: str, what: set[str]) -> None:
    """Each figure is recomputed from what it stands for."""

    async def story(hall: Hall, _machine: Machine, _card: HeldCard) -> None:
        await hall.write(statement)
        assert await findings(hall) == what

    play(tmp_path, story)


def test_a_hold_in_a_case_that_is_not_there_is_found(tmp_path: Path) -> None:
    """Money that waits for nobody's decision."""

    async def story(hall: Hall, machine: Machine, card: HeldCard) -> None:
        await machine.complete(await machine.hold(card, 40), outcome=Outcome.UNKNOWN)
        await hall.write("UPDATE cases SET state = 'closed'")
        assert await findings(hall) == {"hold"}

    play(tmp_path, story)


def test_money_in_suspense_under_a_closed_case_is_found(tmp_path: Path) -> None:
    """A case that is closed without its posting leaves money that is nobody's."""

    async def story(hall: Hall, machine: Machine, _card: HeldCard) -> None:
        await machine.exchange(found=90, after=90)
        await hall.write("UPDATE cases SET state = 'closed'")
        assert await findings(hall) == {"suspense"}

    play(tmp_path, story)


@pytest.mark.parametrize(("count", "missing"), [(98, "0.00"), (97, "20.00"), (99, "-20.00")])
def test_a_machine_that_reports_other_cash_than_the_books_is_found(tmp_path: Path, count: int, missing: str) -> None:
    """To the note, in both directions."""

    async def story(hall: Hall, machine: Machine, _card: HeldCard) -> None:
        await sleep_past_the_echo()
        await machine.echo(count)
        assert await findings(hall) == (set() if count == 98 else {"cash"})
        (cash,) = (await hall.check()).machines
        assert (cash.book.amount, cash.missing.amount) == ("1960.00", missing)

    play(tmp_path, story)


async def sleep_past_the_echo() -> None:
    """What was posted just before an echo may be missing from it; wait until nothing was."""
    await asyncio.sleep(60)


def test_a_machine_that_could_not_be_compared_says_why(tmp_path: Path) -> None:
    """Never reported, facts on their way, or an exchange since: no false alarm, and no false peace."""

    async def story(hall: Hall, machine: Machine, _card: HeldCard) -> None:
        async def why() -> str:
            (cash,) = (await hall.check()).machines
            assert cash.reported is None
            return str(cash.compared)

        assert "not reported yet" in await why()
        await sleep_past_the_echo()
        await machine.echo(50, outbox=2)
        assert "2 of its facts" in await why()
        await machine.echo(50)
        await machine.exchange(found=98, after=100)
        await machine.echo(100)
        assert await findings(hall) == set()

    play(tmp_path, story)


def test_a_payment_under_way_at_the_echo_is_no_finding(tmp_path: Path) -> None:
    """The notes are out, the completion is not here yet: explained, up to its amount."""

    async def story(hall: Hall, machine: Machine, card: HeldCard) -> None:
        await sleep_past_the_echo()
        held = await machine.hold(card, 40)
        await machine.echo(96)
        assert await findings(hall) == set()
        await machine.echo(95)
        assert await findings(hall) == {"cash"}
        await machine.echo(96)
        await machine.complete(held, presented=2)
        assert await findings(hall) == set()

    play(tmp_path, story)


async def reopened(hall: Hall) -> None:
    await hall.open()
    await hall.check()


def test_a_damaged_file_is_said_to_be_damaged(tmp_path: Path) -> None:
    """Nothing else can be believed then."""

    async def story(hall: Hall, _machine: Machine, _card: HeldCard) -> None:
        await hall.close()
        path = hall.directory / "books.sqlite"
        data = bytearray(path.read_bytes())
        for place in range(4096 * 4, len(data), 4096):
            data[place : place + 64] = b"\xff" * 64
        path.write_bytes(data)
        with pytest.raises(StoreError, match="restore"):
            await reopened(hall)

    play(tmp_path, story)


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("UPDATE postings SET amount_minor = 1", "never changed"),
        ("UPDATE postings SET credit_account = 'vault.EUR'", "never changed"),
        ("DELETE FROM postings", "never changed"),
        (posting("vault.EUR", "equity.EUR", amount=0), "posting_positive"),
        (posting("vault.EUR", "equity.EUR", amount=-5), "posting_positive"),
        (posting("vault.EUR", "vault.EUR"), "posting_two_accounts"),
        (posting("vault.EUR", "nowhere"), "FOREIGN KEY"),
        (posting("vault.EUR", "equity.EUR", currency="USD"), "FOREIGN KEY"),
        ("UPDATE accounts SET balance_minor = -1 WHERE kind = 'customer'", "below_floor"),
        ("UPDATE accounts SET held_minor = 20001 WHERE kind = 'customer'", "below_floor"),
        ("UPDATE accounts SET held_minor = -1 WHERE kind = 'customer'", "held_not_negative"),
        ("UPDATE accounts SET kind = 'friend' WHERE kind = 'customer'", "account_kind"),
        ("DELETE FROM accounts WHERE kind = 'customer'", "FOREIGN KEY"),
        ("UPDATE accounts SET currency = 'USD' WHERE kind = 'customer'", "FOREIGN KEY"),
        ("UPDATE holds SET state = 'held'", "resolves once"),
        ("UPDATE holds SET state = 'voided'", "resolves once"),
        ("UPDATE holds SET amount_minor = 0", "hold_positive"),
        ("UPDATE usage SET amount_minor = -1", "usage_not_negative"),
        ("UPDATE terminals SET state = 'trusted'", "terminal_state"),
        ("UPDATE cases SET state = 'lost'", "case_state"),
        ("INSERT INTO card_accounts (card, account, place) VALUES ('nobody', 'nothing', 0)", "FOREIGN KEY"),
    ],
)
def test_the_database_itself_refuses(tmp_path: Path, statement: str, why: str) -> None:
    """Postings never change, both sides exist and are equal, no balance below its limit without a case, holds end once."""

    async def story(hall: Hall, machine: Machine, card: HeldCard) -> None:
        await machine.complete(await machine.hold(card, 40), presented=1, in_doubt=1)
        with pytest.raises(DBAPIError, match=why):
            await hall.write(statement)
        await hall.sound()

    play(tmp_path, story)


def test_below_its_limit_only_with_a_case_named(tmp_path: Path) -> None:
    """The same change passes once a case is named; the check then wants that case to be there."""

    async def story(hall: Hall, machine: Machine, card: HeldCard) -> None:
        case = await machine.complete(await machine.hold(card, 40), presented=1, in_doubt=1)
        with pytest.raises(IntegrityError):
            await hall.write("UPDATE accounts SET floor_minor = 99999 WHERE kind = 'customer'")
        await hall.write("UPDATE accounts SET floor_minor = 99999, forced_case = :c WHERE kind = 'customer'", c=case)
        await hall.sound()

    play(tmp_path, story)


def test_an_altered_audit_log_is_found_and_a_terminals_head_is_remembered(tmp_path: Path) -> None:
    """A changed event, and a log that was cut off behind a head that a machine has seen."""

    async def story(hall: Hall, machine: Machine, _card: HeldCard) -> None:
        session = await machine.sign_on()
        head = session.audit_head
        assert (await hall.do(r.AuditVerify, heads=(head,))).sound
        await hall.bank.seal()
        await hall.write("UPDATE audit_events SET detail = 'nothing happened' WHERE event_id = 2")
        found = await hall.do(r.AuditVerify)
        assert not found.sound
        assert {finding.what for finding in found.findings} == {"altered"}
        await hall.write("DELETE FROM audit_blocks")
        await hall.write("DELETE FROM audit_events")
        cut = await hall.do(r.AuditVerify, heads=(head,))
        assert "truncated" in {finding.what for finding in cut.findings}

    play(tmp_path, story)


def test_an_echo_that_was_long_under_way_says_nothing_new(tmp_path: Path) -> None:
    """It arrives after an exchange and after a newer echo: what it says of the cash is of before, and raises no alarm."""

    async def story(hall: Hall, machine: Machine, _: HeldCard) -> None:
        session = machine.client._open  # as the machine's own client holds it
        assert session is not None
        late = session.seal(Echo(counts=cassette(98), in_service=True), time=hall.clock.now_ms())
        await sleep_past_the_echo()
        await machine.exchange(found=98, after=50)
        await machine.echo(50)
        await hall.bank.host.handle(late, peer="machine")
        checked = await hall.check()
        assert checked.sound, checked.findings
        assert checked.machines[0].reported.amount == "1000.00"

    play(tmp_path, story)
