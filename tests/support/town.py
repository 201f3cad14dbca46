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
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import text
from support.hall import csr_of, sealed
from support.virtual_time import InlineExecutor, run_virtual

from bank.assembly import Bank as AssembledBank
from bank.assembly import open_bank
from bank.commands import requests as q
from bank.founding import Charter, found
from bank.host import Host as BankHost
from bank.keys.keyring import KeyRing
from bank_link.card_file import SIZE, parse
from bank_link.enrolment_string import fingerprint, token_text
from bank_link.enrolment_string import parse as parse_string
from bank_link.envelope import decode_answer, unseal
from bank_link.errors import MessageRefused, NotSent, OutcomeUnknown
from bank_link.identity import Identity
from bank_link.keys import signing_public
from bank_link.messages import Enrol, Enrolled
from config.load import example_kiosk, load_kiosk
from drivers.devices import CardReader, Holds
from drivers.gpio import Board
from drivers.simulated.cash_tray import ElectricCashTray
from drivers.simulated.dispenser import ElectricDispenser
from drivers.simulated.door import ElectricDoor
from drivers.simulated.jack import ElectricJack
from drivers.simulated.keypad import ElectricKeypad
from drivers.simulated.note_acceptor import ElectricNoteAcceptor
from drivers.simulated.pins import SimulatedPins
from drivers.simulated.speaker import SimulatedSpeaker
from drivers.simulated.stick import SimulatedSlot, SimulatedStick
from drivers.stick_reader import StickReader
from kiosk.cabinet import (
    Devices,
    acceptor_pulses,
    acceptor_wiring,
    build,
    dispenser_wiring,
    input_,
    keypad_wiring,
    tray_wiring,
)
from kiosk.display.face import Look
from kiosk.journal.progress import BOX
from kiosk.journal.store import Journal
from kiosk.machine import Machine, World
from kiosk.operator.exchange import Count, cabinet, exchange
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


class Bank:
    """The town's bank, as `bank.assembly` opens it; `open` again after `close` is a restart."""

    def __init__(self, directory: Path, random: SeededRandom, limits: dict[str, int | str]) -> None:
        self.directory = directory
        self._random = random
        self._limits = limits
        self._task: asyncio.Task[None] | None = None
        self.books: AssembledBank = None  # type: ignore[assignment]  # until `open`

    async def open(self) -> None:
        with_seams = {"clock": LoopClock(), "random": self._random, "executor": InlineExecutor()}
        if not self.directory.exists():
            await found(self.directory, Charter(name="Harbour", currency="USD"), by="staff", **with_seams)
            config = self.directory / "bank.toml"
            text = config.read_text()
            for key, value in self._limits.items():
                text = re.sub(rf'^{key} = (\d+|".*?")', f"{key} = {value}", text, flags=re.MULTILINE)
            config.write_text(text)
        self.books = await open_bank(self.directory, **with_seams)
        self._task = asyncio.create_task(self.books.run())

    async def close(self) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.books.close()

    @property
    def host(self) -> BankHost:
        return self.books.host

    @property
    def ring(self) -> KeyRing:
        return self.books.ring

    async def sql(self, statement: str, **values: Any) -> list[Any]:
        return await self.books.store.read(lambda c: list(c.execute(text(statement), values).mappings()))

    async def do(self, command: type[q.Command], **fields: Any) -> Any:
        """A command of the staff."""
        return await self.books.execute(command(by="staff", **fields))


class Town:
    """One bank, one kiosk, some customers."""

    #: What its configuration has besides.
    also = ""

    def __init__(self, directory: Path, seed: int = 1, holds: str = "bundle", **limits: int | str) -> None:
        """`holds`: what the note acceptor can hold back."""
        self.directory = directory
        self._holds = holds
        self.random = SeededRandom(seed)
        self.bank = Bank(directory / "bank", self.random, limits)
        self.line = TownLine(self)
        self.display = ToldCustomer()
        self.slot = SimulatedSlot()
        self.signing_key = self.random.token_bytes(32)
        self.identity: Identity | None = None
        self.bank_is_up = True
        self.loaded = {"top": 20, "middle": 20, "bottom": 20}
        self.languages = ("en",)
        self._task: asyncio.Task[None] | None = None
        self._config()
        self.pins = SimulatedPins()
        self.dispenser = ElectricDispenser(self.pins, dispenser_wiring(self.config))
        self.keypad = ElectricKeypad(self.pins, keypad_wiring(self.config))
        self.jack = ElectricJack(self.pins, input_(self.config.voice.jack))
        self.speaker = SimulatedSpeaker()
        wanted = self.config.note_acceptor
        self.acceptor = ElectricNoteAcceptor(
            self.pins, acceptor_wiring(wanted), pulses=acceptor_pulses(self.config), holds=Holds(wanted.holds.value),
            most=wanted.most,
        )  # fmt: skip
        self.doors = {door.name: ElectricDoor(self.pins, input_(door.switch)) for door in self.config.doors}

    def _config(self) -> None:
        (self.directory / "kiosk").mkdir(parents=True, exist_ok=True)
        path = self.directory / "kiosk" / "kiosk.toml"
        text = example_kiosk("laptop", state="state", auth_file="atm.auth", key_file="atm.key")
        if self._holds != "bundle":
            text += f'\n[note_acceptor]\nholds = "{self._holds}"\nmost = {1 if self._holds == "note" else 20}\n'
        path.write_text(text + self.also)
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
        """The real enrolment, without its transport."""
        opened = await self.bank.do(q.EnrolmentOpen, terminal="T1" if self.identity else "")
        request = Enrol(
            token=token_text(parse_string(opened.string).token), csr=csr_of(self.signing_key),
            fingerprint=fingerprint(signing_public(self.signing_key)),
        )  # fmt: skip
        data = await self.bank.books.enrolment.handle(sealed(request), peer="192.0.2.7")
        enrolled = decode_answer(unseal(data).envelope.body)
        assert isinstance(enrolled, Enrolled), enrolled
        self.identity = Identity(
            terminal=enrolled.terminal, generation=enrolled.generation, signing_key=self.signing_key,
            certificate=enrolled.certificate, cas=enrolled.cas, address=enrolled.address, bank=enrolled.bank,
        )  # fmt: skip
        await self.bank.do(q.TerminalConfirm, terminal="T1", fingerprint=request.fingerprint)

    async def customer(self, balance: int, language: str = "en") -> TownCard:
        """A customer with an account of `balance` (minor units) and a card."""
        customer = (await self.bank.do(q.CustomerAdd, name="Ada", language=language)).customer
        account = await self.bank.do(
            q.AccountOpen, customer=customer, label="Everyday", opening=f"{balance // 100}.{balance % 100:02d}"
        )
        made = await self.bank.do(q.CardIssue, customer=customer, pin=PIN)
        return TownCard(parse(made.file).card, made.card, account.account, SimulatedStick(made.file))

    async def balance(self, card: TownCard) -> tuple[int, int]:
        """(balance, held) of the card's first account."""
        row = (await self.bank.sql("SELECT * FROM accounts WHERE account = :a", a=card.account))[0]
        return row["balance_minor"], row["held_minor"]

    # ── Kiosk ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _reader(self) -> CardReader:
        return StickReader(self.slot, SIZE, executor=InlineExecutor())

    def start_kiosk(self) -> None:
        """Power on: the journal that is there, the devices, the machine."""
        state = self.directory / "kiosk" / "state"
        state.mkdir(exist_ok=True)
        board = Board(self.pins)
        devices = build(self.config, board)
        devices = Devices(
            devices.dispenser, devices.keypad,
            self._reader(), devices.indicators, devices.jack, self.speaker,
            devices.acceptor, doors=devices.doors, tray=devices.tray,
        )  # fmt: skip
        holder: list[Machine] = []
        journal = Journal.open(
            state / "journal.sqlite", random=self.random, now=lambda: holder[0].host.now() if holder else 0
        )
        assert self.identity is not None
        identity = replace(self.identity, signing_key=self.signing_key)
        machine = Machine(
            config=self.config, identity=identity, journal=journal, devices=devices, display=self.display,
            words=load_words(*self.languages), world=World(line=self.line, random=self.random, clock=LoopClock()),
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
        # Where the cut met a machine that was stopping already, it has not let go of its pins.
        self.machine.devices.close()
        self.acceptor.power_off()
        self.slot.pull()

    def load_cash(self, **notes: int) -> None:
        """An operator's exchange: notes into the mechanism, and the counts into the journal."""
        for name, count in notes.items():
            if name == BOX:
                self.acceptor.empty_box()
            else:
                self.dispenser.load(name, count)
        exchange(
            self.machine.journal, cabinet(self.config), generation=self.machine.host.generation,
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

    async def no_receipt(self) -> None:
        """The last question before the cash."""
        await self.see("cash.receipt")
        await self.choose("no")

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
        shown = await self.see("cash.mix", "cash.receipt", "cash.limit", "cash.short", "cash.nearest", "e.line")
        if shown.id == "cash.mix":
            await self.choose("fewest")
            shown = await self.see("cash.receipt")
        if shown.id == "cash.receipt":
            await self.choose("no")
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


class TrayTown(Town):
    """Its machine has a tray that sees the cash, and takes back what is left in it."""

    also = "\n[cash_tray]\nfitted = true\n"

    def __init__(self, directory: Path, seed: int = 1, holds: str = "bundle", **limits: int | str) -> None:
        super().__init__(directory, seed, holds, **limits)
        assert self.config.cash_tray is not None
        self.tray = ElectricCashTray(self.pins, tray_wiring(self.config.cash_tray), self.dispenser)


def run_town(
    directory: Path, story: Callable[[Town], Coroutine[Any, Any, None]], seed: int = 1, holds: str = "bundle",
    kind: Callable[..., Town] = Town, **limits: int | str,
) -> None:  # fmt: skip
    """Run a story to its end in virtual time. `kind` makes the town."""

    async def whole() -> None:
        town = kind(directory, seed, holds, **limits)
        await story(town)
        town.alive()
        await town.stop_kiosk()
        await town.bank.close()

    run_virtual(whole())


__all__ = ["Town", "TownCard", "run_town"]
