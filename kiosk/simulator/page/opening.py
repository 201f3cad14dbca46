"""Puts the page together for a machine that runs, and serves it until the machine is left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bank_link.seams import SystemRandomness
from kiosk.display.pygame.brand import Brand
from kiosk.simulator.hands import Hands
from kiosk.simulator.page.clocks import Clocks
from kiosk.simulator.page.deeds import Deeds
from kiosk.simulator.page.gate import new_token
from kiosk.simulator.page.glass import Glass
from kiosk.simulator.page.heard import Heard
from kiosk.simulator.page.ledger import Ledger
from kiosk.simulator.page.news import News
from kiosk.simulator.page.power import Power
from kiosk.simulator.page.server import Page, listening
from kiosk.simulator.page.shelf import Shelf
from kiosk.simulator.page.wish import PageWish
from kiosk.simulator.player import PinOf
from kiosk.simulator.simulation import Simulation


@asynccontextmanager
async def opened(hands: Hands, glass: Glass, brand: Brand, wish: PageWish, pin_of: PinOf) -> AsyncIterator[str]:
    """The page's address while it is served. Raises CommandError where its port is taken."""
    power = Power(hands.simulation)
    ledger = _ledger(hands.simulation, wish)
    heard = Heard(hands)
    clocks = Clocks(hands.simulation, wish.bank) if wish.bank is not None else None
    page = Page(
        glass=glass, news=News(hands, power, heard, clocks), heard=heard,
        deeds=Deeds(hands, glass, power, pin_of, clocks), shelf=Shelf(brand), ledger=ledger,
    )  # fmt: skip
    asking = asyncio.create_task(ledger.run()) if ledger is not None else None
    try:
        async with listening(page, wish.port, new_token(SystemRandomness())) as gate:
            yield gate.address
    finally:
        if asking is not None:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)


def _ledger(simulation: Simulation, wish: PageWish) -> Ledger | None:
    def said(after: int) -> tuple[list[str], int]:
        heard = simulation.overheard
        return [one.kind for one in heard.since(after) if one.answer], heard.count

    return Ledger(wish.bank, wish.accounts, said) if wish.bank is not None else None
