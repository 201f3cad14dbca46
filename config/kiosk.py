"""Everything that can be set on a kiosk, as frozen dataclasses. Read it with `config.load.load_kiosk`."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from pathlib import Path

from config.pins import BoardKind, InputPin, OutputPin


@dataclass(frozen=True, kw_only=True)
class TerminalConfig:
    """Where this terminal keeps what is its own. Exactly one of `key_file` and `passphrase_file` is set.

    `state` is a directory: journal, control socket. `profile` is the cabinet model's name, "" where none is named.
    """

    state: Path
    auth_file: Path
    key_file: Path | None = None
    passphrase_file: Path | None = None
    currency: str
    profile: str = ""


class DisplayKind(enum.StrEnum):
    """What draws the screens."""

    TOUCH = "touch"
    TERMINAL = "terminal"
    NONE = "none"


class Theme(enum.StrEnum):
    """The colours of FACE: the usual ones, or high contrast."""

    STANDARD = "standard"
    CONTRAST = "contrast"


#: What the machine has words for (`kiosk.screens.words`), in the order that they are offered in.
LANGUAGES = ("en", "es", "fr", "de", "hi", "ar")


@dataclass(frozen=True, kw_only=True)
class DisplayConfig:
    """The screen. `width_px` and `height_px` as the customer sees them after `rotation` (degrees, clockwise).

    `languages`: what customers may choose from, by code; the first is the machine's own.
    """

    kind: DisplayKind = DisplayKind.TOUCH
    width_px: int
    height_px: int
    pixels_per_mm: float
    rotation: int = 0
    theme: Theme = Theme.STANDARD
    reduced_motion: bool = False
    brand: Path | None = None
    viewing_distance_mm: int = 600
    languages: tuple[str, ...] = LANGUAGES


@dataclass(frozen=True, kw_only=True)
class TimeConfig:
    """`require_synchronised`: no transaction before the clock is. `zone`: IANA name, for what customers read."""

    require_synchronised: bool = True
    zone: str = "UTC"


@dataclass(frozen=True, kw_only=True)
class LimitsConfig:
    """How long a customer has, in seconds (WCAG 2.2.1). `extensions`: how often "more time?" may be said yes to.

    `card_s`: for a card to be taken, and cash, where a tray's sensor sees whether it was; elsewhere "Take your cash"
    stays for `cash_s`.
    """

    answer_s: int = 30
    more_time_s: int = 20
    extensions: int = 10
    card_s: int = 30
    cash_s: int = 10


@dataclass(frozen=True, kw_only=True)
class LineConfig:
    """Time-outs of one try at the bank; a request is sent again until its own deadline."""

    connect_ms: int = 3_000
    read_ms: int = 6_000


class ReaderKind(enum.StrEnum):
    """Which card reader the machine has; each has a dataclass of its own."""

    STICK = "stick"
    PN532 = "pn532"


@dataclass(frozen=True, kw_only=True)
class StickReaderConfig:
    """Card files on a USB stick that the system mounts at `mount`; `file` is the card file's name there."""

    mount: Path
    file: str = "card.atm"
    poll_ms: int = 250


@dataclass(frozen=True, kw_only=True)
class Pn532ReaderConfig:
    """Card files on NTAG21x tags, read by a PN532 in HSU mode. `uart_pins`: it sits at GPIO14 and GPIO15."""

    port: str
    baud: int = 115_200
    uart_pins: bool = False
    poll_ms: int = 200


@dataclass(frozen=True, kw_only=True)
class KeypadConfig:
    """The 4 x 4 pad: rows are driven, columns read, in the order of `drivers.devices.KEYS`.

    A key down for `hold_ms` is reported as held, for `stuck_ms` as a fault.
    """

    rows: tuple[OutputPin, ...]
    columns: tuple[InputPin, ...]
    debounce_ms: int = 20
    hold_ms: int = 2_000
    stuck_ms: int = 15_000


class Mechanism(enum.StrEnum):
    """What happens to a note past the exit sensor. Drop: it is the customer's."""

    DROP = "drop"


@dataclass(frozen=True, kw_only=True)
class DispenserConfig:
    """Sensors and times that all cassettes share; the times mean what `drivers.dispenser.DispenserTimings` says.

    `diverter` is on while the way to the customer is open; off, a note goes to the reject bin, where `reject_sensor`
    sees it. A machine without a reject bin has neither. `exit_notes`: so many the exit takes at once; more come in bunches.
    """

    mechanism: Mechanism = Mechanism.DROP
    exit_sensor: InputPin
    diverter: OutputPin | None = None
    reject_sensor: InputPin | None = None
    pick_timeout_ms: int = 600
    shortest_note_ms: int = 15
    double_note_ms: int = 130
    longest_note_ms: int = 400
    gap_ms: int = 150
    brake_ms: int = 50
    exit_notes: int = 40


@dataclass(frozen=True, kw_only=True)
class CashTrayConfig:
    """A tray that sees the notes in it. `retract` is on for `retract_ms` to move them into the reject bin."""

    sensor: InputPin
    retract: OutputPin
    retract_ms: int = 2_000


@dataclass(frozen=True, kw_only=True)
class CassetteConfig:
    """One cassette. `value`: whole units of the currency on each note; `most` notes fit; `low`: time to refill."""

    name: str
    value: int
    most: int
    low: int
    motor: OutputPin
    empty_sensor: InputPin | None = None


@dataclass(frozen=True, kw_only=True)
class VoiceConfig:
    """A machine that speaks. `jack` senses a plug in the headphone jack; `loudspeaker`: there is one, too.

    `device` is the sound card by its ALSA name; "" is the default one.
    """

    jack: InputPin | None = None
    device: str = ""
    loudspeaker: bool = False


class EscrowKind(enum.StrEnum):
    """What a note acceptor can hold back before notes are the machine's for good."""

    NOTHING = "nothing"
    NOTE = "note"
    BUNDLE = "bundle"


@dataclass(frozen=True, kw_only=True)
class NoteAcceptorConfig:
    """An acceptor that speaks in pulses. `pulses`: how many stand for which value in whole units.

    `most`: notes that its escrow holds; without one, notes that one deposit may have. Times mean what
    `drivers.pulse_trains.PulseTimings` and `drivers.note_acceptor_wiring.EscrowTimings` say.
    """

    holds: EscrowKind
    most: int
    pulses: dict[int, int]
    inhibit: OutputPin
    pulse: InputPin
    stack: OutputPin | None = None
    give_back: OutputPin | None = None
    stacked: InputPin | None = None
    returned: InputPin | None = None
    jam: InputPin | None = None
    noise_ms: int = 5
    pulse_least_ms: int = 30
    pulse_most_ms: int = 150
    gap_least_ms: int = 20
    gap_most_ms: int = 300
    move_ms: int = 4_000
    follow_ms: int = 1_500


@dataclass(frozen=True, kw_only=True)
class ReceiptPrinterConfig:
    """An ESC/POS printer at a serial port. `columns` characters and `dots` fit on a line; `model` as python-escpos calls it."""

    port: str
    baud: int = 38_400
    columns: int = 42
    dots: int = 512
    model: str = "default"


class Guards(enum.StrEnum):
    """What a door keeps from people. Behind a cash door notes can be reached: they are counted after it was open."""

    CASH = "cash"
    ELECTRONICS = "electronics"


@dataclass(frozen=True, kw_only=True)
class DoorConfig:
    """One door; its switch is on while the door is open."""

    name: str
    guards: Guards
    switch: InputPin


@dataclass(frozen=True, kw_only=True)
class KioskConfig:
    """One kiosk. `presets`: whole units, ascending. `lamps`: by the slot's name (card, cash, notes, receipt, …).

    `voice` is None where the machine does not speak; so is each device that it does not have.
    """

    terminal: TerminalConfig
    display: DisplayConfig
    time: TimeConfig = TimeConfig()
    limits: LimitsConfig = LimitsConfig()
    line: LineConfig = LineConfig()
    presets: tuple[int, ...]
    card_reader: StickReaderConfig | Pn532ReaderConfig
    keypad: KeypadConfig
    dispenser: DispenserConfig
    cassettes: tuple[CassetteConfig, ...]
    cash_tray: CashTrayConfig | None = None
    lamps: dict[str, OutputPin] = field(default_factory=dict)
    voice: VoiceConfig | None = None
    note_acceptor: NoteAcceptorConfig | None = None
    receipt_printer: ReceiptPrinterConfig | None = None
    doors: tuple[DoorConfig, ...] = ()
    board: BoardKind = BoardKind.HEADER
