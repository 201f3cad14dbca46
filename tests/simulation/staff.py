"""Those who look after it all: the bank's staff at a desk, and an operator with cassettes."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from simulation.bank_node import BankNode
from simulation.machines import Kiosk
from simulation.model import Model
from simulation.payments import Name
from simulation.people import Customer, Known
from simulation.world import Chance, World

from bank.commands import requests as q
from bank.commands.answers import CodeMade
from bank.control import CommandRefused
from bank_link.card_file import parse
from drivers.simulated.stick import SimulatedStick, StickFaults
from kiosk.service_state import Cause


class Staff:
    """At the bank's desk: opens accounts, resumes terminals, closes cases by what was found."""

    def __init__(self, world: World, bank: BankNode, model: Model) -> None:
        self._world, self._bank, self._model = world, bank, model
        self._sticks = 0
        self._codes: dict[str, list[CodeMade]] = {}

    def knows(self, known: Known) -> Customer:
        """A customer of the bank comes to town."""
        self._sticks += 1
        number = parse(known.file).card
        self._model.copies.has_stick(number, self._sticks)
        if known.reference:
            self._model.errands.details.references[number] = known.reference
        return Customer(
            known.name, number, known.reference, known.account, known.pin, SimulatedStick(known.file),
            number=self._sticks,
        )  # fmt: skip

    async def reissue(self, customer: Customer) -> None:
        try:
            # The bank's reference of a card that was opened at a machine nobody knows.
            made = await self._bank.do(q.CardReissue, card=customer.reference or customer.card[-4:])
        except CommandRefused as refused:
            self._world.tell("staff", f"reissue of {customer.name}'s card refused: {refused}")
            return
        # Done or not: whoever killed the bank meanwhile does not know.
        self._model.pins_start_again(customer.card)
        if made is None:
            return
        self._sticks += 1
        self._model.copies.reissued(customer.card)
        self._model.copies.has_stick(customer.card, self._sticks)
        customer.stick, customer.number = SimulatedStick(made.file), self._sticks
        customer.copies.clear()
        customer.blockable = False

    async def code(self, customer: Customer, amount: int) -> CodeMade | None:
        """A cash code for the customer, or one of this one's that somebody has seen, used or not."""
        known = self._codes.setdefault(customer.name, [])
        if known and self._world.chance("code", customer.name, len(known), self._world.now).strikes(0.6):
            self._world.count("customer: an old code comes again")
            return known[-1]
        try:
            made = await self._bank.do(q.CodeMake, account=customer.account, amount=str(amount), minutes=600)
        except CommandRefused:
            return None
        if made is not None:
            self._world.count("staff: makes a code")
            known.append(made)
        return made if isinstance(made, CodeMade) else None

    def copy(self, customer: Customer) -> None:
        """Somebody copies the stick as it is now."""
        self._sticks += 1
        faults = StickFaults()
        customer.copies.append((self._sticks, replace(customer.stick, faults=faults, unsynced=[])))
        self._model.copies.has_stick(customer.card, self._sticks, copy_of=customer.number)
        self._world.count("customer: a copy is made")

    async def look_after(self, kiosks: list[Kiosk]) -> None:
        """What a person does who hears that a machine is closed."""
        if not any(map(_calls_the_bank, kiosks)):
            return
        answer = await self._bank.do(q.TerminalList)
        shown_all = answer.terminals if answer is not None else ()
        begun = {shown.terminal: shown.generation for shown in shown_all}
        for kiosk in kiosks:
            if kiosk.identity is not None and begun.get(kiosk.terminal, 0) not in {0, kiosk.identity.generation}:
                # The bank was restored to before its last enrolment.
                self._world.count("staff: enrols a terminal that the bank forgot")
                if kiosk.power is not None:
                    kiosk.power.off("killed: it is enrolled anew")
                await self._bank.enrol(kiosk, again=True)
        for kiosk in kiosks:
            if any(shown.terminal == kiosk.terminal and shown.state == "pending" for shown in shown_all):
                # Somebody was interrupted between the enrolment and its confirmation.
                await self._bank.confirm(kiosk)
        for shown in shown_all:
            if shown.state == "suspended":
                try:
                    await self._bank.do(q.TerminalResume, terminal=shown.terminal)
                    # Done or not: whoever killed the bank meanwhile does not know.
                    self._model.taken_as_it_is(shown.terminal)
                    self._world.count("staff: resumes a terminal")
                except CommandRefused as refused:
                    self._world.tell("staff", f"resume of {shown.terminal} refused: {refused}")

    async def close_cases(self) -> None:
        """Each case by the truth, as counting and asking would find it."""
        rows = await self._bank.sql("SELECT * FROM cases WHERE state = 'open' ORDER BY opened_at, case_id")
        order = {"cash-difference": 1, "unexplained": 2}
        for row in sorted(rows, key=lambda row: order.get(row["kind"], 0)):
            await self._close(row["case_id"])

    async def _close(self, case_id: str) -> None:
        shown = await self._bank.do(q.CaseShow, case=case_id)
        if shown is None or shown.case.state != "open":
            return
        case = (await self._bank.sql("SELECT * FROM cases WHERE case_id = :c", c=case_id))[0]
        name: Name = (case["terminal"], case["generation"], case["number"])
        of_deposit = name in self._model.deposits.all
        known = await (self._model.deposits if of_deposit else self._model).differences()
        missing = known.get(name, 0)
        resolution, amount = _decide(shown.may, case, missing)
        account = self._account_of(case, name)
        if case["kind"] == "unclaimed" and "credit" in shown.may:
            account = await self._meant(case)
            resolution, amount = ("credit", _decimal(case["amount_minor"])) if account else ("write-off", "")
        try:
            await self._bank.do(
                q.CaseResolve, case=case_id, resolution=resolution, note="counted", amount=amount,
                account=account if resolution in {"debit", "credit"} else "",
            )  # fmt: skip
            self._world.count(f"staff: closes a case of kind {case['kind'].split('-')[0]}")
        except CommandRefused as refused:
            self._model.wrong(f"case {case_id} cannot be closed by {resolution} {amount}: {refused}")

    async def _meant(self, case: dict[str, Any]) -> str:
        """The account that the money was for, where it is known again; else ""."""
        detail = json.loads(case["detail"])
        account = detail.get("to") or detail["account"]
        rows = await self._bank.sql("SELECT state FROM accounts WHERE account = :a", a=account)
        return str(account) if [row["state"] for row in rows] == ["open"] else ""

    def _account_of(self, case: dict[str, Any], name: Name) -> str:
        payment = self._model.payments.get(name)
        return str(case["account"] or (payment.account if payment is not None else ""))


def _calls_the_bank(kiosk: Kiosk) -> bool:
    """Whether its operator would: it says that the bank will not have it."""
    if kiosk.machine is None:
        return False
    causes = kiosk.machine.service.causes
    return Cause.BANK in causes or "does not sign this terminal on" in causes.get(Cause.LINE, "")


def _decide(may: tuple[str, ...], case: dict[str, Any], missing: int) -> tuple[str, str]:
    """The resolution and its amount. `missing`: given and not debited (negative: debited and not given)."""
    most = abs(case["amount_minor"])
    if "write-off" in may and case["kind"] in {"cash-difference", "unexplained", "suspense"}:
        return "write-off", ""
    if missing > 0 and "debit" in may:
        return "debit", _decimal(min(missing, most) or missing)
    if missing < 0 and "credit" in may:
        return "credit", _decimal(-missing)
    if "void" in may:
        return "void", ""
    return ("nothing", "") if "nothing" in may else (may[0], "")


def _decimal(minor: int) -> str:
    return f"{Decimal(minor) / 100:.2f}"


@dataclass
class Operator:
    """Fills the cassettes of one or more machines."""

    world: World
    chance: Chance
    loaded: dict[str, int]
    plenty: bool = True  # else now and then only a few notes come into a cassette
    books: dict[str, Counter[str]] = field(default_factory=dict)
    moved: int = 0  # out of the bank's vault into machines, less what came back

    async def exchange(self, kiosk: Kiosk) -> None:
        loaded = dict(self.loaded)
        if not self.plenty and self.chance.strikes(0.3):
            loaded[self.chance.choice(sorted(loaded))] = self.chance.randrange(1, 6)
        moved = await kiosk.exchange(loaded, "Olga")
        if moved is not None:
            self.world.count("operator: exchange")
            self.booked(kiosk, loaded, moved)

    def booked(self, kiosk: Kiosk, loaded: dict[str, int], moved: int) -> None:
        self.moved += moved
        self.books.setdefault(kiosk.terminal, Counter()).update(loaded)
