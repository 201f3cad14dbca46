"""An operator of the town: a card of the bank's staff, and what is pressed at the machine with it."""

from __future__ import annotations

from support.town import PIN, Town, TownCard

from bank.commands import requests as q
from bank_link.card_file import parse
from drivers.simulated.stick import SimulatedStick


async def operator(town: Town, name: str = "Olga", terminals: tuple[str, ...] = ()) -> TownCard:
    """A card of the bank's for the machines; it has no account."""
    made = await town.bank.do(q.OperatorAdd, name=name, pin=PIN, terminals=terminals)
    return TownCard(parse(made.file).card, made.card, "", SimulatedStick(made.file))


async def come(town: Town, card: TownCard, pin: str = PIN) -> None:
    """Card in and PIN, whatever the machine shows; the menu is there when this returns."""
    await town.see("welcome", "out")
    town.slot.insert(card.stick)
    await town.see("pin", "pin.wrong")
    await town.press(pin + "D")
    await town.see("op.menu")


def counts(town: Town) -> dict[str, tuple[int, int]]:
    return {c.cassette: (c.count, c.rejected) for c in town.machine.vault.counts()}


async def cash_book(town: Town) -> int:
    """What should be in the machine by the bank's books, in minor units."""
    found = await town.bank.sql("SELECT balance_minor FROM accounts WHERE kind = 'cash'")
    return -int(found[0]["balance_minor"])


async def into(town: Town, page: str) -> None:
    """From a menu to one of its pages."""
    await town.choose(page)
    await town.see(f"op.{page}")


async def leave(town: Town) -> None:
    """Cancel, and the card out."""
    await town.press("A")
    await town.see("take.card")
    town.slot.pull()
    await town.see("thanks")
    await town.see("welcome", "out")


async def count(town: Town, cassette: str, found: int, rejected: int, left: int) -> None:
    """One cassette of an exchange, by digits."""
    await town.see("op.exchange")
    await town.choose(f"cassette:{cassette}")
    for screen, number in (("op.found", found), ("op.rejects", rejected), ("op.left", left)):
        await town.see(screen)
        await town.press(f"{number}D")
    await town.see("op.exchange")


async def count_box(town: Town, *found: int) -> None:
    """The note acceptor's box, by digits: so many of each value, largest first."""
    await town.see("op.exchange")
    await town.choose("box")
    for number in found:
        await town.see("op.box")
        await town.press(f"{number}D")
    await town.see("op.exchange")


async def book(town: Town) -> None:
    await town.press("D")
    await town.see("op.book")
    await town.press("D")
    await town.see("op.booked")


def journal_says(town: Town, *words: str) -> bool:
    """Whether one line of the journal, as it is printed, has all of these."""
    from kiosk.operator.desk import Desk

    desk = Desk(journal=town.machine.journal, config=town.config, generation=1)
    return any(all(word in str(line) for word in words) for line in desk.lines(last=1_000, contains=""))
