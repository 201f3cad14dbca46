"""A small town in virtual time: one real bank, one real kiosk on simulated pins, and a line between them that breaks.

Replaced are time, randomness, the transport, the stick and the pins; everything else is the code that ships.

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        ...
    run_town(tmp_path, story)
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from sqlalchemy import text
from support.virtual_time import InlineExecutor, run_virtual

from bank.audit import tables as _audit_tables  # noqa: F401 - puts its tables onto the metadata
from bank.authoriser.context import Limits
from bank.decision.committer import Committer
from bank.decision.sweep import Sweeper
from bank.host import Host as BankHost
from bank.host import tools_maker
from bank.keys.decision_keys import DecisionKeys
from bank.keys.keyring import KeyRing
from bank.ledger.rows import Account, Card, CardAccount, Customer, Terminal
from bank.ledger.view import Books, View
from bank.ledger.write import write
from bank.schema import metadata
from bank.store.store import Store
from bank_link.card_file import SIZE, check_digit, compose
from bank_link.envelope import unseal
from bank_link.errors import LinkError, MessageRefused, NotSent, OutcomeUnknown
from bank_link.identity import Identity
from bank_link.keys import signing_public
from config.load import example_kiosk, load_kiosk
from drivers.gpio import Board
from drivers.simulated.dispenser import ElectricDispenser
from drivers.simulated.keypad import ElectricKeypad
from drivers.simulated.pins import SimulatedPins
from drivers.simulated.stick import SimulatedSlot, SimulatedStick
from drivers.stick_reader import StickReader
from kiosk.cabinet import Devices, build, cabinet, dispenser_wiring, keypad_wiring
from kiosk.display.face import Look
from kiosk.journal.store import Journal
from kiosk.machine import Machine, World
from kiosk.operator.exchange import Count, exchange
from kiosk.screens.model import Screen
from kiosk.screens.words.load import load_words

EPOCH_MS = 1_790_000_000_000
PIN = "4711"


class SeededRandom:
    """Randomness from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def token_bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)


class LoopClock:
    """Wall time as the loop's time after a fixed beginning."""

    def now_ms(self) -> int:
        return EPOCH_MS + int(asyncio.get_running_loop().time() * 1000)


class TownLine:
    """The line: `before` and `after` may be set to hurt a request or its answer (by kind); they may sleep or raise."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self.cut = False
        self.log: list[str] = []
        self.before: Callable[[str], Coroutine[Any, Any, None]] | None = None
        self.after: Callable[[str], Coroutine[Any, Any, None]] | None = None
        self.copies: dict[str, int] = {}
        self.frames: list[bytes] = []

    async def exchange(self, request: bytes, timeout_ms: int) -> bytes:
        kind = unseal(request).envelope.kind
        self.log.append(kind)
        self.frames.append(request)
        if self.cut:
            raise NotSent("the line is cut")
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                return await self._exchange(kind, request)
        except TimeoutError as error:
            raise OutcomeUnknown("no answer in time") from error

    async def _exchange(self, kind: str, request: bytes) -> bytes:
        await asyncio.sleep(0.02)
        if self.before is not None:
            await self.before(kind)
        for _ in range(self.copies.get(kind, 0)):
            asyncio.get_running_loop().create_task(self._town.deliver(request))
        answer = await self._town.deliver(request)
        if self.after is not None:
            await self.after(kind)
        if answer is None:
            raise OutcomeUnknown("the bank closed the connection")
        return answer

    async def reset(self) -> None:
        """Nothing is kept alive here."""


class ToldCustomer:
    """A display that is told each screen and remembers it; `answers` press keys when a screen appears."""

    def __init__(self) -> None:
        self.screens: list[Screen] = []
        self.shown: Screen | None = None
        self._press: Callable[[str], None] = lambda _: None
        self.on_screen: Callable[[Screen], None] = lambda _: None

    def show(self, screen: Screen, look: Look = Look()) -> None:
        if self.shown is None or screen != self.shown:
            self.screens.append(screen)
            self.shown = screen
            asyncio.get_running_loop().call_later(0.3, self.on_screen, screen)

    def listen(self, pressed: Callable[[str], None]) -> None:
        self._press = pressed

    def press(self, keys: str) -> None:
        for key in keys:
            self._press(key)

    async def run(self) -> None:
        await asyncio.Event().wait()

    def close(self) -> None:
        """Nothing to give back."""

    @property
    def ids(self) -> list[str]:
        """Screen ids in their order, repeats of one folded."""
        folded: list[str] = []
        for screen in self.screens:
            if not folded or folded[-1] != screen.id:
                folded.append(screen.id)
        return folded


@dataclass
class TownCard:
    """A customer's stick and what belongs to it."""

    number: str
    reference: str
    account: str
    stick: SimulatedStick
    pin: str = PIN


@dataclass
class Bank:
    """The bank of the town; `open` again after `close` is a restart."""

    directory: Path
    random: SeededRandom
    limits: Limits
    executor: Executor = field(default_factory=InlineExecutor)
    ring: KeyRing | None = None
    store: Store | None = None
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)

    async def open(self) -> None:
        keys = self.directory / "keys"
        if not keys.exists():
            self.ring = KeyRing.create(
                keys, random=self.random, bank_name="Harbour", hosts=("localhost",), now_ms=LoopClock().now_ms()
            )
        else:
            self.ring = KeyRing.load(keys, random=self.random)
        self.store = await Store.open(self.directory / "books.sqlite", executor=self.executor)
        await self.store.create_all(metadata)
        self.keys = DecisionKeys(self.ring)
        self.tools = tools_maker(
            clock=LoopClock(), limits=self.limits, keys=self.keys, random=self.random, audit_head=lambda: "none"
        )
        committer = Committer(self.store, self.tools)
        self.host = BankHost(
            store=self.store, committer=committer, clock=LoopClock(), challenge_key=self.ring.challenge_key()
        )
        self.sweeper = Sweeper(self.store, self.tools)
        self.tasks = [asyncio.create_task(committer.run()), asyncio.create_task(self.sweeper.run())]

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        assert self.store is not None
        await self.store.close()

    async def sql(self, statement: str, **values: Any) -> list[Any]:
        assert self.store is not None
        return await self.store.read(lambda c: list(c.execute(text(statement), values).mappings()))

    async def change(self, changes: Callable[[View], None]) -> None:
        """Put rows into the books, as a command would."""
        assert self.store is not None
        async with self.store.transaction() as tx:
            books = Books()
            view = View(books)
            changes(view)
            await tx.run(write, books, view)

    async def execute(self, statement: str, **values: Any) -> None:
        assert self.store is not None
        async with self.store.transaction() as tx:
            await tx.run(lambda c: c.execute(text(statement), values))


class Town:
    """One bank, one kiosk, some customers."""

    def __init__(self, directory: Path, seed: int = 1, **limits: Any) -> None:
        self.directory = directory
        self.random = SeededRandom(seed)
        wanted = {"currency": "USD", "day_amount_minor": 500_00, "day_count": 10, "most_per_withdrawal_minor": 500_00}
        (directory / "bank").mkdir(parents=True, exist_ok=True)
        self.bank = Bank(directory / "bank", self.random, Limits(**(wanted | limits)))
        self.line = TownLine(self)
        self.display = ToldCustomer()
        self.slot = SimulatedSlot()
        self.signing_key = self.random.token_bytes(32)
        self.generation = 1
        self.bank_is_up = True
        self.loaded = {"top": 20, "middle": 20, "bottom": 20}
        self._cards = 0
        self._task: asyncio.Task[None] | None = None
        self._config()
        self.pins = SimulatedPins()
        self.dispenser = ElectricDispenser(self.pins, dispenser_wiring(self.config))
        self.keypad = ElectricKeypad(self.pins, keypad_wiring(self.config))

    def _config(self) -> None:
        (self.directory / "kiosk").mkdir(parents=True, exist_ok=True)
        path = self.directory / "kiosk" / "kiosk.toml"
        path.write_text(example_kiosk("laptop", state="state", auth_file="atm.auth", key_file="atm.key"))
        self.config = load_kiosk(path)

    # ── Bank ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def deliver(self, request: bytes) -> bytes | None:
        if not self.bank_is_up:
            raise NotSent("the bank does not listen")
        try:
            return await self.bank.host.handle(request, peer="town")
        except MessageRefused:
            return None

    async def enrol(self) -> None:
        await self.bank.change(
            lambda view: view.put(
                Terminal(
                    terminal="T1", generation=self.generation, public_key=signing_public(self.signing_key),
                    fingerprint="none", state="active",
                )
            )
        )  # fmt: skip

    async def customer(self, balance: int, accounts: int = 1) -> TownCard:
        """A customer with a card and `balance` (minor units) in each account."""
        self._cards += 1
        number = f"99990000000{self._cards:04d}"
        number += check_digit(number)
        reference = self.bank.keys.card_reference(number)
        salt = self.random.token_bytes(16)
        ring = self.bank.ring
        assert ring is not None
        from bank.cards import ratchet

        state = ratchet.issue(LoopClock().now_ms())
        names = [f"10{self._cards:04d}{place}" for place in range(accounts)]

        def put(view: View) -> None:
            view.put(Customer(customer=f"C{self._cards}", name="Ada"))
            for place, name in enumerate(names):
                view.put(
                    Account(account=name, kind="customer", owner=f"C{self._cards}", label="Everyday", currency="USD")
                )
                from bank.ledger.moves import transfer
                from bank_link.money import Money

                if balance:
                    transfer(
                        view, debit="equity.USD", credit=name, amount=Money(balance, "USD"), kind="opening", at_ms=1
                    )
                view.put(CardAccount(card=reference, account=name, place=place))
            view.put(
                Card(
                    card=reference, last4=number[-4:], sealed_number=b"sealed", customer=f"C{self._cards}",
                    expiry="2036-12", confirmed_epoch=state.confirmed[0], confirmed_n=state.confirmed[1],
                    issued_epoch=state.issued[0], issued_n=state.issued[1], salt=salt,
                    pvv=ring.pvv(ring.pvv_version(), reference, salt, PIN), pvv_version=ring.pvv_version(),
                )
            )  # fmt: skip

        await self._with_equity(put)
        epoch, n = state.issued
        content = compose(number, "harbour", 203612, epoch, n, self.bank.keys.card_secret(reference, epoch, n))
        assert len(content) == SIZE
        return TownCard(number, reference, names[0], SimulatedStick(content))

    async def _with_equity(self, put: Callable[[View], None]) -> None:
        found = await self.bank.sql("SELECT * FROM accounts WHERE account = 'equity.USD'")

        def changes(view: View) -> None:
            if found:
                view._under.load(Account(**found[0]))  # type: ignore[union-attr]
            put(view)

        await self.bank.change(changes)

    async def balance(self, card: TownCard) -> tuple[int, int]:
        """(balance, held) of the card's first account."""
        row = (await self.bank.sql("SELECT * FROM accounts WHERE account = :a", a=card.account))[0]
        return row["balance_minor"], row["held_minor"]

    # ── Kiosk ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def start_kiosk(self) -> None:
        """Power on: the journal that is there, the devices, the machine."""
        state = self.directory / "kiosk" / "state"
        state.mkdir(exist_ok=True)
        board = Board(self.pins)
        devices = build(self.config, board)
        devices = Devices(
            devices.dispenser, devices.keypad,
            StickReader(self.slot, SIZE, executor=InlineExecutor()), devices.indicators,
        )  # fmt: skip
        holder: list[Machine] = []
        journal = Journal.open(
            state / "journal.sqlite", random=self.random, now=lambda: holder[0].host.now() if holder else 0
        )
        assert self.bank.ring is not None
        identity = Identity(
            terminal="T1", generation=self.generation, signing_key=self.signing_key, certificate="",
            cas=self.bank.ring.ca_pems(), address="localhost:1", bank="Harbour",
        )  # fmt: skip
        machine = Machine(
            config=self.config, identity=identity, journal=journal, devices=devices, display=self.display,
            words=load_words(), world=World(line=self.line, random=self.random, clock=LoopClock()),
        )  # fmt: skip
        holder.append(machine)
        self.machine = machine
        machine.start()
        self._task = asyncio.create_task(machine.run())

    async def stop_kiosk(self) -> None:
        """Power off, as far as asyncio can: the journal closes, nothing more happens."""
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self.machine.journal.close()

    async def power_cut(self) -> None:
        """Whatever was under way is gone; motors stop, files stay as they are."""
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self.machine.journal._connection.close()
        self.slot.pull()

    def load_cash(self, **notes: int) -> None:
        """An operator's exchange: notes into the mechanism, and the counts into the journal."""
        for name, count in notes.items():
            self.dispenser.load(name, count)
        exchange(
            self.machine.journal, cabinet(self.config), generation=self.generation,
            loaded={name: Count(count) for name, count in notes.items()}, found={}, by="Olga",
            now=self.machine.host.now(),
        )  # fmt: skip
        self.machine.exchanged()

    async def open_for_business(self) -> None:
        """Bank open, terminal enrolled, kiosk on, cash loaded, in service."""
        await self.bank.open()
        await self.enrol()
        self.start_kiosk()
        self.load_cash(**self.loaded)
        await self.in_service()

    async def in_service(self, seconds: float = 120) -> None:
        async with asyncio.timeout(seconds):
            while not self.machine.service.in_service:
                await asyncio.sleep(0.5)

    def alive(self) -> None:
        """The machine's task must not have died."""
        assert self._task is not None
        if self._task.done():
            self._task.result()

    # ── Customers ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def see(self, *ids: str, seconds: float = 300) -> Screen:
        """Wait until a screen with one of these ids is shown."""
        try:
            async with asyncio.timeout(seconds):
                while self.display.shown is None or self.display.shown.id not in ids:
                    self.alive()
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"no {ids} in {seconds} s; saw {self.display.ids}") from None
        return self.display.shown

    async def press(self, keys: str) -> None:
        for key in keys:
            await asyncio.sleep(0.2)
            self.display.press(key)
        await asyncio.sleep(0.2)

    async def enter_pin(self, card: TownCard, pin: str = PIN) -> None:
        await self.see("welcome")
        self.slot.insert(card.stick)
        await self.see("pin", "pin.wrong")
        await self.press(pin + "D")

    async def choose(self, key: str) -> None:
        """Press the digit of the card that has this key on the screen that is shown."""
        shown = self.display.shown
        choices = getattr(shown, "choices", ())
        for place, choice in enumerate(choices, start=1):
            if choice.key == key:
                await self.press(str(place))
                return
        raise AssertionError(f"{key} is not on {shown}")

    async def withdraw(self, card: TownCard, amount: int) -> str:
        """A whole withdrawal of `amount` whole dollars; returns the id of the screen that it ended on."""
        await self.enter_pin(card)
        await self.see("menu")
        await self.choose("cash")
        await self.see("cash")
        keys = {choice.key for choice in self.display.shown.choices if choice.enabled}
        if f"amount:{amount}00" in keys:
            await self.choose(f"amount:{amount}00")
        else:
            await self.choose("other")
            await self.see("cash.other")
            await self.press(f"{amount}D")
        shown = await self.see("cash.mix", "take.card", "cash.limit", "cash.short", "cash.nearest", "e.line")
        if shown.id == "cash.mix":
            await self.choose("fewest")
            shown = await self.see("take.card", "cash.limit", "cash.short", "e.line", "e.refused")
        if shown.id != "take.card":
            return shown.id
        self.slot.pull()
        ended = await self.see("take.cash", "e.nocash", "e.jam")
        self.dispenser.take_cash()
        return ended.id

    @property
    def customers_notes(self) -> dict[str, int]:
        return {name: where.customer for name, where in self.dispenser.physical.items()}


def run_town(directory: Path, story: Callable[[Town], Coroutine[Any, Any, None]], seed: int = 1, **limits: Any) -> None:
    """Run a story to its end in virtual time."""

    async def whole() -> None:
        town = Town(directory, seed, **limits)
        await story(town)
        town.alive()
        await town.stop_kiosk()
        await town.bank.close()

    run_virtual(whole())


__all__ = ["LinkError", "Town", "TownCard", "replace", "run_town"]
