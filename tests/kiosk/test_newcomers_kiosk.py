"""Somebody without a card opens an account at the machine: real kiosk and bank code, virtual time."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path
from typing import Any

import pytest
from support.customer_steps import take_card
from support.newcomer_steps import PIN, open_to_all, to_stick
from support.reckoning import settle
from support.restoring import backup, restore_bank
from support.town import Town, TownCard, run_town

from bank.commands import requests as q
from bank_link.card_file import parse
from drivers.simulated.stick import SimulatedStick, StickFaults
from kiosk.screens.model import Attract, NoticeScreen


async def _states(town: Town) -> list[tuple[Any, ...]]:
    """Of every card and its account."""
    rows = await town.bank.sql(
        "SELECT c.state AS card, a.state AS account FROM cards c JOIN card_accounts l ON l.card = c.card "
        "JOIN accounts a ON a.account = l.account ORDER BY a.account"
    )
    return [(row["card"], row["account"]) for row in rows]


async def _card(town: Town, stick: SimulatedStick) -> TownCard:
    """The card that lies on the stick now."""
    assert stick.content is not None
    row = (await town.bank.sql("SELECT card, account FROM card_accounts"))[0]
    return TownCard(parse(stick.content).card, row["card"], row["account"], stick, PIN)


async def _gone(town: Town) -> None:
    """Until the stick was pulled in the middle of its writing, and another one is asked for."""
    async with asyncio.timeout(60):
        while town.slot.stick is not None:
            await asyncio.sleep(0.1)
    await asyncio.sleep(3)
    await town.see("open.stick")


def test_a_newcomer_leaves_with_a_card_that_works(tmp_path: Path) -> None:
    """Its number is shown; nothing of PIN or card is in the journal; the next visit is like any other."""

    async def story(town: Town) -> None:
        await open_to_all(town)
        await to_stick(town)
        stick = SimulatedStick(None)
        town.slot.insert(stick)
        done = await town.see("open.done")
        assert isinstance(done, NoticeScreen)
        account = (await town.bank.sql("SELECT account FROM accounts WHERE kind = 'customer'"))[0]["account"]
        assert done.reference.replace(" ", "") == account
        await town.press("D")
        await take_card(town)
        await settle(town, minutes=1)
        assert await _states(town) == [("active", "open")]
        card = await _card(town, stick)
        kept = b"".join(path.read_bytes() for path in (tmp_path / "kiosk" / "state").glob("journal*"))
        secret = parse(stick.content or b"").newest.secret
        for found in (PIN.encode(), card.number.encode(), secret):
            assert found not in kept
        await town.enter_pin(card, PIN)
        await town.see("menu")
        await town.press("A")
        await take_card(town)

    run_town(tmp_path, story)


def test_where_the_bank_does_not_allow_it_it_is_not_offered(tmp_path: Path) -> None:
    """The welcome screen is as it was."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        welcome = await town.see("welcome")
        assert isinstance(welcome, Attract)
        assert "open" not in {choice.key for choice in welcome.choices}

    run_town(tmp_path, story)


def test_nothing_is_ever_written_over_a_card(tmp_path: Path) -> None:
    """Another one's card put in as a stick stays what it is; a blank one is asked for."""

    async def story(town: Town) -> None:
        await open_to_all(town)
        other = await town.customer(100_00)
        before = other.stick.content
        await to_stick(town)
        town.slot.insert(other.stick)
        await town.see("open.taken")
        await town.press("D")
        await town.see("take.card")
        town.slot.pull()
        await town.see("open.stick")
        assert other.stick.content == before
        assert "open-account" not in town.line.log
        town.slot.insert(SimulatedStick(None))
        await town.see("open.done")

    run_town(tmp_path, story)


def test_second_thoughts_open_nothing(tmp_path: Path) -> None:
    """Back, Cancel, and a stick that never comes: the bank was not asked, and the next customer starts clean."""

    async def story(town: Town) -> None:
        await open_to_all(town)
        await town.see("welcome")
        await town.choose("open")
        await town.see("open")
        await town.press("B")
        await town.see("welcome")
        await to_stick(town)
        await town.press("A")
        await town.see("welcome")
        await to_stick(town)
        await asyncio.sleep(90)
        await town.see("welcome")
        assert "open-account" not in town.line.log
        assert await town.bank.sql("SELECT * FROM customers") == []
        assert (await town.withdraw(await town.customer(100_00), 40)) == "take.cash"

    run_town(tmp_path, story)


@pytest.mark.parametrize(
    ("dies_in", "torn"), [("create", 0), ("fsync", 9), ("fsync", 144), ("sync", 0), ("drop_cache", 0)]
)
def test_a_stick_that_is_pulled_is_asked_for_again_and_gets_the_same_card(
    tmp_path: Path, dies_in: str, torn: int
) -> None:
    """In the middle of the writing; whatever was on it, it is whole in the end, and there is one account."""

    async def story(town: Town) -> None:
        await open_to_all(town)
        await to_stick(town)
        stick = SimulatedStick(None, faults=StickFaults(dies_in=dies_in, torn_bytes=torn))
        town.slot.insert(stick)
        await _gone(town)
        stick.faults = StickFaults()
        town.slot.insert(stick)
        await town.see("open.done")
        await town.press("D")
        await take_card(town)
        await settle(town, minutes=1)
        assert await _states(town) == [("active", "open")]
        await town.enter_pin(await _card(town, stick), PIN)
        await town.see("menu")

    run_town(tmp_path, story)


def test_a_stick_that_cannot_be_written_leaves_the_account_to_the_staff(tmp_path: Path) -> None:
    """It waits; the customer reads its number, and the staff makes its card."""

    async def story(town: Town) -> None:
        await open_to_all(town)
        await to_stick(town)
        town.slot.insert(SimulatedStick(None, faults=StickFaults(refuses={"create": errno.EROFS})))
        told = await town.see("open.unwritten")
        assert isinstance(told, NoticeScreen)
        await town.press("D")
        await take_card(town)
        await settle(town, minutes=1)
        assert await _states(town) == [("pending", "pending")]
        assert not town.machine.journal.open_transactions()
        shown = await town.bank.do(q.AccountShow, account=told.reference.replace(" ", ""))
        made = await town.bank.do(q.CardReissue, card=shown.cards[0].ends.removeprefix("ends "))
        card = await _card(town, SimulatedStick(made.file))
        await town.enter_pin(card, PIN)
        await town.see("menu")

    run_town(tmp_path, story)


def test_where_the_bank_falls_silent_there_is_no_account(tmp_path: Path) -> None:
    """The opening arrived, its answer did not: nothing is written, and the reversal closes what the bank had opened."""

    async def story(town: Town) -> None:
        await open_to_all(town)

        async def lose(kind: str) -> None:
            if kind == "open-account":
                town.line.cut = True
                raise TimeoutError

        await to_stick(town)
        town.line.after = lose
        stick = SimulatedStick(None)
        town.slot.insert(stick)
        told = await town.see("e.line")
        assert isinstance(told, NoticeScreen)
        assert told.notice.bold == "Nothing was changed"
        await town.press("D")
        await town.see("take.card")
        town.slot.pull()
        town.line.after = None
        town.line.cut = False
        await settle(town)
        assert await _states(town) == [("closed", "closed")]
        assert stick.content is None

    run_town(tmp_path, story)


def test_power_cut_between_answer_and_card_leaves_it_pending(tmp_path: Path) -> None:
    """The next start neither reverses nor activates it: nobody has its card, and nothing is in it."""

    async def story(town: Town) -> None:
        await open_to_all(town)
        await to_stick(town)
        town.slot.insert(SimulatedStick(None, faults=StickFaults(dies_in="create")))
        await _gone(town)
        await town.power_cut()
        town.start_kiosk()
        await town.in_service()
        await settle(town, minutes=2)
        assert await _states(town) == [("pending", "pending")]
        assert town.machine.journal.outbox_length() == 0
        assert not town.machine.journal.open_transactions()

    run_town(tmp_path, story)


def test_power_cut_before_the_bank_heard_of_the_card_still_opens_it(tmp_path: Path) -> None:
    """The card was written and the line was down: the fact waits over the restart; the card itself would do as well."""

    async def story(town: Town) -> None:
        await open_to_all(town)
        await to_stick(town)

        async def cut(kind: str) -> None:
            if kind == "open-account":
                town.line.after, town.line.cut = None, True

        town.line.after = cut
        town.slot.insert(SimulatedStick(None))
        await town.see("open.done")
        assert await _states(town) == [("pending", "pending")]
        await town.power_cut()
        town.start_kiosk()
        town.line.cut = False
        await town.in_service()
        await settle(town, minutes=1)
        assert await _states(town) == [("active", "open")]

    run_town(tmp_path, story)


def test_a_restored_bank_hears_of_the_card_that_it_lost(tmp_path: Path) -> None:
    """It cannot be made again: a case, so that a person opens another one; the machine goes on."""

    async def story(town: Town) -> None:
        await open_to_all(town)
        kept = backup(town)
        await to_stick(town)
        stick = SimulatedStick(None)
        town.slot.insert(stick)
        await town.see("open.done")
        await town.press("D")
        await take_card(town)
        await settle(town, minutes=1)
        card = await _card(town, stick)
        await restore_bank(town, kept)
        await asyncio.sleep(120)
        await town.in_service()
        assert [one.kind for one in (await town.bank.do(q.CaseList)).cases] == ["post-lost"]
        assert town.machine.journal.parked_length() == 0
        await town.enter_pin(card, PIN)
        await town.see("e.wake")

    run_town(tmp_path, story)


def test_a_machine_that_has_opened_its_share_says_so(tmp_path: Path) -> None:
    """In words, and the stick comes back as it was."""

    async def story(town: Town) -> None:
        await open_to_all(town)
        with (town.bank.directory / "bank.toml").open("a") as file:
            file.write("open_a_day = 1\n")
        town.bank_is_up = False
        await town.bank.close()
        await town.bank.open()
        town.bank_is_up = True
        for told in ("open.done", "open.not.here"):
            await to_stick(town)
            town.slot.insert(SimulatedStick(None))
            await town.see(told)
            await town.press("D")
            await take_card(town)
        assert len(await _states(town)) == 1

    run_town(tmp_path, story)
