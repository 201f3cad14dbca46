"""Errands in a run: who comes for them, operators and newcomers among them, and what must be right for these in the end."""

from __future__ import annotations

import asyncio
import functools
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
from simulation.errand_visits import Change, Errand, Open, PayBill, Serve, calls_itself_an_operators
from simulation.hardware import TagSlot
from simulation.inquiry_visits import AskBalance, AskStatement, ChangePin, TryPin
from simulation.machines import Kiosk
from simulation.people import Customer, Known, Manners

from bank.commands import requests as q
from bank.control import CommandRefused
from bank_link.card_file import SIZE
from bank_link.errors import CardFileError
from drivers.simulated.stick import SimulatedStick

if TYPE_CHECKING:
    from simulation.run import Run

#: Of the visits that are errands.
OPERATORS_SHARE, NEWCOMERS_SHARE = 0.25, 0.15
#: Of what customers come for, where it is more than cash: balance, statement, PIN.
INQUIRIES_SHARE = 1 / 3


class ErrandRuns:
    """Those of one run. `operators` by machine; `newcomers` that have got their card at a machine."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.operators: dict[str, Customer] = {}
        self.newcomers: list[Customer] = []
        self._strangers = 0
        self._pins: dict[str, str] = {}  # by account

    async def instead(self, kiosk: Kiosk) -> bool:
        """Whether somebody else came than one of the customers."""
        chance, share = self._run.chance, self._run.plan.errands
        if chance.strikes(share * OPERATORS_SHARE):
            await self.serve(kiosk)
            return True
        if kiosk.in_service and chance.strikes(share * NEWCOMERS_SHARE):
            await self.open_for_newcomer(kiosk)
            return True
        return False

    def prepare(self) -> None:
        """Operators come to town, and the model learns whom bills can be paid to."""
        self._run.model.errands.on = bool(self._run.plan.errands)
        self._run.model.errands.bills.billers = {biller.payee: biller for biller in self._run.founded.billers}
        self._run.model.errands.details.accounts = {
            each.account for each in (*self._run.founded.customers, *self._run.founded.billers)
        }
        for kiosk, made in zip(self._run.kiosks, self._run.founded.operators, strict=False):
            operator = self.operators[kiosk.terminal] = self._run.staff.knows(made)
            self._run.model.errands.service.operators.add(operator.card)
        if self._run.plan.errands and self._run.chance.strikes(0.3):
            calls_itself_an_operators(self._run.customers[0].stick)

    def of_customer(self, kiosk: Kiosk, customer: Customer) -> Errand:
        if self._run.chance.strikes(INQUIRIES_SHARE):
            return self._inquiry(kiosk, customer)
        if self._run.chance.strikes(0.5):
            return Change(self._run.world, self._run.chance)
        agreed = functools.partial(self._run.model.errands.bills.agreed, kiosk.terminal)
        return PayBill(self._run.world, self._run.chance, self._run.founded.billers, agreed)

    def _inquiry(self, kiosk: Kiosk, customer: Customer) -> Errand:
        world, chance, errands = self._run.world, self._run.chance, self._run.model.errands
        kind = chance.choice((AskBalance, AskStatement, ChangePin))
        if kind is ChangePin:
            return ChangePin(world, chance, kiosk.terminal, customer.card, errands.pins)
        return kind(world, chance, kiosk.terminal, errands.figures)  # type: ignore[arg-type]  # the other two

    def remembers(self, customer: Customer, errand: Errand | None) -> None:
        """Which PIN it is: as it was told last; and which it may be as well, whatever was told."""
        for change in errand.changes if isinstance(errand, ChangePin) else ():
            if change.told_done:
                customer.pin = change.new
                customer.others.insert(0, change.before)
            elif change.sent:
                customer.others.insert(0, change.new)

    async def serve(self, kiosk: Kiosk, *, only_on: bool = False) -> None:
        """The machine's operator comes to it with card and PIN, in service or not."""
        operator, loaded = self.operators[kiosk.terminal], dict(self._run.operator.loaded)
        if operator.name in self._run.busy or not kiosk.on:
            return
        if self._run.chance.strikes(0.3) and not self._run.chaos.is_calm:
            loaded[self._run.chance.choice(sorted(loaded))] = self._run.chance.randrange(1, 6)
        errand = Serve(
            self._run.world, self._run.chance, kiosk, loaded, functools.partial(self._run.operator.booked, kiosk, loaded),
            only_on=only_on,
        )  # fmt: skip
        manners = self._run.weather.manners
        careful = replace(manners, wrong_pin=manners.wrong_pin / 4, leaves_cash=0.0, uses_copy=0.0)
        await self._run.visit(kiosk, operator, Manners() if only_on else careful, "serve", errand=errand)

    async def open_for_newcomer(self, kiosk: Kiosk) -> None:
        """Somebody comes with a blank stick; who leaves with a card comes again."""
        pin = f"{self._run.chance.randrange(10_000):04d}"
        stick = SimulatedStick(bytes(SIZE) if isinstance(kiosk.slot, TagSlot) else None)
        self._strangers += 1
        stranger = Customer(f"Newcomer {self._strangers}", "", "", "", pin, stick)
        await self._run.visit(
            kiosk,
            stranger,
            replace(self._run.weather.manners, wrong_pin=0.0),
            Open.KEY,
            errand=Open(self._run.world, self._run.chance),
        )
        opened = self._run.model.errands.newcomers.last(kiosk.terminal)
        if opened is not None:
            self._pins[opened.account] = pin
        if opened is not None and opened.told_done:
            card = Known(stranger.name, "", opened.account, pin, stick.content or b"")
            try:
                self.newcomers.append(self._run.staff.knows(card))
            except CardFileError as error:
                self._run.model.wrong(f"{stranger.name} was told that the card is written: {error}")

    async def switch_all_on(self) -> None:
        """Whatever an operator has left switched off, so that nothing stays closed for it."""
        for kiosk in self._run.kiosks * 3 if self._run.plan.errands else ():
            machine = kiosk.machine
            if kiosk.on and machine is not None and not machine.journal.failed and machine.journal.switched_off():
                operator = self.operators[kiosk.terminal]
                await self._run.bank.do(q.CardUnblock, card=operator.reference)
                await self._run.staff.reissue(operator)
                await self.serve(kiosk, only_on=True)
                # Longer than a notice stands: who comes just as it goes finds the machine at rest, and leaves.
                await asyncio.sleep(40)

    async def newcomers_cards(self) -> None:
        """What was written and read back at a machine opens a visit; and so does what the staff has written instead."""
        if not self._run.plan.errands:
            return
        for account, card in await self._run.model.errands.newcomers.without_card():
            made = await self._run.bank.do(q.CardReissue, card=card)
            pin = self._pins[account]
            self.newcomers.append(self._run.staff.knows(Known(f"Newcomer of {account}", card, account, pin, made.file)))
        forgotten = self._run.model.errands.newcomers.forgotten
        for customer in self.newcomers:
            if not customer.blockable and customer.account not in forgotten:
                await self._run.comes_in(customer)

    async def pins_hold(self) -> None:
        """Of all PINs that a customer has ever typed for a new one, one opens a visit, and it is what was told."""
        pins = self._run.model.errands.pins
        for kiosk in self._run.kiosks if pins.all else ():
            assert kiosk.machine is not None
            lines = kiosk.machine.journal.lines(last=100_000)
            pins.kept(f"{kiosk.terminal}'s journal", [msgspec.to_builtins(line.record) for line in lines])
        for customer in (*self._run.customers, *self.newcomers):
            ever = pins.of(customer.card)
            if not ever or customer.account in self._run.model.errands.newcomers.forgotten:
                continue
            if customer.blockable:
                await self._run.staff.reissue(customer)
            if customer.blockable or not await self._unblocked(customer):
                # The last digits of a newcomer's card may be another card's as well.
                continue
            opens = [pin for pin in ever if await self._opens(customer, pin)]
            if len(opens) != 1 or opens[0] not in pins.may_hold(customer.card):
                may = sorted(pins.may_hold(customer.card))
                self._run.model.wrong(f"{customer.name} comes in with {opens} of {ever}; told was {may}")

    async def _unblocked(self, customer: Customer) -> bool:
        try:
            await self._run.bank.do(q.CardUnblock, card=customer.reference or customer.card[-4:])
        except CommandRefused:
            return False
        self._run.model.pins_start_again(customer.card)
        return True

    async def _opens(self, customer: Customer, pin: str) -> bool:
        await self._unblocked(customer)
        errand = TryPin(self._run.world, self._run.chance, pin)
        reached = set((await self._run.comes(customer, errand)).reached)
        if not reached & {"pin.wrong", "menu", "account", "unfreeze"}:
            self._run.model.wrong(f"{customer.name} tries a PIN and comes to {sorted(reached)}")
        return "pin.wrong" not in reached
