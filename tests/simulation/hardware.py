"""What a machine is made of: pins, slot, serial wire, display and dispenser, under power that can go off."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from simulation.world import Power, World

from bank_link.card_file import SIZE
from drivers.gpio import InputWiring
from drivers.passage import Way
from drivers.simulated.cash_tray import ElectricCashTray
from drivers.simulated.dispenser import ElectricDispenser
from drivers.simulated.door import ElectricDoor
from drivers.simulated.line import VirtualWire
from drivers.simulated.note_path import Note
from drivers.simulated.ntag import Ntag21x, TagFaults
from drivers.simulated.pins import SimulatedPins
from drivers.simulated.pn532 import ElectricPn532
from drivers.simulated.stick import SimulatedSlot, SimulatedStick
from kiosk.display.face import Look
from kiosk.screens.model import Screen


class PoweredPins:
    """RPi.GPIO for one start of a machine: nothing comes out of it once the power is off, and no edge reaches it."""

    def __init__(self, world: World, power: Power, pins: SimulatedPins) -> None:
        self._world = world
        self._power = power
        self._pins = pins
        self.input = pins.input
        for name in ("OUT", "IN", "LOW", "HIGH", "PUD_OFF", "PUD_UP", "PUD_DOWN", "BOTH"):
            setattr(self, name, getattr(pins, name))
        pins.tell = world.as_nature

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pins, name)

    def setup(self, *args: Any, **options: Any) -> None:
        self._power.effect("a pin's setup")
        self._pins.setup(*args, **options)

    def output(self, channel: int, value: int) -> None:
        self._power.effect("a pin")
        self._pins.output(channel, value)

    def cleanup(self, channel: int | None = None) -> None:
        self._power.effect("a pin's cleanup")
        self._pins.cleanup(channel)

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
    is_about_to: Callable[[Power, str], None] = staticmethod(lambda *_: None)

    def operate(self, operation: str, insertion: int, data: bytes = b"", offset: int = 0) -> Any:
        if operation in {"pwrite", "fsync"} and self.power is not None:
            self.is_about_to(self.power, f"the stick's {operation}")
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
    """Tells of what nobody in the machine can know: notes that left together with another one, or that a sensor lets go of."""

    doubled: Callable[[str, int], None] = lambda *_: None
    hidden: Callable[[str], None] = lambda _: None

    def _fault_changed(self, name: str) -> None:
        if name == "sensor-stuck-clear" and self._has(name):
            for note in self._path.notes:
                if self._path.covers(note, Way.EXIT):
                    # As if it had passed: at just the right moment nothing tells it from one that has.
                    self.hidden(note.cassette)
        super()._fault_changed(name)

    def take_some(self, chance: random.Random) -> None:
        """A hand that takes part of what lies in the tray, or all of it."""
        for place in self._places.values():
            part = chance.randint(0, place.tray)
            place.tray, place.taken = place.tray - part, place.taken + part
        self._changed()

    def _second_note(self, first: Note) -> list[Note]:
        more = super()._second_note(first)
        if more:
            self.doubled(first.cassette, len(more))
        return more


class WatchedTray(ElectricCashTray):
    """Knows when its faults were on: what a machine could not see it need not know."""

    def __init__(self, world: World, *args: Any, **options: Any) -> None:
        self._world = world
        self._since: dict[str, float] = {}
        self._until: dict[str, float] = {}
        self.by_hand = False
        super().__init__(*args, **options)

    def was(self, name: str, since: float) -> bool:
        """Whether the fault was on at some moment since then."""
        return name in self._since or self._until.get(name, -math.inf) >= since

    def is_since(self, name: str) -> float:
        """When the fault that is on began; infinity where it is not on."""
        return self._since.get(name, math.inf)

    def empty_by_hand(self) -> None:
        """An operator takes out what could not be moved, and counts it with the rejects."""
        self.by_hand = True
        self._dispenser.tip_tray()
        self.by_hand = False

    def _fault_changed(self, name: str) -> None:
        if self._has(name):
            self._since.setdefault(name, self._world.now)
        elif self._since.pop(name, None) is not None:
            self._until[name] = self._world.now
        super()._fault_changed(name)


class WatchedDoor(ElectricDoor):
    """Knows since when it is open. `guards_cash`: who opens it reaches the notes."""

    def __init__(self, world: World, pins: SimulatedPins, wiring: InputWiring, *, guards_cash: bool) -> None:
        self._world, self.guards_cash = world, guards_cash
        self.open_since = math.inf
        super().__init__(pins, wiring)

    def _move(self, is_open: bool) -> None:
        if is_open != self.is_open:
            self.open_since = self._world.now if is_open else math.inf
        super()._move(is_open)
