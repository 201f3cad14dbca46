"""The visit of the animated picture: a customer takes cash with a paper receipt, played in virtual time on a real kiosk and bank."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from pictures.film import Film
from support.town import ToldCustomer, Town, TownCard, run_town
from support.virtual_time import InlineExecutor

from drivers.receipt_printer import EscposPrinter
from drivers.simulated.receipt_printer import ElectricReceiptPrinter
from kiosk.display.face import Look
from kiosk.display.pygame.brand import Brand
from kiosk.display.pygame.panel import panel_for
from kiosk.display.pygame.render import Studio
from kiosk.receipts.raster import FontRaster
from kiosk.screens.model import Screen
from kiosk.simulator.page.glass import Glass

#: What the customer is shown, in this order.
SEEN = (
    "welcome",
    "pin",
    "menu",
    "cash",
    "cash.mix",
    "cash.receipt",
    "take.card",
    "take.cash",
    "take.receipt",
    "thanks",
)
#: A person reads a screen, and finds a key of the pad.
READ_S, KEY_S = 1.4, 0.35
#: Dollars, as the choice's key has them.
AMOUNT = "amount:10000"


class FilmedCustomer(ToldCustomer):
    """Somebody before the glass whose fingers meet what is drawn on it."""

    def __init__(self, glass: Glass) -> None:
        super().__init__()
        self.glass = glass
        self._studio = Studio(Brand())
        self.listen = glass.listen  # type: ignore[method-assign]
        self.run = glass.run  # type: ignore[method-assign]

    def show(self, screen: Screen, look: Look = Look()) -> None:
        super().show(screen, look)
        self.glass.show(screen, look)

    def touch(self, digit: int) -> None:
        """The choice of that digit."""
        assert self.shown is not None
        plan = self._studio.plan(self.shown, Look(), panel_for(*self.glass.size))
        self.glass.touch(*next(target.box.centre for target in plan.targets if target.key == str(digit)))


class FilmedTown(Town):
    """A town whose kiosk is filmed, and prints."""

    def open_eyes(self) -> FilmedCustomer:
        self.customer_seen = FilmedCustomer(Glass(self.config.display, Brand()))
        self.display = self.customer_seen
        return self.customer_seen

    def fit_printer(self) -> ElectricReceiptPrinter:
        """Once the machine runs."""
        device = ElectricReceiptPrinter()
        printer = EscposPrinter(device.wire.host, executor=InlineExecutor(), raster=FontRaster())
        printer.open()
        self.machine.parts = replace(self.machine.parts, printer=printer)
        return device

    async def touch(self, key: str) -> None:
        """The choice with this key, after the screen has been read."""
        await asyncio.sleep(READ_S)
        keys = [choice.key for choice in getattr(self.display.shown, "choices", ())]
        self.customer_seen.touch(keys.index(key) + 1)


def film(directory: Path) -> tuple[Film, list[str]]:
    """The visit from one welcome to the next, and the ids of its screens. The town's files lie in `directory`."""
    made: list[Film] = []
    ids: list[str] = []

    async def story(town: Town) -> None:
        assert isinstance(town, FilmedTown)
        seen = town.open_eyes()
        await town.open_for_business()
        device = town.fit_printer()
        card = await town.customer(balance=500_00)
        await town.see("welcome")
        await asyncio.sleep(READ_S)
        made.append(Film(seen.glass))
        made[0].start()
        begin = len(seen.screens) - 1
        await _visit(town, card, device)
        made[0].cut()
        ids.extend(screen.id for screen in seen.screens[begin:])

    run_town(directory, story, kind=FilmedTown)
    return made[0], ids


async def _visit(town: FilmedTown, card: TownCard, device: ElectricReceiptPrinter) -> None:
    """Card in, PIN on the pad, the rest on the glass."""
    await asyncio.sleep(READ_S)
    town.slot.insert(card.stick)
    await town.see("pin")
    await asyncio.sleep(READ_S)
    for key in f"{card.pin}D":
        await asyncio.sleep(KEY_S)
        town.keypad.press(key)
        await asyncio.sleep(0.1)
        town.keypad.release(key)
    for screen, key in (("menu", "cash"), ("cash", AMOUNT), ("cash.mix", "fewest"), ("cash.receipt", "paper")):
        await town.see(screen)
        await town.touch(key)
    await town.see("take.card")
    await asyncio.sleep(READ_S)
    town.slot.pull()
    await town.see("take.cash")
    await asyncio.sleep(2 * READ_S)
    town.dispenser.take_cash()
    await town.see("take.receipt")
    await asyncio.sleep(READ_S)
    device.take()
    await town.see("thanks", "welcome")
    await town.see("welcome")
