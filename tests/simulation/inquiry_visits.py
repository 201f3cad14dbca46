"""How customers go through the screens of their balance, their statement and their PIN."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from simulation.errand_visits import Errand
from simulation.figures import Figures
from simulation.pins import NewPin, Pins
from simulation.world import Chance, World

from kiosk.screens.model import Choice, Choose, ListScreen, Pin, Screen

if TYPE_CHECKING:
    from simulation.people import Visitor

#: How long PINs are that customers think of.
_LENGTHS = (4, 4, 6)


class Look(Errand):
    """Somebody wants to see something of an account, and knows which."""

    what = ""
    #: How likely it is the account that was there first: it has most to read.
    first = 0.0

    def __init__(self, world: World, chance: Chance, terminal: str, figures: Figures) -> None:
        super().__init__(world, chance)
        self._terminal, self._figures = terminal, figures

    async def answer(self, visitor: Visitor, screen: Screen) -> bool:
        if screen.id in {"menu", *self.way[:-1]} and not (screen.id == "menu" and self._begun):
            self._figures.asks(self._terminal, self.what, "")
        return await super().answer(visitor, screen)

    def _of(self, choices: tuple[Choice, ...]) -> Choice:
        choice = choices[0] if self._chance.strikes(self.first) else super()._of(choices)
        self._figures.asks(self._terminal, self.what, choice.second[-4:])
        return choice


class AskBalance(Look):
    """Shown until it hides itself, or until it was read."""

    way, what = ("balance",), "balance"

    async def _answer(self, visitor: Visitor, screen: Screen) -> bool:
        match screen.id:
            case "balance":
                await visitor.choose(screen, "show")
            case "balance.shown":
                self._world.count("customer: reads the balance")
                if self._chance.strikes(0.7):
                    await visitor.press("D")
            case _:
                return False
        return True


class AskStatement(Look):
    """Page after page; now and then back."""

    way, what, first = ("more", "list"), "statement", 0.5

    async def _answer(self, visitor: Visitor, screen: Screen) -> bool:
        if screen.id != "list":
            return False
        assert isinstance(screen, ListScreen)
        if screen.page == screen.pages:
            self._world.count("customer: reads the statement to its end")
        if screen.page > 1:
            self._world.count("customer: turns the page of a statement")
        key = "B" if self._chance.strikes(0.15) else "A" if self._chance.strikes(0.05) else "D"
        await visitor.press(key)
        return True


class ChangePin(Errand):
    """A new PIN, typed twice; now and then not the same one. `changes`: what came of it, try after try."""

    way = ("more", "newpin")

    def __init__(self, world: World, chance: Chance, terminal: str, card: str, pins: Pins) -> None:
        super().__init__(world, chance)
        self._terminal, self._card, self._pins = terminal, card, pins
        self._new = ""
        self.changes: list[NewPin] = []

    async def _answer(self, visitor: Visitor, screen: Screen) -> bool:
        match screen.id:
            case "newpin":
                assert isinstance(screen, Pin)
                if screen.notice is not None and not screen.count:
                    self._world.count("customer: types two different new PINs")
                self._new = self._think_of_one(visitor)
                if await self._type_and_look(visitor, screen.id, self._new):
                    await visitor.press("D")
            case "newpin.again":
                again = self._new[::-1] if self._chance.strikes(0.15) else self._new
                if await self._type_and_look(visitor, screen.id, again):
                    self.changes.append(self._pins.typed(self._terminal, self._card, visitor.pin, self._new, again))
                    await visitor.press("D")
            case "newpin.done":
                self._world.count("customer: changes the PIN")
                await visitor.press("D")
            case _:
                return False
        return True

    def _think_of_one(self, visitor: Visitor) -> str:
        """None that the card has had, and none that reads the same backwards."""
        while True:
            length = self._chance.choice(_LENGTHS)
            pin = f"{self._chance.randrange(10**length):0{length}d}"
            if pin != pin[::-1] and not {pin, pin[::-1]} & {visitor.pin, *self._pins.of(self._card)}:
                return pin

    async def _type_and_look(self, visitor: Visitor, screen_id: str, pin: str) -> bool:
        """Whether as many rings are filled as keys were pressed: else it is typed again, when the screen is looked at next."""
        for _ in range(3):
            shown = visitor.shown
            if shown is None or shown.id != screen_id:
                return False
            await visitor.press(*(("B",) if getattr(shown, "count", 0) else ()), *pin)
            await asyncio.sleep(0.3)
            shown = visitor.shown
            if shown is not None and shown.id == screen_id and getattr(shown, "count", 0) == len(pin):
                return True
        return False


class TryPin(Errand):
    """Whether this PIN opens a visit, and nothing else."""

    def __init__(self, world: World, chance: Chance, pin: str) -> None:
        super().__init__(world, chance)
        self._pin = pin

    async def answer(self, visitor: Visitor, screen: Screen) -> bool:
        return await self._answer(visitor, screen)

    async def _answer(self, visitor: Visitor, screen: Screen) -> bool:
        if screen.id == "pin":
            await visitor.press(*self._pin, "D")
        elif screen.id == "pin.wrong" or isinstance(screen, Choose) or screen.id == "unfreeze":
            await visitor.press("A")
        else:
            return False
        return True
