"""One transaction without a customer: recovery, sign-on, one visit by the code that serves people, facts delivered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from bank_link.card_file import SIZE, CardFile, masked, parse
from bank_link.errors import CardFileError
from bank_link.money import Money
from config.kiosk import KioskConfig, Pn532ReaderConfig
from drivers.gpio import Board
from drivers.stick_reader import StickReader
from kiosk import visit
from kiosk.assembly import Opened, Seams, assemble
from kiosk.cabinet import Devices
from kiosk.exit_codes import Code, CommandError
from kiosk.journal.store import Journal
from kiosk.machine import Hooks, Machine
from kiosk.once_result import Result, Told, judged
from kiosk.parts import Visit
from kiosk.screens.words.load import Words
from kiosk.service_state import Cause
from kiosk.simulator.laptop import Laptop
from kiosk.simulator.slots import CardInPlace
from kiosk.transactions import balance, withdrawal
from kiosk.unattended import NoDisplay, Unattended

#: The stick is looked for this often: nobody is there who would hold it in.
POLL_MS = 20
INSERTED_S = 5.0
#: Facts of an earlier transaction must be at the bank first; those of this one may follow later.
RECOVERED_S = 30.0
DELIVERED_S = 20.0


@dataclass(frozen=True, kw_only=True)
class Wish:
    """`amount` None: the balance. `pin` is shown nowhere."""

    card: Path
    pin: str
    amount: Money | None

    def __repr__(self) -> str:
        return f"<Wish {self.amount or 'balance'}>"


@dataclass(frozen=True, kw_only=True)
class Given:
    """What the caller has opened already."""

    config: KioskConfig
    opened: Opened
    journal: Journal
    seams: Callable[[Laptop, CardInPlace], Seams]
    words: Words


async def once(given: Given, wish: Wish) -> Result:
    """Raises CommandError with the code that fits, JournalError, DeviceError, LinkError, StateError."""
    card = _card(wish.card)
    with ExitStack() as stack:
        laptop = Laptop(given.config)
        stack.callback(laptop.close)
        slot = CardInPlace(_file_name(given.config))
        stack.callback(slot.pull)
        machine = assemble(
            stack, given.config, given.opened, given.seams(laptop, slot), display=NoDisplay(), words=given.words,
            hooks=Hooks(), journal=given.journal,
        )  # fmt: skip
        await _ready(machine, for_cash=wish.amount is not None)
        customer = Unattended(
            given.words, slot=slot, pin=wish.pin, amount=wish.amount, take_cash=laptop.dispenser.take_cash
        )
        return await _visit(machine, customer, slot, wish, card)


async def _visit(machine: Machine, customer: Unattended, slot: CardInPlace, wish: Wish, card: CardFile) -> Result:
    told = Told()
    slot.insert(wish.card)
    async with asyncio.timeout(INSERTED_S):
        await machine.devices.reader.inserted()

    async def wanted(begun: Visit) -> None:
        if wish.amount is not None:
            await withdrawal.run(begun)
        else:
            told.figures = await balance.run(begun)

    await visit.serve(replace(machine.parts, ask=customer), wanted)
    _in_order(machine)
    told.delivered = await _delivered(machine, DELIVERED_S)
    told.seen = customer.seen
    told.story = machine.journal.since("booted")
    return judged(told, wish.amount, masked(card.card))


async def _ready(machine: Machine, *, for_cash: bool) -> None:
    """Signed on, everything of the past delivered, nothing out of order; else CommandError says what is not."""
    answered = await machine.line_keeper.once()
    why = machine.service.causes
    if not answered:
        refused = why.get(Cause.BANK, "")
        raise CommandError(refused or why.get(Cause.LINE, "the bank does not answer"), _code(bool(refused)))
    if not await _delivered(machine, RECOVERED_S):
        raise CommandError(
            f"{machine.journal.outbox_length()} facts of earlier transactions could not be delivered; "
            "nothing new is begun before", Code.LINE_DOWN,
        )  # fmt: skip
    if machine.handover is not None:
        await machine.handover.clear_now()
    machine.health.look()
    why = machine.service.causes
    if not for_cash:
        why.pop(Cause.CASH, None)
    # An empty machine is the least of it: whatever else there is says more.
    for cause, sentence in sorted(why.items(), key=lambda one: one[0] is Cause.CASH):
        raise CommandError(f"{_REASONS.get(cause, '')}{sentence}", _CODES.get(cause, Code.REFUSED))


def _in_order(machine: Machine) -> None:
    """A journal that failed during the visit has closed the machine."""
    failed = machine.service.causes.get(Cause.JOURNAL)
    if failed:
        raise CommandError(failed, Code.STATE)


def _code(refused: bool) -> Code:
    return Code.REFUSED if refused else Code.LINE_DOWN


_CODES = {
    Cause.JOURNAL: Code.STATE, Cause.CONFIG: Code.STATE, Cause.CLOCK: Code.STATE, Cause.LINE: Code.LINE_DOWN,
    Cause.DISPENSER: Code.DEVICE, Cause.READER: Code.DEVICE, Cause.KEYPAD: Code.DEVICE, Cause.DOOR: Code.DEVICE,
}  # fmt: skip
_REASONS = {Cause.CASH: "no-cash: ", Cause.BANK: "terminal: ", Cause.EXCHANGE: "exchange: "}


async def _delivered(machine: Machine, seconds: float) -> bool:
    """Whether every fact is with the bank now."""
    try:
        async with asyncio.timeout(seconds):
            await machine.outbox.deliver()
    except TimeoutError:
        pass
    return machine.journal.outbox_length() == 0


def _card(path: Path) -> CardFile:
    """Looked at before anything else happens. Raises CommandError."""
    try:
        if path.stat().st_size != SIZE:
            raise CommandError(f"{path} is no card: a card file has {SIZE} bytes, not {path.stat().st_size}")
        return parse(path.read_bytes())
    except OSError as error:
        raise CommandError(f"the card file {path} cannot be read: {(error.strerror or 'error').lower()}") from error
    except CardFileError as error:
        raise CommandError(f"{path}: {error}") from error


def _file_name(config: KioskConfig) -> str:
    reader = config.card_reader
    return "card.atm" if isinstance(reader, Pn532ReaderConfig) else reader.file


def devices(laptop: Laptop, slot: CardInPlace, executor: Executor) -> Callable[[KioskConfig, Board], Devices]:
    """The laptop's devices, but a reader whose card stays in its place."""

    def built(config: KioskConfig, board: Board) -> Devices:
        made = laptop.devices(config, board)
        reader = StickReader(
            slot, SIZE, executor=executor, file_name=_file_name(config), poll_ms=POLL_MS
        )  # fmt: skip
        return replace(made, reader=reader)

    return built
