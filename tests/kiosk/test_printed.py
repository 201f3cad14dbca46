"""What a customer prints in a visit where there is no money in the hand to prove it: payments, an account, no cash."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from support.reckoning import settle
from support.town import Town, TownCard, run_town
from support.virtual_time import InlineExecutor

from bank.commands import requests as q
from drivers.receipt_printer import EscposPrinter
from drivers.simulated.receipt_printer import ElectricReceiptPrinter
from kiosk.receipts.raster import FontRaster
from kiosk.screens.model import ListScreen, NoticeScreen


class Paper:
    """The printer of a town's machine."""

    def __init__(self, town: Town) -> None:
        self.device = ElectricReceiptPrinter()
        self.printer = EscposPrinter(self.device.wire.host, executor=InlineExecutor(), raster=FontRaster())
        self.printer.open()
        town.machine.parts = replace(town.machine.parts, printer=self.printer)

    async def taken(self) -> str:
        """What hangs out, once it does."""
        async with asyncio.timeout(30):
            while (paper := self.device.take()) is None:
                await asyncio.sleep(0.2)
        return paper.text


async def opened(town: Town, **given: str) -> tuple[Paper, TownCard]:
    await town.open_for_business()
    paper, card = Paper(town), await town.customer(500_00, **given)
    await town.enter_pin(card)
    await town.see("menu")
    return paper, card


async def to_list(town: Town) -> ListScreen:
    await town.choose("more")
    await town.see("more")
    await town.choose("list")
    listed = await town.see("list")
    assert isinstance(listed, ListScreen)
    return listed


def test_the_last_payments_are_printed(tmp_path: Path) -> None:
    """All pages on one strip, the account masked, and no number that somebody has for a name; Print is offered once."""

    async def story(town: Town) -> None:
        paper, card = await opened(town)
        customer = await town.bank.do(q.CustomerAdd, name="1234567890")
        own = (await town.bank.do(q.AccountShow, account=card.account)).customer
        other = await town.bank.do(q.AccountOpen, customer=customer.customer, label="Everyday")
        for amount in ("10", "11", "12", "13", "14"):
            await send(town, other.account, amount)
        listed = await to_list(town)
        assert (listed.pages, [choice.label for choice in listed.choices]) == (2, ["Print"])
        await town.press("1")
        printed = await paper.taken()
        assert "Last payments" in printed
        assert f"ends {card.account[-4:]}" in printed
        for amount in ("-$10.00", "-$14.00", "+$500.00", "To ...7890"):
            assert amount in printed
        for number in (card.account, other.account, card.number, "1234567890", own):
            assert number not in printed
        again = await town.see("list")
        assert isinstance(again, ListScreen)
        assert (again.page, again.choices) == (1, ())
        await town.press("D")
        await town.press("D")
        await town.see("menu")

    run_town(tmp_path, story)


async def send(town: Town, account: str, units: str) -> None:
    await town.choose("send")
    await town.see("send.number")
    await town.press(f"{account}D")
    await town.see("send.amount")
    await town.press(f"{units}D")
    await town.see("send.ok")
    await town.press("D")
    await town.see("send.done")
    await town.press("D")
    await town.see("menu")


def test_nothing_is_printed_where_there_is_no_paper(tmp_path: Path) -> None:
    """The payments are shown as ever, and Print is not among what can be pressed."""

    async def story(town: Town) -> None:
        paper, _ = await opened(town)
        paper.device.set_fault("paper-out")
        async with asyncio.timeout(60):
            while paper.printer.paper.value != "out":
                await asyncio.sleep(1)
        assert (await to_list(town)).choices == ()

    run_town(tmp_path, story)


def test_a_new_account_is_printed(tmp_path: Path) -> None:
    """Which machine, when, and the last digits of its number; the whole one is on the screen alone."""

    async def story(town: Town) -> None:
        paper, _ = await opened(town)
        await town.choose("more")
        await town.see("more")
        await town.choose("open")
        await town.see("open")
        await town.choose("product:1")
        done = await town.see("open.done")
        assert isinstance(done, NoticeScreen)
        assert [choice.key for choice in done.choices] == ["paper", "phone"]
        number = done.reference.replace(" ", "")
        await town.press("1")
        printed = await paper.taken()
        assert "Account opened" in printed
        assert f"ends {number[-4:]}" in printed
        assert number not in printed
        await town.see("open.first")
        await town.press("A")
        await town.see("menu")

    run_town(tmp_path, story)


def test_no_cash_is_printed_with_its_reference(tmp_path: Path) -> None:
    """Who was given nothing has a paper that says so, under the number that the bank finds it by."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        paper, card = Paper(town), await town.customer(100_00)

        async def freeze(kind: str) -> None:
            if kind == "release":
                await town.bank.do(q.CardFreeze, card=card.reference)

        town.line.before = freeze
        assert await town.withdraw(card, 40) == "e.nocash"
        told = await town.see("e.nocash")
        assert isinstance(told, NoticeScreen)
        await town.press("1")
        printed = await paper.taken()
        assert "No cash came out" in printed
        assert told.reference in printed
        assert "$40" not in printed
        await town.see("welcome")
        await settle(town)
        assert await town.balance(card) == (100_00, 0)

    run_town(tmp_path, story)
