"""A kiosk as a machine: the firmware that ships, in a cabinet, on a disk, under power that can go off."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from simulation.disk import Disk, PowerCut
from simulation.hardware import (
    PoweredPins,
    PoweredSerial,
    PoweredSlot,
    Screenside,
    TagSlot,
    WatchedDispenser,
    WatchedDoor,
    WatchedTray,
)
from simulation.world import Power, SlowExecutor, World, WorldClock

from bank_link.card_file import SIZE
from bank_link.identity import Identity
from bank_link.money import Money
from config.kiosk import EscrowKind, Guards, KioskConfig
from drivers.devices import CardReader, DeviceState, Holds
from drivers.gpio import Board
from drivers.pn532_reader import Pn532Reader
from drivers.receipt_printer import EscposPrinter
from drivers.simulated.keypad import ElectricKeypad
from drivers.simulated.line import VirtualWire
from drivers.simulated.note_acceptor import ElectricNoteAcceptor
from drivers.simulated.pins import SimulatedPins
from drivers.simulated.receipt_printer import ElectricReceiptPrinter, Receipt
from drivers.stick_reader import StickReader
from kiosk.cabinet import (
    Devices,
    acceptor_pulses,
    acceptor_wiring,
    build,
    dispenser_wiring,
    input_,
    keypad_wiring,
    note_value,
    tray_wiring,
)
from kiosk.control import KioskControl, Load
from kiosk.journal.progress import box
from kiosk.journal.store import Journal, JournalError
from kiosk.machine import Machine
from kiosk.machine import World as Seams
from kiosk.operator.desk import Desk
from kiosk.screens.words.load import load_words

JOURNAL = Path("/state/journal.sqlite")
WORDS = load_words()


def discard(disk: Disk) -> None:
    """Python does not see that SQLite holds a disk's files: what they know of the world is cut off by hand."""
    disk.close()
    disk.effect = lambda _: None


class Kiosk:
    """A cabinet with its devices and disk, and the machine in it while the power is on."""

    def __init__(
        self, world: World, terminal: str, config: KioskConfig, line: Callable[[Kiosk, Power], Any], *,
        contactless: bool = False, lying: bool = False, holds: str = "", doors: bool = False,
        prints: bool = False,
    ) -> None:  # fmt: skip
        """`holds`: what its note acceptor can hold back; "" for a machine without one. `doors`: they are watched.
        `prints`: it has a receipt printer.
        """
        self.world, self.terminal, self.config = world, terminal, config
        self.chance = world.chance("kiosk", terminal)
        self.clock = WorldClock(world)
        self.signing_key = self.chance.token_bytes(32)
        self.identity: Identity | None = None
        self.display = Screenside(world)
        self.slot: PoweredSlot | TagSlot = TagSlot() if contactless else PoweredSlot()
        self._lying = lying
        self.values = {cassette.name: note_value(config, cassette).minor for cassette in config.cassettes}
        self.cut_at_note: tuple[int, int] | None = None  # so many movements of notes later, so many effects after it
        self.pins = SimulatedPins()
        self.moved: Callable[[], None] = lambda: None
        self._empty: set[str] = set()
        self.dispenser = WatchedDispenser(self.pins, dispenser_wiring(config), changed=self._moved)
        self.tray = self._tray()
        self.doors = tuple(
            WatchedDoor(world, self.pins, input_(door.switch), guards_cash=door.guards is Guards.CASH)
            for door in (config.doors if doors else ())
        )
        self.printer = ElectricReceiptPrinter(changed=self._paper_moved) if prints else None
        self.printed: Callable[[Receipt], None] = lambda _: None
        self.keypad = ElectricKeypad(self.pins, keypad_wiring(config))
        self.acceptor = self._acceptor(holds) if holds else None
        self.emptied = self.given_back = 0  # out of the acceptor, in minor units: by operators, to customers
        self.notes_moved: Callable[[], None] = lambda: None
        self.power: Power | None = None
        self.machine: Machine | None = None
        self.refused = ""
        self.ended: Callable[[str], None] = lambda _: None
        self.dark: Callable[[], None] = lambda: None
        self.forgot: Callable[[], None] = lambda: None
        self.cut_in: int | None = None
        self._line = line
        self.starts = 0
        self.started_at = self.exchanged_at = 0.0
        self.was_paying = False  # when the power went off
        self.disk = self._new_disk()

    def _acceptor(self, holds: str) -> ElectricNoteAcceptor:
        wanted = self.config.note_acceptor
        assert wanted is not None
        wanted = replace(wanted, holds=EscrowKind(holds), most=1 if holds == "note" else wanted.most)
        self.config = replace(self.config, note_acceptor=wanted)
        return ElectricNoteAcceptor(
            self.pins, acceptor_wiring(wanted), pulses=acceptor_pulses(self.config), holds=Holds(holds),
            most=wanted.most, changed=lambda: self.notes_moved(),  # noqa: PLW0108 - who listens is set later
        )  # fmt: skip

    def _tray(self) -> WatchedTray | None:
        wanted = self.config.cash_tray
        return WatchedTray(self.world, self.pins, tray_wiring(wanted), self.dispenser) if wanted is not None else None

    def empty_tray(self) -> None:
        """Whoever opens a machine that says so takes out what it could not move; its tray is mended."""
        if self.tray is None or self.machine is None or self.machine.devices.tray is None:
            return
        self.tray.clear_faults()
        if self.machine.devices.tray.report.state is not DeviceState.ONLINE:
            self.tray.empty_by_hand()

    def take_back(self) -> None:
        """A customer takes what lies in the acceptor's mouth."""
        if self.acceptor is not None:
            # Before it is told of: what was at the mouth is not there a second time.
            self.given_back += sum(self.acceptor.mouth)
            self.acceptor.take()

    def _new_disk(self) -> Disk:
        disk = Disk(self.world.chance("disk", self.terminal, self.starts), self._effect)
        disk.lies = self._lying
        return disk

    def _effect(self, what: str) -> None:
        if self.power is not None:
            self.power.effect(what)

    @property
    def on(self) -> bool:
        return self.power is not None and self.power.alive and self.machine is not None

    @property
    def waiting(self) -> bool:
        """Facts lie in its outbox."""
        return bool(self.on and self.machine is not None and not self.machine.journal.failed
                    and self.machine.journal.outbox_length())  # fmt: skip

    @property
    def in_service(self) -> bool:
        return self.on and self.machine is not None and self.machine.service.in_service

    def _moved(self) -> None:
        empty = {name for name, place in self.dispenser._places.items() if not place.cassette}
        if empty - self._empty:
            self.world.count("dispenser: a cassette runs empty")
        self._empty = empty
        power = self.power
        if self.cut_at_note is not None and power is not None and power.alive and power.cut_at is None:
            notes, effects = self.cut_at_note
            self.cut_at_note = (notes - 1, effects) if notes else None
            if not notes:
                power.cut_at = power.effects + effects
        self.moved()

    # ── Power ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Power on. `refused` says why the firmware does not run: its journal."""
        assert not (self.power and self.power.alive)
        self.starts += 1
        self.started_at = self.world.now
        self.machine, self.refused = None, ""
        power = self.power = self.slot.power = Power(self.world, self.terminal, self._off)
        power.cut_at, self.cut_in = self.cut_in, None
        try:
            power.run(self._boot, power)
        except PowerCut:
            return
        except JournalError as error:
            self.refused = str(error)
            power.off(f"does not start: {error}")

    def _boot(self, power: Power) -> None:
        chance = self.world.chance("firmware", self.terminal, self.starts)
        board = Board(PoweredPins(self.world, power, self.pins))  # type: ignore[arg-type]  # the module's API
        devices = build(self.config, board)
        devices = Devices(
            devices.dispenser,
            devices.keypad,
            self._reader(power),
            devices.indicators,
            acceptor=devices.acceptor if self.acceptor is not None else None,
            tray=devices.tray,
            printer=self._printer(power),
            doors=devices.doors if self.doors else (),
        )
        journal = Journal.open(JOURNAL, random=chance, vfs=self.disk.vfs)
        assert self.identity is not None
        try:
            machine = Machine(
                config=self.config, identity=replace(self.identity, signing_key=self.signing_key), journal=journal,
                devices=devices, display=self.display.plug(power), words=WORDS,  # type: ignore[arg-type]  # a Display
                world=Seams(line=self._line(self, power), random=chance, clock=self.clock),
            )  # fmt: skip
            machine.start()
        except JournalError:
            journal.close()
            raise
        self.machine = machine
        power.spawn(machine.run()).add_done_callback(self._ran, context=self.world._nature.copy())

    def _printer(self, power: Power) -> EscposPrinter | None:
        """The printer has power of its own; the wire to it is plugged in anew."""
        printer = self.printer
        if printer is None:
            return None
        wire = printer.wire = VirtualWire(baud=38_400)
        wire.device.connect(printer.hear, lambda _: None)
        printer._send = wire.device.send
        if "unplugged" in printer.active_faults:
            wire.cut()
        executor = SlowExecutor(self.world, self.world.chance("receipt", self.terminal, self.starts), power, most_ms=40)
        return EscposPrinter(PoweredSerial(self.world, power, wire), executor=executor)  # type: ignore[arg-type]  # a SerialLine

    def _paper_moved(self) -> None:
        """Each receipt that hangs out is seen once; whoever stands there takes it."""
        while self.printer is not None and self.printer.hanging:
            receipt = self.printer.hanging.popleft()
            self.world.nature(self.printed, receipt)

    def _reader(self, power: Power) -> CardReader:
        if isinstance(self.slot, TagSlot):
            line = PoweredSerial(self.world, power, self.slot.new_chip())
            return Pn532Reader(line, SIZE, poll_ms=3_000)  # type: ignore[arg-type]  # a SerialLine
        executor = SlowExecutor(self.world, self.world.chance("reader", self.terminal, self.starts), power, most_ms=40)
        return StickReader(self.slot, SIZE, executor=executor, poll_ms=1_000)

    def _ran(self, task: asyncio.Task[None]) -> None:
        """The firmware ended by itself: its unit starts it again."""
        power = self.power
        if power is None or not power.alive or task.cancelled():
            return
        error = task.exception()
        if isinstance(error, PowerCut):
            return
        if not isinstance(error, JournalError):
            self.world.errors.append(f"{self.terminal} ended: {type(error).__name__}: {error}")
        power.off(f"the firmware ended: {type(error).__name__}: {error}")

    def _off(self, why: str) -> None:
        self.pins.power_off()
        if self.acceptor is not None:
            self.acceptor.power_off()
        self.slot.lose_power(self.chance.randrange(60))
        if "killed" in why or "ended" in why or "does not start" in why:
            self.disk.kill()
        else:
            self.disk.cut()
            if self._lying:
                self.forgot()
        self.was_paying = self.display.shown is not None and self.display.shown.id == "cash.count"
        self.display.shown = None
        self.ended(why)

    # ── The disk ────────────────────────────────────────────────────────────────────────────────────────────────────

    def swap_disk(self, files: dict[str, bytes] | None) -> None:
        """Another disk is put in: an older copy, or (None) an empty one. The machine must be off."""
        assert not (self.power and self.power.alive)
        if files is None:
            discard(self.disk)
            self.disk = self._new_disk()
        else:
            self.disk.replace(files)

    # ── The operator ────────────────────────────────────────────────────────────────────────────────────────────────

    async def exchange(self, loaded: dict[str, int], by: str) -> int | None:
        """Clear the path, fill the cassettes, and tell the machine: what was put in less what was taken out (notes by
        value, minor units); None where it did not take it, and all was put back.
        """
        if not self.on or self.machine is None or self.power is None or not self.machine.idle:
            return None
        machine, power = self.machine, self.power
        desk = Desk(
            journal=machine.journal, config=self.config, generation=machine.host.generation, now=machine.host.now
        )
        control = KioskControl(machine, desk, self.terminal)
        self.dispenser.clear_faults()
        self.keypad.clear_faults()
        self.keypad.free()
        self.empty_tray()
        if self.printer is not None:
            self.printer.set_fault("dead")  # switched off and on, which frees its knife
            self.printer.clear_faults()
            self.printer.new_roll()
        # What lies in the path is counted with the rejects: it is in the machine, and in no cassette.
        found = {n: (place.cassette, place.reject + place.throat) for n, place in self.dispenser.physical.items()}
        self.dispenser.clear_path()
        paid_in = self._paid_in()
        if self.acceptor is not None:
            loaded = {**loaded, "in": 0}
            found |= {box(Money(minor, "USD")): (paid_in[minor], 0) for minor in self.acceptor.values}
        # Whoever types it sees whether it was taken: no power cut in the moment of writing it down.
        power.cut_at, armed = None, power.cut_at
        before, self.exchanged_at = self.exchanged_at, self.world.now  # it may serve somebody before we hear of it
        task = power.spawn(control.load(Load(loaded=loaded, found=found, by=by)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        power.cut_at = armed
        if await self._finished(task) and task.exception() is not None:
            self.world.tell(self.terminal, f"exchange not taken: {task.exception()}")
            self.exchanged_at = before
            return None
        self._empty_box()
        return self._swap(loaded, found) - sum(minor * count for minor, count in paid_in.items())

    async def book_by_keypad(self, found: dict[str, tuple[int, int]], loaded: dict[str, int]) -> int | None:
        """The last key of an exchange in the menu, and what hands do with it. As `exchange`."""
        assert self.machine is not None
        assert self.power is not None
        power, journal = self.power, self.machine.journal
        before, (power.cut_at, armed) = journal.newest("counts-set"), (None, power.cut_at)
        self.display.press("D")
        booked = False
        for _ in range(50):
            await asyncio.sleep(0)
            if not power.alive or journal.failed:
                break
            newest = journal.newest("counts-set")
            booked = newest is not None and (before is None or newest.sequence > before.sequence)
            if booked:
                break
        power.cut_at = armed
        if not booked:
            return None
        self.dispenser.clear_path()
        return self._swap(loaded, found)

    def _swap(self, loaded: dict[str, int], found: dict[str, tuple[int, int]]) -> int:
        """Fresh notes for what is there; their worth, less that of what came out."""
        self.exchanged_at = self.world.now
        for name in self.values:
            self.dispenser.load(name, loaded[name])
        self.dispenser.empty_rejects()
        return sum(self.values[name] * (loaded[name] - sum(found[name])) for name in self.values)

    def _paid_in(self) -> Counter[int]:
        """Notes in the acceptor, wherever, by value."""
        if self.acceptor is None:
            return Counter()
        places = self.acceptor.places
        return Counter([*places["path"], *places["escrow"], *places["box"]])

    def _empty_box(self) -> None:
        if self.acceptor is None:
            return
        self.acceptor.clear_faults()
        self.emptied += sum(minor * count for minor, count in self._paid_in().items())
        self.acceptor.clear()
        self.acceptor.empty_box()
        self.acceptor.escrow.clear()

    async def _finished(self, task: asyncio.Task[Any]) -> bool:
        """Whether the task ended before the power did."""
        power = self.power
        while not task.done() and power is not None and power.alive:
            await asyncio.wait({task}, timeout=5)
        return task.done() and not task.cancelled() and not isinstance(task.exception(), PowerCut)
