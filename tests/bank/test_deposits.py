"""Deposits at the bank: notes become their customer's once, also at a bank that lost the deposit; a doubt is a case."""

from __future__ import annotations

import asyncio
from copy import copy
from pathlib import Path

import pytest
from support.hall import Hall, HeldCard, Machine, another_disk, eur, notes, run_hall, with_slot

from bank.commands import requests as r
from bank_link import messages as m


class Counter:
    """A visit that is open, and what can be paid in in it."""

    def __init__(self, machine: Machine, card: HeldCard, opened: m.VisitOpened) -> None:
        self.machine, self.card, self.opened = machine, card, opened

    def deposit(self, *, number: int = 0, n: int | None = None, account: str = "", escrow: str = "note") -> m.Deposit:
        return m.Deposit(
            number=number or self.machine.number(), deadline=self.machine.until(), visit=self.opened.visit,
            account=account or self.card.account, n=self.opened.next_n if n is None else n, escrow=escrow,
        )  # fmt: skip

    async def begin(self) -> tuple[int, m.Signed]:
        message = self.deposit()
        answer = await self.machine.ask(message)
        assert isinstance(answer, m.Slipped), answer
        assert answer.most == eur(2_000)
        return message.number, answer.slip

    def credit(
        self, slip: m.Signed, stacked: int, *, in_doubt: int = 0, unread: int = 0, number: int = 0
    ) -> m.Credit:  # fmt: skip
        """Twenties."""
        return m.Credit(
            number=number or self.machine.number(), made_by=self.machine.made_by, slip=slip,
            notes=notes(stacked, cassette="in.20"), in_doubt=notes(in_doubt, cassette="in.20"), unread=unread,
            at=self.machine.hall.clock.now_ms(),
        )  # fmt: skip

    async def tell(self, fact: m.Credit) -> str:
        answer = await self.machine.ask(fact)
        assert isinstance(answer, m.Acknowledged), answer
        return answer.case

    async def reverse(self, number: int, why: str = "no-answer") -> str:
        answer = await self.machine.ask(
            m.Reversal(
                number=self.machine.number(), made_by=self.machine.made_by, transaction=number, why=why,
                at=self.machine.hall.clock.now_ms(),
            )
        )  # fmt: skip
        assert isinstance(answer, m.Acknowledged), answer
        return answer.case


async def _visit(machine: Machine, card: HeldCard) -> Counter:
    opened = await machine.open_visit(card)
    assert isinstance(opened, m.VisitOpened), opened
    card.file = with_slot(card.file, opened)
    return Counter(machine, card, opened)


async def _counter(hall: Hall) -> Counter:
    machine = await hall.machine()
    await machine.exchange(found=0, after=0)
    return await _visit(machine, await hall.card("100"))


def _reason(answer: m.Answer) -> m.Reason:
    assert isinstance(answer, m.Refused), answer
    return answer.reason


def test_notes_are_credited_once_and_the_machine_has_them(tmp_path: Path) -> None:
    """However often the fact comes, and whatever another fact says of the same deposit afterwards."""

    async def story(hall: Hall) -> None:
        desk = await _counter(hall)
        assert "deposit" in desk.opened.accounts[0].may
        _, slip = await desk.begin()
        fact = desk.credit(slip, 3)
        assert await desk.tell(fact) == ""
        assert await desk.tell(fact) == ""
        assert (await hall.balance(desk.card.account))[0] == "160.00"
        case = await desk.tell(desk.credit(slip, 2))
        assert case.endswith(".conflict")
        assert (await hall.balance(desk.card.account))[0] == "160.00"
        assert await hall.sql("SELECT balance_minor FROM accounts WHERE kind = 'cash'") == [{"balance_minor": -6000}]
        assert await desk.machine.exchange(found=3, after=0) == ""
        await hall.sound()

    run_hall(tmp_path, story)


def test_the_first_note_needs_a_visit_that_nobody_has_overtaken_and_an_account_of_its_card(tmp_path: Path) -> None:
    """Copies, older renewals, somebody else's account and what no acceptor can do are refused before a note goes in."""

    async def story(hall: Hall) -> None:
        desk = await _counter(hall)
        stranger = await hall.account()
        assert _reason(await desk.machine.ask(desk.deposit(n=desk.opened.next_n - 1))) is m.Reason.CARD_OUTDATED
        assert _reason(await desk.machine.ask(desk.deposit(account=stranger))) is m.Reason.NO_ACCOUNT
        assert _reason(await desk.machine.ask(desk.deposit(escrow="magic"))) is m.Reason.UNSUPPORTED
        other = await hall.machine()
        await other.exchange(found=0, after=0)
        late = await _visit(other, copy(desk.card))
        assert _reason(await desk.machine.ask(desk.deposit())) is m.Reason.CARD_IN_USE
        await late.begin()
        # A deposit has spent the copies that were made before it.
        assert _reason(await desk.machine.open_visit(desk.card)) is m.Reason.CARD_OUTDATED

    run_hall(tmp_path, story)


def test_a_bank_without_deposits_offers_none(tmp_path: Path) -> None:
    """`deposit_amount = 0`: no account may, and the message is refused."""

    async def story(hall: Hall) -> None:
        desk = await _counter(hall)
        assert "deposit" not in desk.opened.accounts[0].may
        assert _reason(await desk.machine.ask(desk.deposit())) is m.Reason.UNSUPPORTED

    run_hall(tmp_path, story, deposit_amount=0)


def test_what_nothing_proves_is_not_credited_and_a_person_decides_its_worth(tmp_path: Path) -> None:
    """A note in doubt and one that could not be read: a case each customer can claim, paid by whoever counts the box."""

    async def story(hall: Hall) -> None:
        desk = await _counter(hall)
        _, slip = await desk.begin()
        case = await desk.tell(desk.credit(slip, 1, in_doubt=1, unread=1))
        assert case.endswith(".deposit-doubt")
        assert (await hall.balance(desk.card.account))[0] == "120.00"
        # The box has them both: twenty that was read, and another twenty.
        difference = await desk.machine.exchange(found=3, after=0)
        assert difference.endswith(".cash-difference")
        await hall.resolve(case, "credit", amount="40")
        assert (await hall.balance(desk.card.account))[0] == "160.00"
        assert await hall.open_cases() == []
        await hall.sound()

    run_hall(tmp_path, story)


def test_a_reversal_ends_a_deposit_and_what_comes_late_is_refused(tmp_path: Path) -> None:
    """Whether it comes after the request or before it. After a restart a person looks: notes may have gone in."""

    async def story(hall: Hall) -> None:
        desk = await _counter(hall)
        number, _ = await desk.begin()
        assert await desk.reverse(number) == ""
        assert _reason(await desk.machine.ask(desk.deposit(number=number))) is m.Reason.ENDED
        late = desk.deposit()
        await desk.reverse(late.number)
        assert _reason(await desk.machine.ask(late)) is m.Reason.ENDED
        number, _ = await desk.begin()
        case = await desk.reverse(number, "restarted")
        assert case.endswith(".deposit-silent")
        await hall.resolve(case, "nothing")
        assert (await hall.balance(desk.card.account))[0] == "100.00"
        await hall.sound()

    run_hall(tmp_path, story)


def test_a_deposit_that_nothing_is_heard_of_becomes_a_case_and_a_late_credit_settles_it(tmp_path: Path) -> None:
    """Half an hour; what a person has credited meanwhile is not credited again."""

    async def story(hall: Hall) -> None:
        desk = await _counter(hall)
        _, first = await desk.begin()
        _, second = await desk.begin()
        await asyncio.sleep(1_900)
        cases = (await hall.sql("SELECT case_id FROM cases ORDER BY number"))[:]
        assert [one["case_id"].rpartition(".")[2] for one in cases] == ["deposit-silent"] * 2
        await desk.machine.sign_on()
        assert await desk.tell(desk.credit(first, 2)) == ""
        await hall.resolve(cases[1]["case_id"], "credit", amount="20")
        assert (await hall.balance(desk.card.account))[0] == "160.00"
        conflict = await desk.tell(desk.credit(second, 1))
        assert conflict.endswith(".conflict")
        assert (await hall.balance(desk.card.account))[0] == "160.00"
        assert await hall.open_cases() == ["conflict"]
        await hall.sound()

    run_hall(tmp_path, story)


def test_a_restored_bank_credits_what_it_has_lost_once(tmp_path: Path) -> None:
    """By the slip, for the account that had it; where that was opened after the backup, the money waits under a case."""

    async def story(hall: Hall) -> None:
        machine, card = await hall.machine(), await hall.card("100")
        await machine.exchange(found=0, after=0)
        copied = copy(card)
        desk = await _visit(machine, card)
        kept = hall.backup(tmp_path)
        number, slip = await desk.begin()
        fact = desk.credit(slip, 4)
        await desk.tell(fact)
        newer = await hall.card("10")
        at_new = await _visit(desk.machine, newer)
        _, slip_of_new = await at_new.begin()
        fact_of_new = at_new.credit(slip_of_new, 1)
        await desk.tell(fact_of_new)
        await hall.restore(kept)
        session = await desk.machine.sign_on()
        missing = {number for _, first, last in session.missing for number in range(first, last + 1)}
        assert {number, fact.number, fact_of_new.number} <= missing
        for _ in range(2):
            assert await desk.tell(fact) == ""
        assert (await desk.tell(fact_of_new)).endswith(".unclaimed")
        assert (await hall.balance(desk.card.account))[0] == "180.00"
        assert _reason(await desk.machine.open_visit(copied)) is m.Reason.CARD_OUTDATED
        await hall.sound()

    run_hall(tmp_path, story)


def test_a_credit_needs_a_deposits_slip_of_this_terminal(tmp_path: Path) -> None:
    """Another terminal's, a forged one and a slip of something else cannot be read as a credit: they are parked."""

    async def story(hall: Hall) -> None:
        desk = await _counter(hall)
        _, slip = await desk.begin()
        other = await hall.machine()
        thief = Counter(other, desk.card, desk.opened)
        forged = m.Signed(signed=slip.signed.replace(b"2000", b"9000"), signature=slip.signature)
        assert _reason(await other.ask(thief.credit(slip, 3))) is m.Reason.MALFORMED
        assert _reason(await desk.machine.ask(desk.credit(forged, 3))) is m.Reason.MALFORMED
        assert (await hall.balance(desk.card.account))[0] == "100.00"
        await hall.sound()

    run_hall(tmp_path, story)


@pytest.mark.parametrize("followed", [False, True])
def test_a_machine_that_lost_its_memory_leaves_a_case_for_what_it_may_have_told_wrongly(
    tmp_path: Path, followed: bool
) -> None:
    """A deposit that was open, and a transfer after which nothing was heard; not one that the journal went on from."""

    async def story(hall: Hall) -> None:
        desk = await _counter(hall)
        receiver = await hall.account()
        await desk.begin()
        sent = m.Post(
            number=desk.machine.number(), deadline=desk.machine.until(), visit=desk.opened.visit,
            n=desk.opened.next_n, what="transfer", account=desk.card.account, to=receiver, amount=eur(10),
        )  # fmt: skip
        assert isinstance(await desk.machine.ask(sent), m.Slipped)
        if followed:
            await desk.machine.open_visit(desk.card)
        again = another_disk(desk.machine)
        assert (await again.sign_on()).state == "suspended"
        await hall.do(r.TerminalResume, terminal=again.name)
        cases = await hall.open_cases()
        assert sorted(cases) == ["deposit-silent", *([] if followed else ["post-unheard"])]
        if not followed:
            # The old disk is found after all: it knows that the customer was told that nothing left.
            await again.sign_on()
            await Counter(again, desk.card, desk.opened).reverse(sent.number)
            assert await hall.open_cases() == ["deposit-silent"]
            assert (await hall.balance(desk.card.account))[0] == "100.00"
        await hall.sound()

    run_hall(tmp_path, story)


def test_no_machine_makes_more_money_than_the_bank_agreed_to(tmp_path: Path) -> None:
    """What is above the slip waits in suspense until somebody has seen the notes."""

    async def story(hall: Hall) -> None:
        desk = await _counter(hall)
        _, slip = await desk.begin()
        case = await desk.tell(desk.credit(slip, 45_000))
        assert case.endswith(".deposit-over")
        assert (await hall.balance(desk.card.account))[0] == "2100.00"
        await hall.resolve(case, "write-off")
        await hall.sound()

    run_hall(tmp_path, story)
