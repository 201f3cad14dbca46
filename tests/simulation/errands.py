"""The part of the model that watches errands at the machine: bills, and what operators do with the menu that is theirs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from simulation.bank_node import BankNode
from simulation.details import Details
from simulation.figures import Figures
from simulation.machines import Kiosk
from simulation.newcomers import Newcomers
from simulation.pins import Pins
from simulation.sends import Name, Sends
from simulation.world import World

from bank.commands.answers import BillerShown
from bank_link.envelope import Envelope
from kiosk.screens.model import Choose, Confirm, Screen

#: A machine that is closed says these to anybody.
_TO_ALL = {"op.only", "op.line"}
_STATE = re.compile(r"(\w+), ([0-9]+) notes?")


class Bills:
    """What a customer agreed to on the screen is what is asked for, and what the biller gets."""

    def __init__(self, bank: BankNode, sends: Sends, wrong: Callable[[str], None]) -> None:
        self._bank, self._sends, self._wrong = bank, sends, wrong
        self.billers: dict[str, BillerShown] = {}
        self._agreed: dict[str, tuple[str, str, str]] = {}

    def agreed(self, terminal: str, screen: Confirm) -> None:
        """Somebody presses the key for "pay": whose bill, how much and its number stand on the screen."""
        self._agreed[terminal] = (screen.title, screen.facts[0].value, screen.facts[1].value)

    def asked(self, name: Name, body: dict[str, Any]) -> None:
        title, amount, number = self._agreed.get(name[0], ("", "", ""))
        biller = self.billers.get(body["to"])
        minor = int(re.sub(r"[^0-9]", "", amount) or 0)
        if biller is None or biller.name not in title or (body["amount"]["minor"], body["text"]) != (minor, number):
            self._wrong(f"{name}: agreed to {title}, {amount} for {number}, and {body} is asked for")

    async def ended(self) -> None:
        """Each biller has got what the bills say, to the cent: nobody else pays into these accounts."""
        rows = await self._bank.sql(
            "SELECT b.biller, SUM(CASE WHEN p.state = 'posted' THEN p.amount_minor ELSE 0 END) AS minor"
            " FROM bills b JOIN posts p USING (terminal, generation, number) WHERE p.case_id = '' GROUP BY b.biller"
        )
        paid = {row["biller"]: row["minor"] for row in rows}
        for biller, shown in self.billers.items():
            got = await self._bank.sql("SELECT balance_minor FROM accounts WHERE account = :a", a=shown.account)
            by_case = await self._bank.sql(
                "SELECT COALESCE(SUM(e.amount_minor), 0) AS minor FROM entries e JOIN postings p USING (posting)"
                " JOIN posts d ON (d.terminal, d.generation, d.number) = (p.terminal, p.generation, p.number)"
                " WHERE e.account = :a AND d.case_id <> ''", a=shown.account,
            )  # fmt: skip
            if [row["balance_minor"] for row in got] != [paid.get(biller, 0) + by_case[0]["minor"]]:
                self._wrong(f"{shown.name} has {got}, and the bills say {paid.get(biller, 0)}")


class Service:
    """The operator's menu, as it is seen from outside: who gets it, and what it says of the cassettes."""

    def __init__(self, wrong: Callable[[str], None]) -> None:
        self._wrong = wrong
        self.operators: set[str] = set()
        self.off: dict[str, set[str]] = {}
        self.odd: set[str] = set()
        self._card: dict[str, str] = {}
        self._about: dict[str, str] = {}
        self._tested: dict[str, str] = {}
        self._was_odd: set[str] = set()  # when the last test began
        self._out: Counter[tuple[str, str]] = Counter()
        self._before: dict[tuple[str, str], tuple[int, int]] = {}

    def begins(self, terminal: str, card: str) -> None:
        self._card[terminal] = card
        self._broken_off(terminal)

    def told(self, kiosk: Kiosk, screen: Screen) -> None:
        terminal = kiosk.terminal
        if not screen.id.startswith("op.") or screen.id in _TO_ALL:
            return
        if self._card.get(terminal) not in self.operators:
            self._wrong(f"{terminal} showed {screen.id} to somebody who is no operator")
        if isinstance(screen, Choose) and screen.id == "op.cassettes":
            for choice in screen.choices:
                self._state(kiosk, choice.label, choice.second)
        elif isinstance(screen, Choose) and screen.id == "op.cassette" and screen.notice is not None:
            name, _, state = screen.notice.bold.partition(": ")
            self._state(kiosk, name, state)
        elif isinstance(screen, Confirm) and screen.id == "op.test":
            self._about[terminal] = screen.facts[0].label
        elif screen.id in {"op.moving", "op.tested", "op.trouble"}:
            self._test(terminal, screen.id)

    def _test(self, terminal: str, screen_id: str) -> None:
        """From the moment that a note moves until it is told where it is, nobody knows."""
        if screen_id == "op.moving":
            self._tested[terminal] = self._about.get(terminal, "")
            (self._was_odd.add if terminal in self.odd else self._was_odd.discard)(terminal)
            self.odd.add(terminal)
        elif screen_id == "op.trouble":
            self._broken_off(terminal)
        elif terminal not in self._was_odd and terminal in self._tested:
            self.odd.discard(terminal)

    def _state(self, kiosk: Kiosk, cassette: str, said: str) -> None:
        """What the machine says of a cassette, on or off, and how many notes it believes in it."""
        state = _STATE.fullmatch(said)
        if state is None:
            self._wrong(f"{kiosk.terminal} says {said!r} of cassette {cassette}")
            return
        off = self.off.setdefault(kiosk.terminal, set())
        (off.discard if state[1] == "on" else off.add)(cassette)
        there = kiosk.dispenser.physical[cassette].cassette
        said_before, there_before = self._before.get((kiosk.terminal, cassette), (0, 0))
        if self._tested.get(kiosk.terminal) == cassette:
            del self._tested[kiosk.terminal]
            if said_before - int(state[2]) != there_before - there:
                self._wrong(
                    f"{kiosk.terminal} said {said_before} notes of {cassette} before a test and {state[2]} after it;"
                    f" there were {there_before}, and are {there}"
                )
        self._before[kiosk.terminal, cassette] = int(state[2]), there

    def doubled(self, terminal: str) -> None:
        """Two notes moved as one: no count is right any more."""
        self.odd.add(terminal)
        self._broken_off(terminal)

    def moved(self, kiosk: Kiosk) -> None:
        """Notes came to the customer's side."""
        for cassette, place in kiosk.dispenser.physical.items():
            before = self._out[kiosk.terminal, cassette]
            self._out[kiosk.terminal, cassette] = place.customer
            if place.customer > before and cassette in self.off.get(kiosk.terminal, set()):
                self._wrong(f"{kiosk.terminal} paid from cassette {cassette}, which is switched off")

    def journal_lost(self, terminal: str) -> None:
        self.off.pop(terminal, None)
        self._broken_off(terminal)

    def _broken_off(self, terminal: str) -> None:
        self._tested.pop(terminal, None)


class Errands:
    """Told by the model of what it sees. Knows nothing of how kiosk and bank work."""

    def __init__(self, world: World, bank: BankNode, sends: Sends, wrong: Callable[[str], None]) -> None:
        self.bills = Bills(bank, sends, wrong)
        self.service = Service(wrong)
        self.details = Details(world, bank, wrong)
        self.newcomers = Newcomers(world, bank, wrong)
        self.figures = Figures(bank, wrong)
        self.pins = Pins(world, bank, wrong)
        self.on = False

    def begins(self, terminal: str, card: str) -> None:
        self.service.begins(terminal, card)
        self.details.begins(terminal)
        self.newcomers.begins(terminal)
        self.figures.begins(terminal)
        self.pins.begins(terminal)

    def carried(self, terminal: str, envelope: Envelope) -> None:
        if self.on:
            self.pins.carried(terminal, envelope)

    def arrived(self, request: bytes) -> None:
        if self.on:
            self.figures.arrived(request)

    def answered(self, asked: Envelope, answer: Envelope) -> None:
        if self.on and asked.kind == "inquire":
            self.figures.answered(asked, answer)

    def asked(self, name: Name, body: dict[str, Any], card: str, *, again: bool) -> None:
        if body["what"] == "bill" and not again:
            self.bills.asked(name, body)
        self.details.asked(name, body, card)
        self.pins.asked(name, body)

    def told(self, kiosk: Kiosk, screen: Screen) -> None:
        self.service.told(kiosk, screen)
        self.details.told(kiosk.terminal, screen)
        self.newcomers.told(kiosk.terminal, screen)
        if self.on:
            self.figures.told(kiosk.terminal, screen)
            self.pins.told(kiosk.terminal, screen)

    def restored(self, to: float) -> None:
        self.details.restored(to)
        self.newcomers.restored(to)
        self.pins.restored(to)

    def decayed(self, terminal: str) -> None:
        self.details.decayed(terminal)
        self.newcomers.decayed(terminal)
        self.pins.decayed(terminal)

    def journal_lost(self, terminal: str) -> None:
        self.service.journal_lost(terminal)
        self.details.journal_lost(terminal)
        self.newcomers.journal_lost(terminal)
        self.pins.journal_lost(terminal)

    async def ended(self, used_twice: set[Name]) -> None:
        # Each question to the bank takes its time: what has no errands stays as it was.
        if self.on:
            await self.bills.ended()
            self.details.products |= self.newcomers.products
            await self.details.ended(used_twice)
            closing = {change.about[1] for change in self.details.all.values() if change.what == "close"}
            await self.newcomers.ended(used_twice, closing)
            await self.pins.ended(used_twice)
