"""Accounts for people whom nobody knows: nothing of value until the card is written, bounded, and never half there."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from support.hall import Hall, HeldCard, Machine, eur, run_hall
from support.post_desk import open_desk, reason

from bank.commands import requests as r
from bank_link import messages as m
from bank_link.card_file import luhn, parse
from bank_link.pin_block import Pin, seal_pin

PIN = "8642"
DAY_S = 86_400


async def _machine(hall: Hall, **accounts: Any) -> Machine:
    """A machine of a bank that opens accounts for everybody."""
    settings = {"open_to_all": "true", **accounts}
    with (hall.directory / "bank.toml").open("a") as file:
        file.write("\n[accounts]\n" + "".join(f"{key} = {value}\n" for key, value in settings.items()))
    await hall.close()
    await hall.open()
    machine = await hall.machine()
    await machine.exchange(found=0, after=100)
    return machine


def _ask_for(machine: Machine, *, pin: str = PIN, bound_to: int = 0, **fields: Any) -> m.OpenAccount:
    session, number = machine.journal.session, machine.number()
    assert session is not None
    block = seal_pin(Pin(pin), m.pin_digits_of(bound_to or number), session.pin_key, machine.hall.random)
    return m.OpenAccount(
        number=number, deadline=machine.until(), pin_block=block, pin_key_id=session.pin_key_id,
        **{"product": "Everyday", **fields},
    )  # fmt: skip


async def _opened(machine: Machine, **fields: Any) -> tuple[m.OpenAccount, m.AccountOpened, HeldCard]:
    message = _ask_for(machine, **fields)
    answer = await machine.ask(message)
    assert isinstance(answer, m.AccountOpened), answer
    slip = machine.hall.bank.tools().keys.read_slip(answer.slip)
    return message, answer, HeldCard(parse(answer.file), slip.card, slip.to, PIN)


async def _written(machine: Machine, signed: m.Signed) -> m.Answer:
    return await machine.ask(
        m.CardWritten(
            number=machine.number(), made_by=machine.made_by, slip=signed, at=machine.hall.clock.now_ms()
        )
    )  # fmt: skip


async def _states(hall: Hall, card: HeldCard) -> tuple[str, str]:
    """Of the card and of its account."""
    card_shown = await hall.do(r.CardShow, card=card.reference)
    return card_shown.state, (await hall.do(r.AccountShow, account=card.account)).state


def test_a_newcomer_gets_a_card_that_works_once_it_is_written(tmp_path: Path) -> None:
    """The same number again gets the same file; the customer is a number until the staff writes the name."""

    async def story(hall: Hall) -> None:
        machine = await _machine(hall)
        assert machine.journal.session is not None
        assert machine.journal.session.open_to_all
        message, answer, card = await _opened(machine)
        assert await machine.ask(message) == answer
        assert luhn(card.file.card)
        assert await _states(hall, card) == ("pending", "pending")
        rich = await hall.card("100")
        desk = await open_desk(machine, rich)
        assert reason(await desk.send(card.account, 5)) is m.Reason.NO_PAYEE, "nothing goes into what is not written"
        assert await _written(machine, answer.slip) == m.Acknowledged()
        assert await _states(hall, card) == ("active", "open")
        desk = await open_desk(machine, rich)
        payee = await desk.inquire("payee", to=card.account)
        assert isinstance(payee, m.Payee)
        assert payee.name == "Customer 1001"
        assert isinstance(await desk.send(card.account, 5), m.Slipped)
        mine = await open_desk(machine, card)
        assert [(view.account, view.label) for view in mine.opened.accounts] == [(card.account, "Everyday")]
        await hall.sound()

    run_hall(tmp_path, story)


def test_a_card_that_comes_was_written_whether_the_bank_was_told_or_not(tmp_path: Path) -> None:
    """The machine lost its power before it could say so: the proof and the PIN say it."""

    async def story(hall: Hall) -> None:
        machine = await _machine(hall)
        _, answer, card = await _opened(machine)
        assert reason(await machine.open_visit(card, "0000")) is m.Reason.WRONG_PIN
        assert await _states(hall, card) == ("pending", "pending")
        desk = await open_desk(machine, card)
        assert await _states(hall, card) == ("active", "open")
        assert len(desk.opened.accounts) == 1
        assert await _written(machine, answer.slip) == m.Acknowledged()
        assert await _states(hall, card) == ("active", "open")
        await hall.sound()

    run_hall(tmp_path, story)


def test_neither_file_nor_pin_nor_number_is_kept_where_it_could_be_read(tmp_path: Path) -> None:
    """Not in the books and not in the audit log; the answer is made again without them."""

    async def story(hall: Hall) -> None:
        machine = await _machine(hall)
        _, answer, card = await _opened(machine, pin="86420975")
        await hall.close()
        kept = b"".join(file.read_bytes() for file in hall.directory.glob("books.sqlite*"))
        secret = card.file.newest.secret
        for found in (card.file.card.encode(), b"86420975", secret, secret.hex().encode(), answer.file):
            assert found not in kept
        await hall.open()

    run_hall(tmp_path, story)


def test_only_where_the_bank_allows_it_and_not_without_bound(tmp_path: Path) -> None:
    """Off unless it is set; a product that there is not; so many a day and terminal, taken back ones counted too."""

    async def story(hall: Hall) -> None:
        closed = await hall.machine()
        await closed.exchange(found=0, after=100)
        assert reason(await closed.ask(_ask_for(closed))) is m.Reason.UNSUPPORTED
        machine = await _machine(hall, open_a_day=2)
        assert reason(await machine.ask(_ask_for(machine, product="Gold"))) is m.Reason.UNSUPPORTED
        first, _, _ = await _opened(machine)
        await _reverse(machine, first.number)
        await _opened(machine)
        refused = await machine.ask(_ask_for(machine))
        assert reason(refused) is m.Reason.COUNT_LIMIT
        await closed.sign_on()
        await _opened(closed)
        await asyncio.sleep(DAY_S)
        await machine.sign_on()
        await _opened(machine)

    run_hall(tmp_path, story)


async def _reverse(machine: Machine, number: int, why: str = "no-answer") -> str:
    answer = await machine.ask(
        m.Reversal(
            number=machine.number(), made_by=machine.made_by, transaction=number, why=why,
            at=machine.hall.clock.now_ms(),
        )
    )  # fmt: skip
    assert isinstance(answer, m.Acknowledged), answer
    return answer.case


def test_a_pin_block_of_another_message_opens_nothing(tmp_path: Path) -> None:
    """It is bound to its own number, and one that was made for a card does not fit either."""

    async def story(hall: Hall) -> None:
        machine = await _machine(hall)
        assert reason(await machine.ask(_ask_for(machine, bound_to=999))) is m.Reason.PIN_BLOCK
        assert await hall.sql("SELECT * FROM customers") == []

    run_hall(tmp_path, story)


def test_an_answer_that_never_came_leaves_nothing_usable(tmp_path: Path) -> None:
    """The reversal closes card and account; what comes late is refused, and the card of it is turned away."""

    async def story(hall: Hall) -> None:
        machine = await _machine(hall)
        message, answer, card = await _opened(machine)
        assert await _reverse(machine, message.number) == ""
        assert await _states(hall, card) == ("closed", "closed")
        assert reason(await machine.ask(message)) is m.Reason.ENDED
        assert reason(await machine.open_visit(card)) is m.Reason.CARD_OUTDATED
        await _written(machine, answer.slip)
        assert await _states(hall, card) == ("closed", "closed")
        await hall.sound()

    run_hall(tmp_path, story)


def test_a_machine_that_forgot_the_opening_does_not_take_a_written_card_away(tmp_path: Path) -> None:
    """Its disk has lost the answer and the card is out there, in use: a person is told, and card and account stay."""

    async def story(hall: Hall) -> None:
        machine = await _machine(hall)
        message, _, card = await _opened(machine)
        await open_desk(machine, card)
        case = await _reverse(machine, message.number, "restarted")
        assert case.endswith(".taken-back")
        assert (await hall.do(r.CaseShow, case=case)).case.account == card.account
        assert await _states(hall, card) == ("active", "open")
        await open_desk(machine, card)
        await hall.resolve(case, "nothing")
        await hall.sound()

    run_hall(tmp_path, story)


def test_what_is_never_written_lapses_and_can_be_brought_back(tmp_path: Path) -> None:
    """After the days of the settings; the staff makes a file, or the machine's word arrives at last."""

    async def story(hall: Hall) -> None:
        machine = await _machine(hall, pending_days=2)
        (_, _, first), (_, late, second) = await _opened(machine), await _opened(machine)
        await asyncio.sleep(DAY_S)
        assert await _states(hall, first) == ("pending", "pending")
        await asyncio.sleep(DAY_S + 120)
        assert [await _states(hall, card) for card in (first, second)] == [("lapsed", "lapsed")] * 2
        events = await hall.sql("SELECT detail FROM audit_events WHERE kind = 'opening-lapsed'")
        assert len(events) == 2
        await machine.sign_on()
        assert reason(await machine.open_visit(first)) is m.Reason.CARD_OUTDATED
        made = await hall.do(r.CardReissue, card=first.reference)
        assert await _states(hall, first) == ("active", "open")
        assert reason(await machine.open_visit(first)) is m.Reason.CARD_OUTDATED, "the file that never was is a copy"
        await open_desk(machine, HeldCard(parse(made.file), first.reference, first.account, PIN))
        await _written(machine, late.slip)
        assert await _states(hall, second) == ("active", "open")
        await open_desk(machine, second)
        await hall.sound()

    run_hall(tmp_path, story)


def test_a_pending_card_that_the_staff_issues_again_is_open(tmp_path: Path) -> None:
    """Whoever stands before the staff with a card that was not written leaves with one that is."""

    async def story(hall: Hall) -> None:
        machine = await _machine(hall)
        _, _, card = await _opened(machine)
        made = await hall.do(r.CardReissue, card=card.reference)
        assert await _states(hall, card) == ("active", "open")
        await open_desk(machine, HeldCard(parse(made.file), card.reference, card.account, PIN))

    run_hall(tmp_path, story)


def test_newcomers_at_two_machines_are_different_people(tmp_path: Path) -> None:
    """Openings of one batch have customers, accounts and cards of their own."""

    async def story(hall: Hall) -> None:
        machine = await _machine(hall)
        other = await hall.machine()
        await other.exchange(found=0, after=100)
        both = await asyncio.gather(_opened(machine), _opened(other))
        assert len({opened[2].account for opened in both}) == 2
        assert len({opened[2].file.card for opened in both}) == 2
        added = await hall.do(r.CustomerAdd, name="Ada")
        assert added.customer == "C1003"
        assert {row["owner"] for row in await hall.sql("SELECT owner FROM accounts WHERE kind = 'customer'")} == {
            "C1001", "C1002",
        }  # fmt: skip

    run_hall(tmp_path, story)


def test_a_restored_bank_cannot_make_the_card_again_and_a_person_is_told(tmp_path: Path) -> None:
    """Its number and its PIN are in no slip; what came into the account waits in suspense."""

    async def story(hall: Hall) -> None:
        machine = await _machine(hall)
        rich = await hall.card("100")
        kept = hall.backup(tmp_path)
        message, answer, card = await _opened(machine)
        await _written(machine, answer.slip)
        desk = await open_desk(machine, rich)
        sent = desk.transfer(card.account, 5)
        slipped = await machine.ask(sent)
        assert isinstance(slipped, m.Slipped)
        await hall.restore(kept)
        await machine.sign_on()
        for _ in range(2):
            assert (await desk.posted(message.number, answer.slip)).endswith(".post-lost")
        assert await _written(machine, answer.slip) == m.Acknowledged()
        assert (await desk.posted(sent.number, slipped.slip)).endswith(".unclaimed")
        assert reason(await machine.open_visit(card)) is m.Reason.NO_CARD
        await hall.sound()

    run_hall(tmp_path, story)


def test_what_is_no_opening_writes_no_card(tmp_path: Path) -> None:
    """A transfer's slip, or nobody's, is set aside by the machine; nothing is activated by it."""

    async def story(hall: Hall) -> None:
        machine = await _machine(hall)
        rich, maria = await hall.card("100"), await hall.account("0")
        desk = await open_desk(machine, rich)
        sent = await desk.send(maria, 5)
        assert isinstance(sent, m.Slipped)
        _, answer, card = await _opened(machine)
        forged = m.Signed(signed=answer.slip.signed, signature=bytes(64))
        for wrong in (sent.slip, forged):
            assert reason(await _written(machine, wrong)) is m.Reason.MALFORMED
        assert await _states(hall, card) == ("pending", "pending")
        assert eur(0)

    run_hall(tmp_path, story)
