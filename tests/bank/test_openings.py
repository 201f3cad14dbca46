"""Accounts that are opened at a machine: numbered once, undone whole, and there again at a restored bank."""

from __future__ import annotations

import asyncio
from pathlib import Path

from support.hall import Hall, eur, run_hall
from support.post_desk import Desk, open_desk, reason, two

from bank.commands import requests as r
from bank_link import messages as m
from bank_link.card_file import luhn


async def _opened(desk: Desk, product: str = "Savings") -> tuple[m.Post, m.Signed, m.Slip]:
    message = desk.post("opening", text=product)
    answer = await desk.machine.ask(message)
    assert isinstance(answer, m.Slipped), answer
    return message, answer.slip, desk.machine.hall.bank.tools().keys.read_slip(answer.slip)


def test_a_customer_opens_another_account_with_the_card(tmp_path: Path) -> None:
    """Once, however often it is asked; empty, with a number of its own, and there at the next visit."""

    async def story(hall: Hall) -> None:
        desk, maria = await two(hall)
        session = desk.machine.journal.session
        assert session is not None
        assert session.products == ("Everyday", "Savings")
        message, signed, slip = await _opened(desk)
        again = await desk.machine.ask(message)
        assert isinstance(again, m.Slipped)
        assert again.slip == signed
        assert (slip.kind, slip.account, slip.text, slip.amount) == ("opening", "none", "Savings", eur(0))
        assert luhn(slip.to)
        assert slip.to not in {maria, desk.card.account}
        desk = await open_desk(desk.machine, desk.card)
        assert [view.label for view in desk.opened.accounts] == ["Everyday", "Savings"]
        moved = desk.post("transfer", account=desk.card.account, to=slip.to, amount=eur(20))
        assert isinstance(await desk.machine.ask(moved), m.Slipped)
        assert await hall.balance(slip.to) == ("20.00", "0.00")
        await hall.sound()

    run_hall(tmp_path, story)


def test_two_machines_at_once_and_the_staff_never_give_one_number_twice(tmp_path: Path) -> None:
    """Openings of one batch, and what the staff opens between them, count on from one another."""

    async def story(hall: Hall) -> None:
        desk, _ = await two(hall)
        other = await hall.machine()
        await other.exchange(found=0, after=100)
        elsewhere = await open_desk(other, await hall.card())
        both = await asyncio.gather(_opened(desk), _opened(elsewhere))
        by_staff = await hall.account("1")
        _, _, last = await _opened(desk)
        numbers = [both[0][2].to, both[1][2].to, by_staff, last.to]
        assert len({*numbers}) == 4
        assert last.to == max(numbers)

    run_hall(tmp_path, story)


def test_what_the_bank_does_not_offer_is_not_opened_and_not_without_end(tmp_path: Path) -> None:
    """Products come from the settings; a card has five accounts at most, closed ones not counted."""

    async def story(hall: Hall) -> None:
        desk, _ = await two(hall, opening="0")
        assert reason(await desk.machine.ask(desk.post("opening", text="Gold"))) is m.Reason.UNSUPPORTED
        slips = [(await _opened(desk))[2] for _ in range(4)]
        assert reason(await desk.machine.ask(desk.post("opening", text="Savings"))) is m.Reason.ACCOUNT_LIMIT
        await hall.do(r.AccountClose, account=slips[0].to)
        await _opened(desk)

    run_hall(tmp_path, story)


def test_a_reversal_of_an_opening_closes_it(tmp_path: Path) -> None:
    """Nobody was told of it; what has come into it meanwhile keeps it open, with a case."""

    async def story(hall: Hall) -> None:
        desk, maria = await two(hall)
        first, _, slip = await _opened(desk)
        assert await desk.reverse(first.number) == ""
        assert (await hall.do(r.AccountShow, account=slip.to)).state == "closed"
        assert len((await open_desk(desk.machine, desk.card)).opened.accounts) == 1
        desk = await open_desk(desk.machine, desk.card)
        second, _, slip = await _opened(desk)
        sent = desk.post("transfer", account=desk.card.account, to=slip.to, amount=eur(20))
        assert isinstance(await desk.machine.ask(sent), m.Slipped)
        assert (await desk.reverse(second.number)).endswith(".taken-back")
        assert (await hall.do(r.AccountShow, account=slip.to)).state == "open"
        assert maria
        await hall.sound()

    run_hall(tmp_path, story)


def test_a_restored_bank_opens_it_again_and_what_came_into_it_is_there(tmp_path: Path) -> None:
    """Under the number that the customer was told; where that is somebody else's by now, a person opens another."""

    async def story(hall: Hall) -> None:
        desk, _ = await two(hall)
        kept = hall.backup(tmp_path)
        opening, signed, slip = await _opened(desk)
        sent = desk.post("transfer", account=desk.card.account, to=slip.to, amount=eur(20))
        answer = await desk.machine.ask(sent)
        assert isinstance(answer, m.Slipped)
        await hall.restore(kept)
        await desk.machine.sign_on()
        for _ in range(2):
            assert await desk.posted(opening.number, signed) == ""
            assert await desk.posted(sent.number, answer.slip) == ""
        assert (await hall.balance(desk.card.account), await hall.balance(slip.to)) == (
            ("180.00", "0.00"), ("20.00", "0.00"),
        )  # fmt: skip
        desk = await open_desk(desk.machine, desk.card)
        assert [view.label for view in desk.opened.accounts] == ["Everyday", "Savings"]
        await hall.restore(kept)
        await asyncio.sleep(60)
        assert await hall.account("5") == slip.to, "the number was given away"
        await desk.machine.sign_on()
        assert (await desk.posted(opening.number, signed)).endswith(".post-lost")
        assert (await desk.posted(sent.number, answer.slip)).endswith(".unclaimed")
        assert await hall.balance(slip.to) == ("5.00", "0.00")
        await hall.sound()

    run_hall(tmp_path, story)
