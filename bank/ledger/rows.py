"""The rows of `bank.schema` as frozen structs, one class a table, so that a decision is made on values."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec
from sqlalchemy import Table

from bank import schema
from bank_link.money import Money


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `table`; `key_fields` are its primary key."""

    table: ClassVar[Table]
    key_fields: ClassVar[tuple[str, ...]]

    @property
    def key(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.key_fields)


class Account(Row, frozen=True, kw_only=True):
    """`balance_minor`: credits less debits. A customer's account is available down to `floor_minor`, less what is held."""

    table = schema.accounts
    key_fields = ("account",)
    account: str
    kind: str
    owner: str = ""
    label: str = ""
    currency: str
    balance_minor: int = 0
    held_minor: int = 0
    floor_minor: int = 0
    forced_case: str = ""
    state: str = "open"
    created_at: int = 0

    @property
    def available_minor(self) -> int:
        return self.balance_minor - self.held_minor - self.floor_minor


class Posting(Row, frozen=True, kw_only=True):
    """One debit and one equal credit; `posting` is given by the database."""

    table = schema.postings
    key_fields = ()
    debit_account: str
    credit_account: str
    amount_minor: int
    currency: str
    kind: str
    terminal: str = ""
    generation: int = 0
    number: int = 0
    case_id: str = ""
    text: str = ""
    at_ms: int


class Hold(Row, frozen=True, kw_only=True):
    """Money set aside by the authorise of (terminal, generation, number). Resolves once: posted, voided or in a case."""

    table = schema.holds
    key_fields = ("hold",)
    hold: str
    terminal: str
    generation: int
    number: int
    visit: str = ""
    card: str
    account: str
    amount_minor: int
    currency: str
    state: str
    day: str
    expires_at: int = 0
    released_at: int = 0
    release_number: int = 0
    release_boot: str = ""
    posted_minor: int = 0
    case_id: str = ""

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


class Terminal(Row, frozen=True, kw_only=True):
    table = schema.terminals
    key_fields = ("terminal",)
    terminal: str
    generation: int
    public_key: bytes
    fingerprint: str
    state: str
    why: str = ""
    journal: str = ""
    last_boot: str = ""
    claimed_journal: str = ""
    claimed_boot: str = ""
    exchange_needed: int = 0
    enrolled_at: int = 0
    last_seen: int = 0
    last_exchange: int = 0
    last_challenge: int = 0
    report: str = ""


class Numbering(Row, frozen=True, kw_only=True):
    """How far a terminal's generation has counted.

    `adopted`: the highest number seen when a person let a contradicted journal go on: up to there it may lag behind.
    """

    table = schema.numbering
    key_fields = ("terminal", "generation")
    terminal: str
    generation: int
    highest_seen: int = 0
    adopted: int = 0


class SessionRow(Row, frozen=True, kw_only=True):
    """`keys`: both MAC keys, wrapped. `highest` and `mask`: the window of transmission numbers. `sequence`: how many
    answers were given.

    `partial`: its sign-on could not name all that this bank has lost; the rest is named by the next one.
    """

    table = schema.sessions
    key_fields = ("session",)
    session: str
    terminal: str
    generation: int
    boot: str
    journal: str
    keys: bytes
    highest: int = 0
    mask: bytes = bytes(8)
    sequence: int = 0
    opened_at: int = 0
    ended: int = 0
    partial: int = 0


class NumberRow(Row, frozen=True, kw_only=True):
    """One idempotency key. `state`: deciding, answered, ended (a tombstone), lost (answered before a restore)."""

    table = schema.numbers
    key_fields = ("terminal", "generation", "number")
    terminal: str
    generation: int
    number: int
    kind: str = ""
    digest: bytes = b""
    state: str
    answered: int = 0
    try_counted: int = 0
    answer: bytes = b""
    body: bytes = b""
    at_ms: int = 0


class PostRow(Row, frozen=True, kw_only=True):
    """What a `post` did. `to_others`: 1 where it counts against what the card may send in a day. `undo`: JSON of what
    a reversal needs beside the row.
    """

    table = schema.posts
    key_fields = ("terminal", "generation", "number")
    terminal: str
    generation: int
    number: int
    what: str
    card: str
    account: str = ""
    to_account: str = ""
    amount_minor: int = 0
    currency: str
    day: str
    to_others: int = 0
    state: str = "posted"
    undo: bytes = b""
    case_id: str = ""
    at_ms: int = 0

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


class Biller(Row, frozen=True, kw_only=True):
    """Whose bills customers can pay; `account` gets the money. `check_kind`: "" or one of `bank_link.bills.CHECKS`."""

    table = schema.billers
    key_fields = ("biller",)
    biller: str
    name: str
    category: str
    account: str
    digits: int
    check_kind: str = ""
    state: str = "open"
    created_at: int = 0


class Bill(Row, frozen=True, kw_only=True):
    """What a `post` paid: the biller as it was called then, and in `text` the bill's number."""

    table = schema.bills
    key_fields = ("terminal", "generation", "number")
    terminal: str
    generation: int
    number: int
    biller: str
    name: str
    account: str
    text: str


class DepositRow(Row, frozen=True, kw_only=True):
    """A deposit that was begun. `amount_minor`: what was credited. Ends once: credited, reversed, or in a case."""

    table = schema.deposits
    key_fields = ("terminal", "generation", "number")
    terminal: str
    generation: int
    number: int
    card: str
    account: str
    amount_minor: int = 0
    currency: str
    escrow: str = ""
    state: str = "open"
    case_id: str = ""
    at_ms: int = 0


class Visit(Row, frozen=True, kw_only=True):
    table = schema.visits
    key_fields = ("visit",)
    visit: str
    terminal: str
    generation: int
    number: int
    card: str
    epoch: int
    n: int
    state: str = "open"
    opened_at: int = 0
    last_at: int = 0


class Card(Row, frozen=True, kw_only=True):
    """`state`: "active", "frozen" (by its customer), "blocked" (by the bank's staff). `card`: a keyed reference of its number. `confirmed` and `issued`: the ratchet. `tries`: PINs counted since the last right one."""

    table = schema.cards
    key_fields = ("card",)
    card: str
    last4: str
    sealed_number: bytes
    customer: str
    expiry: str
    state: str = "active"
    confirmed_epoch: int = 1
    confirmed_n: int = 0
    issued_epoch: int = 1
    issued_n: int = 0
    salt: bytes = b""
    pvv: bytes = b""
    pvv_version: int = 0
    tries: int = 0
    lock_level: int = 0
    locked_until: int = 0
    created_at: int = 0


class CardAccount(Row, frozen=True, kw_only=True):
    table = schema.card_accounts
    key_fields = ("card", "account")
    card: str
    account: str
    place: int = 0


class Usual(Row, frozen=True, kw_only=True):
    """What a card's customer usually takes; 0: nothing is set."""

    table = schema.usuals
    key_fields = ("card",)
    card: str
    amount_minor: int
    currency: str


class Operator(Row, frozen=True, kw_only=True):
    """Whose card opens a machine's service menu. `terminals`: "*" for all, else their ids with a space between."""

    table = schema.operators
    key_fields = ("card",)
    card: str
    name: str
    terminals: str
    state: str = "active"
    created_at: int = 0

    def may_serve(self, terminal: str) -> bool:
        return self.state == "active" and (self.terminals == "*" or terminal in self.terminals.split())


class Code(Row, frozen=True, kw_only=True):
    """A cash code: a card without a file, for one withdrawal of one amount. `digest`: keyed, of its digits."""

    table = schema.codes
    key_fields = ("card",)
    card: str
    digest: bytes
    account: str
    amount_minor: int
    currency: str
    expires_at: int
    created_at: int = 0
    created_by: str = ""


class CodeGuard(Row, frozen=True, kw_only=True):
    """Wrong cash codes at one terminal: `tries` since `first_at`, and the lock that grows."""

    table = schema.code_guards
    key_fields = ("terminal",)
    terminal: str
    tries: int = 0
    first_at: int = 0
    lock_level: int = 0
    locked_until: int = 0


class Usage(Row, frozen=True, kw_only=True):
    """What a card has taken on a bank day, holds included."""

    table = schema.usage
    key_fields = ("card", "day", "currency")
    card: str
    day: str
    currency: str
    amount_minor: int = 0
    count: int = 0


class Case(Row, frozen=True, kw_only=True):
    """Something that a person has to decide. `claim` is what the customer was shown."""

    table = schema.cases
    key_fields = ("case_id",)
    case_id: str
    kind: str
    state: str = "open"
    terminal: str = ""
    generation: int = 0
    number: int = 0
    claim: str = ""
    hold: str = ""
    account: str = ""
    card: str = ""
    amount_minor: int = 0
    currency: str = ""
    detail: str = ""
    opened_at: int = 0
    closed_at: int = 0
    closed_by: str = ""
    resolution: str = ""
    note: str = ""


class Customer(Row, frozen=True, kw_only=True):
    table = schema.customers
    key_fields = ("customer",)
    customer: str
    name: str
    language: str = "en"
    created_at: int = 0


class Token(Row, frozen=True, kw_only=True):
    """An enrolment token by its hash; spent once `fingerprint` is set."""

    table = schema.tokens
    key_fields = ("token_hash",)
    token_hash: bytes
    terminal: str
    expires_at: int
    generation: int = 0
    fingerprint: str = ""
    answer: bytes = b""


class TillAccount(Row, frozen=True, kw_only=True):
    """An account of a bank for tills, by the name that it was opened under. `card`: the reference of its one card."""

    table = schema.till_accounts
    key_fields = ("account",)
    account: str
    name: str
    card: str
    created_at: int = 0
