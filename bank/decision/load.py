"""Reads what a batch needs, with a few set-based statements, before anything is decided."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Select, bindparam, func, select, tuple_

from bank import schema
from bank.authoriser.context import Tools
from bank.decision.decide import Item
from bank.facts.common import OLDEST_FACT_MS
from bank.ledger.moves import cash_account, equity_account, suspense_account, vault_account
from bank.ledger.rows import (
    Account,
    Card,
    CardAccount,
    Case,
    Customer,
    Hold,
    Numbering,
    NumberRow,
    Row,
    SessionRow,
    Terminal,
    Usage,
    Visit,
)
from bank.ledger.view import Books
from bank_link.envelope import decode_request
from bank_link.errors import MessageRefused
from bank_link.messages import Completion, Message, OpenVisit, Reversal, SignOn, Slip
from bank_link.money import MoneyError
from bank_link.sign_on import read_claims, verify_claims

R = TypeVar("R", bound=Row)

#: More than a sign-on names; what is beyond comes with a later one.
MOST_MISSING = 2_000


class _Wanted:
    """The keys that a batch names."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self.days = {tools.limits.day(tools.now_ms)}
        self.sessions: set[str] = set()
        self.terminals: set[str] = set()
        self.signing_on: set[str] = set()
        self.echoing: set[str] = set()
        self.numbers: set[tuple[str, int, int]] = set()
        self.holds: set[str] = set()
        self.visits: set[str] = set()
        self.cards: set[str] = set()
        self.accounts: set[str] = set()

    def add(self, item: Item) -> None:
        envelope = item.frame.envelope
        self.sessions.add(envelope.session)
        self.terminals.add(envelope.terminal)
        if envelope.kind == "sign-on":
            self.signing_on.add(envelope.terminal)
        if envelope.kind == "echo":
            self.echoing.add(envelope.terminal)
        try:
            message = decode_request(envelope.kind, envelope.body)
        except MessageRefused:
            return
        self._add_message(envelope.terminal, envelope.generation, message)

    def _add_message(self, terminal: str, generation: int, message: Message) -> None:
        made_by = getattr(message, "made_by", None)
        generation = made_by.generation if made_by is not None else generation
        for name in ("number", "transaction"):
            number = getattr(message, name, 0)
            if number:
                self.numbers.add((terminal, generation, number))
        transaction = getattr(message, "transaction", 0)
        if transaction:
            self.holds.add(f"h{terminal}.{generation}.{transaction}")
        if isinstance(message, Reversal):
            self.visits.add(f"v{terminal}.{generation}.{transaction}")
        if isinstance(message, OpenVisit):
            self.cards.add(self._tools.keys.card_reference(message.card))
            self.visits.add(f"v{terminal}.{generation}.{message.number}")
        if isinstance(message, Completion):
            self.accounts.add(message.account)
            self.cards.add(message.card)
            self._add_day(message)
        self.visits.add(getattr(message, "visit", ""))

    def _add_day(self, message: Completion) -> None:
        """The day that a payment counts for is its release's, which a restored bank knows from the slip alone."""
        if message.authority is None:
            return
        try:
            at = msgspec.json.decode(message.authority.signed, type=Slip).at
        except (msgspec.MsgspecError, MoneyError, UnicodeDecodeError, RecursionError):
            return
        if abs(self._tools.now_ms - at) < OLDEST_FACT_MS:
            self.days.add(self._tools.limits.day(at))


def load(connection: Connection, batch: Sequence[Item], tools: Tools) -> Books:
    """The rows that `batch` can touch, as they are now."""
    wanted, books = _Wanted(tools), Books()
    currency = tools.limits.currency
    for item in batch:
        wanted.add(item)
    _rows(connection, books, SessionRow, wanted.sessions)
    for record in connection.execute(_OPEN_SESSIONS, {"keys": sorted(wanted.signing_on)}).mappings():
        books.load(row_from(SessionRow, record))
    for terminal in _rows(connection, books, Terminal, wanted.terminals):
        wanted.accounts.add(cash_account(terminal.terminal, currency))
    _by(connection, books, Numbering, schema.numbering.c.terminal, wanted.terminals)
    _numbers(connection, books, wanted.numbers)
    for record in connection.execute(_LOST_ROWS, {"keys": sorted(wanted.echoing)}).mappings():
        books.load(row_from(NumberRow, record))
    for visit in _visits(connection, books, wanted):
        wanted.cards.add(visit.card)
    for hold in _rows(connection, books, Hold, wanted.holds):
        wanted.cards.add(hold.card)
        wanted.accounts.add(hold.account)
        wanted.days.add(hold.day)
    _case_rows(connection, books, wanted)
    _cards(connection, books, wanted)
    wanted.accounts |= {vault_account(currency), suspense_account(currency), equity_account(currency)}
    _rows(connection, books, Account, wanted.accounts)
    return books


def _visits(connection: Connection, books: Books, wanted: _Wanted) -> list[Visit]:
    found = _rows(connection, books, Visit, wanted.visits)
    for record in connection.execute(_OPEN_VISITS, {"keys": sorted(wanted.terminals)}).mappings():
        visit = row_from(Visit, record)
        books.load(visit)
        found.append(visit)
    return found


def _case_rows(connection: Connection, books: Books, wanted: _Wanted) -> None:
    """Cases about the transactions that the batch names: a second word about one finds the first."""
    if wanted.numbers:
        where = tuple_(schema.cases.c.terminal, schema.cases.c.generation, schema.cases.c.number)
        statement = select(schema.cases).where(where.in_(bindparam("keys", expanding=True)))
        for record in connection.execute(statement, {"keys": sorted(wanted.numbers)}).mappings():
            books.load(row_from(Case, record))


def _cards(connection: Connection, books: Books, wanted: _Wanted) -> None:
    cards = sorted(wanted.cards)
    customers = {card.customer for card in _rows(connection, books, Card, cards)}
    _rows(connection, books, Customer, customers)
    for link in _by(connection, books, CardAccount, schema.card_accounts.c.card, cards):
        wanted.accounts.add(link.account)
    for record in connection.execute(_USAGE, {"keys": cards, "days": sorted(wanted.days)}).mappings():
        books.load(row_from(Usage, record))
    for record in connection.execute(_CARD_HOLDS, {"keys": cards}).mappings():
        hold = row_from(Hold, record)
        books.load(hold)
        wanted.accounts.add(hold.account)
        load_usage(connection, books, [hold])


def load_usage(connection: Connection, books: Books, holds: Iterable[Hold]) -> None:
    """A hold of another day gives back to that day."""
    for hold in holds:
        values = {"card": hold.card, "day": hold.day, "currency": hold.currency}
        for record in connection.execute(_USAGE_OF_HOLD, values).mappings():
            books.load(row_from(Usage, record))


def load_accounts(connection: Connection, books: Books, accounts: Iterable[str]) -> None:
    _rows(connection, books, Account, accounts)


def missing_numbers(connection: Connection, message: SignOn) -> tuple[int, ...]:
    """What this bank has lost: numbers named before and not made up for yet, then those that it does not know."""
    try:
        claims = read_claims(message)
        # Only a terminal's own word is worth the search.
        verify_claims(
            message, connection.execute(_PUBLIC_KEY, {"terminal": claims.terminal}).scalar_one_or_none() or b""
        )
    except MessageRefused:
        return ()
    values: dict[str, Any] = {"terminal": claims.terminal, "generation": claims.generation}
    lost = sorted(connection.execute(_LOST, values).scalars())
    unknown: set[int] = set()
    for first, last in claims.answered:
        between = values | {"first": first, "last": last}
        if connection.execute(_KNOWN_COUNT, between).scalar_one() < last - first + 1:
            known = set(connection.execute(_KNOWN, between).scalars())
            strange = (number for number in range(first, last + 1) if number not in known)
            unknown.update(itertools.islice(strange, MOST_MISSING))
    return (*lost, *sorted(unknown))


def _numbers(connection: Connection, books: Books, keys: set[tuple[str, int, int]]) -> None:
    if keys:
        for record in connection.execute(_NUMBERS, {"keys": sorted(keys)}).mappings():
            books.load(row_from(NumberRow, record))


def _rows(connection: Connection, books: Books, kind: type[R], keys: Iterable[str]) -> list[R]:
    return _by(connection, books, kind, kind.table.c[kind.key_fields[0]], keys)


def _by(connection: Connection, books: Books, kind: type[R], column: Any, keys: Iterable[str]) -> list[R]:
    wanted = sorted(key for key in keys if key)
    if not wanted:
        return []
    statement = select(kind.table).where(column.in_(bindparam("keys", expanding=True)))
    found = [row_from(kind, record) for record in connection.execute(statement, {"keys": wanted}).mappings()]
    for row in found:
        books.load(row)
    return found


def row_from(kind: type[R], record: Any) -> R:
    """A row of the database as its struct."""
    return kind(**{name: record[name] for name in kind.__struct_fields__})


_PUBLIC_KEY: Select[Any] = select(schema.terminals.c.public_key).where(
    schema.terminals.c.terminal == bindparam("terminal")
)
_OPEN_VISITS: Select[Any] = select(schema.visits).where(
    schema.visits.c.terminal.in_(bindparam("keys", expanding=True)), schema.visits.c.state == "open"
)
_OPEN_SESSIONS: Select[Any] = select(schema.sessions).where(
    schema.sessions.c.terminal.in_(bindparam("keys", expanding=True)), schema.sessions.c.ended == 0
)
_USAGE: Select[Any] = select(schema.usage).where(
    schema.usage.c.card.in_(bindparam("keys", expanding=True)),
    schema.usage.c.day.in_(bindparam("days", expanding=True)),
)
_USAGE_OF_HOLD: Select[Any] = select(schema.usage).where(
    schema.usage.c.card == bindparam("card"),
    schema.usage.c.day == bindparam("day"),
    schema.usage.c.currency == bindparam("currency"),
)
_CARD_HOLDS: Select[Any] = select(schema.holds).where(
    schema.holds.c.card.in_(bindparam("keys", expanding=True)),
    schema.holds.c.state.in_(("held", "released", "case")),
)
_NUMBERS: Select[Any] = select(schema.numbers).where(
    tuple_(schema.numbers.c.terminal, schema.numbers.c.generation, schema.numbers.c.number).in_(
        bindparam("keys", expanding=True)
    )
)
_LOST_ROWS: Select[Any] = select(schema.numbers).where(
    schema.numbers.c.terminal.in_(bindparam("keys", expanding=True)), schema.numbers.c.state == "lost"
)
_OF_GENERATION = (
    schema.numbers.c.terminal == bindparam("terminal"),
    schema.numbers.c.generation == bindparam("generation"),
)
_RANGE = schema.numbers.c.number.between(bindparam("first"), bindparam("last"))
_KNOWN_COUNT: Select[Any] = (
    select(func.count()).select_from(schema.numbers).where(*_OF_GENERATION, schema.numbers.c.answered == 1, _RANGE)
)
_KNOWN: Select[Any] = select(schema.numbers.c.number).where(*_OF_GENERATION, schema.numbers.c.answered == 1, _RANGE)
_LOST: Select[Any] = select(schema.numbers.c.number).where(*_OF_GENERATION, schema.numbers.c.state == "lost")
