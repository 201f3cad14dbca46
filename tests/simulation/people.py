"""The customers: with intentions and bad manners, before one machine or another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from simulation.errand_visits import Errand
from simulation.machines import Kiosk
from simulation.world import Chance, World

from bank.commands.answers import CodeMade
from drivers.simulated.stick import SimulatedStick, StickFaults
from kiosk.screens.model import Choose, Screen

#: The machine shows these between customers.
_AT_REST = {"welcome", "out", "starting", "e.stick"}
#: What the welcome's strip offers to who has no card, by its digits.
STRIP = {"code": "1", "open": "2"}
PATIENCE_S = 900.0
AMOUNTS = (10, 20, 30, 50, 60, 70, 80, 100, 120, 150, 200, 270, 400)


@dataclass
class Manners:
    """How likely a customer does, at each occasion, what a machine must survive."""

    wrong_pin: float = 0.0
    cancels: float = 0.0  # at each screen
    pulls: float = 0.0  # the stick, at each screen
    pulls_any: float = 0.0  # the stick, at a random moment of the visit
    leaves_card: float = 0.0
    leaves_cash: float = 0.0
    uses_copy: float = 0.0
    stick_dies: float = 0.0
    dawdles: float = 0.0  # at each screen
    touches: float = 0.94  # the screen; else the keypad
    takes_some: float = 0.0  # of the cash, where a tray sees what is left


@dataclass(frozen=True)
class Known:
    """Whom the bank has as a customer before anything begins, and the card's file."""

    name: str
    reference: str
    account: str
    pin: str
    file: bytes


@dataclass
class Customer:
    """One person, one account, one card; and a copy of its stick, where somebody made one."""

    name: str
    card: str
    reference: str
    account: str
    pin: str
    stick: SimulatedStick
    number: int = 0  # of the stick
    copies: list[tuple[int, SimulatedStick]] = field(default_factory=list)
    kiosk: str = ""  # where it was used last
    blockable: bool = False  # a copy was used, or the stick broke: the card may need to be issued again
    others: list[str] = field(default_factory=list)  # PINs that it may be as well, the likeliest first


class Visitor:
    """One visit, from the customer's side: sees screens, presses keys, puts in and pulls out the stick."""

    def __init__(self, world: World, kiosk: Kiosk, customer: Customer, chance: Chance, manners: Manners) -> None:
        self._world, self._kiosk, self._customer = world, kiosk, customer
        self._chance, self._manners = chance, manners
        self._screens: asyncio.Queue[Screen | None] = asyncio.Queue()
        self._number, self.stick = customer.number, customer.stick
        self.reached: list[str] = []
        self.to = ""  # the account of whoever money is sent to
        self.broke = self.guesses = False
        self.notes: list[int] = []  # in the hand, to be paid in
        self.put_in: Callable[[int], bool] = lambda _: False
        self.code: CodeMade | None = None  # what it comes with instead of the card
        self.errand: Errand | None = None
        self._typed = 0
        self._leaves: bool | None = None
        self.receipt = ""  # how it is wanted: "paper", "phone" or not at all
        self.pin = ""  # as it was typed last, to open the visit

    @property
    def shown(self) -> Screen | None:
        """What the display shows at this moment."""
        return self._kiosk.display.shown

    @property
    def stick_number(self) -> int:
        return self._number

    def take_copy(self, number: int, stick: SimulatedStick) -> None:
        self._number, self.stick = number, stick

    def see(self, screen: Screen | None) -> None:
        """What the display shows now; None: it went dark."""
        self._screens.put_nowait(screen)

    async def visit(self, wants: str, amount: int) -> str:
        """Until the machine is at rest again; how it ended."""
        if self._kiosk.slot.stick is not None:
            return "somebody's stick is in"
        if self._chance.strikes(self._manners.stick_dies):
            self._let_stick_die()
        if wants in STRIP:
            await self.press(STRIP[wants])
        else:
            self._kiosk.slot.insert(self.stick)
        puller = None
        if self._chance.strikes(self._manners.pulls_any):
            self._world.count("customer: pulls the stick at any moment")
            puller = self._world.later(self._chance.random() * 20, self._pull)
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self._converse(wants, amount)
        except TimeoutError:
            return "out of patience"
        finally:
            if puller is not None:
                puller.cancel()
            self._pull()
            self._kiosk.take_back()
            self.stick.faults = StickFaults()
            if not self._leaves_cash():
                self._kiosk.dispenser.take_cash()
            else:
                self._world.count("customer: walks off without the cash")

    async def _converse(self, wants: str, amount: int) -> str:
        began = False
        while True:
            screen = await self._screens.get()
            if screen is None:
                await asyncio.sleep(self._chance.random() * 30)
                return "the machine went dark"
            if screen.id in _AT_REST:
                if began or screen.id != "welcome":
                    return screen.id
                continue
            began = True
            self.reached.append(screen.id)
            await asyncio.sleep(0.2 + self._chance.random() * 1.5)
            while not self._screens.empty():
                later = self._screens.get_nowait()
                if later is None:
                    return "the machine went dark"
                screen = later
                self.reached.append(screen.id)
            if screen.id in _AT_REST:
                return screen.id
            await self._answer(screen, wants, amount)

    async def _answer(self, screen: Screen, wants: str, amount: int) -> None:
        chance, manners = self._chance, self._manners
        if chance.strikes(manners.pulls):
            self._world.count("customer: pulls the stick at a screen")
            self._pull()
        if chance.strikes(manners.dawdles):
            self._world.count("customer: dawdles")
            await asyncio.sleep(5 + chance.random() * 20)
        if chance.strikes(manners.cancels):
            self._world.count("customer: cancels")
            await self.press("A")
            return
        if self.errand is not None and await self.errand.answer(self, screen):
            return
        if self.receipt and await self._wants_receipt(screen):
            return
        match screen.id:
            case "pin" | "pin.wrong":
                await self.enter_pin(again=screen.id == "pin.wrong")
            case "menu":
                # Who has sent money may want cash as well, or the card.
                wants = "nothing" if "payin" in self.reached and wants == "pay_in" else wants
                wants = wants if "send.done" not in self.reached else "cash" if amount > 50 else "nothing"
                await self.choose(screen, wants)
                if wants == "balance":
                    self.reached.append("asked balance")
            case "code":
                await self._type_code()
            case "send.number":
                await self.press(*self.to, "D")
            case "send.amount":
                await self.press(*str(min(amount, 90)), "D")
            case "send.ok":
                await self.press("D" if chance.strikes(0.9) else "B")
            case "send.done":
                self._world.count("customer: sends money")
                await self.press("D")
            case "balance":
                await self.press("A")
            case "payin":
                await self._pay_notes_in(screen)
            case "payin.count":
                await self._decide_on_count(screen)
            case "payin.back":
                self._kiosk.take_back()
            case "cash":
                key = f"amount:{amount * 100}"
                await self.choose(screen, key if self.offers(screen, key) else "other")
            case "cash.other":
                refused = getattr(screen, "notice", None) is not None
                await self.press(*(("A",) if refused and chance.strikes(0.5) else (*str(amount), "D")))
            case "take.card" | "bye" | "cancelled" | "e.nottaken" | "e.left":
                if not chance.strikes(manners.leaves_card):
                    self._pull()
                else:
                    self._world.count("customer: leaves the card in")
                    await asyncio.sleep(chance.random() * 90)
            case "take.cash" | "take.bunch":
                if not self._leaves_cash():
                    self._take_cash()
                if screen.keys.main:
                    await self.press("D")
            case "time":
                if self._kiosk.tray is not None and self._kiosk.dispenser.in_tray and chance.strikes(0.3):
                    self._leaves = False
                await self.press("D" if chance.strikes(0.7) else "A")
            case _:
                await self._otherwise(screen)

    async def _wants_receipt(self, screen: Screen) -> bool:
        """Whether one is offered here; on the phone where there is no paper."""
        way = next((key for key in (self.receipt, "phone") if self.offers(screen, key)), "")
        if way:
            await self.choose(screen, way)
        return bool(way)

    def _leaves_cash(self) -> bool:
        """Where a tray waits for it its screen comes again each second, and whoever has left it has left it."""
        if self._kiosk.tray is None:
            return self._chance.strikes(self._manners.leaves_cash)
        if self._leaves is None:
            self._leaves = self._chance.strikes(self._manners.leaves_cash)
        return self._leaves

    def _take_cash(self) -> None:
        """All of it; or now and then a part, and the rest if the machine asks."""
        if self._kiosk.tray is not None and self._chance.strikes(self._manners.takes_some):
            self._world.count("customer: takes some of the cash")
            self._kiosk.dispenser.take_some(self._chance)
            self._leaves = True
        else:
            self._kiosk.dispenser.take_cash()

    async def _otherwise(self, screen: Screen) -> None:
        """An account, a mix, what is possible instead; a notice, or the machine's turn."""
        if isinstance(screen, Choose):
            enabled = [number for number, choice in enumerate(screen.choices, start=1) if choice.enabled]
            await self.press(str(enabled[0]) if enabled and self._chance.strikes(0.7) else "A")
        elif screen.keys.main:
            await self.press("D")
            if screen.id.startswith("e."):
                self._pull()
        elif screen.id.startswith("e."):
            self._pull()

    async def enter_pin(self, *, again: bool = False) -> None:
        """`again`: the last one was wrong. Who is not sure which one holds now tries another."""
        customer = self._customer
        if again and customer.others and self.pin == customer.pin:
            customer.others.append(customer.pin)
            customer.pin = customer.others.pop(0)
        pin = customer.pin
        if self._chance.strikes(0.7 if self.guesses else self._manners.wrong_pin):
            self._world.count("customer: wrong PIN")
            pin = "".join(str((int(digit) + 1) % 10) for digit in pin)
        self.pin = pin
        await self.press(*pin, "D")

    async def _pay_notes_in(self, screen: Screen) -> None:
        """Note after note, as far as the machine draws them in; then it is told, or left to find out."""
        for _ in range(12):
            if self._kiosk.display.shown is None or self._kiosk.display.shown.id != "payin" or not self.notes:
                break
            if self.put_in(self.notes[-1]):
                self.notes.pop()
            await asyncio.sleep(0.3 + self._chance.random() * 2)
        if not self.notes and screen.keys.main and self._chance.strikes(0.5):
            await self.press("D")

    async def _decide_on_count(self, screen: Screen) -> None:
        if self._chance.strikes(0.15) and self.offers(screen, "more"):
            await self.choose(screen, "more")
        elif self._chance.strikes(0.25) and self.offers(screen, "back"):
            await self.choose(screen, "back")
        else:
            await self.press("D")

    async def _type_code(self) -> None:
        """Once more where it is refused: perhaps it was mistyped."""
        self._typed += 1
        if self.code is None or self._typed > 2:
            await self.press("A")
            return
        digits = self.code.digits
        if self._chance.strikes(self._manners.wrong_pin):
            self._world.count("customer: wrong code")
            digits = digits[::-1]
        await self.press(*digits, "D")

    def offers(self, screen: Screen, key: str) -> bool:
        return any(choice.key == key and choice.enabled for choice in getattr(screen, "choices", ()))

    async def choose(self, screen: Screen, key: str) -> None:
        for number, choice in enumerate(getattr(screen, "choices", ()), start=1):
            if choice.key == key:
                await self.press(str(number))
                return
        await self.press("A")

    async def press(self, *keys: str) -> None:
        by_touch = self._chance.strikes(self._manners.touches)
        for key in keys:
            if by_touch:
                self._kiosk.display.press(key)
            else:
                self._kiosk.keypad.tap(key, 70)
                await asyncio.sleep(0.15)
            await asyncio.sleep(0.03)

    def put_stick_in(self) -> None:
        if self._kiosk.slot.stick is None:
            self._kiosk.slot.insert(self.stick)

    def _pull(self) -> None:
        if self._kiosk.slot.stick is self.stick:
            self._kiosk.slot.pull()

    def _let_stick_die(self) -> None:
        """In the middle of the ratchet's write, or at any other operation; what was written is torn anywhere."""
        self.broke = True
        chance = self._chance
        dies_in = "pwrite" if chance.strikes(0.5) else chance.choice(("fsync", "pread", "open", "drop_cache"))
        self._world.count(f"stick: dies in {dies_in}")
        self.stick.faults = StickFaults(dies_in=dies_in, torn_bytes=chance.randrange(60))
