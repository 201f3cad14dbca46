"""Doors: nobody is served beside an open one, money that was under way is paid to its end, and cash is counted after."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support.reckoning import reckon
from support.town import Town, run_town

from kiosk.operator.journal_text import shown_line
from kiosk.service_state import Cause


def journalled(town: Town) -> list[str]:
    return [shown_line(line, "UTC").text for line in town.machine.journal.lines(last=200)]


async def settled(town: Town, seconds: float = 5) -> None:
    await asyncio.sleep(seconds)
    town.alive()


@pytest.mark.parametrize("at", ["pin", "menu", "cash"])
def test_a_door_that_opens_ends_the_visit_at_its_question(tmp_path: Path, at: str) -> None:
    """At once, wherever the customer is: the card comes back, the machine closes, and nothing is charged."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        if at == "pin":
            await town.see("welcome")
            town.slot.insert(card.stick)
            await town.see("pin")
        else:
            await town.enter_pin(card)
            await town.see("menu")
            if at == "cash":
                await town.choose("cash")
                await town.see("cash")
        town.doors["safe"].open()
        await asyncio.sleep(0.5)
        assert town.display.shown.id == "cancelled"
        assert not town.machine.service.in_service
        await town.see("take.card")
        town.slot.pull()
        await town.see("out")
        assert any("door-opened" in line for line in journalled(town))
        assert await town.balance(card) == (500_00, 0)
        await reckon(town)

    run_town(tmp_path, story)


def test_a_door_that_opens_while_the_card_is_taken_stops_the_cash(tmp_path: Path) -> None:
    """Nothing has been released yet: no note comes out beside an open door, and nothing is charged."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        paying = asyncio.create_task(town.withdraw(card, 100))
        pull, town.slot.pull = town.slot.pull, town.doors["safe"].open
        await town.see("take.card")
        await asyncio.sleep(2)
        town.slot.pull = pull
        town.slot.pull()
        assert await paying == "e.nocash"
        await town.see("out")
        assert sum(town.customers_notes.values()) == 0
        await settled(town)
        assert await town.balance(card) == (500_00, 0)
        await reckon(town)

    run_town(tmp_path, story)


def test_a_payment_that_has_begun_is_paid_to_its_end(tmp_path: Path) -> None:
    """The door opens between two notes: the customer gets all of them, pays for all of them, and nobody comes after."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        paying = asyncio.create_task(town.withdraw(card, 100))
        while not town.machine.vault.paying:
            await asyncio.sleep(0.02)
        town.doors["safe"].open()
        assert await paying == "take.cash"
        await town.see("out")
        assert sum(town.customers_notes.values()) == 2
        await settled(town)
        assert await town.balance(card) == (400_00, 0)
        await reckon(town)

    run_town(tmp_path, story)


def test_after_the_cash_door_the_cash_must_be_counted(tmp_path: Path) -> None:
    """Shut again is not enough, nor is a restart: an exchange is. The bank has heard of it, with the reason."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        town.doors["safe"].open()
        await settled(town)
        assert "the safe door is open" in town.machine.service.causes[Cause.DOOR]
        heard = await town.bank.sql("SELECT * FROM terminals WHERE terminal = 'T1'")
        assert "safe door" in str(dict(heard[0]))
        town.doors["safe"].shut()
        await settled(town)
        assert "count every cassette" in town.machine.service.causes[Cause.DOOR]
        await town.power_cut()
        town.pins.power_off()
        town.start_kiosk()
        await settled(town, 30)
        assert Cause.DOOR in town.machine.service.causes
        town.load_cash(**town.loaded)
        await town.in_service()

    run_town(tmp_path, story)


def test_counted_with_the_door_open_it_opens_when_the_door_is_shut(tmp_path: Path) -> None:
    """As an operator works: open, count, load, shut. Nothing else is asked."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        town.doors["safe"].open()
        await settled(town)
        town.load_cash(**town.loaded)
        await settled(town)
        assert not town.machine.service.in_service
        town.doors["safe"].shut()
        await town.in_service(10)

    run_town(tmp_path, story)


def test_the_service_door_closes_the_machine_only_while_it_is_open(tmp_path: Path) -> None:
    """Behind it there is no cash: shut, the machine serves again by itself."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        town.doors["service"].open()
        await town.see("out")
        town.doors["service"].shut()
        await town.in_service(10)
        said = journalled(town)
        assert any("door-opened" in line and "service door" in line for line in said)
        assert any("door-closed" in line for line in said)

    run_town(tmp_path, story)


def test_a_machine_that_starts_with_its_door_open_serves_nobody(tmp_path: Path) -> None:
    """A door that was opened while the power was off is told as opened."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        await town.power_cut()
        town.pins.power_off()
        town.doors["safe"].open()
        await asyncio.sleep(1)
        town.start_kiosk()
        await settled(town, 30)
        assert "the safe door is open" in town.machine.service.causes[Cause.DOOR]
        town.doors["safe"].shut()
        await settled(town)
        assert "count every cassette" in town.machine.service.causes[Cause.DOOR]

    run_town(tmp_path, story)


def test_help_at_rest_ends_when_a_door_opens(tmp_path: Path) -> None:
    """Somebody reads Help at the welcome screen: the machine closes all the same, and opens again after."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        await town.see("welcome")
        await town.press("C")
        await town.see("help")
        town.doors["service"].open()
        await town.see("out", seconds=5)
        town.doors["service"].shut()
        await town.see("welcome")

    run_town(tmp_path, story)
