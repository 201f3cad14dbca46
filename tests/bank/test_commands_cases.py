"""Resolving a case: what the customer, the machine and the bank end up with, and what makes no sense."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from support.cases import MAKERS, doubt, missing_cash, retracted, silent, suspense, unknown
from support.hall import Hall, Held, HeldCard, Machine, eur, run_hall

from bank.commands import requests as r
from bank.control import CommandRefused
from bank_link.messages import Outcome, TakenState

Story = Callable[[Hall, Machine, HeldCard], Awaitable[None]]
HOWS = ("debit", "credit", "void", "write-off", "nothing")

#: What makes sense for each kind, with an amount where one belongs to it.
SENSE = {
    "doubt": {"debit": "20", "write-off": "", "nothing": ""},
    "unknown": {"debit": "40", "void": ""},
    "silent": {"debit": "20", "void": ""},
    "forced": {"credit": "40", "nothing": ""},
    "surplus": {"debit": "20", "write-off": "", "nothing": ""},
    "suspense": {"debit": "40", "write-off": ""},
    "no-authority": {"credit": "20", "nothing": ""},
    "conflict": {"debit": "40", "credit": "20", "nothing": ""},
    "retracted": {"credit": "40", "nothing": ""},
    "missing-cash": {"debit": "40", "write-off": ""},
    "too-much-cash": {"credit": "60", "write-off": ""},
    "other-body": {"debit": "40", "credit": "40", "nothing": ""},
}


def play(directory: Path, story: Story, opening: str = "200") -> None:
    """A machine with 100 notes of 20, and a customer with a card."""

    async def whole(hall: Hall) -> None:
        machine, card = await hall.machine(), await hall.card(opening)
        await machine.exchange(found=0, after=100)
        await story(hall, machine, card)

    run_hall(directory, whole)


async def refused(hall: Hall, case: str, how: str, amount: str = "", account: str = "") -> str:
    before = await hall.sql("SELECT * FROM postings"), await hall.sql("SELECT * FROM cases")
    with pytest.raises(CommandRefused) as caught:
        await hall.resolve(case, how, amount, account)
    assert before == (await hall.sql("SELECT * FROM postings"), await hall.sql("SELECT * FROM cases"))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("kind", sorted(MAKERS))
@pytest.mark.parametrize("how", HOWS)
def test_every_resolution_of_every_kind_makes_sense_or_is_refused(tmp_path: Path, kind: str, how: str) -> None:
    """Whichever a person chooses: the books stay right, the case is closed once, and a refusal changes nothing."""

    async def story(hall: Hall, machine: Machine, card: HeldCard) -> None:
        case = await MAKERS[kind](hall, machine, card)
        await hall.sound()
        account = card.account if kind in {"suspense", "missing-cash", "too-much-cash", "other-body"} else ""
        amount = SENSE[kind].get(how, "20" if how in {"debit", "credit"} else "")
        if how not in SENSE[kind]:
            assert "makes no sense" in await refused(hall, case, how, amount, account)
            await hall.sound()
            return
        shown = await hall.resolve(case, how, amount, account)
        assert (shown.case.state, shown.case.resolution, shown.case.closed_by) == ("closed", how, "teller")
        assert shown.case.note == "looked into"
        assert len(shown.postings) >= (1 if how in {"debit", "credit", "write-off"} else 0)
        assert "was closed by teller" in await refused(hall, case, how, amount, account)
        await hall.sound()

    play(tmp_path, story)


@pytest.mark.parametrize("kind", sorted(MAKERS))
def test_the_case_itself_says_how_it_can_be_resolved(tmp_path: Path, kind: str) -> None:
    """What `case show` offers is what `case resolve` takes, and nothing else."""

    async def story(hall: Hall, machine: Machine, card: HeldCard) -> None:
        case = await MAKERS[kind](hall, machine, card)
        shown = await hall.do(r.CaseShow, case=case)
        assert set(shown.may) == set(SENSE[kind])
        assert shown.meaning
        assert "does not know" not in shown.meaning
        assert shown.case.terminal == "T1"

    play(tmp_path, story)


@pytest.mark.parametrize("first", ["count", "credit"])
def test_what_was_taken_back_is_debited_until_it_is_counted_and_credited(tmp_path: Path, first: str) -> None:
    """The customer had taken one of two notes: whichever comes first, count or credit, nothing is left unexplained."""

    async def story(hall: Hall, machine: Machine, card: HeldCard) -> None:
        case = await retracted(hall, machine, card)
        await machine.echo(98)
        assert await hall.balance(card.account) == ("160.00", "0.00")
        assert (await hall.check()).machines[0].missing.amount == "0.00"
        assert "more than this case is about" in await refused(hall, case, "credit", "60.00")
        if first == "count":
            found = await machine.exchange(found=99, after=100)
            assert found.endswith(".cash-difference")
            await hall.resolve(case, "credit", "20.00")
        else:
            await hall.resolve(case, "credit", "20.00")
            await machine.echo(98)
            counted = (await hall.check()).machines[0]
            assert (counted.missing.amount, counted.explained.amount) == ("20.00", "20.00")
            assert await machine.exchange(found=99, after=100) == ""
        assert await hall.balance(card.account) == ("180.00", "0.00")
        assert not await hall.sql("SELECT * FROM cases WHERE state = 'open'")
        await hall.sound()

    play(tmp_path, story)


def test_what_slipped_out_beside_what_was_taken_back_is_a_case_of_its_own(tmp_path: Path) -> None:
    """Two came as one, and the rest was left: the shortage is explained."""

    async def story(hall: Hall, machine: Machine, card: HeldCard) -> None:
        held = await machine.hold(card, 40)
        await machine.complete(held, presented=2, surplus=1, taken=TakenState.RETRACTED)
        assert {row["kind"] for row in await hall.sql("SELECT kind FROM cases")} == {"retracted", "surplus"}
        await machine.echo(97)
        assert (await hall.check()).sound
        await hall.sound()

    play(tmp_path, story)


@pytest.mark.parametrize("how", ["forced", "conflict", "above"])
def test_what_was_taken_back_is_credited_no_more_than_it_was_debited(tmp_path: Path, how: str) -> None:
    """Whatever else there is about the same payment, and whichever of its cases comes first."""

    async def story(hall: Hall, machine: Machine, card: HeldCard) -> None:
        held = await machine.hold(card, 20 if how == "above" else 40)
        if how == "forced":
            await machine.reverse(held, not_presented=True)
        if how == "conflict":
            await machine.complete(held, presented=2)
        await machine.complete(held, presented=2, taken=TakenState.RETRACTED)
        for row in await hall.sql("SELECT case_id, kind FROM cases WHERE kind <> 'conflict' ORDER BY case_id"):
            with contextlib.suppress(CommandRefused):
                await hall.resolve(row["case_id"], "credit", "40.00")
        if how == "conflict":
            assert not await hall.sql("SELECT * FROM cases WHERE kind = 'retracted'"), "the second word is not posted"
            assert await hall.balance(card.account) == ("160.00", "0.00")
        else:
            assert await hall.balance(card.account) == ("200.00", "0.00")
        await hall.sound()

    play(tmp_path, story)


def test_what_nobody_knows_the_owner_of_is_nobodys_to_be_credited(tmp_path: Path) -> None:
    """Taken back after a restore, debited to suspense: there is no second case that names an account."""

    async def story(hall: Hall, machine: Machine, _card: HeldCard) -> None:
        stranger = Held(9_000 + machine.journal.taken, "h0", eur(40), "9999999999", "c0", 1)
        await machine.complete(stranger, presented=2, authority=False, taken=TakenState.RETRACTED)
        assert [row["kind"] for row in await hall.sql("SELECT kind FROM cases")] == ["suspense"]

    play(tmp_path, story)


def test_a_doubt_that_the_customer_has_is_debited_and_leaves_the_machine(tmp_path: Path) -> None:
    """Books and machine agree again once it is decided."""

    async def story(hall: Hall, machine: Machine, card: HeldCard) -> None:
        case = await doubt(hall, machine, card)
        await machine.echo(98)
        before = (await hall.check()).machines[0]
        assert (before.missing.amount, before.explained.amount) == ("20.00", "20.00")
        await hall.resolve(case, "debit", "20.00")
        assert await hall.balance(card.account) == ("160.00", "0.00")
        after = (await hall.check()).machines[0]
        assert (after.book.amount, after.missing.amount) == ("1960.00", "0.00")
        await hall.sound()

    play(tmp_path, story)


@pytest.mark.parametrize(
    ("how", "amount", "balance"), [("debit", "40", "160.00"), ("debit", "20", "180.00"), ("void", "", "200.00")]
)
@pytest.mark.parametrize("making", [unknown, silent])
def test_what_is_held_is_debited_up_to_the_hold_and_the_rest_is_free(
    tmp_path: Path, making: Callable[..., Awaitable[str]], how: str, amount: str, balance: str
) -> None:
    """The customer pays for what he got, and has the rest of the hold back, and of the day's limit."""

    async def story(hall: Hall, machine: Machine, card: HeldCard) -> None:
        case = await making(hall, machine, card)
        assert await hall.balance(card.account) == ("200.00", "40.00")
        assert (await hall.do(r.CaseShow, case=case)).held.amount == "40.00"
        assert "at most 40.00" in await refused(hall, case, "debit", "60")
        assert "an amount of nothing" in await refused(hall, case, "debit", "0")
        await hall.resolve(case, how, amount)
        assert await hall.balance(card.account) == (balance, "0.00")
        used = sum(row["amount_minor"] for row in await hall.sql("SELECT amount_minor FROM usage"))
        assert used == 20_000 - int(float(balance) * 100)
        await hall.sound()

    play(tmp_path, story)


def test_a_completion_after_the_resolution_is_a_conflict_for_a_person(tmp_path: Path) -> None:
    """Whatever was decided, a late word is neither lost nor posted twice."""

    async def story(hall: Hall, machine: Machine, card: HeldCard) -> None:
        held = await machine.hold(card, 40)
        case = await machine.complete(held, outcome=Outcome.UNKNOWN)
        await hall.resolve(case, "debit", "40")
        assert await machine.complete(held, presented=2)
        assert await hall.open_cases() == ["conflict"]
        assert await hall.balance(card.account) == ("160.00", "0.00")
        await hall.sound()

    play(tmp_path, story)


def test_a_resolution_may_take_an_account_below_its_limit_and_the_case_says_why(tmp_path: Path) -> None:
    """A forced debit is possible, and is named on the account until it is above again."""

    async def story(hall: Hall, machine: Machine, card: HeldCard) -> None:
        case = await doubt(hall, machine, card)
        await machine.complete(await machine.hold(card, 20), presented=1)
        await hall.resolve(case, "debit", "20")
        shown = await hall.do(r.AccountShow, account=card.account)
        assert (shown.balance.amount, shown.forced_case) == ("-10.00", case)
        await hall.sound()

    play(tmp_path, story, opening="50")


def test_notes_that_an_exchange_found_missing_are_cleared_with_their_doubt(tmp_path: Path) -> None:
    """The shortage is in suspense by then: debiting the customer clears it, and its case with it."""

    async def story(hall: Hall, machine: Machine, card: HeldCard) -> None:
        case = await doubt(hall, machine, card)
        shortage = await machine.exchange(found=98, after=100)
        assert (await hall.do(r.CaseShow, case=shortage)).in_suspense.amount == "-20.00"
        await hall.resolve(case, "debit", "20")
        assert await hall.balance("suspense.EUR") == ("0.00", "0.00")
        assert await hall.balance(card.account) == ("160.00", "0.00")
        assert await hall.open_cases() == []
        assert case in (await hall.do(r.CaseShow, case=shortage)).case.note
        await machine.echo(100)
        await hall.sound()

    play(tmp_path, story)


def test_what_is_left_of_a_shortage_is_written_off_and_no_more(tmp_path: Path) -> None:
    """Two causes, one shortage: the doubt clears its part, the bank bears the rest."""

    async def story(hall: Hall, machine: Machine, card: HeldCard) -> None:
        case = await doubt(hall, machine, card)
        shortage = await machine.exchange(found=95, after=95)
        await hall.resolve(case, "debit", "20")
        assert (await hall.do(r.CaseShow, case=shortage)).in_suspense.amount == "-60.00"
        assert "name all of the 60.00" in await refused(hall, shortage, "debit", "80", card.account)
        await hall.resolve(shortage, "write-off")
        assert await hall.balance("suspense.EUR") == ("0.00", "0.00")
        assert (await hall.balance("equity.EUR"))[0] == "-260.00"
        await hall.sound()

    play(tmp_path, story)


def test_a_debit_that_no_exchange_accounts_for_leaves_a_case_of_its_own(tmp_path: Path) -> None:
    """The operator found nothing missing: what the customer pays all the same waits in suspense, under a case."""

    async def story(hall: Hall, machine: Machine, card: HeldCard) -> None:
        case = await doubt(hall, machine, card)
        assert await machine.exchange(found=99, after=99) == ""
        await hall.resolve(case, "debit", "20")
        assert await hall.open_cases() == ["unexplained"]
        (left,) = (await hall.do(r.CaseList)).cases
        shown = await hall.do(r.CaseShow, case=left.case)
        assert (shown.in_suspense.amount, set(shown.may)) == ("20.00", {"credit", "write-off"})
        await hall.sound()
        await hall.resolve(left.case, "credit", "20", card.account)
        assert await hall.balance(card.account) == ("180.00", "0.00")
        assert await hall.open_cases() == []
        await hall.sound()

    play(tmp_path, story)


def test_a_payment_before_the_exchange_is_found_by_it_although_its_case_came_later(tmp_path: Path) -> None:
    """Released, exchanged, and only then given up on: the shortage is in suspense and not in the machine."""

    async def story(hall: Hall, machine: Machine, card: HeldCard) -> None:
        held = await machine.hold(card, 40)
        shortage = await machine.exchange(found=98, after=98)
        case = await machine.complete(held, outcome=Outcome.UNKNOWN)
        await hall.resolve(case, "debit", "40")
        assert (await hall.do(r.CaseShow, case=shortage)).case.state == "closed"
        await machine.echo(98)
        assert (await hall.check()).machines[0].missing.amount == "0.00"
        await hall.sound()

    play(tmp_path, story)


def test_money_of_an_unknown_account_is_debited_where_a_person_says(tmp_path: Path) -> None:
    """The account has to be named, be a customer's, be in the currency, and all of the money goes."""

    async def story(hall: Hall, machine: Machine, card: HeldCard) -> None:
        case = await suspense(hall, machine, card)
        yen = await hall.do(r.AccountOpen, customer="C1001", label="Yen", currency="JPY")
        assert "--account" in await refused(hall, case, "debit", "40")
        assert "no account 123" in await refused(hall, case, "debit", "40", "123")
        assert "no customer's" in await refused(hall, case, "debit", "40", "equity.EUR")
        assert "JPY" in await refused(hall, case, "debit", "40", yen.account)
        assert "name all of the 40.00" in await refused(hall, case, "debit", "20", card.account)
        await hall.resolve(case, "debit", "40", card.account)
        assert await hall.balance(card.account) == ("160.00", "0.00")
        assert await hall.balance("suspense.EUR") == ("0.00", "0.00")
        await hall.sound()

    play(tmp_path, story)


def test_a_second_word_about_a_payment_in_suspense_is_a_conflict(tmp_path: Path) -> None:
    """It is not posted a second time, whether the first one's case is open or closed."""

    async def story(hall: Hall, machine: Machine, card: HeldCard) -> None:
        stranger = Held(9_000, "h0", eur(40), card.account, "c0", 1)
        first = await machine.complete(stranger, presented=2, authority=False)
        await hall.resolve(first, "write-off")
        await machine.complete(stranger, presented=2, authority=False)
        assert await hall.open_cases() == ["conflict"]
        assert await hall.balance("suspense.EUR") == ("0.00", "0.00")
        await hall.sound()

    play(tmp_path, story)


def test_a_case_about_an_account_is_about_no_other(tmp_path: Path) -> None:
    """A typing mistake does not debit a stranger."""

    async def story(hall: Hall, machine: Machine, card: HeldCard) -> None:
        stranger = await hall.account()
        case = await doubt(hall, machine, card)
        assert f"not {stranger}" in await refused(hall, case, "debit", "20", stranger)
        assert (await hall.resolve(case, "debit", "20", card.account)).case.state == "closed"

    play(tmp_path, story)


def test_amounts_belong_to_debits_and_credits_alone(tmp_path: Path) -> None:
    """And are exact there."""

    async def story(hall: Hall, machine: Machine, card: HeldCard) -> None:
        case = await doubt(hall, machine, card)
        for how in ("write-off", "nothing"):
            assert "takes no amount" in await refused(hall, case, how, "20")
        for amount in ("", "1e1", "-20", "20.001"):
            assert "not an amount" in await refused(hall, case, "debit", amount) or "decimals" in await refused(
                hall, case, "debit", amount
            )
        assert "there is no case T9-1" in await refused(hall, "T9-1.1.doubt", "nothing")

    play(tmp_path, story)


def test_a_doubt_takes_the_place_of_a_silence(tmp_path: Path) -> None:
    """First silent, then unknown: one case is open about the money, which is held once and can be debited once."""

    async def story(hall: Hall, machine: Machine, card: HeldCard) -> None:
        held = await machine.hold(card, 40)
        await asyncio.sleep(700)
        (first,) = (await hall.do(r.CaseList)).cases
        assert first.kind == "silent"
        second = await machine.complete(held, outcome=Outcome.UNKNOWN)
        assert await hall.open_cases() == ["unknown"]
        assert "was closed by the completion" in await refused(hall, first.case, "debit", "40")
        await hall.resolve(second, "debit", "40")
        assert await hall.balance(card.account) == ("160.00", "0.00")
        await hall.sound()

    play(tmp_path, story)


def test_a_release_that_the_bank_had_voided_and_that_may_have_paid_is_decided_once(tmp_path: Path) -> None:
    """Nothing is held any more, so it is debited freely; what the machine says later is a conflict and not a second debit."""

    async def story(hall: Hall, machine: Machine, card: HeldCard) -> None:
        held = await machine.hold(card, 40)
        await machine.reverse(held, not_presented=True)
        case = await machine.complete(held, outcome=Outcome.UNKNOWN)
        assert set((await hall.do(r.CaseShow, case=case)).may) == {"debit", "nothing"}
        await hall.resolve(case, "debit", "40")
        assert await hall.balance(card.account) == ("160.00", "0.00")
        await machine.complete(held, presented=2)
        assert await hall.open_cases() == ["conflict"]
        assert await hall.balance(card.account) == ("160.00", "0.00")
        await hall.sound()

    play(tmp_path, story)


def test_a_written_off_shortage_and_a_kept_surplus_end_in_equity(tmp_path: Path) -> None:
    """The bank bears what is missing, and keeps what is nobody's."""

    async def story(hall: Hall, machine: Machine, card: HeldCard) -> None:
        short = await missing_cash(hall, machine, card)
        await hall.resolve(short, "write-off")
        assert (await hall.balance("equity.EUR"))[0] == "-240.00"
        over = await machine.exchange(found=103, after=100)
        await hall.resolve(over, "write-off")
        assert (await hall.balance("equity.EUR"))[0] == "-180.00"
        assert await hall.balance("suspense.EUR") == ("0.00", "0.00")
        await hall.sound()

    play(tmp_path, story)


def test_open_cases_are_listed_oldest_first_and_closed_ones_on_request(tmp_path: Path) -> None:
    """With the claim that the customer was shown."""

    async def story(hall: Hall, machine: Machine, card: HeldCard) -> None:
        first, second = await doubt(hall, machine, card), await missing_cash(hall, machine, card)
        listed = (await hall.do(r.CaseList)).cases
        assert [one.case for one in listed] == [first, second]
        assert listed[0].claim == first.split(".")[0]
        assert listed[1].amount.amount == "-20.00"
        await hall.resolve(first, "nothing")
        assert [one.case for one in (await hall.do(r.CaseList)).cases] == [second]
        assert len((await hall.do(r.CaseList, closed=True)).cases) == 2

    play(tmp_path, story)
