"""What each command answers: the figures of `--json`, whose names stay. Amounts are decimal text with their currency.

Times are UTC in ISO 8601 ("" where there is none yet). Only `CardMade.file` is secret; it goes into the card's file.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec

from bank_link.money import MINOR_DIGITS


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Root of all answers."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of an answer."""


class Amount(Part, frozen=True, kw_only=True):
    """`amount` like `-12.50`."""

    amount: str
    currency: str

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


def amount(minor: int, currency: str) -> Amount:
    """Minor units as decimal text. Sums of many postings may be larger than any `Money`."""
    digits = MINOR_DIGITS.get(currency, 0)
    whole, fraction = divmod(abs(minor), 10**digits)
    tail = f".{fraction:0{digits}d}" if digits else ""
    return Amount(amount=f"{'-' if minor < 0 else ''}{whole}{tail}", currency=currency)


def time(at_ms: int) -> str:
    """`2026-01-31T12:00:00.000Z`, or "" for 0."""
    if not at_ms:
        return ""
    moment = dt.datetime.fromtimestamp(at_ms // 1000, dt.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"


class CustomerAdded(Answer, frozen=True, kw_only=True):
    customer: str
    name: str
    language: str


class PostingShown(Part, frozen=True, kw_only=True):
    """`amount` as the account sees it: negative where it was debited. `other`: the account on the other side."""

    posting: int
    at: str
    amount: Amount
    kind: str
    other: str
    text: str
    case: str


class Booking(Part, frozen=True, kw_only=True):
    """A posting as the books have it."""

    posting: int
    at: str
    debit: str
    credit: str
    amount: Amount
    kind: str
    case: str


class LinkedCard(Part, frozen=True, kw_only=True):
    """`card` is masked: the bank's reference is for `card` commands alone."""

    card: str
    ends: str
    state: str


class AccountShown(Answer, frozen=True, kw_only=True):
    """`available`: what can be used now, the overdraft included. `forced_case`: why it may be below its limit."""

    account: str
    kind: str
    customer: str
    label: str
    currency: str
    state: str
    balance: Amount
    held: Amount
    available: Amount
    overdraft: Amount
    forced_case: str
    opened_at: str
    cards: tuple[LinkedCard, ...] = ()
    postings: tuple[PostingShown, ...] = ()


class CardMade(Answer, frozen=True, kw_only=True):
    """`file`: the card file's bytes, for the medium alone."""

    card: str
    ends: str
    customer: str
    accounts: tuple[str, ...]
    expiry: str
    file: bytes

    def __repr__(self) -> str:
        return f"CardMade(card={self.card!r}, ends={self.ends!r})"


class CardShown(Answer, frozen=True, kw_only=True):
    """`tries`: wrong PINs since the last right one. `locked_until`: "" where it is not locked now."""

    card: str
    ends: str
    customer: str
    accounts: tuple[str, ...]
    expiry: str
    state: str
    tries: int
    locked_until: str
    created_at: str


class BillerShown(Answer, frozen=True, kw_only=True):
    """`payee` is its id. `check`: "" or how the numbers of its bills are checked."""

    payee: str
    name: str
    category: str
    account: str
    digits: int
    check: str
    state: str
    added_at: str


class BillersListed(Answer, frozen=True, kw_only=True):
    payees: tuple[BillerShown, ...]


class EnrolmentOpened(Answer, frozen=True, kw_only=True):
    """`string` goes to the machine, and to nobody else; it is good once, until `expires_at`."""

    terminal: str
    again: bool
    string: str
    address: str
    expires_at: str


class CassetteShown(Part, frozen=True, kw_only=True):
    cassette: str
    value: Amount
    count: int
    rejected: int
    accuracy: str


class TerminalShown(Answer, frozen=True, kw_only=True):
    """`in_service`, `reported_why`, `outbox`, `parked` and `cassettes` are what the machine said of itself at its last echo."""

    terminal: str
    generation: int
    state: str
    why: str
    fingerprint: str
    enrolled_at: str
    last_seen: str
    last_exchange: str
    exchange_needed: bool
    in_service: bool = False
    reported_why: str = ""
    outbox: int = 0
    parked: int = 0
    cassettes: tuple[CassetteShown, ...] = ()
    cases: tuple[str, ...] = ()


class TerminalsListed(Answer, frozen=True, kw_only=True):
    terminals: tuple[TerminalShown, ...]


class CaseLine(Part, frozen=True, kw_only=True):
    """`claim` is what the customer was shown. `number`: the transaction's, of `generation` of `terminal`."""

    case: str
    kind: str
    state: str
    terminal: str
    generation: int
    number: int
    claim: str
    amount: Amount | None
    account: str
    opened_at: str
    closed_at: str
    closed_by: str
    resolution: str
    note: str


class CasesListed(Answer, frozen=True, kw_only=True):
    cases: tuple[CaseLine, ...]


class CaseShown(Answer, frozen=True, kw_only=True):
    """`may`: the resolutions that make sense. `held`: what waits in the account for this case's end."""

    case: CaseLine
    meaning: str
    may: tuple[str, ...]
    hold: str
    held: Amount | None
    card_ends: str
    in_suspense: Amount | None
    detail: Any
    postings: tuple[Booking, ...]


class Finding(Part, frozen=True, kw_only=True):
    what: str
    sentence: str


class AuditVerified(Answer, frozen=True, kw_only=True):
    """`unsealed`: events that no block covers yet."""

    sound: bool
    events: int
    blocks: int
    unsealed: int
    head: str
    findings: tuple[Finding, ...]


class MachineCash(Part, frozen=True, kw_only=True):
    """What should be in a machine by the books, and what it said is in there.

    `compared`: "" where the two could be compared, else why not. `explained`: how much of a difference open cases and
    payments under way account for.
    """

    terminal: str
    book: Amount
    reported: Amount | None
    missing: Amount | None
    explained: Amount
    compared: str


class LedgerChecked(Answer, frozen=True, kw_only=True):
    sound: bool
    accounts: int
    postings: int
    holds: int
    open_cases: int
    machines: tuple[MachineCash, ...]
    findings: tuple[Finding, ...]


class CaShown(Part, frozen=True, kw_only=True):
    """`state`: "signs", "next" or "former". `fingerprint`: SHA-256 of the certificate (DER), in hex pairs."""

    ca: int
    state: str
    fingerprint: str
    valid_from: str
    valid_until: str


class CasShown(Answer, frozen=True, kw_only=True):
    """Every CA, the oldest first. `untold`: terminals that do not know the next one yet; none where there is no next."""

    cas: tuple[CaShown, ...]
    untold: tuple[str, ...]
