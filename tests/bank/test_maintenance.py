"""What customers change of their own cards and accounts, what the staff freezes and closes, and what undoes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.hall import PIN, Hall, HeldCard, eur, run_hall
from support.post_desk import Desk, balances, open_desk, reason, two

from bank.commands import requests as r
from bank.control import CommandRefused
from bank_link import messages as m
from bank_link.card_file import parse


async def _ask(desk: Desk, what: str, **fields: Any) -> m.Answer:
    return await desk.machine.ask(desk.post(what, **fields))


async def _done(desk: Desk, what: str, **fields: Any) -> m.Post:
    """A post that the bank does; its message."""
    message = desk.post(what, **fields)
    answer = await desk.machine.ask(message)
    assert isinstance(answer, m.Slipped), answer
    assert hall_slip(desk, answer).kind == what
    return message


def hall_slip(desk: Desk, answer: m.Slipped) -> m.Slip:
    return desk.machine.hall.bank.tools().keys.read_slip(answer.slip)


async def _again(desk: Desk) -> m.VisitOpened:
    """Another visit with the same card."""
    return (await open_desk(desk.machine, desk.card)).opened


async def _state(hall: Hall, account: str) -> str:
    return str((await hall.do(r.AccountShow, account=account)).state)


def test_a_label_and_a_usual_amount_are_there_at_the_next_visit(tmp_path: Path) -> None:
    """And a reversal puts back what was there, unless it was changed again."""

    async def story(hall: Hall) -> None:
        desk, _ = await two(hall)
        assert desk.opened.usual is None
        label = await _done(desk, "label", account=desk.card.account, text="Household")
        usual = await _done(desk, "usual", amount=eur(80))
        opened = await _again(desk)
        assert (opened.accounts[0].label, opened.usual) == ("Household", eur(80))
        await desk.reverse(label.number)
        await desk.reverse(usual.number)
        opened = await _again(desk)
        assert (opened.accounts[0].label, opened.usual) == ("Everyday", None)
        desk = await open_desk(desk.machine, desk.card)
        first = await _done(desk, "usual", amount=eur(80))
        await _done(desk, "usual", amount=eur(60))
        await desk.reverse(first.number)
        assert (await _again(desk)).usual == eur(60)
        await hall.sound()

    run_hall(tmp_path, story)


def test_what_a_customer_was_told_outlives_the_reversal_of_what_was_never_told(tmp_path: Path) -> None:
    """Also where both changes are the same; and of two that are undone, in any order, nothing is left."""

    async def story(hall: Hall) -> None:
        desk, _ = await two(hall)
        unheard = await _done(desk, "usual", amount=eur(80))
        desk = await open_desk(desk.machine, desk.card)
        told = await _done(desk, "usual", amount=eur(80))
        await desk.reverse(unheard.number)
        assert (await _again(desk)).usual == eur(80)
        await desk.reverse(told.number)
        assert (await _again(desk)).usual is None
        desk = await open_desk(desk.machine, desk.card)
        first = await _done(desk, "label", account=desk.card.account, text="Household")
        desk = await open_desk(desk.machine, desk.card)
        second = await _done(desk, "label", account=desk.card.account, text="Savings")
        await desk.reverse(first.number)
        assert (await _again(desk)).accounts[0].label == "Savings"
        await desk.reverse(second.number)
        assert (await _again(desk)).accounts[0].label == "Everyday"
        await hall.sound()

    run_hall(tmp_path, story)


def test_an_account_that_two_cards_have_named_goes_back_to_its_first_name(tmp_path: Path) -> None:
    """Neither customer was told: whichever is undone first, nothing of either is left."""

    async def story(hall: Hall) -> None:
        desk, _ = await two(hall)
        shown = await hall.do(r.AccountShow, account=desk.card.account)
        made = await hall.do(r.CardIssue, customer=shown.customer, pin=PIN)
        other = HeldCard(parse(made.file), made.card, desk.card.account)
        desk = await open_desk(desk.machine, desk.card)
        first = await _done(desk, "label", account=desk.card.account, text="Household")
        beside = await open_desk(desk.machine, other)
        second = await _done(beside, "label", account=desk.card.account, text="Savings")
        await desk.reverse(first.number)
        await beside.reverse(second.number)
        assert (await _again(desk)).accounts[0].label == "Everyday"
        await hall.sound()

    run_hall(tmp_path, story)


def test_what_is_no_label_and_no_usual_amount_changes_nothing(tmp_path: Path) -> None:
    """No letters, too many, a line break; more than a withdrawal may be, less than nothing; somebody else's account."""

    async def story(hall: Hall) -> None:
        desk, maria = await two(hall)
        for text in ("", " ", "x" * 21, "two\nlines", "\x1b[31m"):
            assert reason(await _ask(desk, "label", account=desk.card.account, text=text)) is m.Reason.MALFORMED
        assert reason(await _ask(desk, "label", account=maria, text="Mine")) is m.Reason.NO_ACCOUNT
        assert reason(await _ask(desk, "usual", amount=eur(501))) is m.Reason.AMOUNT
        assert reason(await _ask(desk, "usual", amount=eur(-1))) is m.Reason.AMOUNT
        assert reason(await _ask(desk, "usual")) is m.Reason.CURRENCY
        opened = await _again(desk)
        assert (opened.accounts[0].label, opened.usual) == ("Everyday", None)

    run_hall(tmp_path, story)


def test_a_frozen_card_moves_no_money_until_its_customer_unfreezes_it(tmp_path: Path) -> None:
    """Its visit opens with the right PIN only, shows no account, and does one thing."""

    async def story(hall: Hall) -> None:
        desk, maria = await two(hall)
        await _done(desk, "freeze")
        assert reason(await desk.send(maria, 5)) is m.Reason.CARD_FROZEN
        for what in ("balance", "statement", "billers"):
            assert reason(await desk.inquire(what)) is m.Reason.CARD_FROZEN
        assert reason(await desk.machine.open_visit(desk.card, "0000")) is m.Reason.WRONG_PIN
        desk = await open_desk(desk.machine, desk.card)
        assert (desk.opened.frozen, desk.opened.accounts) == (True, ())
        for what, fields in (("freeze", {}), ("usual", {"amount": eur(20)}), ("close", {"account": desk.card.account})):
            assert reason(await _ask(desk, what, **fields)) is m.Reason.CARD_FROZEN
        assert reason(await _authorise(desk)) is m.Reason.CARD_FROZEN
        await _done(desk, "unfreeze")
        desk = await open_desk(desk.machine, desk.card)
        assert (desk.opened.frozen, len(desk.opened.accounts)) == (False, 1)
        assert isinstance(await desk.send(maria, 5), m.Slipped)
        await hall.sound()

    run_hall(tmp_path, story)


async def _authorise(desk: Desk) -> m.Answer:
    return await desk.machine.ask(
        m.Authorise(
            number=desk.machine.number(), deadline=desk.machine.until(), visit=desk.opened.visit,
            account=desk.card.account, amount=eur(40),
            mix=(m.NoteCount(cassette="1", value=eur(20), count=2),),
        )
    )  # fmt: skip


def test_a_reversal_of_a_freeze_unfreezes_and_the_other_way_round(tmp_path: Path) -> None:
    """Where the bank has frozen it meanwhile, it stays frozen by the bank."""

    async def story(hall: Hall) -> None:
        desk, _ = await two(hall)
        frozen = await _done(desk, "freeze")
        await desk.reverse(frozen.number)
        desk = await open_desk(desk.machine, desk.card)
        assert not desk.opened.frozen
        await _done(desk, "freeze")
        desk = await open_desk(desk.machine, desk.card)
        thawed = await _done(desk, "unfreeze")
        await desk.reverse(thawed.number)
        assert (await _again(desk)).frozen
        desk = await open_desk(desk.machine, desk.card)
        thawed = await _done(desk, "unfreeze")
        await hall.do(r.CardFreeze, card=desk.card.reference)
        await desk.reverse(thawed.number)
        assert (await hall.do(r.CardShow, card=desk.card.reference)).state == "blocked"

    run_hall(tmp_path, story)


def test_what_the_bank_has_frozen_its_customer_cannot_unfreeze(tmp_path: Path) -> None:
    """Not in the visit at hand, and there is no other one; what was authorised before is not released."""

    async def story(hall: Hall) -> None:
        desk, maria = await two(hall)
        held = await desk.machine.hold(desk.card, release=False)
        await hall.do(r.CardFreeze, card=desk.card.reference)
        released = m.Release(
            number=desk.machine.number(), deadline=desk.machine.until(), transaction=held.number, hold=held.hold,
            n=held.n, nonce=bytes(32), boot=desk.machine.journal.boot_id,
        )  # fmt: skip
        assert reason(await desk.machine.ask(released)) is m.Reason.CARD_FROZEN
        assert reason(await _ask(desk, "unfreeze")) in {m.Reason.CARD_FROZEN, m.Reason.NO_VISIT, m.Reason.CARD_IN_USE}
        assert reason(await desk.machine.open_visit(desk.card)) is m.Reason.CARD_FROZEN
        await hall.do(r.CardUnfreeze, card=desk.card.reference)
        with pytest.raises(CommandRefused, match="is active"):
            await hall.do(r.CardUnfreeze, card=desk.card.reference)
        desk = await open_desk(desk.machine, desk.card)
        assert isinstance(await desk.send(maria, 5), m.Slipped)

    run_hall(tmp_path, story)


def test_of_a_frozen_account_no_money_moves_and_it_can_be_looked_at(tmp_path: Path) -> None:
    """Neither out of it, nor by a transfer into it."""

    async def story(hall: Hall) -> None:
        desk, maria = await two(hall)
        await hall.do(r.AccountFreeze, account=desk.card.account)
        opened = await _again(desk)
        assert opened.accounts[0].may == ("balance", "statement")
        desk = await open_desk(desk.machine, desk.card)
        assert isinstance(await desk.inquire("balance"), m.Figures)
        assert reason(await desk.send(maria, 5)) is m.Reason.NO_ACCOUNT
        assert reason(await _authorise(desk)) is m.Reason.NO_ACCOUNT
        await hall.do(r.AccountUnfreeze, account=desk.card.account)
        await hall.do(r.AccountFreeze, account=maria)
        assert reason(await desk.send(maria, 5)) is m.Reason.NO_PAYEE
        assert await balances(hall, desk.card.account, maria) == ["200.00", "10.00"]

    run_hall(tmp_path, story)


def test_only_an_empty_settled_account_is_closed(tmp_path: Path) -> None:
    """With money in it, set aside, a case, or a payee's bills coming in it stays open; closed, it is not shown any more."""

    async def story(hall: Hall) -> None:
        desk, maria = await two(hall)
        mine = desk.card.account
        refused = await _ask(desk, "close", account=mine)
        assert isinstance(refused, m.Refused)
        assert (refused.reason, refused.possible) == (m.Reason.NOT_EMPTY, eur(200))
        assert reason(await _ask(desk, "close", account=maria)) is m.Reason.NO_ACCOUNT
        await desk.send(maria, 200)
        biller = await hall.do(r.PayeeAdd, name="Ada", account=mine, digits=5)
        assert reason(await _ask(desk, "close", account=mine)) is m.Reason.NOT_SETTLED
        with pytest.raises(CommandRefused, match=f"bills of payee {biller.payee}"):
            await hall.do(r.AccountClose, account=mine)
        await hall.do(r.PayeeRemove, payee=biller.payee)
        closed = await _done(desk, "close", account=mine)
        assert await _state(hall, mine) == "closed"
        assert (await _again(desk)).accounts == ()
        await desk.reverse(closed.number)
        assert len((await _again(desk)).accounts) == 1
        with pytest.raises(CommandRefused, match="stands at"):
            await hall.do(r.AccountClose, account=maria)
        await hall.do(r.AccountClose, account=mine)
        for command in (r.AccountClose, r.AccountFreeze, r.AccountUnfreeze):
            with pytest.raises(CommandRefused, match="is closed"):
                await hall.do(command, account=mine)
        with pytest.raises(CommandRefused, match="the bank's own"):
            await hall.do(r.AccountClose, account="equity.EUR")
        await hall.sound()

    run_hall(tmp_path, story, send_amount=500)


def test_an_account_with_an_open_case_stays_open(tmp_path: Path) -> None:
    """What a person still has to decide may move money in it."""

    async def story(hall: Hall) -> None:
        desk, maria = await two(hall, opening="60")
        message = desk.transfer(maria, 60)
        await desk.machine.ask(message)
        answer = await desk.machine.ask(
            m.Reversal(
                number=desk.machine.number(), made_by=desk.machine.made_by, transaction=message.number,
                why="restarted", at=hall.clock.now_ms(),
            )
        )  # fmt: skip
        assert isinstance(answer, m.Acknowledged)
        await desk.send(maria, 60)
        assert reason(await _ask(desk, "close", account=desk.card.account)) is m.Reason.NOT_SETTLED
        await hall.resolve(answer.case, "nothing")
        await _done(desk, "close", account=desk.card.account)

    run_hall(tmp_path, story)


def test_notes_that_a_machine_still_counts_keep_the_account_open(tmp_path: Path) -> None:
    """A deposit that was begun at one machine; at another the account cannot be closed until it is over."""

    async def story(hall: Hall) -> None:
        desk, _ = await two(hall, opening="0")
        begun = m.Deposit(
            number=desk.machine.number(), deadline=desk.machine.until(), visit=desk.opened.visit,
            account=desk.card.account, n=desk.opened.next_n, escrow="nothing",
        )  # fmt: skip
        assert isinstance(await desk.machine.ask(begun), m.Slipped)
        other = await hall.machine()
        await other.exchange(found=0, after=100)
        elsewhere = await open_desk(other, desk.card)
        assert reason(await _ask(elsewhere, "close", account=desk.card.account)) is m.Reason.NOT_SETTLED
        with pytest.raises(CommandRefused, match="paid in at T1"):
            await hall.do(r.AccountClose, account=desk.card.account)
        await desk.reverse(begun.number)
        await _done(elsewhere, "close", account=desk.card.account)
        await hall.sound()

    run_hall(tmp_path, story)


def test_money_that_comes_back_to_a_closed_account_opens_it_and_a_case_says_so(tmp_path: Path) -> None:
    """The reversal of a transfer waited at another machine while its sender closed the account."""

    async def story(hall: Hall) -> None:
        desk, maria = await two(hall, opening="60")
        message = desk.transfer(maria, 60)
        await desk.machine.ask(message)
        other = await hall.machine()
        await other.exchange(found=0, after=100)
        elsewhere = await open_desk(other, desk.card)
        await _done(elsewhere, "close", account=desk.card.account)
        case = await desk.reverse(message.number)
        assert case.endswith(".reopened")
        assert await balances(hall, desk.card.account, maria) == ["60.00", "10.00"]
        assert await _state(hall, desk.card.account) == "open"
        await hall.sound()
        await hall.resolve(case, "nothing")

    run_hall(tmp_path, story)


def test_a_restored_bank_makes_every_change_again_that_it_can(tmp_path: Path) -> None:
    """By its slips, once; an account that is not empty there is not closed: a person tells its owner."""

    async def story(hall: Hall) -> None:
        machine = await hall.machine()
        await machine.exchange(found=0, after=100)
        card, rich = await hall.card("0"), await hall.card("50")
        kept = hall.backup(tmp_path)
        told: list[tuple[int, m.Signed]] = []

        async def post(desk: Desk, what: str, **fields: Any) -> None:
            message = desk.post(what, **fields)
            answer = await machine.ask(message)
            assert isinstance(answer, m.Slipped), answer
            told.append((message.number, answer.slip))

        desk = await open_desk(machine, card)
        await post(desk, "label", account=card.account, text="Household")
        await post(desk, "usual", amount=eur(80))
        await post(desk, "close", account=card.account)
        await post(desk, "freeze")
        # Emptied by the staff after the backup: of that no machine has a slip.
        case = (await hall.do(r.AccountShow, account=rich.account)).account
        await hall.write("UPDATE accounts SET balance_minor = 0 WHERE account = :a", a=case)
        other = await open_desk(machine, rich)
        await post(other, "close", account=rich.account)
        await hall.restore(kept)
        await machine.sign_on()
        for _ in range(2):
            cases = [await desk.posted(number, slip) for number, slip in told]
            assert cases[:4] == [""] * 4
            assert cases[4].endswith(".post-lost")
        assert [await _state(hall, account) for account in (card.account, rich.account)] == ["closed", "open"]
        shown = await hall.do(r.AccountShow, account=card.account)
        assert (shown.label, (await hall.do(r.CardShow, card=card.reference)).state) == ("Household", "frozen")
        desk = await open_desk(machine, card)
        assert desk.opened.usual == eur(80)
        await _done(desk, "unfreeze")
        await hall.sound()

    run_hall(tmp_path, story)


def test_a_restored_bank_that_hears_of_the_later_change_first_keeps_it(tmp_path: Path) -> None:
    """Two machines each tell of what they know, in no order: what the customer was told last holds."""

    async def story(hall: Hall) -> None:
        machine = await hall.machine()
        card = await hall.card("0")
        kept = hall.backup(tmp_path)
        told: list[tuple[int, m.Signed]] = []
        wanted: list[tuple[str, dict[str, Any]]] = [
            ("usual", {"amount": eur(50)}), ("usual", {"amount": eur(80)}),
            ("label", {"account": card.account, "text": "Household"}),
            ("label", {"account": card.account, "text": "Savings"}),
        ]  # fmt: skip
        for what, fields in wanted:
            desk = await open_desk(machine, card)
            message = desk.post(what, **fields)
            answer = await machine.ask(message)
            assert isinstance(answer, m.Slipped), answer
            told.append((message.number, answer.slip))
        await hall.restore(kept)
        await machine.sign_on()
        for number, slip in reversed(told):
            assert await desk.posted(number, slip) == ""
        desk = await open_desk(machine, card)
        assert (desk.opened.usual, desk.opened.accounts[0].label) == (eur(80), "Savings")
        await hall.sound()

    run_hall(tmp_path, story)


def test_the_staff_writes_a_customers_name(tmp_path: Path) -> None:
    """What others read before they send money."""

    async def story(hall: Hall) -> None:
        desk, maria = await two(hall)
        owner = (await hall.do(r.AccountShow, account=maria)).customer
        await hall.do(r.CustomerRename, customer=owner, name="Maria Lopez")
        payee = await desk.inquire("payee", to=maria)
        assert isinstance(payee, m.Payee)
        assert payee.name == "Maria Lopez"
        assert await desk.machine.open_visit(desk.card, PIN)

    run_hall(tmp_path, story)
