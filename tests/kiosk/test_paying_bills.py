"""Paying a bill at the machine: real kiosk and bank code, virtual time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.reckoning import reckon, settle
from support.restoring import backup, restore_bank
from support.town import Town, TownCard, run_town

from bank.commands import requests as q
from kiosk.screens.model import Amount, Choose, Confirm, ListScreen, NoticeScreen

#: Passes Luhn's check.
BILL = "49927398716"


async def _biller(town: Town, account: str, **fields: Any) -> str:
    settings = {"name": "City Water", "category": "water", "digits": len(BILL), "check": "luhn", **fields}
    return str((await town.bank.do(q.PayeeAdd, account=account, **settings)).payee)


async def _with_water(town: Town, balance: int = 500_00) -> tuple[TownCard, TownCard, str]:
    """A customer whose card is in and whose PIN was right, City Water's account, and its id."""
    await town.open_for_business()
    payer, water = await town.customer(balance), await town.customer(0)
    biller = await _biller(town, water.account)
    await town.enter_pin(payer)
    await town.see("menu")
    await town.choose("bill")
    return payer, water, biller


async def _to_confirm(town: Town, cents: int = 64_30) -> Confirm:
    """From the bill's number on; there is one biller only."""
    await town.see("bill.number")
    await town.press(f"{BILL}D")
    await town.see("bill.amount")
    await town.press(f"{cents}D")
    shown = await town.see("bill.ok")
    assert isinstance(shown, Confirm)
    return shown


def test_a_bill_is_paid_to_the_cent_and_its_statement_names_the_biller(tmp_path: Path) -> None:
    """Everything is read before it is paid; books, statement and journal say the same afterwards."""

    async def story(town: Town) -> None:
        payer, water, _ = await _with_water(town)
        shown = await _to_confirm(town)
        assert shown.title == "Pay City Water?"
        assert [fact.value for fact in shown.facts] == ["$64.30", BILL, "Everyday"]
        assert await town.balance(payer) == (500_00, 0)
        await town.press("D")
        done = await town.see("bill.done")
        assert isinstance(done, NoticeScreen)
        assert (done.notice.bold, done.reference.partition("-")[0]) == ("$64.30 went to City Water", "T1")
        assert (await town.balance(payer), await town.balance(water)) == ((435_70, 0), (64_30, 0))
        await town.press("D")
        await town.see("menu")
        await town.choose("more")
        await town.see("more")
        await town.choose("list")
        listed = await town.see("list")
        assert isinstance(listed, ListScreen)
        assert (listed.rows[0].words, listed.rows[0].amount) == ("To City Water", "−$64.30")
        await town.press("D")
        await town.see("menu")
        await town.press("A")
        await town.see("take.card")
        town.slot.pull()
        await town.see("welcome")
        assert "cancelled" not in town.display.ids
        assert (await reckon(town))["doubt"] == 0

    run_town(tmp_path, story)


def test_a_mistyped_number_is_asked_again_and_the_amount_is_typed_with_its_cents(tmp_path: Path) -> None:
    """A wrong check digit never reaches the bank; what is typed shows its point as it grows."""

    async def story(town: Town) -> None:
        payer, _, _ = await _with_water(town)
        await town.see("bill.number")
        await town.press(f"{BILL[:-1]}7D")
        again = town.display.shown
        assert isinstance(again, Amount)
        assert again.notice is not None
        await town.press(f"{BILL}D")
        entry = await town.see("bill.amount")
        assert isinstance(entry, Amount)
        shown = []
        for key in "6430":
            await town.press(key)
            assert isinstance(town.display.shown, Amount)
            shown.append(town.display.shown.shown)
        assert (entry.shown, shown) == ("$0.00", ["$0.06", "$0.64", "$6.43", "$64.30"])
        await town.press("D")
        await town.see("bill.ok")
        await town.press("B")
        await town.see("bill.amount")
        await town.press("50001D")
        over = town.display.shown
        assert isinstance(over, Amount)
        assert (over.limits, over.notice is not None) == ("Up to $500 today", True)
        await town.press("B")
        await town.see("bill.number")
        await town.press("B")
        await town.see("menu")
        assert "post" not in town.line.log
        assert await town.balance(payer) == (500_00, 0)

    run_town(tmp_path, story)


def test_whose_bill_is_asked_by_what_it_is_for_and_by_name(tmp_path: Path) -> None:
    """Only what there is a biller for; more than a page of names goes round, and Back leads back."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        payer, other = await town.customer(500_00), await town.customer(0)
        for place in range(7):
            await _biller(town, other.account, name=f"School {place}", category="school")
        await _biller(town, other.account)
        await town.enter_pin(payer)
        await town.see("menu")
        await town.choose("bill")
        kinds = await town.see("bills")
        assert isinstance(kinds, Choose)
        assert [choice.label for choice in kinds.choices] == ["Water", "School"]
        await town.choose("school")
        first = await town.see("bills.who")
        assert isinstance(first, Choose)
        assert [choice.label for choice in first.choices] == [*(f"School {place}" for place in range(3)), "More"]
        await town.choose("more")
        await town.choose("more")
        await town.choose("more")
        await town.choose("biller:1")
        await town.see("bill.number")
        await town.press("B")
        await town.see("bills")
        await town.press("B")
        await town.see("menu")

    run_town(tmp_path, story)


def test_where_nobody_can_be_paid_the_menu_does_not_say_so(tmp_path: Path) -> None:
    """No dead end: without a biller there is no entry; one that is removed meanwhile is told, and nothing moves."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        payer, water = await town.customer(500_00), await town.customer(0)
        await town.enter_pin(payer)
        menu = await town.see("menu")
        assert isinstance(menu, Choose)
        assert "bill" not in [choice.key for choice in menu.choices]
        await town.press("A")
        await town.see("take.card")
        town.slot.pull()
        biller = await _biller(town, water.account)
        await town.enter_pin(payer)
        await town.see("menu")
        await town.choose("bill")
        await _to_confirm(town)
        await town.bank.do(q.PayeeRemove, payee=biller)
        await town.press("D")
        await town.see("bill.none")
        await town.press("D")
        await town.see("menu")
        assert (await town.balance(payer), await town.balance(water)) == ((500_00, 0), (0, 0))

    run_town(tmp_path, story)


def test_less_than_the_bill_can_be_paid_where_there_is_not_enough(tmp_path: Path) -> None:
    """What is there is offered, read once more, and paid."""

    async def story(town: Town) -> None:
        payer, water, _ = await _with_water(town, balance=50_75)
        await _to_confirm(town)
        await town.press("D")
        short = await town.see("send.short")
        assert isinstance(short, Choose)
        assert short.choices[0].label == "$50"
        await town.press("1")
        shown = await town.see("bill.ok")
        assert isinstance(shown, Confirm)
        assert shown.facts[0].value == "$50.00"
        await town.press("D")
        await town.see("bill.done")
        assert (await town.balance(payer), await town.balance(water)) == ((75, 0), (50_00, 0))

    run_town(tmp_path, story)


def test_where_the_bank_falls_silent_the_bill_is_not_paid(tmp_path: Path) -> None:
    """The post arrived, its answer did not: the customer is told that nothing left, and the reversal makes it true."""

    async def story(town: Town) -> None:
        payer, water, _ = await _with_water(town)

        async def lose(kind: str) -> None:
            if kind == "post":
                town.line.cut = True
                raise TimeoutError

        await _to_confirm(town)
        town.line.after = lose
        await town.press("D")
        told = await town.see("e.line")
        assert isinstance(told, NoticeScreen)
        assert told.notice.bold == "Nothing left your account"
        assert await town.balance(water) == (64_30, 0), "the bank has done it, and does not know yet"
        town.line.after = None
        town.line.cut = False
        await settle(town)
        assert (await town.balance(payer), await town.balance(water)) == ((500_00, 0), (0, 0))

    run_town(tmp_path, story)


def test_a_power_cut_and_a_restored_bank_leave_a_paid_bill_paid(tmp_path: Path) -> None:
    """What the journal has an answer for stays; the bank that forgot it is told, and posts it once."""

    async def story(town: Town) -> None:
        payer, water, _ = await _with_water(town)
        kept = backup(town)
        await _to_confirm(town)
        await town.press("D")
        await town.see("bill.done")
        await town.power_cut()
        await restore_bank(town, kept)
        town.start_kiosk()
        await town.in_service()
        await settle(town)
        assert (await town.balance(payer), await town.balance(water)) == ((435_70, 0), (64_30, 0))
        assert town.machine.journal.parked_length() == 0

    run_town(tmp_path, story)
