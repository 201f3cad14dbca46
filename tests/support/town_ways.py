"""Ways to a machine of a town, by which each journey can go: a finger on the glass, the pad's wires, a typed letter."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from support.fingers import Fingers
from support.journeys import BILL, CHOSEN, At, Journey
from support.touch_window import REGULAR
from support.town import PIN, ToldCustomer, Town, TownCard

from bank.commands import requests as q
from config.kiosk import LANGUAGES
from kiosk.display.face import Look
from kiosk.display.pygame.panel import Panel
from kiosk.display.terminal import TerminalDisplay, typed
from kiosk.display.terminal_text import told
from kiosk.screens.model import Screen

#: Money that every customer of a journey begins with.
OPENING = 500_00
#: A press is seen, and a screen is drawn, before the next deed.
_LOOKS_S = 0.5
#: What a keyboard sends for the keys that are no digits.
_LETTERS = {"D": "\r", "A": "\x1b", "B": "\x7f", "C": "c"}
#: The smallest panel without a pad of its own: it draws one.
SMALL = Panel(800, 480, 5.2, 450, keypad=False)


class Way(Protocol):
    """How keys reach the machine, and what its customer can read."""

    display: ToldCustomer

    async def key(self, town: Town, key: str) -> None:
        """One press."""

    def read(self) -> str:
        """Everything that can be read now."""


class ByTouch:
    """On a window that is really drawn: a target that is not there, or not enabled, cannot be touched."""

    def __init__(self, panel: Panel = REGULAR) -> None:
        self.display: ToldCustomer
        self.fingers = self.display = Fingers(panel)

    async def key(self, town: Town, key: str) -> None:
        await self.fingers.touch(key)
        await asyncio.sleep(0.2)

    def read(self) -> str:
        assert self.fingers.is_drawn(), f"the window does not show {self.display.shown}"
        return _text(self.display)


class ByKeypad:
    """Contacts between the pad's pins, long enough to be scanned."""

    def __init__(self) -> None:
        self.display = ToldCustomer()

    async def key(self, town: Town, key: str) -> None:
        town.keypad.press(key)
        await asyncio.sleep(0.15)
        town.keypad.release(key)
        await asyncio.sleep(0.25)

    def read(self) -> str:
        return _text(self.display)


class Typist(ToldCustomer):
    """Also prints each screen, as the terminal does."""

    def __init__(self) -> None:
        super().__init__()
        self.out = io.StringIO()
        self.terminal = TerminalDisplay(self.out, columns=80)
        self.since = 0

    def show(self, screen: Screen, look: Look = Look()) -> None:
        if self.shown is None or screen.id != self.shown.id:
            self.since = self.out.tell()
        super().show(screen, look)
        self.terminal.show(screen, look)

    def listen(self, pressed: Callable[[str], None]) -> None:
        self.terminal.listen(pressed)


class ByTerminal:
    """Letters as a keyboard sends them, Enter for OK and Escape for Cancel; what is read is what was printed."""

    def __init__(self) -> None:
        self.display: ToldCustomer
        self.typist = self.display = Typist()

    async def key(self, town: Town, key: str) -> None:
        for letter in typed(_LETTERS.get(key, key)):
            self.typist.terminal._hear(letter)
        await asyncio.sleep(0.2)

    def read(self) -> str:
        return self.typist.out.getvalue()[self.typist.since :]


def _text(display: ToldCustomer) -> str:
    assert display.shown is not None
    return "\n".join(told(display.shown))


class WayTown(Town):
    """A town with a machine of all languages that is reached one way only, and a biller of its own."""

    way: Way
    biller: TownCard

    def __init__(self, way: Way, directory: Path, *more: Any, **limits: int | str) -> None:
        super().__init__(directory, *more, **limits)
        self.way, self.display, self.languages = way, way.display, LANGUAGES

    async def press(self, keys: str) -> None:
        for key in keys:
            await self.way.key(self, key)

    async def open_for_business(self) -> None:
        await super().open_for_business()
        self.biller = await self.customer(0)
        await self.bank.do(
            q.PayeeAdd, account=self.biller.account, name="City Water", category="water", digits=len(BILL), check="luhn"
        )

    async def travel(self, journey: Journey, language: str) -> None:
        """A new customer makes this journey; what is seen and what the books say must be as it is written there."""
        card, other = await self.customer(OPENING, language), await self.customer(OPENING)
        given = await self._given(journey, card, other, language)
        people = {"card": card, "other": other, "biller": self.biller}
        before = {name: await self.balance(one) for name, one in people.items()}
        for step in journey.steps:
            await self._take(step, card, given, language)
        await asyncio.sleep(30)
        after = {name: await self.balance(one) for name, one in people.items()}
        wanted = {name: (balance + journey.moved.get(name, 0), 0) for name, (balance, _) in before.items()}
        assert after == wanted, f"{journey.name} in {language}"
        for question, answer in journey.then:
            rows = await self.bank.sql(question.format(**given))
            wanted_answer = answer.format(**given) if isinstance(answer, str) else answer
            assert [next(iter(row.values())) for row in rows] == [wanted_answer], (journey.name, question)

    async def _given(self, journey: Journey, card: TownCard, other: TownCard, language: str) -> dict[str, str]:
        """What differs from customer to customer."""
        code = ""
        if any("{code}" in step.keys for step in journey.steps):
            code = (await self.bank.do(q.CodeMake, account=card.account, amount="70", minutes=60)).digits
        found = await self.bank.sql("SELECT customer FROM cards WHERE card = :c", c=card.reference)
        return {
            "pin": PIN, "other": other.account, "code": code, "language": language,
            "chosen": CHOSEN.get(language, "en"), "card": card.reference, "account": card.account,
            "customer": found[0]["customer"],
        }  # fmt: skip

    async def _take(self, step: At, card: TownCard, given: dict[str, str], language: str) -> None:
        await self.see(step.screen)
        await asyncio.sleep(_LOOKS_S)
        if language in step.sees:
            assert step.sees[language] in self.way.read(), f"{step.screen} in {language}: {self.way.read()}"
        if step.choose:
            await self.choose(step.choose.format(**given))
        await self.press(step.keys.format(**given))
        await self._insert(*step.notes)
        match step.hand:
            case "insert":
                self.slot.insert(card.stick)
            case "pull":
                self.slot.pull()
            case "take":
                self.dispenser.take_cash()

    async def _insert(self, *units: int) -> None:
        """Notes one after another, as fast as the acceptor draws them in."""
        for each in units:
            async with asyncio.timeout(20):
                while not self.acceptor.insert(each * 100):
                    await asyncio.sleep(0.2)
