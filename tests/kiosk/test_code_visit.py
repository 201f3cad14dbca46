"""Cash by code at the machine: real kiosk and bank code, simulated pins, virtual time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support.code_steps import made, type_code
from support.cutting import Cut, until_cut
from support.reckoning import reckon, settle
from support.restoring import backup, restore_bank
from support.secret_search import found, of_digits
from support.town import Town, run_town

from bank.commands import requests as q

WRONG = "00000000"


async def states(town: Town) -> list[str]:
    return [line.state for line in (await town.bank.do(q.CodeList, every=True)).codes]


async def use(town: Town, digits: str) -> str:
    """All of it, with the fewest notes; the id of the screen that it ended on."""
    await type_code(town, digits)
    shown = await town.see("code.ok", "code.nopay", "code.line", "code.inuse", "code.locked", "code.refused")
    if shown.id != "code.ok":
        return shown.id
    await town.press("D")
    shown = await town.see("cash.mix", "take.cash", "code.line", "code.inuse", "code.refused", "e.nocash", "e.jam")
    if shown.id == "cash.mix":
        await town.choose("fewest")
        shown = await town.see("take.cash", "code.line", "code.inuse", "code.refused", "e.nocash", "e.jam")
    town.dispenser.take_cash()
    return shown.id


def test_a_code_pays_without_a_card_once(tmp_path: Path) -> None:
    """$70 comes out and is debited, no card was in; the same digits again are no code any more."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        code = await made(town, card)
        assert await use(town, code.digits) == "take.cash"
        assert town.customers_notes == {"top": 1, "middle": 1, "bottom": 0}
        await town.see("welcome")
        assert await town.balance(card) == (430_00, 0)
        assert "take.card" not in town.display.ids
        await type_code(town, code.digits)
        shown = await town.see("code")
        await asyncio.sleep(2)
        shown = town.display.shown
        assert "can't be used" in shown.notice.bold
        await town.press("A")
        await town.see("welcome")
        assert (await reckon(town))["debited"] == 70_00

    run_town(tmp_path, story)


def test_what_the_cassettes_cannot_pay_is_not_asked_for(tmp_path: Path) -> None:
    """The customer is told before the code is burnt: no authorise is sent, and the code stays good."""

    async def story(town: Town) -> None:
        town.loaded = {"top": 20, "middle": 0, "bottom": 0}
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        code = await made(town, card)
        assert await use(town, code.digits) == "code.nopay"
        assert "authorise" not in town.line.log
        assert await states(town) == ["open"]
        await town.press("D")
        await town.see("welcome")
        town.load_cash(middle=5)
        assert await use(town, code.digits) == "take.cash"

    run_town(tmp_path, story)


def test_guessing_is_stopped_and_the_screen_says_until_when(tmp_path: Path) -> None:
    """The tries left are shown; with the last one codes are locked here, and cards work on."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        code = await made(town, card)
        await type_code(town, WRONG)
        for left in (4, 3, 2, 1):
            await asyncio.sleep(2)
            assert f"{left} tr" in town.display.shown.notice.plain
            await town.press(WRONG + "D")
        await town.see("code.locked")
        await town.press("D")
        assert await use(town, code.digits) == "code.locked"
        await town.press("D")
        assert await town.withdraw(card, 20) == "take.cash"
        await town.see("welcome")
        await asyncio.sleep(900)
        assert await use(town, code.digits) == "take.cash"

    run_town(tmp_path, story)


@pytest.mark.parametrize("lost", ["open-visit", "authorise", "release"])
def test_a_line_that_loses_an_answer_costs_no_code(tmp_path: Path, lost: str) -> None:
    """The bank did it and nobody heard: nothing is paid, the reversal gives the code back, and it pays once."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        code = await made(town, card)

        async def lose(kind: str) -> None:
            if kind == lost:
                await asyncio.sleep(600)

        town.line.after = lose
        ended = await use(town, code.digits)
        assert ended in {"code.line", "e.nocash"}
        town.line.after = None
        await town.press("D")
        await settle(town, 3)
        assert await states(town) == ["open"]
        assert await town.balance(card) == (500_00, 0)
        assert await use(town, code.digits) == "take.cash"
        await town.see("welcome")
        await settle(town, 1)
        assert (await reckon(town)) == {"given": 70_00, "debited": 70_00, "doubt": 0}

    run_town(tmp_path, story)


def test_without_the_bank_a_code_is_told_so(tmp_path: Path) -> None:
    """Nothing was paid, the code stays good; trying again leads back to the digits."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        code = await made(town, card)
        await town.see("welcome")
        town.line.cut = True
        await type_code(town, code.digits)
        await town.see("code.line")
        town.line.cut = False
        await town.choose("again")
        await town.see("code")
        await asyncio.sleep(60)
        assert await states(town) == ["open"]

    run_town(tmp_path, story)


def test_a_card_that_comes_while_digits_are_asked_for_is_served(tmp_path: Path) -> None:
    """Somebody touched the screen and went away; the next customer's card begins a visit at once."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        await town.see("welcome")
        await town.choose("code")
        await town.see("code")
        await town.press("12")
        town.slot.insert(card.stick)
        await town.see("pin")
        await town.press(card.pin + "D")
        await town.see("menu")

    run_town(tmp_path, story)


def test_nobody_there_leads_back_to_the_welcome(tmp_path: Path) -> None:
    """The warning speaks of no card; a short code is told to be short; Clear on nothing goes back."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        await town.see("welcome")
        await town.choose("code")
        shown = await town.see("time")
        assert "card" not in shown.notice.bold
        await town.see("welcome")
        await type_code(town, "123")
        await asyncio.sleep(1)
        assert "8 digits" in town.display.shown.notice.bold
        await town.press("B")
        await town.see("welcome")
        assert "open-visit" not in town.line.log

    run_town(tmp_path, story)


@pytest.mark.parametrize("written", [False, True], ids=["before", "after"])
def test_power_cut_at_every_write_of_a_payment_by_code(tmp_path: Path, written: bool) -> None:
    """Cut at each write; afterwards notes, debits and cases agree, and a code that was paid pays nothing more."""
    reached = 0
    for after in range(60):
        ended = []

        async def story(town: Town, after: int = after, ended: list[bool] = ended) -> None:
            await town.open_for_business()
            card = await town.customer(balance=500_00)
            code = await made(town, card, minutes=1_440)
            cut = Cut(town.machine.journal, after, written=written)
            await until_cut(use(town, code.digits), cut)
            if not cut.came.is_set():
                await asyncio.sleep(60)
            if not cut.came.is_set():
                ended.append(True)
                await reckon(town)
                return
            await town.power_cut()
            await asyncio.sleep(30)
            town.start_kiosk()
            await settle(town)
            so_far = await reckon(town)
            [state] = await states(town)
            assert state in {"open", "used"}
            assert (state == "open") == (so_far["given"] == 0 and so_far["doubt"] == 0), (state, so_far)
            if town.machine.journal.stuck():
                town.dispenser.clear_path()
                town.load_cash(**town.loaded)
            await town.in_service()
            if state == "open":
                assert await use(town, code.digits) == "take.cash"
                await town.see("welcome")
            else:
                await type_code(town, code.digits)
                await asyncio.sleep(2)
                assert town.display.shown.id == "code"
                assert "can't be used" in town.display.shown.notice.bold
            await settle(town, 1)
            assert (await reckon(town))["debited"] <= 70_00

        run_town(tmp_path / f"{after}", story, seed=after + 1)
        if ended:
            break
        reached += 1
    assert 10 < reached < 59


def test_a_restored_bank_is_told_before_it_serves_a_code(tmp_path: Path) -> None:
    """The backup is from before the payment: the machine tells it before anybody is served, and the code is used."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        code = await made(town, card)
        await settle(town, 1)
        kept = backup(town)
        assert await use(town, code.digits) == "take.cash"
        await town.see("welcome")
        await settle(town, 1)
        await restore_bank(town, kept)
        await settle(town, 3)
        await town.in_service()
        assert await town.balance(card) == (430_00, 0)
        assert await states(town) == ["used"]
        await type_code(town, code.digits)
        await asyncio.sleep(2)
        assert "can't be used" in town.display.shown.notice.bold
        await reckon(town)

    run_town(tmp_path, story)


def test_a_jam_is_a_case_and_the_code_is_used(tmp_path: Path) -> None:
    """A note in doubt: the claim is shown, the case holds it, and nothing more is paid for this code."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        code = await made(town, card)
        town.dispenser.fault_once("jam-before-sensor")
        assert await use(town, code.digits) == "e.jam"
        await town.press("D")
        await settle(town, 1)
        assert len(await town.bank.sql("SELECT * FROM cases WHERE kind = 'doubt'")) == 1
        assert await states(town) == ["used"]

    run_town(tmp_path, story)


def test_the_digits_lie_nowhere(tmp_path: Path) -> None:
    """Neither in the journal nor in the bank's files, in any form, after a wrong and a right code."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        code = await made(town, card)
        assert await use(town, code.digits) == "take.cash"
        await town.see("welcome")
        await type_code(town, "31415926")
        await asyncio.sleep(2)
        secrets = {"right": of_digits(code.digits), "wrong": of_digits("31415926")}
        assert found(secrets, [tmp_path / "kiosk", tmp_path / "bank"]) == []

    run_town(tmp_path, story)
