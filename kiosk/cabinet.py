"""A cabinet's devices, wired as its configuration says; the same wiring is what the simulator's electricity hangs on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bank_link.card_file import SIZE
from bank_link.messages import DeviceStatus
from bank_link.money import Money, major
from config.kiosk import (
    CashTrayConfig,
    CassetteConfig,
    DoorConfig,
    KioskConfig,
    NoteAcceptorConfig,
    Pn532ReaderConfig,
    StickReaderConfig,
)
from config.pins import Active, InputPin, OutputPin
from drivers.devices import (
    CardReader,
    CashTray,
    Device,
    DeviceError,
    Dispenser,
    Door,
    Holds,
    Indicators,
    Jack,
    Keypad,
    NoteAcceptor,
    ReceiptPrinter,
    Speaker,
)
from drivers.dispenser import CassetteWiring, DispenserTimings, DispenserWiring, GpioDispenser
from drivers.gpio import Board, InputWiring, OutputWiring, Pull
from drivers.indicators import GpioIndicators, LampWiring
from drivers.keypad import KeypadTimings, KeypadWiring, MatrixKeypad
from drivers.serial_line import SerialLine

if TYPE_CHECKING:
    from drivers.cash_tray import CashTrayWiring
    from drivers.note_acceptor_wiring import NoteAcceptorWiring

Serial = Callable[[Pn532ReaderConfig], SerialLine]


@dataclass(frozen=True)
class Devices:
    """Everything that a machine has hands and eyes for."""

    dispenser: Dispenser
    keypad: Keypad
    reader: CardReader
    indicators: Indicators
    jack: Jack | None = None
    speaker: Speaker | None = None
    acceptor: NoteAcceptor | None = None
    printer: ReceiptPrinter | None = None
    doors: tuple[Door, ...] = ()
    tray: CashTray | None = None

    def all(self) -> tuple[Device, ...]:
        """Those that this machine has."""
        always = (self.dispenser, self.keypad, self.reader, self.indicators)
        maybe: tuple[Device | None, ...] = (
            self.tray, self.acceptor, self.printer, *self.doors, self.jack, self.speaker,
        )  # fmt: skip
        return (*always, *(device for device in maybe if device is not None))

    def open(self) -> list[DeviceError]:
        """Open all; those that cannot be opened are told, the rest stays open."""
        errors = []
        for device in self.all():
            try:
                device.open()
            except DeviceError as error:
                errors.append(error)
        return errors

    def close(self) -> None:
        for device in self.all():
            device.close()

    def status(self) -> tuple[DeviceStatus, ...]:
        """As the echo reports them."""
        return tuple(
            DeviceStatus(
                device=device.name.replace(" ", "-"), state=device.report.state.value, sentence=device.report.sentence
            )
            for device in self.all()
        )


def build(
    config: KioskConfig, board: Board, *, serial: Serial | None = None, stick_is_mount: bool = True,
    speaker: Speaker | None = None, printer_line: SerialLine | None = None,
) -> Devices:  # fmt: skip
    """The devices of `config` on `board`; nothing is touched until they are opened. Raises DeviceError (CONFIG).

    `speaker` speaks in place of the system's own voice; `printer_line` is used in place of the printer's port.
    """
    return Devices(
        dispenser=GpioDispenser(board, dispenser_wiring(config), timings(config)),
        keypad=MatrixKeypad(board, keypad_wiring(config), keypad_timings(config)),
        reader=_reader(config, serial, stick_is_mount),
        indicators=GpioIndicators(board, lamp_wiring(config)),
        jack=_jack(config, board),
        speaker=speaker if speaker is not None else _speaker(config),
        acceptor=_acceptor(config, board),
        printer=_printer(config, printer_line),
        doors=_doors(config, board),
        tray=_tray(config, board),
    )


def _tray(config: KioskConfig, board: Board) -> CashTray | None:
    wanted = config.cash_tray
    if wanted is None:
        return None
    from drivers.cash_tray import GpioCashTray

    return GpioCashTray(board, tray_wiring(wanted), retract_ms=wanted.retract_ms)


def tray_wiring(wanted: CashTrayConfig) -> CashTrayWiring:
    from drivers.cash_tray import CashTrayWiring

    return CashTrayWiring(sensor=input_(wanted.sensor), retract=output(wanted.retract))


def _doors(config: KioskConfig, board: Board) -> tuple[Door, ...]:
    from drivers.door import GpioDoor

    return tuple(GpioDoor(board, input_(door.switch), name=door_name(door)) for door in config.doors)


def door_name(door: DoorConfig) -> str:
    """As its device is called."""
    return f"{door.name} door"


def _printer(config: KioskConfig, line: SerialLine | None) -> ReceiptPrinter | None:
    wanted = config.receipt_printer
    if wanted is None:
        return None
    from drivers.receipt_printer import EscposPrinter
    from drivers.serial_line import PySerialLine
    from kiosk.receipts.raster import FontRaster

    return EscposPrinter(
        line if line is not None else PySerialLine(wanted.port, baud=wanted.baud),
        executor=ThreadPoolExecutor(1, thread_name_prefix="receipt"), raster=FontRaster(), columns=wanted.columns,
        dots=wanted.dots, model=wanted.model,
    )  # fmt: skip


def _acceptor(config: KioskConfig, board: Board) -> NoteAcceptor | None:
    wanted = config.note_acceptor
    if wanted is None:
        return None
    from drivers.note_acceptor import GpioNoteAcceptor
    from drivers.note_acceptor_wiring import EscrowTimings
    from drivers.pulse_trains import PulseTimings

    return GpioNoteAcceptor(
        board, acceptor_wiring(wanted), pulses=acceptor_pulses(config), holds=Holds(wanted.holds.value),
        most=wanted.most, escrow=EscrowTimings(move_ms=wanted.move_ms, follow_ms=wanted.follow_ms),
        timings=PulseTimings(
            noise_ms=wanted.noise_ms, pulse_least_ms=wanted.pulse_least_ms, pulse_most_ms=wanted.pulse_most_ms,
            gap_least_ms=wanted.gap_least_ms, gap_most_ms=wanted.gap_most_ms,
        ),
    )  # fmt: skip


def _jack(config: KioskConfig, board: Board) -> Jack | None:
    if config.voice is None or config.voice.jack is None:
        return None
    from drivers.jack import GpioJack

    return GpioJack(board, input_(config.voice.jack))


def _speaker(config: KioskConfig) -> Speaker | None:
    if config.voice is None:
        return None
    from drivers.espeak import EspeakSpeaker

    return EspeakSpeaker(device=config.voice.device)


def _reader(config: KioskConfig, serial: Serial | None, stick_is_mount: bool) -> CardReader:
    wanted = config.card_reader
    if isinstance(wanted, StickReaderConfig):
        from drivers.stick_files import DirectoryStick
        from drivers.stick_reader import StickReader

        files = DirectoryStick(wanted.mount, is_mount=stick_is_mount)
        executor = ThreadPoolExecutor(1, thread_name_prefix="stick")
        return StickReader(files, SIZE, executor=executor, file_name=wanted.file, poll_ms=wanted.poll_ms)
    from drivers.pn532_reader import Pn532Reader

    line = serial(wanted) if serial is not None else _port(wanted)
    return Pn532Reader(line, SIZE, poll_ms=wanted.poll_ms)


def _port(wanted: Pn532ReaderConfig) -> SerialLine:
    from drivers.serial_line import PySerialLine

    return PySerialLine(wanted.port, baud=wanted.baud)


def dispenser_wiring(config: KioskConfig) -> DispenserWiring:
    dispenser = config.dispenser
    return DispenserWiring(
        cassettes=tuple(
            CassetteWiring(
                name=cassette.name,
                motor=output(cassette.motor),
                empty_sensor=input_(cassette.empty_sensor) if cassette.empty_sensor else None,
            )
            for cassette in config.cassettes
        ),
        exit_sensor=input_(dispenser.exit_sensor),
        reject_sensor=input_(dispenser.reject_sensor) if dispenser.reject_sensor else None,
        diverter=output(dispenser.diverter) if dispenser.diverter else None,
    )


def timings(config: KioskConfig) -> DispenserTimings:
    times = config.dispenser
    return DispenserTimings(
        pick_timeout_ms=times.pick_timeout_ms, shortest_note_ms=times.shortest_note_ms,
        double_note_ms=times.double_note_ms, longest_note_ms=times.longest_note_ms, gap_ms=times.gap_ms,
        brake_ms=times.brake_ms,
    )  # fmt: skip


def acceptor_wiring(wanted: NoteAcceptorConfig) -> NoteAcceptorWiring:
    from drivers.note_acceptor_wiring import NoteAcceptorWiring

    return NoteAcceptorWiring(
        inhibit=output(wanted.inhibit), pulse=input_(wanted.pulse), stack=maybe_output(wanted.stack),
        give_back=maybe_output(wanted.give_back), stacked=maybe_input(wanted.stacked),
        returned=maybe_input(wanted.returned), jam=maybe_input(wanted.jam),
    )  # fmt: skip


def acceptor_pulses(config: KioskConfig) -> dict[int, int]:
    """Count of pulses → face value in minor units."""
    wanted = config.note_acceptor
    pairs = wanted.pulses.items() if wanted is not None else ()
    return {count: major(value, config.terminal.currency).minor for count, value in pairs}


def keypad_wiring(config: KioskConfig) -> KeypadWiring:
    keypad = config.keypad
    return KeypadWiring(rows=tuple(pin.gpio for pin in keypad.rows), columns=tuple(pin.gpio for pin in keypad.columns))


def keypad_timings(config: KioskConfig) -> KeypadTimings:
    keypad = config.keypad
    return KeypadTimings(debounce_ms=keypad.debounce_ms, hold_ms=keypad.hold_ms, stuck_ms=keypad.stuck_ms)


def lamp_wiring(config: KioskConfig) -> tuple[LampWiring, ...]:
    return tuple(LampWiring(name=name, output=output(pin)) for name, pin in sorted(config.lamps.items()))


def output(pin: OutputPin) -> OutputWiring:
    return OutputWiring(pin=pin.gpio, active_high=pin.active is Active.HIGH, safe_on=pin.safe_on)


def input_(pin: InputPin) -> InputWiring:
    return InputWiring(pin=pin.gpio, active_high=pin.active is Active.HIGH, pull=Pull(pin.pull.value))


def maybe_output(pin: OutputPin | None) -> OutputWiring | None:
    return output(pin) if pin is not None else None


def maybe_input(pin: InputPin | None) -> InputWiring | None:
    return input_(pin) if pin is not None else None


def note_value(config: KioskConfig, cassette: CassetteConfig) -> Money:
    return major(cassette.value, config.terminal.currency)
