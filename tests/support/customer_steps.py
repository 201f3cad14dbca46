"""What customers of the town do in many tests: in as far as the menu, notes in, and out again."""

from __future__ import annotations

import asyncio

from support.town import Town, TownCard

from drivers.simulated.stick import SimulatedStick
from kiosk.screens.model import Screen


async def at_menu(town: Town, balance: int = 100_00) -> TownCard:
    """A town open for business, and its first customer at the menu, with `balance` minor units."""
    await town.open_for_business()
    card = await town.customer(balance)
    await town.enter_pin(card)
    await town.see("menu")
    return card


async def to_take_card(town: Town, key: str, *, receipt: str = "no") -> None:
    """From the menu until the card is to be taken: a preset's `key`, fewest notes."""
    await town.choose("cash")
    await town.see("cash")
    await town.choose(key)
    if (await town.see("cash.mix", "cash.receipt")).id == "cash.mix":
        await town.choose("fewest")
        await town.see("cash.receipt")
    await town.choose(receipt)
    await town.see("take.card", "e.card")


async def choose_cash(town: Town, key: str) -> None:
    """As `to_take_card`, without a receipt; and the card is taken."""
    await to_take_card(town, key)
    town.slot.pull()


def swap_when(town: Town, asked: str, stick: SimulatedStick) -> None:
    """While the bank is asked that, once: what is in is pulled, and `stick` is put in."""

    async def swap(kind: str) -> None:
        if kind == asked:
            town.line.before = nothing
            town.slot.pull()
            await asyncio.sleep(1)
            town.slot.insert(stick)
            await asyncio.sleep(2)

    async def nothing(_: str) -> None:
        """Once is enough."""

    town.line.before = swap


async def put_in(town: Town, *units: int) -> None:
    """Notes one after another, as fast as the acceptor draws them in."""
    await town.see("payin")
    for each in units:
        async with asyncio.timeout(20):
            while not town.acceptor.insert(each * 100):
                await asyncio.sleep(0.2)


async def count_in(town: Town, *units: int) -> Screen:
    """From the menu to the count of these notes."""
    await town.choose("pay_in")
    await put_in(town, *units)
    return await town.see("payin.count")


async def take_card(town: Town) -> None:
    await town.see("take.card")
    town.slot.pull()
    await town.see("welcome")


async def leave(town: Town) -> None:
    """From the menu."""
    await town.see("menu")
    await town.press("A")
    await take_card(town)
