"""The machines of the world: kiosks on their cabinets, and the bank; the code that ships, on simulated power and disks."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from simulation.disk import Disk, PowerCut
from simulation.world import Power, SlowExecutor, World, WorldClock
from sqlalchemy import text
from support.hall import csr_of, sealed

from bank.assembly import Bank, open_bank
from bank.commands import requests as q
from bank.control import CommandRefused
from bank_link.card_file import SIZE
from bank_link.enrolment_string import fingerprint, token_text
from bank_link.enrolment_string import parse as parse_string
from bank_link.envelope import decode_answer, unseal
from bank_link.errors import MessageRefused
from bank_link.identity import Identity
from bank_link.keys import signing_public
from bank_link.messages import Enrol, Enrolled
from config.kiosk import KioskConfig
from drivers.devices import CardReader
from drivers.gpio import Board
from drivers.pn532_reader import Pn532Reader
from drivers.simulated.dispenser import ElectricDispenser
from drivers.simulated.keypad import ElectricKeypad
from drivers.simulated.line import VirtualWire
from drivers.simulated.note_path import Note
from drivers.simulated.ntag import Ntag21x, TagFaults
from drivers.simulated.pins import SimulatedPins
from drivers.simulated.pn532 import ElectricPn532
from drivers.simulated.stick import SimulatedSlot, SimulatedStick
from drivers.stick_reader import StickReader
from kiosk.cabinet import Devices, build, dispenser_wiring, keypad_wiring, note_value
from kiosk.control import KioskControl, Load
from kiosk.display.face import Look
from kiosk.journal.store import Journal, JournalError
from kiosk.machine import Machine
from kiosk.machine import World as Seams
from kiosk.operator.desk import Desk
from kiosk.screens.model import Screen
from kiosk.screens.words.load import load_words

JOURNAL = Path("/state/journal.sqlite")
WORDS = load_words()


def discard(disk: Disk) -> None:
    """Python does not see that SQLite holds a disk's files: what they know of the world is cut off by hand."""
    disk.close()
    disk.effect = lambda _: None


class PoweredPins:
    """RPi.GPIO for one start of a machine: nothing comes out of it once the power is off, and no edge reaches it."""

    def __init__(self, world: World, power: Power, pins: SimulatedPins) -> None:
        self._world = world
        self._power = power
        self._pins = pins

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pins, name)

    def setup(self, *args: Any, **options: Any) -> None:
        self._power.effect("a pin's setup")
        self._world.as_nature(lambda: self._pins.setup(*args, **options))

    def output(self, channel: int, value: int) -> None:
        self._power.effect("a pin")
        self._world.as_nature(self._pins.output, channel, value)

    def cleanup(self, channel: int | None = None) -> None:
        self._power.effect("a pin's cleanup")
        self._world.as_nature(self._pins.cleanup, channel)

    def add_event_detect(
        self, channel: int, edge: int, callback: Callable[[int], None] | None = None, **options: Any
    ) -> None:
        power = self._power

        def edge_came(which: int) -> None:
            if power.alive and callback is not None:
                power.run(callback, which)

        self._pins.add_event_detect(channel, edge, edge_came, **options)


class Screenside:
    """The kiosk's display: what the customer before it is told, as it changes."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.shown: Screen | None = None
        self.seen: Callable[[Screen], None] = lambda _: None
        self.press: Callable[[str], None] = lambda _: None

    def plug(self, power: Power) -> Screenside:
        """For a new start of the machine: what an older one shows or listens for is gone."""
        self.shown, self.press = None, lambda _: None
        return _Plugged(self, power)  # type: ignore[return-value]  # a Display

    def show(self, screen: Screen) -> None:
        if screen != self.shown:
            self.shown = screen
            self._world.nature(self.seen, screen)


class _Plugged:
    def __init__(self, side: Screenside, power: Power) -> None:
        self._side = side
        self._power = power

    def show(self, screen: Screen, look: Look = Look()) -> None:
        if self._power.alive:
            self._side.show(screen)

    def listen(self, pressed: Callable[[str], None]) -> None:
        power = self._power
        self._side.press = lambda key: power.run(pressed, key) if power.alive else None

    async def run(self) -> None:
        await asyncio.Event().wait()

    def close(self) -> None:
        """Nothing to give back."""


class PoweredSlot(SimulatedSlot):
    """The slot; what it writes to the stick is an effect of the machine that is on."""

    power: Power | None = None

    def operate(self, operation: str, insertion: int, data: bytes = b"", offset: int = 0) -> Any:
        if operation in {"pwrite", "fsync"} and self.power is not None:
            self.power.effect(f"the stick's {operation}")
        return super().operate(operation, insertion, data, offset)

    def lose_power(self, torn_bytes: int) -> None:
        """Of what was not synced, so many bytes are on the flash."""
        if self.stick is not None:
            self.stick.faults = replace(self.stick.faults, torn_bytes=torn_bytes)
            self.stick.lose_power()


class PoweredSerial:
    """A serial line for one start of a machine: what it sends is an effect, and travels whatever becomes of it."""

    def __init__(self, world: World, power: Power, wire: VirtualWire) -> None:
        self._world, self._power, self._wire = world, power, wire

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wire.host, name)

    async def write(self, data: bytes) -> None:
        self._power.effect("sending to the reader")
        if self._wire.host.gone:
            await self._wire.host.write(data)
        self._world.as_nature(self._wire.to_device.send, data)


class TagSlot:
    """A contactless reader in place of the slot: the customer's stick is a tag with the same file."""

    def __init__(self) -> None:
        self.stick: SimulatedStick | None = None
        self.power: Power | None = None
        self.wire = VirtualWire()
        self.chip = ElectricPn532.on(self.wire)
        self._tag: Ntag21x | None = None

    def new_chip(self) -> VirtualWire:
        """The chip lives on the machine's power; what lies on it stays."""
        self.wire = VirtualWire()
        self.chip = ElectricPn532.on(self.wire)
        if self._tag is not None:
            self.chip.place(self._tag)
        return self.wire

    def insert(self, stick: SimulatedStick) -> None:
        self.stick, content = stick, stick.content or b""
        self._tag = Ntag21x(uid=b"\x04" + content[8:14])
        self._tag.user = content
        if stick.faults.dies_in is not None:
            self._tag.faults = TagFaults(
                leaves_after=stick.faults.torn_bytes % 11, torn_bytes=stick.faults.torn_bytes % 4
            )
        self.chip.place(self._tag)

    def pull(self) -> None:
        if self._tag is not None and self.stick is not None:
            self.chip.take(self._tag)
            self.stick.content = self._tag.user[:SIZE]
        self.stick = self._tag = None

    def lose_power(self, torn_bytes: int) -> None:
        """A tag has no power to lose; a page is written whole or not."""


class WatchedDispenser(ElectricDispenser):
    """Tells of what nobody in the machine can know: notes that left together with another one."""

    doubled: Callable[[str, int], None] = lambda *_: None
    left_over = False

    def _second_note(self, first: Note) -> list[Note]:
        more = super()._second_note(first)
        if more:
            self.doubled(first.cassette, len(more))
        return more


class Kiosk:
    """A cabinet with its devices and disk, and the machine in it while the power is on."""

    def __init__(
        self, world: World, terminal: str, config: KioskConfig, line: Callable[[Kiosk, Power], Any], *,
        contactless: bool = False, lying: bool = False,
    ) -> None:  # fmt: skip
        self.world, self.terminal, self.config = world, terminal, config
        self.chance = world.chance("kiosk", terminal)
        self.clock = WorldClock(world)
        self.signing_key = self.chance.token_bytes(32)
        self.identity: Identity | None = None
        self.display = Screenside(world)
        self.slot: PoweredSlot | TagSlot = TagSlot() if contactless else PoweredSlot()
        self._lying = lying
        self.values = {cassette.name: note_value(config, cassette).minor for cassette in config.cassettes}
        self.cut_at_note: int | None = None
        self.pins = SimulatedPins()
        self.moved: Callable[[], None] = lambda: None
        self._empty: set[str] = set()
        self.dispenser = WatchedDispenser(self.pins, dispenser_wiring(config), changed=self._moved)
        self.keypad = ElectricKeypad(self.pins, keypad_wiring(config))
        self.power: Power | None = None
        self.machine: Machine | None = None
        self.refused = ""
        self.ended: Callable[[str], None] = lambda _: None
        self.dark: Callable[[], None] = lambda: None
        self.forgot: Callable[[], None] = lambda: None
        self.cut_in: int | None = None
        self._line = line
        self.starts = 0
        self.disk = self._new_disk()

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
            power.cut_at, self.cut_at_note = power.effects + self.cut_at_note, None
        self.moved()

    # ── Power ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Power on. `refused` says why the firmware does not run: its journal."""
        assert not (self.power and self.power.alive)
        self.starts += 1
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
        devices = Devices(devices.dispenser, devices.keypad, self._reader(power), devices.indicators)
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
        self.slot.lose_power(self.chance.randrange(60))
        if "killed" in why or "ended" in why or "does not start" in why:
            self.disk.kill()
        else:
            self.disk.cut()
            if self._lying:
                self.forgot()
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
        # What lies in the path is counted with the rejects: it is in the machine, and in no cassette.
        found = {n: (place.cassette, place.reject + place.throat) for n, place in self.dispenser.physical.items()}
        self.dispenser.clear_path()
        # Whoever types it sees whether it was taken: no power cut in the moment of writing it down.
        power.cut_at, armed = None, power.cut_at
        task = power.spawn(control.load(Load(loaded=loaded, found=found, by=by)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        power.cut_at = armed
        if await self._finished(task) and task.exception() is not None:
            self.world.tell(self.terminal, f"exchange not taken: {task.exception()}")
            return None
        for name, count in loaded.items():
            self.dispenser.load(name, count)
        self.dispenser.empty_rejects()
        taken_out = sum(self.values[name] * (notes + rejected) for name, (notes, rejected) in found.items())
        return sum(self.values[name] * count for name, count in loaded.items()) - taken_out

    async def _finished(self, task: asyncio.Task[Any]) -> bool:
        """Whether the task ended before the power did."""
        power = self.power
        while not task.done() and power is not None and power.alive:
            await asyncio.wait({task}, timeout=5)
        return task.done() and not task.cancelled() and not isinstance(task.exception(), PowerCut)


class BankNode:
    """The bank's machine: its database on a simulated disk, its keys where no restore reaches them."""

    def __init__(self, world: World, directory: Path) -> None:
        self.world = world
        self.directory = directory
        self.chance = world.chance("bank")
        self.disk = Disk(world.chance("bank's disk"), self._effect)
        self.power: Power | None = None
        self.bank: Bank | None = None
        self.ended: Callable[[str], None] = lambda _: None
        self.answered: Callable[[bytes, bytes], None] = lambda *_: None
        self.slow_ms = 2.0
        self.starts = 0
        self._executor: SlowExecutor | None = None

    def furnish(self, template: Path, files: dict[str, bytes]) -> None:
        """Keys and configuration as real files, the books on the simulated disk."""
        shutil.copytree(template, self.directory, ignore=shutil.ignore_patterns("books.sqlite*"))
        self.disk.replace({str(self.directory / name): data for name, data in files.items()})

    def _effect(self, what: str) -> None:
        if self.power is not None:
            self.power.effect(what)

    @property
    def up(self) -> bool:
        return self.power is not None and self.power.alive and self.bank is not None

    def start(self) -> None:
        assert not (self.power and self.power.alive)
        self.starts += 1
        self.bank = None
        power = self.power = Power(self.world, "bank", self._off)
        self._executor = SlowExecutor(self.world, self.world.chance("store", self.starts), power, self.slow_ms)
        power.spawn(self._serve(power)).add_done_callback(self._ran, context=self.world._nature.copy())

    async def _serve(self, power: Power) -> None:
        bank = await open_bank(
            self.directory, clock=WorldClock(self.world), random=self.world.chance("bank's chance", self.starts),
            executor=self._executor, vfs=self.disk.vfs,
        )  # fmt: skip
        self.bank = bank
        await bank.run()

    def _ran(self, task: asyncio.Task[None]) -> None:
        power = self.power
        if power is None or not power.alive or task.cancelled() or isinstance(task.exception(), PowerCut):
            return
        error = task.exception()
        self.world.errors.append(f"the bank ended: {type(error).__name__}: {error}")
        power.off(f"the bank ended: {error}")

    def _off(self, why: str) -> None:
        self.bank = None
        if "power" in why:
            self.disk.cut()
        else:
            self.disk.kill()
        self.ended(why)

    def set_slow(self, ms: float) -> None:
        self.slow_ms = ms
        if self._executor is not None:
            self._executor.most_ms = ms

    # ── What it is asked ────────────────────────────────────────────────────────────────────────────────────────────

    def deliver(self, request: bytes, answer: Callable[[bytes | None], None]) -> None:
        """A request arrives; `answer` is called as nobody, with None where the bank hangs up. Never, where it dies."""
        if not self.up:
            return
        assert self.power is not None
        self.power.spawn(self._handle(request, answer))

    async def _handle(self, request: bytes, answer: Callable[[bytes | None], None]) -> None:
        assert self.bank is not None
        try:
            data: bytes | None = await self.bank.host.handle(request, peer="192.0.2.7")
        except MessageRefused:
            data = None
        if data is not None:
            self.answered(request, data)
        self.world.nature(answer, data)

    async def do(self, command: type[q.Command], **fields: Any) -> Any:
        """A command of the staff: its answer, None where the bank was not there to its end. Raises CommandRefused."""
        power = self.power
        if not self.up or power is None:
            return None
        assert self.bank is not None
        task = power.spawn(self.bank.execute(command(by="staff", **fields)))
        # Whoever asked may be gone by the time it is refused.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        while not task.done() and power.alive:
            await asyncio.wait({task}, timeout=5)
        if not task.done():
            return None
        error = task.exception()
        if isinstance(error, PowerCut):
            return None
        if error is not None and not isinstance(error, CommandRefused):
            self.world.errors.append(f"{command.__name__}: {type(error).__name__}: {error}")
            return None
        return task.result()

    async def sql(self, statement: str, **values: Any) -> list[Any]:
        """The books as they are. The bank must be up, and nobody may kill it meanwhile."""
        assert self.bank is not None
        store = self.bank.store
        return await store.read(lambda c: [dict(row) for row in c.execute(text(statement), values).mappings()])

    async def enrol(self, kiosk: Kiosk, *, again: bool) -> bool:
        """The real enrolment, without its transport; whether it was done."""
        power = self.power
        if not self.up or power is None:
            return False
        opened = await self.do(q.EnrolmentOpen, terminal=kiosk.terminal if again else "")
        if opened is None or self.bank is None:
            return False
        request = Enrol(
            token=token_text(parse_string(opened.string).token), csr=csr_of(kiosk.signing_key),
            fingerprint=fingerprint(signing_public(kiosk.signing_key)),
        )  # fmt: skip
        task = power.spawn(self.bank.enrolment.handle(sealed(request), peer="192.0.2.7"))
        while not task.done() and power.alive:
            await asyncio.wait({task}, timeout=5)
        if not task.done() or task.exception() is not None:
            return False
        enrolled = decode_answer(unseal(task.result()).envelope.body)
        if not isinstance(enrolled, Enrolled):
            # Somebody else was given a string for it meanwhile.
            return False
        kiosk.terminal = enrolled.terminal
        kiosk.identity = Identity(
            terminal=enrolled.terminal, generation=enrolled.generation, signing_key=kiosk.signing_key,
            certificate=enrolled.certificate, cas=enrolled.cas, address=enrolled.address, bank=enrolled.bank,
        )  # fmt: skip
        if kiosk.on and kiosk.power is not None:
            # It was started meanwhile, with the auth file that it had.
            kiosk.power.off("killed: it has a new auth file")
        return await self.confirm(kiosk)

    async def confirm(self, kiosk: Kiosk) -> bool:
        """A person compares the fingerprint that the machine shows."""
        shown = fingerprint(signing_public(kiosk.signing_key))
        return await self.do(q.TerminalConfirm, terminal=kiosk.terminal, fingerprint=shown) is not None
