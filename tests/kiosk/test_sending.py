"""Transfers, PIN change and statement at the machine: real kiosk and bank code, virtual time."""

from __future__ import annotations

import asyncio
from pathlib import Path

from support.customer_steps import leave
from support.reckoning import reckon, settle
from support.restoring import backup, restore_bank
from support.town import PIN, Town, TownCard, run_town

from bank.commands import requests as q
from kiosk.screens.model import Amount, Choose, Confirm, ListScreen, NoticeScreen


async def _open(town: Town, *balances: int) -> list[TownCard]:
    await town.open_for_business()
    return [await town.customer(balance) for balance in balances]


async def _to_confirm(town: Town, number: str, units: int) -> Confirm:
    """From the menu to the question with the name; the card has one account only."""
    await town.see("menu")
    await town.choose("send")
    await town.see("send.number")
    await town.press(number + "D")
    await town.see("send.amount")
    await town.press(f"{units}D")
    shown = await town.see("send.ok")
    assert isinstance(shown, Confirm)
    return shown


def test_the_name_is_read_before_money_goes_and_the_reference_after_it(tmp_path: Path) -> None:
    """$60 go to the account whose name was shown; the books, both statements and the journal say the same."""

    async def story(town: Town) -> None:
        sender, receiver = await _open(town, 500_00, 10_00)
        await town.enter_pin(sender)
        shown = await _to_confirm(town, receiver.account, 60)
        assert shown.title == "Send to Ada?"
        assert [fact.value for fact in shown.facts] == ["$60.00", f"ends {receiver.account[-4:]}", "Everyday"]
        assert await town.balance(sender) == (500_00, 0)
        await town.press("D")
        done = await town.see("send.done")
        assert isinstance(done, NoticeScreen)
        assert (done.notice.bold, done.reference.partition("-")[0]) == ("$60.00 went to Ada", "T1")
        assert (await town.balance(sender), await town.balance(receiver)) == ((440_00, 0), (70_00, 0))
        await town.press("D")
        await town.see("menu")
        await town.choose("more")
        await town.see("more")
        await town.choose("list")
        listed = await town.see("list")
        assert isinstance(listed, ListScreen)
        assert [(row.words, row.amount) for row in listed.rows] == [
            ("To Ada", "−$60.00"), ("First deposit", "+$500.00"),
        ]  # fmt: skip
        await town.press("D")
        await leave(town)
        # Money did leave the account in this visit: nothing that says otherwise was shown.
        assert "cancelled" not in town.display.ids
        assert (await reckon(town))["doubt"] == 0

    run_town(tmp_path, story)


def test_nobody_too_much_and_second_thoughts_move_nothing(tmp_path: Path) -> None:
    """An unknown number, more than may be sent or is there, Back and Cancel: each is said, and the books stay."""

    async def story(town: Town) -> None:
        sender, receiver = await _open(town, 50_00, 10_00)
        await town.enter_pin(sender)
        await town.see("menu")
        await town.choose("send")
        await town.see("send.number")
        await town.press("0000000000D")
        await town.see("send.none")
        await town.press("1")
        await town.see("send.number")
        await town.press(receiver.account + "D")
        entry = await town.see("send.amount")
        assert isinstance(entry, Amount)
        assert entry.limits == "Up to $500 today"
        await town.press("600D")
        await asyncio.sleep(1)
        assert isinstance(town.display.shown, Amount)
        assert town.display.shown.notice is not None
        await town.press("60D")
        await town.see("send.ok")
        await town.press("D")
        short = await town.see("send.short")
        assert isinstance(short, Choose)
        assert [choice.label for choice in short.choices] == ["$50", "Other amount"]
        await town.press("1")
        await town.see("send.ok")
        await town.press("B")
        await town.see("send.amount")
        await town.press("20D")
        await town.see("send.ok")
        await town.press("A")
        await town.see("cancelled")
        await town.see("take.card")
        town.slot.pull()
        await town.see("welcome")
        assert (await town.balance(sender), await town.balance(receiver)) == ((50_00, 0), (10_00, 0))

    run_town(tmp_path, story)


def test_a_customers_own_accounts_are_offered_by_name(tmp_path: Path) -> None:
    """Between one's own accounts there is no number to type and no limit of the day."""

    async def story(town: Town) -> None:
        (first,) = await _open(town, 900_00)
        owner = (await town.bank.sql("SELECT owner FROM accounts WHERE account = :a", a=first.account))[0]["owner"]
        savings = await town.bank.do(q.AccountOpen, customer=owner, label="Savings", opening="0")
        made = await town.bank.do(q.CardIssue, customer=owner, pin=PIN)
        first.stick = type(first.stick)(made.file)
        await town.enter_pin(first)
        await town.see("menu")
        await town.choose("send")
        await town.see("account")
        await town.press("1")
        offered = await town.see("send")
        assert isinstance(offered, Choose)
        assert [choice.label for choice in offered.choices] == ["Savings", "Someone else"]
        await town.press("1")
        await town.see("send.amount")
        await town.press("700D")
        await town.see("send.ok")
        await town.press("D")
        await town.see("send.done")
        rows = await town.bank.sql("SELECT balance_minor AS b FROM accounts WHERE account = :a", a=savings.account)
        assert (await town.balance(first), rows[0]["b"]) == ((200_00, 0), 700_00)

    run_town(tmp_path, story)


def test_where_the_bank_falls_silent_nothing_left_the_account(tmp_path: Path) -> None:
    """The post arrived, its answer did not: the customer is told that nothing left, and the reversal makes it true."""

    async def story(town: Town) -> None:
        sender, receiver = await _open(town, 500_00, 10_00)

        async def lose(kind: str) -> None:
            if kind == "post":
                town.line.cut = True
                raise TimeoutError

        await town.enter_pin(sender)
        await _to_confirm(town, receiver.account, 60)
        town.line.after = lose
        await town.press("D")
        told = await town.see("e.line")
        assert isinstance(told, NoticeScreen)
        assert told.notice.bold == "Nothing left your account"
        assert await town.balance(sender) == (440_00, 0), "the bank has done it, and does not know yet"
        town.line.after = None
        town.line.cut = False
        await settle(town)
        assert (await town.balance(sender), await town.balance(receiver)) == ((500_00, 0), (10_00, 0))

    run_town(tmp_path, story)


def test_a_power_cut_after_the_answer_takes_nothing_back(tmp_path: Path) -> None:
    """What the journal has an answer for stays done, told or not; the next start reverses nothing."""

    async def story(town: Town) -> None:
        sender, receiver = await _open(town, 500_00, 10_00)
        await town.enter_pin(sender)
        await _to_confirm(town, receiver.account, 60)
        await town.press("D")
        await town.see("send.done")
        await town.power_cut()
        town.start_kiosk()
        await town.in_service()
        await settle(town)
        assert (await town.balance(sender), await town.balance(receiver)) == ((440_00, 0), (70_00, 0))

    run_town(tmp_path, story)


def test_a_restored_bank_is_told_of_the_transfers_that_it_has_lost(tmp_path: Path) -> None:
    """The slips that lie in the journal make them again, once, before the machine is in service."""

    async def story(town: Town) -> None:
        sender, receiver = await _open(town, 500_00, 10_00)
        kept = backup(town)
        await town.enter_pin(sender)
        for units in (60, 25):
            await _to_confirm(town, receiver.account, units)
            await town.press("D")
            await town.see("send.done")
            await town.press("D")
        await leave(town)
        await restore_bank(town, kept)
        await asyncio.sleep(120)
        await town.in_service()
        await settle(town)
        assert (await town.balance(sender), await town.balance(receiver)) == ((415_00, 0), (95_00, 0))
        assert town.machine.journal.parked_length() == 0
        await town.enter_pin(sender)
        await leave(town)

    run_town(tmp_path, story)


def test_a_new_pin_is_typed_twice_and_holds_from_then_on(tmp_path: Path) -> None:
    """Two that differ are asked again; the new one opens the next visit, and is nowhere in the journal."""

    async def story(town: Town) -> None:
        (card,) = await _open(town, 100_00)
        await town.enter_pin(card)
        await town.see("menu")
        await town.choose("more")
        await town.see("more")
        await town.choose("newpin")
        await town.see("newpin")
        await town.press("86421D")
        await town.see("newpin.again")
        await town.press("86422D")
        await town.see("newpin")
        await town.press("86421D")
        await town.see("newpin.again")
        await town.press("86421D")
        await town.see("newpin.done")
        await town.press("D")
        await leave(town)
        await town.enter_pin(card, "86421")
        await leave(town)
        await town.enter_pin(card, PIN)
        await town.see("pin.wrong")
        kept = b"".join(path.read_bytes() for path in (tmp_path / "kiosk" / "state").glob("journal*"))
        assert b"86421" not in kept

    run_town(tmp_path, story)


def test_nothing_is_sent_while_the_bank_has_not_heard_what_happened_before(tmp_path: Path) -> None:
    """A fact that waits may be the reversal of the post before this one: what it undoes is not built upon."""

    async def story(town: Town) -> None:
        sender, receiver = await _open(town, 500_00, 10_00)
        await town.enter_pin(sender)
        await _to_confirm(town, receiver.account, 60)
        town.machine.journal.outbox_length = lambda: 1
        await town.press("D")
        await town.see("e.line")
        assert "post" not in town.line.log
        assert (await town.balance(sender), await town.balance(receiver)) == ((500_00, 0), (10_00, 0))

    run_town(tmp_path, story)
