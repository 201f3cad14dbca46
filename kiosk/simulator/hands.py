"""What hands do to a simulated machine: a customer's at card, pad and tray, an operator's inside, a vandal's at cables."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from bank_link.card_file import SIZE
from bank_link.control_socket import CommandRefused
from bank_link.money import major
from drivers.devices import KEYS, DeviceError, Fault
from drivers.simulated.faults import UnknownFault
from drivers.simulated.jack import ElectricJack
from drivers.simulated.note_acceptor import ElectricNoteAcceptor
from drivers.simulated.receipt_printer import ElectricReceiptPrinter
from drivers.simulated.speaker import Said
from kiosk.simulator.simulation import Simulation

#: How long a finger is on a key, and how long until the next one.
KEY_DOWN_S = 0.08
KEY_GAP_S = 0.08
_SLICE_S = 0.02


class Hands:
    """`cards`: card files by name, in the order of their numbers; `blanks` are those with nothing on them. Raises DeviceError, UnknownFault, CommandRefused."""

    def __init__(self, simulation: Simulation, cards: Mapping[str, Path]) -> None:
        self.simulation = simulation
        self.cards = dict(cards)
        self.blanks = frozenset(name for name, path in cards.items() if is_blank(path))
        self._pad = asyncio.Lock()

    # ── A customer's ────────────────────────────────────────────────────────────────────────────────────────────────

    def card(self, name: str) -> Path:
        """By name, or `card-N` for the Nth. Raises DeviceError (MEDIA)."""
        if name in self.cards:
            return self.cards[name]
        number = name.removeprefix("card-")
        names = list(self.cards)
        if number.isascii() and number.isdecimal() and 0 < int(number) <= len(names):
            return self.cards[names[int(number) - 1]]
        have = ", ".join(names) or "none"
        raise DeviceError("card slot", Fault.MEDIA, f"There is no card {name}; cards here: {have}.")

    def insert(self, name: str) -> None:
        self.simulation.laptop.slot.insert(self.card(name))

    def pull(self) -> Path | None:
        """The card that was in."""
        return self.simulation.laptop.slot.pull()

    def take_cash(self) -> dict[str, int]:
        """Notes by cassette."""
        return self.simulation.laptop.dispenser.take_cash()

    def insert_note(self, value: int) -> None:
        """A note of `value` whole units into the acceptor. Raises DeviceError (MEDIA) where it does not take it."""
        acceptor = self._acceptor()
        if acceptor.mouth:
            raise DeviceError("note acceptor", Fault.MEDIA, "Notes lie in the mouth; take them first.")
        if not acceptor.insert(self._minor(value)):
            raise DeviceError("note acceptor", Fault.MEDIA, f"The note acceptor takes no note of {value} now.")

    def take_notes(self) -> list[int]:
        """What was given back, in whole units."""
        unit = self._minor(1)
        return [minor // unit for minor in self._acceptor().take()]

    def notes_taken(self) -> dict[str, list[int]]:
        """Notes at the acceptor in whole units: `mouth`, `path`, `escrow`, `box`; empty where there is none."""
        acceptor, unit = self.simulation.laptop.acceptor, self._minor(1)
        places = acceptor.places if acceptor is not None else {}
        return {place: [minor // unit for minor in notes] for place, notes in places.items()}

    def take_receipt(self) -> str:
        """What stands on the receipt that hangs out; "" where none does. Raises DeviceError (CONFIG) without a printer."""
        receipt = self._printer().take()
        return receipt.text if receipt is not None else ""

    def new_roll(self) -> None:
        """An operator puts paper in. Raises DeviceError (CONFIG) without a printer."""
        self._printer().new_roll()

    def feed_button(self) -> None:
        """An operator holds the printer's button: it prints its own test sheet."""
        self._printer().self_test()

    def _printer(self) -> ElectricReceiptPrinter:
        printer = self.simulation.laptop.printer
        if printer is None:
            raise DeviceError("receipt printer", Fault.CONFIG, "This machine has no receipt printer.")
        return printer

    def _minor(self, value: int) -> int:
        return major(value, self.simulation.config.terminal.currency).minor

    def _acceptor(self) -> ElectricNoteAcceptor:
        acceptor = self.simulation.laptop.acceptor
        if acceptor is None:
            raise DeviceError("note acceptor", Fault.CONFIG, "This machine takes no notes.")
        return acceptor

    def plug(self) -> None:
        """Headphones into the jack. Raises DeviceError (CONFIG) where there is none."""
        self._jack().plug()

    def unplug(self) -> None:
        self._jack().unplug()

    @property
    def said(self) -> list[str]:
        """Every sentence of this simulator so far; the tick of a key is ""."""
        speaker = self.simulation.laptop.speaker
        return [said.text for said in speaker.said] if speaker is not None else []

    def listen(self, heard: Callable[[Said], None]) -> None:
        """Call `heard` with whatever the machine says from now on; never where it has no voice."""
        speaker = self.simulation.laptop.speaker
        if speaker is not None:
            speaker.watch(heard)

    @property
    def headphones_in(self) -> bool:
        return self._jack().plugged

    def _jack(self) -> ElectricJack:
        jack = self.simulation.laptop.jack
        if jack is None:
            raise DeviceError("headphone jack", Fault.CONFIG, "This machine has no headphone jack.")
        return jack

    async def press(self, keys: str) -> None:
        """Press the pad's keys one after another; blanks are none. Raises DeviceError (CONFIG) for a key it has not."""
        wanted = [key for key in keys.upper() if not key.isspace()]
        for key in wanted:
            if key not in KEYS:
                raise DeviceError("keypad", Fault.CONFIG, f"The pad has no key {key!r}; it has {' '.join(KEYS)}.")
        async with self._pad:
            for key in wanted:
                self.simulation.laptop.keypad.press(key)
                await _linger(KEY_DOWN_S)
                self.simulation.laptop.keypad.release(key)
                await _linger(KEY_GAP_S)

    def touch(self, key: str) -> None:
        """A finger on the screen's target of this key."""
        self.simulation.relay.touch(key)

    # ── An operator's ───────────────────────────────────────────────────────────────────────────────────────────────

    async def load(self, notes: dict[str, int], by: str = "the simulator") -> None:
        """An exchange: these notes are in the cassettes from now on, and the machine is told."""
        self._needs_power()
        await self.simulation.load(notes, by)

    def take_out(self, cassette: str, left: int = 0) -> None:
        """Someone leaves `left` notes in the cassette and tells nobody."""
        dispenser = self.simulation.laptop.dispenser
        if cassette not in dispenser.physical:
            raise DeviceError("dispenser", Fault.CONFIG, f"There is no cassette {cassette}.")
        dispenser.load(cassette, left)

    async def clear_path(self) -> int:
        """Take stuck notes out and reset the dispenser; how many there were."""
        self._needs_power()
        cleared = self.simulation.laptop.dispenser.clear_path()
        if self.simulation.laptop.acceptor is not None:
            cleared += len(self.simulation.laptop.acceptor.clear())
        await self.simulation.machine.devices.dispenser.reset()
        self.simulation.machine.health.look()
        return cleared

    def door(self, name: str, *, is_open: bool) -> None:
        """Open or shut a door. Raises DeviceError (CONFIG) where there is none of that name."""
        doors = self.simulation.laptop.doors
        if name not in doors:
            have = ", ".join(doors) or "none"
            raise DeviceError("door", Fault.CONFIG, f"There is no door {name}; doors here: {have}.")
        (doors[name].open if is_open else doors[name].shut)()

    # ── A vandal's ──────────────────────────────────────────────────────────────────────────────────────────────────

    def fault(self, device: str, name: str, *, times: int | None = 1, on: bool = True) -> None:
        """Let a fault happen the next `times` times, or (None) until it is switched off."""
        faults = self.simulation.laptop.faults
        if device not in faults:
            raise UnknownFault(f"There is no device '{device}' with faults. There are: {', '.join(faults)}.")
        if times is None or not on:
            faults[device].set_fault(name, on)
        else:
            faults[device].fault_once(name, times)

    def all_faults(self) -> list[tuple[str, str, str, bool]]:
        """Device, name, what happens, whether it is on or to come."""
        return [
            (device, name, sentence, name in menu.active_faults)
            for device, menu in self.simulation.laptop.faults.items()
            for name, sentence in menu.faults.items()
        ]

    def cut_line(self) -> None:
        self.simulation.line.cut()

    def mend_line(self) -> None:
        self.simulation.line.mend()
        if self.simulation.powered:
            self.simulation.machine.line_keeper.check()

    def _needs_power(self) -> None:
        if not self.simulation.powered:
            raise CommandRefused("the power is off; start the machine first")


async def _linger(seconds: float) -> None:
    """In slices: a loop that stalls holds up the finger as it holds up the pad's scan, which so misses no key."""
    for _ in range(round(seconds / _SLICE_S)):
        await asyncio.sleep(_SLICE_S)


def is_blank(stick: Path) -> bool:
    """A file of zero bytes alone: a stick that a card may be written onto."""
    try:
        content = stick.read_bytes() if stick.stat().st_size == SIZE else b""
    except OSError:  # in the slot, or taken away
        return False
    return bool(content) and not any(content)
