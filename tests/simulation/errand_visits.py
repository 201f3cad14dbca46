"""How customers and operators go through the screens of what they have come for, where that is more than cash."""

from __future__ import annotations

import asyncio
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from simulation.machines import Kiosk
from simulation.world import Chance, World

from bank.commands.answers import BillerShown
from bank_link.bills import fits
from bank_link.card_file import HEADER
from drivers.simulated.stick import SimulatedStick
from kiosk.screens.model import Choice, Choose, Confirm, Screen

if TYPE_CHECKING:
    from simulation.people import Visitor

#: Usual amounts; few, so that the same one is often asked for again. Bills, in minor units.
USUAL = ("20", "50", "100")
BILLS = (1, 1_999, 6_430, 25_000, 99_900)


class Errand(ABC):
    """One thing to be done. It is shown each screen before the visitor's own manners decide what to press."""

    #: Where the menu leads to it.
    way: tuple[str, ...] = ()

    def __init__(self, world: World, chance: Chance) -> None:
        self._world, self._chance = world, chance
        self._begun = False

    async def answer(self, visitor: Visitor, screen: Screen) -> bool:
        """Whether this was a screen of the errand's."""
        if screen.id == "menu" and self.way and not self._begun:
            self._begun = True
            await visitor.choose(screen, self.way[0])
        elif screen.id in self.way[:-1]:
            await visitor.choose(screen, self.way[self.way.index(screen.id) + 1])
        elif screen.id == "account" and isinstance(screen, Choose):
            await visitor.choose(screen, self._of(screen.choices).key)
        elif screen.id == "e.line" and self._chance.strikes(0.5):
            await visitor.choose(screen, "again")
            self._begun = False
        else:
            return await self._answer(visitor, screen)
        return True

    def _of(self, choices: tuple[Choice, ...]) -> Choice:
        """One of several accounts."""
        # An account that was opened last is one that may be closed.
        newest = self.way[-1:] == ("close",) and self._chance.strikes(0.8)
        return choices[-1] if newest else self._chance.choice(choices)

    async def _type(self, visitor: Visitor, screen: Screen, digits: str) -> None:
        """Whatever stands there already is cleared first."""
        clear = ("B",) if getattr(screen, "entered", "") else ()
        await visitor.press(*clear, *digits, "D")

    @abstractmethod
    async def _answer(self, visitor: Visitor, screen: Screen) -> bool: ...


class PayBill(Errand):
    """Somebody's bill, by the number that is printed on it; mistyped now and then."""

    way = ("bill",)

    def __init__(
        self, world: World, chance: Chance, billers: tuple[BillerShown, ...], agreed: Callable[[Confirm], None]
    ) -> None:
        super().__init__(world, chance)
        self._biller, self._agreed = chance.choice(billers), agreed
        self._number = _printed(chance, self._biller)
        self._minor = chance.choice(BILLS)

    async def _answer(self, visitor: Visitor, screen: Screen) -> bool:
        match screen.id:
            case "bills":
                await visitor.choose(screen, self._biller.category)
            case "bills.who":
                await visitor.choose(screen, _by_label(screen, self._biller.name))
            case "bill.number":
                wrong = self._chance.strikes(0.1)
                await self._type(visitor, screen, self._number[::-1] if wrong else self._number)
            case "bill.amount":
                await self._type(visitor, screen, str(self._minor))
            case "bill.ok":
                assert isinstance(screen, Confirm)
                pays = self._chance.strikes(0.9)
                if pays:
                    self._agreed(screen)
                await visitor.press("D" if pays else "B")
            case "bill.done":
                self._world.count("customer: pays a bill")
                await visitor.press("D")
            case _:
                return False
        return True


def _printed(chance: Chance, biller: BillerShown) -> str:
    """A number that such a bill can have."""
    while True:
        number = f"{chance.randrange(10**biller.digits):0{biller.digits}d}"
        if fits(number, biller.digits, biller.check):
            return number


def _by_label(screen: Screen, name: str) -> str:
    return next((each.key for each in getattr(screen, "choices", ()) if each.label == name), "more")


class Change(Errand):
    """A customer's own: what an account is called, the usual amount, the card frozen, an account closed or opened."""

    KINDS = ("name", "usual", "usual", "freeze", "freeze", "close", "open", "open")

    def __init__(self, world: World, chance: Chance) -> None:
        super().__init__(world, chance)
        self._kind = chance.choice(self.KINDS)
        self.way = ("more", "open") if self._kind == "open" else ("more", "details", self._kind)

    async def _answer(self, visitor: Visitor, screen: Screen) -> bool:
        match screen.id:
            case "name" | "open":
                assert isinstance(screen, Choose)
                await visitor.choose(screen, self._chance.choice(screen.choices).key)
            case "usual":
                await self._type(visitor, screen, self._chance.choice(USUAL))
            case "freeze" | "close":
                await visitor.press("D" if self._chance.strikes(0.9) else "B")
            case "name.done" | "usual.done" | "freeze.done" | "unfreeze.done" | "close.done" | "open.done":
                self._world.count(f"customer: {screen.id.removesuffix('.done')} is done")
                await visitor.press("D")
            case _:
                return False
        return True


class Open(Errand):
    """Who has no card opens an account, and brings a stick."""

    #: A choice of the welcome's strip.
    KEY = "open"

    async def _answer(self, visitor: Visitor, screen: Screen) -> bool:
        match screen.id:
            case "open":
                assert isinstance(screen, Choose)
                await visitor.choose(screen, self._chance.choice(screen.choices).key)
            case "newpin" | "newpin.again":
                await visitor.enter_pin()
            case "open.stick":
                visitor.put_stick_in()
            case "open.done" | "open.unwritten":
                self._world.count(f"newcomer: told {screen.id}")
                await visitor.press("D")
            case _:
                return False
        return True


# ── Operators ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Serve(Errand):
    """An operator at the menu: a note of a cassette is moved, one is switched off or on, all are counted and filled anew."""

    way = ("op.menu",)

    def __init__(
        self, world: World, chance: Chance, kiosk: Kiosk, loaded: dict[str, int], booked: Callable[[int], None], *,
        only_on: bool = False,
    ) -> None:  # fmt: skip
        """`booked` is told what went into the machine less what came out. `only_on`: whatever is off is switched on."""
        super().__init__(world, chance)
        self._kiosk, self._loaded, self._booked = kiosk, loaded, booked
        self._wants = ["on"] if only_on else chance.sample(("test", "off", "on", "exchange"), chance.randint(1, 3))
        self._doing = self._cassette = ""
        self._found: dict[str, tuple[int, int]] = {}
        self._counted: set[str] = set()

    async def answer(self, visitor: Visitor, screen: Screen) -> bool:
        return await self._answer(visitor, screen)

    async def _answer(self, visitor: Visitor, screen: Screen) -> bool:
        match screen.id:
            case "op.menu":
                self._doing = self._wants.pop() if self._wants else ""
                key = {"": "", "exchange": "exchange"}.get(self._doing, "cassettes")
                await visitor.choose(screen, key)
            case "op.cassettes":
                await self._choose_cassette(visitor, screen)
            case "op.cassette":
                await self._do(visitor, screen)
            case "op.exchange":
                await self._count(visitor, screen)
            case "op.found" | "op.rejects" | "op.left":
                await self._type_and_look(visitor, screen, str(self._number(screen.id)))
            case "op.book" if isinstance(screen, Confirm) and len(screen.facts) > 2:
                # A cassette was left out.
                self._counted.clear()
                await visitor.press("B")
            case "op.book":
                await self._book(visitor)
            case "op.line":
                await visitor.choose(screen, "again" if self._chance.strikes(0.5) else "")
            case _ if screen.id.startswith("op.") and screen.keys.main:
                await visitor.press("D")
            case _:
                return False
        return True

    # ── Cassettes ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _choose_cassette(self, visitor: Visitor, screen: Screen) -> None:
        """Back where there is nothing (more) to do."""
        assert isinstance(screen, Choose)
        state = {"on": "off", "off": "on"}.get(self._doing, "")
        fitting = [choice.key for choice in screen.choices if choice.second.startswith(state)]
        if not self._doing or not fitting:
            self._doing = ""
            await visitor.press("B")
            return
        key = self._chance.choice(fitting)
        self._cassette = key.removeprefix("cassette:")
        await visitor.choose(screen, key)

    async def _do(self, visitor: Visitor, screen: Screen) -> None:
        doing = self._doing
        if doing != "on":
            self._doing = ""
        if doing in {"on", "off"} and self._cassette:
            # Once each; a second look at the same cassette leads back.
            self._cassette = ""
            self._world.count(f"operator: switches a cassette {doing}")
            await visitor.choose(screen, "switch")
        elif doing == "test" and visitor.offers(screen, "test"):
            self._world.count("operator: moves a note")
            await visitor.choose(screen, "test")
        else:
            await visitor.press("B")

    # ── An exchange ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _count(self, visitor: Visitor, screen: Screen) -> None:
        """Cassette after cassette; what lies in the path is counted with the rejects, and taken out with them."""
        dispenser = self._kiosk.dispenser
        if not self._found:
            dispenser.clear_faults()
            self._kiosk.empty_tray()
            self._found = _there(self._kiosk)
        left = [name for name in self._found if name not in self._counted]
        if left:
            self._cassette = left[0]
            self._counted.add(self._cassette)
            await visitor.choose(screen, f"cassette:{self._cassette}")
        else:
            await visitor.press("D" if screen.keys.main else "B")

    async def _type_and_look(self, visitor: Visitor, screen: Screen, digits: str) -> None:
        """Nobody books what a key that sticks has typed: it is typed again as long as something else stands there."""
        if getattr(screen, "entered", "") != digits:
            await visitor.press(*(("B",) if getattr(screen, "entered", "") else ()), *digits)
            await asyncio.sleep(0.3)
        shown = self._kiosk.display.shown
        if shown is not None and shown.id == screen.id and getattr(shown, "entered", "") == digits:
            await visitor.press("D")

    def _number(self, step: str) -> int:
        notes, rejects = self._found.get(self._cassette, (0, 0))
        return {"op.found": notes, "op.rejects": rejects, "op.left": self._loaded[self._cassette]}[step]

    async def _book(self, visitor: Visitor) -> None:
        """As the notes are swapped: whoever does it sees whether it was taken. What was counted must be there still."""
        kiosk = self._kiosk
        if _there(kiosk) != self._found or not kiosk.on:
            await visitor.press("B")
            return
        moved = await kiosk.book_by_keypad(self._found, self._loaded)
        if moved is not None:
            self._world.count("operator: exchange by keypad")
            self._booked(moved)


def _there(kiosk: Kiosk) -> dict[str, tuple[int, int]]:
    return {name: (place.cassette, place.reject + place.throat) for name, place in kiosk.dispenser.physical.items()}


def calls_itself_an_operators(stick: SimulatedStick) -> None:
    """Somebody has written another role into a customer's card file."""
    file = stick.content or b""
    header = file[:5] + b"\x01" + file[6 : HEADER - 4]
    stick.content = header + zlib.crc32(header).to_bytes(4, "big") + file[HEADER:]
