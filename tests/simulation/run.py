"""One seed from its first step to its last: a bank, kiosks, people, what goes wrong, and what must have come out."""

from __future__ import annotations

import asyncio
import functools
import tempfile
import traceback
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from simulation.bank_node import BankNode
from simulation.chaos import Chaos
from simulation.errand_runs import ErrandRuns
from simulation.errand_visits import Errand
from simulation.founded import founded, kiosk_config
from simulation.hardware import PoweredSlot
from simulation.line import SimLine
from simulation.machines import Kiosk, discard
from simulation.model import Model
from simulation.people import AMOUNTS, Customer, Manners, Visitor
from simulation.staff import Operator, Staff
from simulation.troubles import Troubles
from simulation.weather import Weather
from simulation.world import Power, World, graveyard

from bank.commands import requests as q
from kiosk.service_state import Cause

LOADED = {"top": 60, "middle": 80, "bottom": 80}
VALUES = {"top": 50_00, "middle": 20_00, "bottom": 10_00}
#: What a run may take until everything has ended, once nothing breaks any more.
CALM_S = 15 * 60
#: Three of a machine's echoes: by then each has heard of the bank that there is now.
ECHOES_S = 90
#: In so many visits there may be a storm of days.
VISITS_A_STORM_MAY_TAKE = 20
#: So many notes the exit above a tray takes at once.
EXITS = (4, 7, 40)
#: Kinds of note acceptors.
HOLDS = ("nothing", "note", "bundle", "bundle")


@dataclass(frozen=True)
class Plan:
    """What is run: a seed, its size, and what is switched off of its weather."""

    seed: int
    visits: int = 24
    without: tuple[str, ...] = ()
    lying: bool = False  # the kiosks' disks say that they have written, and have not
    codes: float = 0.0  # how likely a customer comes with a cash code instead of the card
    deposits: float = 0.0  # how likely a customer has notes to pay in
    doors: float = 0.0  # how many of the machines watch their doors
    receipts: float = 0.0  # how many of the machines have a printer, and how likely a customer wants a receipt
    trays: float = 0.0  # how many of the machines have a cash tray that sees and takes back
    errands: float = 0.0  # how likely a customer has something else to do, and operators come to use their menu


@dataclass
class Result:
    """What came out. `violations`: empty, or the run has failed."""

    plan: Plan
    violations: list[str]
    counts: Counter[str]
    history: list[str]
    digest: str
    seconds: float
    steps: int
    weather: dict[str, float] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        return bool(self.violations)


def simulate(plan: Plan, *, keep_history: bool = False) -> Result:
    """Run `plan`. Equal plans give equal histories, byte for byte."""
    with graveyard():
        return _simulated(World(plan.seed, keep_history=keep_history), plan)


def _simulated(world: World, plan: Plan) -> Result:
    with tempfile.TemporaryDirectory() as directory:
        run = Run(world, plan, Path(directory))
        try:
            world.run(run.whole())
        except Exception as error:
            run.model.wrong(f"the run ended with {type(error).__name__}: {error}")
            world.history.extend(traceback.format_exception(error))
        run.close()
    return Result(
        plan, run.model.violations + world.errors, world.counts, world.history, world.digest, world.now,
        world.loop.steps, run.drawn,
    )  # fmt: skip


class Run:
    """The parts of one run, and its phases."""

    def __init__(self, world: World, plan: Plan, directory: Path) -> None:
        self.world, self.plan = world, plan
        self.weather = Weather.of(
            plan.seed, trays=bool(plan.trays), doors=bool(plan.doors), receipts=bool(plan.receipts)
        )  # fmt: skip
        for name in plan.without:
            self.weather.without(name)
        self.drawn = self.weather.on()
        self.founded = founded(errands=bool(plan.errands))
        self.bank = BankNode(world, directory / "bank")
        self.bank.furnish(self.founded.directory, self.founded.files)
        self.model = Model(world, self.bank, VALUES)
        self.chance = world.chance("people")
        self.staff = Staff(world, self.bank, self.model)
        self.operator = Operator(world, world.chance("operator"), LOADED)
        self.kiosks = [self._kiosk(f"T{number}") for number in range(1, self.chance.choice((1, 2, 2, 3)) + 1)]
        self.chaos = Chaos(world, self.bank, self.kiosks, self.weather)
        self.troubles = Troubles(world, self.weather.rates, lambda: self.chaos.is_calm)
        self.troubles.opened = self.model.doors.opened
        self.chaos.journals_lost = lambda kiosk: self.model.journal_lost(kiosk.terminal)
        self.chaos.restored = self.model.restored
        self.chaos.wrong = self.model.wrong
        self.chaos.turned_back = lambda kiosk, to: self.model.turned_back(kiosk.terminal, to)
        self.chaos.decayed_unseen = lambda kiosk: self.model.decayed_unseen(kiosk.terminal)
        self.chaos.clock_set_back = self.model.clock_set_back
        self.chaos.bank_stopped = self.model.bank_stopped
        self.chaos.has_copies = self.model.copies.has_copies
        self.chaos.card_at = self.model.card_at
        for kiosk in self.kiosks:
            if isinstance(kiosk.slot, PoweredSlot):
                kiosk.slot.is_about_to = self.chaos.is_about_to
        if plan.lying:
            self.chaos.decayed.update(kiosk.terminal for kiosk in self.kiosks)
        self.bank.answered = self.model.answered
        self.bank.arrived = self.model.errands.arrived
        self.bank.enrolled = self.model.taken_as_it_is
        self.customers: list[Customer] = []
        self.busy: set[str] = set()
        self._before: dict[str, str] = {}  # the card of whoever was at a machine last
        self._over = False
        self.errands = ErrandRuns(self)

    def close(self) -> None:
        for disk in (self.bank.disk, *(kiosk.disk for kiosk in self.kiosks)):
            discard(disk)

    def _kiosk(self, terminal: str) -> Kiosk:
        contactless, lamps = self.chance.strikes(0.12), self.chance.strikes(0.3)
        config = kiosk_config(lamps=lamps)
        trays = self.world.chance("tray", terminal)
        if self.plan.trays and trays.strikes(self.plan.trays):
            config = kiosk_config(lamps=lamps, tray=True)
            config = replace(config, dispenser=replace(config.dispenser, exit_notes=trays.choice(EXITS)))
        kiosk = Kiosk(
            self.world, terminal, config, self._line, contactless=contactless, lying=self.plan.lying,
            holds=self.world.chance("acceptor", terminal).choice(HOLDS) if self.plan.deposits else "",
            prints=bool(self.plan.receipts) and self.world.chance("printer", terminal).strikes(self.plan.receipts),
            doors=bool(self.plan.doors) and self.world.chance("doors", terminal).strikes(self.plan.doors),
        )  # fmt: skip
        kiosk.notes_moved = lambda: self.model.deposits.moved(
            terminal, kiosk.given_back + (sum(kiosk.acceptor.mouth) if kiosk.acceptor else 0)
        )
        kiosk.moved = lambda: self.model.moved(kiosk)
        kiosk.printed = lambda receipt: self.model.receipts.printed(kiosk.terminal, receipt)
        kiosk.forgot = lambda: self.model.journal_lost(kiosk.terminal)
        kiosk.dispenser.doubled = lambda cassette, notes: self.model.doubled(kiosk, cassette, notes)
        kiosk.dispenser.hidden = lambda cassette: self.model.hidden(kiosk, cassette)
        kiosk.display.seen = lambda screen: self.model.told(kiosk, screen)
        return kiosk

    def _line(self, kiosk: Kiosk, power: Power) -> SimLine:
        chance = self.world.chance("line", kiosk.terminal, kiosk.starts)
        return SimLine(
            self.world, self.bank, self.weather.line, power, chance,
            lambda: self.chaos.line_is_cut(kiosk.terminal), self.model, self.chaos,
        )  # fmt: skip

    # ── The phases ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def whole(self) -> None:
        await self._open()
        people = [self.world.spawn(self._look_after())]
        queues = [self.world.spawn(self._queue(kiosk)) for kiosk in self.kiosks]
        storms = self.world.chance("storm")
        for number in range(self.plan.visits // VISITS_A_STORM_MAY_TAKE if self.drawn else 0):
            if storms.strikes(0.05):
                self.world.later(60 + (number + storms.random()) * 600, self._storm)
        await asyncio.gather(*queues)
        while self.chaos.blacked_out:
            await asyncio.sleep(600)
        await self.chaos.calm()
        await self.troubles.calm(self.kiosks)
        self.operator.plenty = True
        await self.errands.switch_all_on()
        await self._settle()
        self._over = True
        await asyncio.gather(*people)
        if not self.model.violations:
            await self._reckon()

    async def _open(self) -> None:
        """Before anything breaks: a bank, its customers, enrolled terminals with cash in them."""
        weather, self.weather.line = self.weather.line, type(self.weather.line)()
        self.bank.start()
        while not self.bank.up:
            await asyncio.sleep(0.01)
        for made in self.founded.customers[: 2 + 2 * len(self.kiosks)]:
            self.customers.append(self.staff.knows(made))
        self.errands.prepare()
        for kiosk in self.kiosks:
            await self.bank.enrol(kiosk, again=False)
            kiosk.start()
        for kiosk in self.kiosks:
            await self._until(lambda kiosk=kiosk: kiosk.on and kiosk.machine.host.session is not None, 60)  # type: ignore[misc]  # bound now
            await self.operator.exchange(kiosk)
            await self._until(lambda kiosk=kiosk: kiosk.in_service, 60)  # type: ignore[misc]  # bound now
        self.weather.line = weather
        self.operator.plenty = self.chaos.opening = False
        for kiosk in self.kiosks:
            assert kiosk.machine is not None
            kiosk.machine._world.line._weather = weather  # type: ignore[attr-defined]

    def _storm(self) -> None:
        if not self.chaos.is_calm and not self.chaos.blacked_out:
            self.world.spawn(self.chaos.blackout())

    async def _queue(self, kiosk: Kiosk) -> None:
        """One customer after another before one machine."""
        for _ in range(self.plan.visits // len(self.kiosks)):
            await self.chaos.before_visit(kiosk)
            await asyncio.sleep(1 + self.chance.random() ** 3 * 20)
            for _ in range(24):
                if not kiosk.in_service:
                    await asyncio.sleep(10)
            while self.chaos.blacked_out:
                await asyncio.sleep(600)
            everybody = (*self.customers, *self.errands.newcomers)
            free = [customer for customer in everybody if customer.name not in self.busy]
            robbed = [customer for customer in self.customers if customer.copies]
            slow = [customer for customer in robbed if customer.card in self.chaos.waiting_cards]
            if self.plan.errands and await self.errands.instead(kiosk):
                continue
            if kiosk.in_service and robbed and (slow or self.chance.strikes(self.weather.manners.uses_copy)):
                # While its owner may be at another machine, or comes next.
                at_machines = [customer for customer in robbed if customer.name in self.busy]
                victim = self.chance.choice(slow or at_machines or robbed[:2])
                by_copy = self.chance.strikes(0.6) or victim.name in self.busy
                await self.visit(kiosk, victim, self.weather.manners, by_copy=by_copy)
            elif free and (kiosk.in_service or (self.plan.errands and kiosk.on and self.chance.strikes(0.3))):
                await self.visit(kiosk, self.chance.choice(free), self.weather.manners)
            else:
                self.world.count("visit: none, the machine was out of service")

    async def visit(
        self, kiosk: Kiosk, customer: Customer, manners: Manners, wants: str = "", *, by_copy: bool = False,
        errand: Errand | None = None,
    ) -> Visitor:  # fmt: skip
        who = customer.name
        chance = self.chance
        if chance.strikes(self.weather.rates.copy_made) and not self.chaos.is_calm and who not in self.busy:
            self.staff.copy(customer)
        visitor = Visitor(self.world, kiosk, customer, chance, manners)
        visitor.errand = errand
        if self.plan.receipts and chance.strikes(self.plan.receipts):
            visitor.receipt = chance.choice(("paper", "paper", "phone"))
        if by_copy:
            # Who has a copy may not have the PIN.
            visitor.guesses = manners.wrong_pin > 0 and chance.strikes(0.5)
            copy = chance.choice(customer.copies)
            who = f"{customer.name}, copy {copy[0]}"
            if who in self.busy:
                return visitor
            visitor.take_copy(*copy)
            customer.blockable = True
            self.world.count("customer: uses a copy")
        self.busy.add(who)
        if customer.kiosk not in {"", kiosk.terminal}:
            self.world.count("customer: comes to another machine")
        customer.kiosk = kiosk.terminal
        self.model.begins(kiosk, customer.card, visitor.stick_number)
        kiosk.display.seen = functools.partial(self._seen, kiosk, visitor)
        kiosk.dark = lambda: visitor.see(None)
        is_free, wants = not (wants or by_copy), wants or self._wish(customer)
        visitor.to = chance.choice([other.account for other in self.customers if other is not customer])
        amount = chance.choice(AMOUNTS)
        if is_free and kiosk.acceptor is not None and chance.strikes(self.plan.deposits):
            wants = "pay_in"
            self._give_notes(kiosk, visitor)
        elif is_free and self.plan.codes and chance.strikes(self.plan.codes):
            visitor.code = await self.staff.code(customer, amount)
            if visitor.code is not None:
                wants = "code"
                self.model.begins(kiosk, visitor.code.code, 0)
        elif is_free and self.plan.errands and chance.strikes(self.plan.errands):
            visitor.errand = self.errands.of_customer(kiosk, customer)
            wants = chance.choice(("nothing", "nothing", "cash"))
        try:
            ended = await visitor.visit(wants, amount)
        finally:
            kiosk.display.seen = functools.partial(self._seen, kiosk, None)
            kiosk.dark = lambda: None
            self.busy.discard(who)
        again, self._before[kiosk.terminal] = self._before.get(kiosk.terminal) == customer.card, customer.card
        if "pin" not in visitor.reached and _goes_on(visitor.reached) and not again:
            # The same card laid down again at once was never gone, for all that a reader sees.
            self.model.wrong(f"{customer.name} went on in somebody else's visit at {kiosk.terminal}")
        self.errands.remembers(customer, visitor.errand)
        if visitor.broke and chance.strikes(self.weather.rates.copy_made) and customer.name not in self.busy:
            # Nobody copies a stick that is in a machine.
            self.staff.copy(customer)
        self.world.count("visits")
        self.world.tell(kiosk.terminal, f"{customer.name}, {wants} {amount}: {' '.join(visitor.reached)}; {ended}")
        return visitor

    def _give_notes(self, kiosk: Kiosk, visitor: Visitor) -> None:
        """Some notes in the customer's hand; now and then a machine that will not do with them what it should."""
        acceptor, chance = kiosk.acceptor, self.chance
        assert acceptor is not None
        visitor.notes = [chance.choice(acceptor.values) for _ in range(chance.randint(1, 5))]

        def put_in(minor: int) -> bool:
            drawn = acceptor.insert(minor)
            if drawn:
                self.model.deposits.inserted(kiosk.terminal, minor)
                self.world.count("customer: pays a note in")
            return drawn

        visitor.put_in = put_in
        if not self.chaos.is_calm and chance.strikes(self.weather.rates.dispenser_fault / 2):
            fault = chance.choice(sorted(set(acceptor.faults) - {"stuck-line"}))
            self.world.count(f"acceptor: {fault}")
            acceptor.fault_once(fault)

    def _wish(self, customer: Customer) -> str:
        """What it is about. Owner and copiers of a card often want the same for some time."""
        chance = self.chance
        if customer.copies and chance.strikes(0.7):
            mood = self.world.chance("mood", customer.name, int(self.world.now // 300))
            return mood.choice(("balance", "send", "send", "cash"))
        if chance.strikes(0.4 if customer.copies else 0.1):
            return "balance"
        return "send" if chance.strikes(0.15) else "cash"

    def _seen(self, kiosk: Kiosk, visitor: Visitor | None, screen: object) -> None:
        self.model.told(kiosk, screen)  # type: ignore[arg-type]  # a Screen
        if getattr(screen, "id", "") == "take.card":
            self.chaos.notes_are_next(kiosk)
        self.troubles.seen(kiosk, screen)  # type: ignore[arg-type]  # a Screen
        if visitor is not None:
            visitor.see(screen)  # type: ignore[arg-type]  # a Screen

    async def _look_after(self) -> None:
        """The operator and the staff, every now and then; sooner where nothing breaks any more."""
        while not self._over:
            await asyncio.sleep(20 if self.chaos.is_calm else 20 + self.chance.random() * 60)
            await self.staff.look_after(self.kiosks)
            for kiosk in self.kiosks:
                # Once all is calm what the machines believe is compared with the books first.
                for_no_reason = self.chance.strikes(self.weather.rates.exchange) and not self.chaos.is_calm
                if self._needs_operator(kiosk) or for_no_reason:
                    await self.operator.exchange(kiosk)
            for customer in (*self.customers, *self.errands.newcomers, *self.errands.operators.values()):
                if customer.blockable and self.chance.strikes(0.1) and customer.name not in self.busy:
                    self.busy.add(customer.name)
                    await self.staff.reissue(customer)
                    self.busy.discard(customer.name)

    def _needs_operator(self, kiosk: Kiosk) -> bool:
        if not kiosk.on or kiosk.machine is None:
            return False
        causes = set(kiosk.machine.service.causes)
        return bool(causes - {Cause.STARTING, Cause.LINE, Cause.BANK, Cause.RECOVERY, Cause.CLOCK})

    async def _settle(self) -> None:
        """Everything ends by itself, with what people do, within the time that is promised."""
        until = self.world.now + CALM_S
        # A machine that has not asked yet does not know that its bank was restored.
        heard = self.world.now + ECHOES_S
        while self.world.now < until:
            await asyncio.sleep(10)
            if self.world.now >= heard and not await self._open_ends():
                self.world.count("settled")
                return
        for end in await self._open_ends():
            self.model.wrong(f"after {CALM_S // 60} calm minutes: {end}")

    async def _open_ends(self) -> list[str]:
        if not self.bank.up:
            return ["the bank is down"]
        ends = [f"{row['hold']} is {row['state']}" for row in await self.bank.sql(
            "SELECT * FROM holds WHERE state IN ('held', 'released')"
        )]  # fmt: skip
        for kiosk in self.kiosks:
            if not kiosk.on or kiosk.machine is None:
                ends.append(f"{kiosk.terminal} is off")
                continue
            journal = kiosk.machine.journal
            if not kiosk.machine.service.in_service:
                ends.append(f"{kiosk.terminal} is out of service: {kiosk.machine.service.sentence}")
            elif journal.outbox_length():
                ends.append(f"{kiosk.terminal} has {journal.outbox_length()} facts in its outbox")
            elif journal.open_transactions():
                ends.append(f"{kiosk.terminal} has open transactions")
            if journal.parked_length():
                ends.append(f"{kiosk.terminal} has parked facts")
        return ends

    async def _reckon(self) -> None:
        """What must have come out."""
        checked = await self.bank.do(q.LedgerCheck)
        for finding in checked.findings if not self.model.lost else ():
            self.model.wrong(f"ledger check before the last exchange: {finding.sentence}")
        for kiosk in self.kiosks:
            await self.operator.exchange(kiosk)
        await self._settle()
        await self.model.vault(self.operator.moved)
        await self.model.ended()
        self.model.trays.ended(self.kiosks)
        for kiosk in self.kiosks:
            self.model.notes(kiosk, self.operator.books[kiosk.terminal])
            if kiosk.acceptor is not None:
                self.model.deposits.notes(kiosk.terminal, kiosk.acceptor.places, kiosk.emptied, kiosk.given_back)
        for _ in range(4):
            await self.staff.close_cases()
        await self.model.resolved()
        checked = await self.bank.do(q.LedgerCheck)
        for finding in checked.findings:
            self.model.wrong(f"ledger check: {finding.sentence}")
        verified = await self.bank.do(q.AuditVerify)
        if not verified.sound:
            self.model.wrong(f"audit verify: {verified}")
        await self._honest_cards()
        await self.errands.newcomers_cards()
        await self.errands.pins_hold()

    async def _honest_cards(self) -> None:
        """No card is blocked by what line, power or stick did."""
        for customer in self.chance.sample(self.customers, 3):
            if customer.blockable:
                continue
            await self.comes_in(customer)

    async def comes_in(self, customer: Customer) -> None:
        visitor = await self.comes(customer)
        if not {"menu", "account", "pin.locked", "unfreeze"} & set(visitor.reached):
            self.model.wrong(f"the honest card of {customer.name} came to {visitor.reached}")

    async def comes(self, customer: Customer, errand: Errand | None = None) -> Visitor:
        """At a machine that waits for somebody, with the best of manners."""
        kiosk = self.chance.choice(self.kiosks)
        await self._until(lambda: kiosk.in_service and kiosk.display.shown is not None
                          and kiosk.display.shown.id == "welcome", 120)  # fmt: skip
        return await self.visit(kiosk, customer, Manners(), "balance", errand=errand)

    async def _until(self, holds: object, seconds: float) -> None:
        until = self.world.now + seconds
        while not holds():  # type: ignore[operator]  # a callable
            if self.world.now > until:
                raise TimeoutError("the world did not come to what was waited for")
            await asyncio.sleep(0.1)


def _goes_on(reached: list[str]) -> bool:
    """Whether a menu was good for something. One that is shown at the end of a visit ends it, and asks nothing."""
    after = reached[reached.index("menu") + 1 :] if "menu" in reached else []
    return bool(after) and after[0] not in {"cancelled", "take.card", "thanks"}
