"""The electricity of a whole cabinet on a laptop, and the devices that are wired to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from config.kiosk import KioskConfig, Pn532ReaderConfig, StickReaderConfig
from drivers.espeak import EspeakSpeaker
from drivers.gpio import Board
from drivers.simulated.card_slot import CardSlot
from drivers.simulated.cash_tray import ElectricCashTray
from drivers.simulated.dispenser import ElectricDispenser
from drivers.simulated.door import ElectricDoor
from drivers.simulated.faults import FaultMenu
from drivers.simulated.indicators import ElectricLamps
from drivers.simulated.jack import ElectricJack
from drivers.simulated.keypad import ElectricKeypad
from drivers.simulated.pins import SimulatedPins
from drivers.simulated.receipt_printer import ElectricReceiptPrinter
from drivers.simulated.speaker import SimulatedSpeaker
from kiosk.cabinet import Devices, build, input_, keypad_wiring, lamp_wiring, tray_wiring
from kiosk.simulator.notes_file import ACCEPTOR, NAME, NotesFile, kept_acceptor, kept_dispenser
from kiosk.simulator.slots import Antenna, Slot


class Laptop:
    """Pins with everything that hangs on them. Make it in a running loop; notes are where the last process left them.

    `moved` is called whenever a note is somewhere else. Raises StateError where the kept notes cannot be used, and
    DeviceError (MEDIA) where a card of the last visit is in the way.
    """

    def __init__(self, config: KioskConfig, moved: Callable[[], None] = lambda: None) -> None:
        self.config = config
        self.pins = SimulatedPins()
        config.terminal.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = NotesFile(config.terminal.state / NAME)
        self.dispenser: ElectricDispenser = kept_dispenser(self.pins, config, self._file, moved)
        tray = config.cash_tray
        self.tray = ElectricCashTray(self.pins, tray_wiring(tray), self.dispenser) if tray is not None else None
        self.keypad = ElectricKeypad(self.pins, keypad_wiring(config))
        self.lamps = ElectricLamps(self.pins, lamp_wiring(config))
        self._taken = NotesFile(config.terminal.state / ACCEPTOR)
        self.acceptor = kept_acceptor(self.pins, config, self._taken)
        printer = config.receipt_printer
        self.printer = ElectricReceiptPrinter(baud=printer.baud) if printer is not None else None
        self.doors = {door.name: ElectricDoor(self.pins, input_(door.switch)) for door in config.doors}
        self.slot, self._antenna = _slot(config)
        voice = config.voice
        self.jack = ElectricJack(self.pins, input_(voice.jack)) if voice is not None and voice.jack else None
        self.speaker = SimulatedSpeaker(aloud=EspeakSpeaker(device=voice.device)) if voice is not None else None

    @property
    def faults(self) -> Mapping[str, FaultMenu]:
        """What can be broken, by device."""
        reader = {"reader": self._antenna} if self._antenna is not None else {}
        maybe = {
            "tray": self.tray,
            "acceptor": self.acceptor,
            "printer": self.printer,
            "jack": self.jack,
            "voice": self.speaker,
        }
        fitted = {name: menu for name, menu in maybe.items() if menu is not None}
        doors = {f"{name} door": door for name, door in self.doors.items()}
        return {"dispenser": self.dispenser, "keypad": self.keypad, "lamps": self.lamps, **reader, **fitted, **doors}

    def devices(self, config: KioskConfig, board: Board) -> Devices:
        """The firmware's own devices on these pins. Raises DeviceError (CONFIG)."""
        antenna = self._antenna
        serial = None if antenna is None else lambda _: antenna.wire.host
        return build(
            config, board, serial=serial, stick_is_mount=False, speaker=self.speaker,
            printer_line=self.printer.wire.host if self.printer is not None else None,
        )  # fmt: skip

    def power_off(self) -> None:
        """What the end of the firmware does to the pins."""
        self.pins.power_off()
        if self.acceptor is not None:
            self.acceptor.power_off()

    def close(self) -> None:
        self._file.keep(self.dispenser)
        self._file.sync()
        if self.acceptor is not None:
            self._taken.keep(self.acceptor)
            self._taken.sync()


def _slot(config: KioskConfig) -> tuple[Slot, Antenna | None]:
    reader = config.card_reader
    if isinstance(reader, StickReaderConfig):
        return CardSlot(reader.mount, file_name=reader.file), None
    assert isinstance(reader, Pn532ReaderConfig)
    antenna = Antenna(reader.baud)
    return antenna, antenna
