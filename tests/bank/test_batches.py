"""Messages that arrive together are decided together, each as if it had come alone after the one before it."""

from __future__ import annotations

import asyncio
from copy import copy
from pathlib import Path

from support.hall import PIN, Hall, HeldCard, Machine, eur, notes, run_hall

from bank.commands import requests as r
from bank_link import messages as m
from bank_link.card_file import parse


async def _machines(hall: Hall, count: int) -> list[Machine]:
    machines = [await hall.machine() for _ in range(count)]
    for machine in machines:
        await machine.exchange(found=0, after=100)
    return machines


def test_tries_that_arrive_together_are_each_counted(tmp_path: Path) -> None:
    """Six wrong PINs at six machines at once: three are counted and compared, the card is locked, the rest refused."""

    async def story(hall: Hall) -> None:
        machines = await _machines(hall, 6)
        card = await hall.card()
        answers = await asyncio.gather(*(machine.open_visit(copy(card), "9999") for machine in machines))
        reasons = [answer.reason for answer in answers if isinstance(answer, m.Refused)]
        assert len(reasons) == 6
        assert reasons.count(m.Reason.WRONG_PIN) <= 2
        assert reasons.count(m.Reason.PIN_LOCKED) >= 4
        locked = await machines[0].open_visit(card)
        assert isinstance(locked, m.Refused)
        assert locked.reason is m.Reason.PIN_LOCKED

    run_hall(tmp_path, story)


def test_of_two_copies_at_once_one_is_paid(tmp_path: Path) -> None:
    """Both visits open; whichever opened last can authorise; only one release is signed."""

    async def story(hall: Hall) -> None:
        one, two = await _machines(hall, 2)
        card = await hall.card()
        first, second = await asyncio.gather(one.open_visit(copy(card)), two.open_visit(copy(card)))
        assert isinstance(first, m.VisitOpened)
        assert isinstance(second, m.VisitOpened)
        answers = await asyncio.gather(
            *(
                machine.ask(
                    m.Authorise(
                        number=machine.number(), deadline=machine.until(), visit=opened.visit, account=card.account,
                        amount=eur(40), mix=notes(2),
                    )
                )
                for machine, opened in ((one, first), (two, second))
            )
        )  # fmt: skip
        assert sorted(type(answer).__name__ for answer in answers) == ["Authorised", "Refused"]

    run_hall(tmp_path, story)


def test_a_crowd_on_one_account_never_overdraws_it(tmp_path: Path) -> None:
    """Ten machines ask for 40 of an account of 200 at once, by ten cards: five get it, five are told what is left."""

    async def story(hall: Hall) -> None:
        machines = await _machines(hall, 10)
        account = await hall.account(opening="200")
        customer = (await hall.do(r.AccountShow, account=account)).customer
        made = [await hall.do(r.CardIssue, customer=customer, pin=PIN) for _ in range(10)]
        cards = [HeldCard(parse(one.file), one.card, account) for one in made]
        opened = await asyncio.gather(
            *(machine.open_visit(card) for machine, card in zip(machines, cards, strict=True))
        )
        answers = await asyncio.gather(
            *(
                machine.ask(
                    m.Authorise(
                        number=machine.number(), deadline=machine.until(), visit=visit.visit, account=account,
                        amount=eur(40), mix=notes(2),
                    )
                )
                for machine, visit in zip(machines, opened, strict=True)
            )
        )  # fmt: skip
        held = [answer for answer in answers if isinstance(answer, m.Authorised)]
        refused = [answer for answer in answers if isinstance(answer, m.Refused)]
        assert len(held) == 5
        assert {(answer.reason, answer.possible) for answer in refused} == {(m.Reason.FUNDS, eur(0))}
        assert await hall.balance(account) == ("200.00", "200.00")

    run_hall(tmp_path, story)


def test_the_same_message_many_times_at_once_is_decided_once(tmp_path: Path) -> None:
    """One authorise sent eight times at the same moment: one hold, and the same answer to each that is answered."""

    async def story(hall: Hall) -> None:
        (machine,) = await _machines(hall, 1)
        card = await hall.card()
        opened = await machine.open_visit(card)
        assert isinstance(opened, m.VisitOpened)
        message = m.Authorise(
            number=machine.number(), deadline=machine.until(), visit=opened.visit, account=card.account,
            amount=eur(40), mix=notes(2),
        )  # fmt: skip
        answers = await asyncio.gather(*(machine.client.ask(message, until=machine.until()) for _ in range(8)))
        assert len({answer.hold for answer in answers if isinstance(answer, m.Authorised)}) == 1
        assert all(isinstance(answer, m.Authorised) for answer in answers)
        assert await hall.balance(card.account) == ("200.00", "40.00")

    run_hall(tmp_path, story)


def test_a_card_that_waits_for_its_release_is_in_use_elsewhere(tmp_path: Path) -> None:
    """Authorised and not released: a copy at another machine is told so, and turns no ratchet."""

    async def story(hall: Hall) -> None:
        one, two = await _machines(hall, 2)
        card = await hall.card()
        stolen = copy(card)
        held = await one.hold(card, release=False)
        answer = await two.open_visit(stolen)
        assert isinstance(answer, m.Refused)
        assert answer.reason is m.Reason.CARD_IN_USE
        await one.release(held)
        assert await one.complete(held, presented=2) == ""
        outdated = await two.open_visit(stolen)
        assert isinstance(outdated, m.Refused)
        assert outdated.reason is m.Reason.CARD_OUTDATED
        await hall.sound()

    run_hall(tmp_path, story)


def test_a_proof_that_comes_after_the_debit_is_a_conflict(tmp_path: Path) -> None:
    """Staff debited a silent release; then the right boot proves that nothing came out: a case, not silence."""

    async def story(hall: Hall) -> None:
        for told in ("completion", "reversal"):
            machine = await hall.machine()
            await machine.exchange(found=0, after=100)
            card = await hall.card()
            held = await machine.hold(card)
            await asyncio.sleep(700)
            await hall.bank.sweep()
            silent = [
                case for case in (await hall.do(r.CaseList)).cases if case.kind == "silent" and case.state == "open"
            ]
            await hall.resolve(silent[0].case, "debit", "40")
            if told == "completion":
                case = await machine.complete(held, outcome=m.Outcome.NOT_PRESENTED)
            else:
                case = await machine.reverse(held, not_presented=True)
            assert "conflict" in case

    run_hall(tmp_path, story)
