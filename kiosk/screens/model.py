"""The templates that every screen is an instance of. Displays draw them, and nothing else is ever drawn.

A screen holds finished sentences in the customer's language; it knows nothing of pixels. What the customer does
comes back as keys of the pad (`drivers.devices.KEYS`) whichever way it was done: a touch on the second card is the
key "2", the main button is "D", Cancel "A", Back or Clear "B", Help "C".
"""

from __future__ import annotations

import enum

import msgspec

from kiosk.screens.words import local

#: A touch on the language in the header. No key of the pad: by keypad, Help leads there.
LANGUAGE_KEY = "L"


class Tone(enum.StrEnum):
    """A notice's ground and icon."""

    INFO = "info"
    OK = "ok"
    WARNING = "warning"
    DANGER = "danger"


class Notice(msgspec.Struct, frozen=True):
    """One bold sentence, and a plain one."""

    tone: Tone
    bold: str
    plain: str = ""


class Choice(msgspec.Struct, frozen=True):
    """A card of its own digit (its place in the list, from 1). `key` is what the asking code gets back.

    `second` are words at the far end or under the label; a disabled choice says its reason there.
    """

    key: str
    label: str
    second: str = ""
    icon: str = ""  # name of a line icon: cash, eye, pay-in, send, bill, more, language, card, ...
    enabled: bool = True
    chosen: bool = False


class Keys(msgspec.Struct, frozen=True):
    """Words for A, B, C and D where they work on this screen (empty: the key does nothing, nothing is drawn)."""

    cancel: str = "Cancel"
    back: str = ""
    main: str = ""
    help: str = ""


class Notes(msgspec.Struct, frozen=True):
    """Notes as a picture: face values in whole units (50, 20, ...), one entry a note, largest first."""

    values: tuple[int, ...]


class _Screen(msgspec.Struct, frozen=True, kw_only=True, tag_field="template"):
    """What all templates share. `id` names the screen's words (FACE.md, section 8).

    `language` is shown in the header, by its own name; empty where the machine speaks one language only.
    """

    id: str
    title: str
    keys: Keys = Keys()
    language: str = ""
    private: bool = False  # balance and names: spoken only in headphones, never kept as a picture in a log


class Attract(_Screen, frozen=True, kw_only=True, tag="attract"):
    """Deep. Art, title, line, and a strip of choices (languages by their own names; cash by code; ...)."""

    lines: tuple[str, ...]
    choices: tuple[Choice, ...] = ()
    keys: Keys = Keys(cancel="")


class Choose(_Screen, frozen=True, kw_only=True, tag="choose"):
    """Paper. Two to six choices (for operators eight), each at once on its digit; `more` leads on where not all fit."""

    choices: tuple[Choice, ...]
    notice: Notice | None = None
    more: str = "More"


class Amount(_Screen, frozen=True, kw_only=True, tag="amount"):
    """Paper. A number entered by digits: money where `symbol` is set, else a plain number.

    Money is entered in whole units, or with `decimals` to the cent: then the last digits are those behind the point.
    `locale` says how it is written (`words.Words.locale`).
    """

    symbol: str  # "$" before the figures; "" for an account number or a code
    limits: str
    most_digits: int
    entered: str = ""  # digits so far
    grouped: bool = True  # thousands separated
    locale: str = "en_US"
    decimals: int = 0
    notice: Notice | None = None
    keys: Keys = Keys(back="Clear", main="OK")

    @property
    def shown(self) -> str:
        """What is entered so far, as it is read: `$1,250`, `$64.30`, `1000000024`; a 0 before anything is."""
        if self.symbol and self.grouped:
            return local.entered(self.entered, self.symbol, self.locale, self.decimals)
        return f"{self.symbol}{self.entered or '0'}"


class Pin(_Screen, frozen=True, kw_only=True, tag="pin"):
    """Paper. Rings that fill. The screen knows how many digits there are, never which."""

    line: str
    count: int = 0
    most: int = 12
    notice: Notice | None = None
    keys: Keys = Keys(back="Clear", main="OK")


class Fact(msgspec.Struct, frozen=True):
    """A line of a CONFIRM: what it is and its value."""

    label: str
    value: str


class Confirm(_Screen, frozen=True, kw_only=True, tag="confirm"):
    """Paper. One to three facts, the first one large; choices by digit, the main one on D."""

    facts: tuple[Fact, ...]
    choices: tuple[Choice, ...] = ()
    notice: Notice | None = None


class Wait(_Screen, frozen=True, kw_only=True, tag="wait"):
    """Deep. The machine's turn: the sun on three waves, a title, a line ("6 of 9 notes", "Still working")."""

    line: str = ""
    keys: Keys = Keys(cancel="")


class Slot(enum.StrEnum):
    """Which slot a TAKE points at."""

    CARD = "card"
    CASH = "cash"
    RECEIPT = "receipt"
    NONE = "none"


class Take(_Screen, frozen=True, kw_only=True, tag="take"):
    """Deep. Something to take, its picture under its slot. `value` is large; `notes` are drawn for cash.

    `left` stands beside the figure of the time-left ring ("seconds left").
    """

    slot: Slot
    value: str = ""
    line: str = ""
    left: str = ""
    notes: Notes | None = None
    keys: Keys = Keys(cancel="")


class NoticeScreen(_Screen, frozen=True, kw_only=True, tag="notice"):
    """Paper. Something that the customer must know; `reference` is for a claim, `reference_label` says what it is."""

    notice: Notice
    reference: str = ""
    reference_label: str = ""
    choices: tuple[Choice, ...] = ()
    keys: Keys = Keys(cancel="")


class Out(_Screen, frozen=True, kw_only=True, tag="out"):
    """Deep. Out of service. `lines`: why, in the customer's words; then, if known, a label and what to do instead."""

    lines: tuple[str, ...]
    keys: Keys = Keys(cancel="")


class Row(msgspec.Struct, frozen=True):
    """A line of a LIST."""

    date: str
    words: str
    amount: str


class ListScreen(_Screen, frozen=True, kw_only=True, tag="list"):
    """Paper. Up to five rows a page."""

    rows: tuple[Row, ...]
    page: int = 1
    pages: int = 1
    choices: tuple[Choice, ...] = ()


class Code(_Screen, frozen=True, kw_only=True, tag="code"):
    """Paper. A QR code to photograph, and in words what is in it. A row has "1" for each dark module, "0" for a light one."""

    rows: tuple[str, ...]
    line: str
    facts: tuple[Fact, ...] = ()


Screen = Attract | Choose | Amount | Pin | Confirm | Wait | Take | NoticeScreen | Out | ListScreen | Code
