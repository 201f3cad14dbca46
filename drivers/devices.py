"""The kinds of device a machine has, in XFS4IoT's terms, and the one error they raise.

Everything here is asked for and answered on the asyncio loop. A driver whose hardware blocks keeps its own thread
and comes back by `call_soon_threadsafe`. Callbacks are called on the loop, never from a thread.

DeviceError
└── raised by every operation that the hardware did not carry out; `fault` says how it failed
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class Fault(enum.StrEnum):
    """How a device fails. Each is also the key under which screens and reports speak of it."""

    JAM = "jam"
    EMPTY = "empty"
    TIMEOUT = "timeout"
    SENSOR = "sensor"  # a sensor that says what cannot be
    UNPLUGGED = "unplugged"
    PROTOCOL = "protocol"  # bytes from the device that are none of its language
    MEDIA = "media"  # what was inserted cannot be read, or is refused
    WRITE = "write"  # written, but not read back alike
    CONFIG = "config"  # pins that clash, a port that is not there
    OPEN = "open"  # a cover that must be closed


class DeviceError(Exception):
    """`device` did not do what it was asked; the sentence names it and the way out."""

    def __init__(self, device: str, fault: Fault, sentence: str) -> None:
        super().__init__(sentence)
        self.device = device
        self.fault = fault


class DeviceState(enum.StrEnum):
    """XFS4IoT Common.Status `device`: what the machine may count on now."""

    ONLINE = "online"
    OFFLINE = "offline"
    NO_DEVICE = "no-device"
    HARDWARE_ERROR = "hardware-error"


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """A device's state and, where it is not online, one sentence for the operator."""

    state: DeviceState
    sentence: str = ""


#: Nothing is to be told.
ONLINE = DeviceReport(DeviceState.ONLINE)


class Device(Protocol):
    """What every device has. `open` and `close` may each be called again; `close` leaves outputs at their safe level."""

    name: str

    @property
    def report(self) -> DeviceReport: ...

    def open(self) -> None:
        """Claim pins or line. Raises DeviceError (CONFIG, UNPLUGGED)."""

    def close(self) -> None: ...


class PickOutcome(enum.StrEnum):
    """What one pick of one cassette came to."""

    DISPENSED = "dispensed"  # one note counted and clear of the exit sensor
    REJECTED = "rejected"  # the note went to the reject bin; none came out
    EMPTY = "empty"  # the cassette is empty, proven by its sensor; nothing moved
    JAM = "jam"  # a note moved and did not arrive, or still covers the sensor: in doubt
    TIMEOUT = "timeout"  # the motor ran, no sensor saw a note, nothing proves where it is: in doubt


@dataclass(frozen=True, slots=True)
class Pick:
    """One pick: notes by where they are now. Only the last one of a dispense can leave a doubt."""

    outcome: PickOutcome
    dispensed: int = 0  # counted and clear of the exit sensor: on the customer's side (drop)
    surplus: int = 0  # passed with the counted one (double pick), seen by the sensor: the machine's shortage
    rejected: int = 0  # in the reject bin
    in_doubt: int = 0  # moved, and nothing proves where to
    sentence: str = ""


class Dispenser(Device, Protocol):
    """A note dispenser of the *drop* mechanism: past the exit sensor a note is the customer's.

    One pick moves one note from one cassette; the caller makes each durable before the next.
    """

    cassettes: tuple[str, ...]

    @property
    def tests_to_bin(self) -> bool:
        """`test` can lead a note into the reject bin; else it comes out at the exit."""

    async def test(self, cassette: str) -> Pick:
        """As `pick`, for whoever tries the mechanism: into the reject bin where `tests_to_bin`."""

    @property
    def counter(self) -> int | None:
        """Notes ever moved, from the device's own memory that survives a power cut; None where it has none."""

    async def pick(self, cassette: str) -> Pick:
        """Move one note of `cassette`. Ends with a Pick; DeviceError only if nothing was moved."""

    async def reset(self) -> None:
        """Motors off; refuses (DeviceError SENSOR or JAM) while the exit sensor is covered."""

    def looks_empty(self, cassette: str) -> bool:
        """True where the cassette's own sensor says that it holds no note."""


class CashTray(Device, Protocol):
    """Where paid notes lie until they are taken, of a machine that sees them there and can take them back."""

    @property
    def present(self) -> bool:
        """Something lies in it."""

    @property
    def seen(self) -> bool:
        """Something has lain in it since it was last `ready`: a blind sensor proves nothing by what it does not see."""

    def listen(self, heard: Callable[[], None]) -> None:
        """Call `heard` whenever something comes in or goes out. One listener."""

    def forget(self) -> None:
        """From here on `seen` is about what comes next."""

    async def ready(self) -> None:
        """It is empty, and notes may come. Raises DeviceError (SENSOR) where something lies in it."""

    async def appeared(self, seconds: float) -> bool:
        """Whether something lies in it, or has since it was last asked to `forget`, within so long."""

    async def removed(self) -> None:
        """Return when nothing lies in it."""

    async def retract(self) -> None:
        """Move what lies in it into the reject bin. Raises DeviceError (JAM) where it lies there still."""


KEYS = ("1", "2", "3", "A", "4", "5", "6", "B", "7", "8", "9", "C", "*", "0", "#", "D")


@dataclass(frozen=True, slots=True)
class KeyPress:
    """One key of the 4 x 4 pad, as `KEYS` names them. `held` is reported once, after the hold time."""

    key: str
    held: bool = False


class Keypad(Device, Protocol):
    """A pad of keys. A stuck or held key never repeats; it is reported as held, and after longer as a fault."""

    def listen(self, heard: Callable[[KeyPress], None]) -> None:
        """Call `heard` for each press from now on (one listener)."""


class CardReader(Device, Protocol):
    """Reads and rewrites card files: `size` bytes, whatever they mean."""

    @property
    def present(self) -> bool:
        """A card (or a stick that might be one) is in now."""

    async def inserted(self) -> None:
        """Returns when a card is in."""

    async def removed(self) -> None:
        """Returns when no card is in."""

    async def read(self) -> bytes:
        """The whole card file. Raises DeviceError (MEDIA: none, or a strange one; UNPLUGGED: it went away)."""

    async def write(self, offset: int, data: bytes) -> None:
        """Write `data` in place at `offset`, flush it, read it back.

        Raises DeviceError: WRITE (not read back alike), UNPLUGGED (it went away), MEDIA (refused to be written).
        """

    async def create(self, data: bytes) -> None:
        """Make the card file on a medium that has none, flush it, read it back. Who calls has looked that there is no card.

        An earlier try that was broken off is written over. Raises DeviceError as `write` does.
        """

    async def release(self) -> None:
        """Ready for the customer to take it: nothing of ours is open on it any more."""


class Light(enum.StrEnum):
    """XFS4IoT Lights: a lamp's flash rate."""

    OFF = "off"
    ON = "on"
    SLOW = "slow"
    MEDIUM = "medium"
    QUICK = "quick"


class Indicators(Device, Protocol):
    """Lamps at the slots, by name: `card`, `cash`, `notes`, `receipt`, `keypad`, `status`."""

    lamps: tuple[str, ...]

    def set(self, lamp: str, light: Light) -> None:
        """A lamp that the machine does not have is no error: the cabinet decides which there are."""


class Jack(Device, Protocol):
    """A headphone jack that knows whether a plug is in it."""

    @property
    def plugged(self) -> bool:
        """A plug is in now, as far as the contact can tell."""

    def listen(self, heard: Callable[[bool], None]) -> None:
        """Call `heard` at each change from now on (one listener); pulled out is told at once."""


class Door(Device, Protocol):
    """A door of the cabinet. `open` and `close` are the device's, as of every one; the door itself is moved by people."""

    @property
    def is_open(self) -> bool:
        """It stands open, as far as its switch can tell."""

    def listen(self, heard: Callable[[bool], None]) -> None:
        """Call `heard` with True when it is opened and False when it is closed, from now on (one listener)."""


#: Steps of loudness, the quietest is 1.
LOUDEST = 5


@dataclass(frozen=True, slots=True)
class Manner:
    """How something is said: the language as espeak-ng names it, words a minute, loudness from 1 to `LOUDEST`."""

    language: str
    words_per_minute: int
    loudness: int


class Speaker(Device, Protocol):
    """A voice. What is being said stops at once when its caller is cancelled. Both raise DeviceError."""

    async def say(self, text: str, manner: Manner) -> None:
        """Returns when it has been said."""

    async def tick(self, manner: Manner) -> None:
        """The sound of a key, the same for all keys."""


class Holds(enum.StrEnum):
    """What a note acceptor can hold back (its escrow) before notes are the machine's for good."""

    NOTHING = "nothing"  # a note that is read is stacked: only counting can be shown
    NOTE = "note"  # one note at a time waits for `stack` or `give_back`
    BUNDLE = "bundle"  # notes are collected until `stack` or `give_back`


class NoteEvent(enum.StrEnum):
    """What an acceptor saw happen to one note."""

    READ = "read"  # recognised: in escrow where there is one, else on its way into the cash box
    STACKED = "stacked"  # in the cash box
    RETURNED = "returned"  # back at the mouth, the customer's again
    GARBLED = "garbled"  # something went in whose value nothing proves: half a pulse train, or one of no note
    JAM = "jam"  # a note is stuck on its way; where it is nothing proves


@dataclass(frozen=True, slots=True)
class NoteSeen:
    """One event. `minor`: the note's face value in minor units, 0 where it is not known; `pulses` as they were counted."""

    event: NoteEvent
    minor: int = 0
    pulses: int = 0
    sentence: str = ""


class NoteAcceptor(Device, Protocol):
    """A banknote acceptor. Inhibited from `open` on until `accept(on=True)`; a power cut leaves it inhibited.

    Events come one by one and none is lost: what happened while nobody waited is kept for the next `seen`.
    """

    holds: Holds
    values: tuple[int, ...]  # face values that it takes, in minor units
    most: int  # notes that its escrow holds; where it has none, notes that one deposit may have

    def accept(self, *, on: bool) -> None:
        """Release or pull the inhibit line. Raises DeviceError."""

    def reset(self) -> None:
        """An operator has been at it: it takes none, what it holds is not known any more, a jam that no line shows is over.

        Raises DeviceError.
        """

    async def seen(self) -> NoteSeen:
        """The next thing that happens to a note. Raises DeviceError (SENSOR, UNPLUGGED)."""

    async def stack(self) -> None:
        """Keep what is in escrow; each note's STACKED follows by `seen`. Without an escrow there is nothing to do."""

    async def give_back(self) -> None:
        """Give back what is in escrow; each note's RETURNED follows by `seen`. DeviceError where it cannot."""


class Paper(enum.StrEnum):
    """XFS4IoT Printer.Status `paper`, of the one roll there is."""

    ENOUGH = "enough"
    LOW = "low"
    OUT = "out"
    UNKNOWN = "unknown"  # the printer does not answer


@dataclass(frozen=True, slots=True)
class PrintLine:
    """A line of text, with `right` at its far end. `large` is twice as wide and as high."""

    text: str = ""
    right: str = ""
    bold: bool = False
    large: bool = False
    centre: bool = False


@dataclass(frozen=True, slots=True)
class PrintCode:
    """A QR code that holds `data`, centred."""

    data: str


@dataclass(frozen=True, slots=True)
class PrintJob:
    """One receipt, from its first line to the cut."""

    parts: tuple[PrintLine | PrintCode, ...]


class ReceiptPrinter(Device, Protocol):
    """Prints on a roll and cuts. One job at a time; what could not be printed is not printed later."""

    columns: int  # characters of a line that is not large

    @property
    def paper(self) -> Paper:
        """As the printer last said."""

    async def print(self, job: PrintJob) -> None:
        """Returns when the receipt is printed and cut.

        Raises DeviceError: EMPTY (no paper, also in the middle), OPEN (the cover), JAM (cutter or head), TIMEOUT (no
        answer), UNPLUGGED, PROTOCOL, MEDIA (a script that it cannot print).
        """
