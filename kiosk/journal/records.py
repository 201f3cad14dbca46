"""Every record that the journal can hold. None holds a PIN, a key, a card's number or its secret.

Records about one transaction carry its name: the generation and number of its first message. `at` is bank time in
milliseconds, or 0 where it was not known yet.
"""

from __future__ import annotations

import msgspec

from bank_link.messages import Accuracy, CassetteCount, NoteCount, NumberRange, Outcome, Signed, TakenState
from bank_link.money import Money


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Root of all records."""


class Transaction(msgspec.Struct, frozen=True):
    """A transaction's name."""

    generation: int
    number: int


class About(Record, frozen=True, kw_only=True):
    """A record of one transaction."""

    transaction: Transaction


# ── The machine ─────────────────────────────────────────────────────────────────────────────────────────────────────


class Booted(Record, frozen=True, kw_only=True, tag="booted"):
    """The firmware started: written before anything else."""

    boot: str
    version: str
    terminal: str
    generation: int


#: What an Event says of a door. After the first of them cash must be counted.
CASH_DOOR_OPENED, DOOR_OPENED, DOOR_CLOSED = "cash-door-opened", "door-opened", "door-closed"


#: `Event.what`: a note moved in the acceptor while no deposit was open; its escrow was seen to be empty.
NOTE_OUTSIDE, ESCROW_CLEARED = "note-outside-deposit", "escrow-cleared"


class Event(Record, frozen=True, kw_only=True, tag="event"):
    """Something an operator will want to read later: a card went in, the line came back, why the machine closed."""

    what: str
    detail: str = ""


class SignedOn(Record, frozen=True, kw_only=True, tag="signed-on"):
    """A session began. `audit_head` contradicts the bank if it ever rewrites its log.

    `missing`: ranges of numbers that the bank has lost. `named_from`: where it has lost more than one sign-on can name,
    the next one names what was answered before this record (its sequence); 0 where nothing is left to be named.
    """

    generation: int
    session: str
    audit_head: str
    missing: tuple[NumberRange, ...] = ()
    named_from: int = 0
    next_number: int


class CountsSet(Record, frozen=True, kw_only=True, tag="counts-set"):
    """An operator's exchange: what is in the cassettes from now on."""

    after: tuple[CassetteCount, ...]
    by: str


# ── An operator at the machine ──────────────────────────────────────────────────────────────────────────────────────


class ServiceSet(Record, frozen=True, kw_only=True, tag="service-set"):
    """An operator let the machine work (`open`) or not. `exchange`: closed for an exchange, which ends that."""

    open: bool
    exchange: bool = False
    by: str


class Counted(Record, frozen=True, kw_only=True, tag="counted"):
    """One cassette of an exchange that is not booked yet: what was found in it, and what is left in it."""

    cassette: str
    found: int
    rejected: int
    left: int
    by: str


class FinalTotals(Record, frozen=True, kw_only=True, tag="final-totals"):
    """What an exchange ended, before it set the counts. `body`: the totals as JSON."""

    body: str
    by: str


class CassetteSwitched(Record, frozen=True, kw_only=True, tag="cassette-switched"):
    """An operator lets a cassette be paid from (`on`) or not."""

    cassette: str
    on: bool
    by: str


class TestBegun(Record, frozen=True, kw_only=True, tag="test-begun"):
    """A test dispense: one note of a cassette is about to move."""

    cassette: str
    value: Money
    by: str


class TestMoved(Record, frozen=True, kw_only=True, tag="test-moved"):
    """What the test came to. A note that came out at the exit belongs into the reject bin: it counts as rejected."""

    cassette: str
    value: Money
    outcome: str
    rejected: int = 0
    in_doubt: int = 0
    sentence: str = ""
    by: str


# ── Numbers and facts ───────────────────────────────────────────────────────────────────────────────────────────────


class Taken(About, frozen=True, kw_only=True, tag="taken"):
    """A number is taken, before the first byte of its message is sent."""

    number: int
    kind: str


class Answered(About, frozen=True, kw_only=True, tag="answered"):
    """The bank's answer to a number. `reason`: "" where it did what was asked."""

    number: int
    kind: str
    answer: str
    reason: str = ""


class FactMade(About, frozen=True, kw_only=True, tag="fact-made"):
    """A fact for the bank, in the outbox from here on. `body` is its message as JSON."""

    number: int
    kind: str
    body: str


class Acknowledged(Record, frozen=True, kw_only=True, tag="acknowledged"):
    """The bank has the fact."""

    generation: int
    number: int
    case: str = ""


class Parked(Record, frozen=True, kw_only=True, tag="parked"):
    """The bank cannot read the fact: set aside with an alarm, it does not block the next."""

    generation: int
    number: int
    sentence: str


class Resent(Record, frozen=True, kw_only=True, tag="resent"):
    """The bank was restored and misses these: their facts wait again, in order."""

    generation: int
    numbers: tuple[int, ...]


# ── A post ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class Posted(About, frozen=True, kw_only=True, tag="posted"):
    """The bank has done what was asked in one step. `body`: the fact with its slip, as JSON, should the bank lose it."""

    number: int
    what: str
    account: str
    to: str
    amount: Money
    body: str


# ── A withdrawal ────────────────────────────────────────────────────────────────────────────────────────────────────


class Held(About, frozen=True, kw_only=True, tag="held"):
    """The bank holds the money. `card` is the bank's reference of the card."""

    hold: str
    card: str
    account: str
    amount: Money
    mix: tuple[NoteCount, ...]
    claim: str


class CardTaken(About, frozen=True, kw_only=True, tag="card-taken"):
    """The customer has the card; the release may be sent."""


class NonceMade(About, frozen=True, kw_only=True, tag="nonce-made"):
    """The vault's nonce for one payment in this boot."""

    nonce: bytes
    boot: str


class AuthorityHeld(About, frozen=True, kw_only=True, tag="authority-held"):
    """The dispense authority, as the bank signed it."""

    authority: Signed


class NonceBurnt(About, frozen=True, kw_only=True, tag="nonce-burnt"):
    """The commit point: from here the machine pays, or says why not. `plan`: notes in the order they will move."""

    nonce: bytes
    plan: tuple[NoteCount, ...] = ()


class Replanned(About, frozen=True, kw_only=True, tag="replanned"):
    """A cassette ran empty or rejects: what is left will come out of others. `plan`: what has not moved yet."""

    plan: tuple[NoteCount, ...]


class NoteMoved(About, frozen=True, kw_only=True, tag="note-moved"):
    """One pick of one cassette, journalled before the next. Counts of notes by where they are now."""

    cassette: str
    value: Money
    outcome: str
    dispensed: int = 0
    surplus: int = 0
    rejected: int = 0
    in_doubt: int = 0


class BunchOut(About, frozen=True, kw_only=True, tag="bunch-out"):
    """The exit is full, and no note moves until the customer has these."""


class BunchTaken(About, frozen=True, kw_only=True, tag="bunch-taken"):
    """The customer says so: from here on notes move again."""


class Presented(About, frozen=True, kw_only=True, tag="presented"):
    """The last note has moved: what there was to pay is out, or will not come."""

    outcome: Outcome


class InTray(About, frozen=True, kw_only=True, tag="in-tray"):
    """The tray's sensor sees the notes: from here on an empty tray says that somebody took them."""


class RetractBegun(About, frozen=True, kw_only=True, tag="retract-begun"):
    """Notes lay in the tray and were not taken: from here on any of them may be in the reject bin."""


class HandedOver(About, frozen=True, kw_only=True, tag="handed-over"):
    """What became of the presented notes, as the tray's sensor saw it."""

    taken: TakenState
    sentence: str = ""


# ── A deposit ───────────────────────────────────────────────────────────────────────────────────────────────────────


class DepositBegun(About, frozen=True, kw_only=True, tag="deposit-begun"):
    """The bank knows whose notes they will be. `slip` is its word for it, `most` what may be paid in."""

    account: str
    slip: Signed
    most: Money
    holds: str
    claim: str


class Accepting(About, frozen=True, kw_only=True, tag="accepting"):
    """From here on a note may go in; with `on` false: none can any more, and none was under way."""

    on: bool


class NoteRead(About, frozen=True, kw_only=True, tag="note-read"):
    """A note is in escrow, or where there is none, on its way into the box."""

    value: Money


class NoteStacked(About, frozen=True, kw_only=True, tag="note-stacked"):
    """A note that was read is in the box."""

    cassette: str
    value: Money


class NoteReturned(About, frozen=True, kw_only=True, tag="note-returned"):
    """A note is the customer's again."""

    value: Money


class NoteUnread(About, frozen=True, kw_only=True, tag="note-unread"):
    """Something went in whose value nothing proves: half a pulse train, or one of no note."""

    pulses: int
    sentence: str = ""


class Ended(About, frozen=True, kw_only=True, tag="ended"):
    """Nothing more will happen in this transaction; its facts are in the outbox."""

    why: str


AnyRecord = (
    Booted | Event | SignedOn | CountsSet | ServiceSet | Counted | FinalTotals | CassetteSwitched | TestBegun
    | TestMoved | Taken | Answered | FactMade | Acknowledged | Parked | Resent | Posted | Held | CardTaken | NonceMade
    | AuthorityHeld | NonceBurnt | Replanned | NoteMoved | BunchOut | BunchTaken | Presented | InTray
    | RetractBegun | HandedOver | DepositBegun | Accepting
    | NoteRead | NoteStacked | NoteReturned | NoteUnread | Ended
)  # fmt: skip


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A record as it lies in the journal."""

    sequence: int
    boot: str
    at: int
    record: AnyRecord


class OutboxEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A fact and whether the bank has it. `state`: "waiting", "acknowledged" or "parked"."""

    generation: int
    number: int
    kind: str
    body: str
    state: str
    case: str = ""


__all__ = ["Accuracy", "AnyRecord", "Line", "Money", "OutboxEntry", "Record", "Transaction"]
