"""A contactless machine, and one customer's card in the place of another's, as quick as hands are."""

from __future__ import annotations

import asyncio
from pathlib import Path

from support.customer_steps import choose_cash, to_take_card
from support.tag_town import TagTown
from support.town import Town, TownCard, run_town


async def _two(town: Town) -> tuple[TownCard, TownCard]:
    """The first customer at the menu, and the next one waiting."""
    await town.open_for_business()
    first, second = await town.customer(300_00), await town.customer(10_00)
    await town.enter_pin(first)
    await town.see("menu")
    return first, second


async def _in_its_place(town: Town, card: TownCard) -> None:
    """The card on the reader is lifted, and this one laid down before anybody could look."""
    await asyncio.sleep(1)
    town.slot.pull()
    town.slot.insert(card.stick)


def test_a_plain_withdrawal_works_here(tmp_path: Path) -> None:
    """The reader, the slot and the customer's hand get on with one another."""

    async def story(town: Town) -> None:
        await _two(town)
        await choose_cash(town, "amount:5000")
        await town.see("take.cash")

    run_town(tmp_path, story, kind=TagTown)


def test_who_took_the_card_has_the_cash_though_another_card_lies_there_at_once(tmp_path: Path) -> None:
    """The queue's haste costs nobody the cash."""

    async def story(town: Town) -> None:
        _, second = await _two(town)
        await to_take_card(town, "amount:5000")
        await _in_its_place(town, second)
        assert (await town.see("take.cash", "e.nottaken", "e.left")).id == "take.cash"

    run_town(tmp_path, story, kind=TagTown)


def test_the_next_one_is_served_though_quick(tmp_path: Path) -> None:
    """Nobody is told to take a card that is their own and was never asked for."""

    async def story(town: Town) -> None:
        _, second = await _two(town)
        await town.press("A")
        await town.see("take.card")
        await _in_its_place(town, second)
        assert (await town.see("pin", "e.left")).id == "pin"

    run_town(tmp_path, story, kind=TagTown)
