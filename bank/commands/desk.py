"""What a command works with: the books read row by row as they are asked for, the bank's keys, and who asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Select

from bank.audit.events import AuditEvent
from bank.authoriser.context import Limits, Tools
from bank.control import CommandRefused
from bank.keys.keyring import KeyRing
from bank.ledger.read import books_over, row_from
from bank.ledger.rows import Row
from bank.ledger.view import View
from bank.ledger.write import write
from bank_link.money import Money as Amount
from bank_link.money import MoneyError, parse
from bank_link.seams import WallClock

R = TypeVar("R", bound=Row)


@dataclass(frozen=True, kw_only=True)
class House:
    """What of the bank is the same for every command. Addresses are `host:port`; certificates are made by `dates`."""

    bank: str
    card_bin: str
    ring: KeyRing
    dates: WallClock
    address: str
    enrolment_address: str


class Desk:
    """One command's place of work, within one transaction. What it leaves in `view` is written by `flush`."""

    def __init__(self, connection: Connection, house: House, tools: Tools, by: str) -> None:
        self.connection = connection
        self.house = house
        self.tools = tools
        self.by = by
        self.books = books_over(self.connection)
        self.view = View(self.books)

    def flush(self) -> None:
        """Write everything that was left in the view; what is read from then on has it."""
        write(self.connection, self.books, self.view)
        self.books = books_over(self.connection)
        self.view = View(self.books)

    @property
    def now_ms(self) -> int:
        return self.tools.now_ms

    @property
    def limits(self) -> Limits:
        return self.tools.limits

    def find(self, kind: type[R], key: str, what: str) -> R:
        """The row of that id. Raises CommandRefused, calling it `what`."""
        row = self.view.get(kind, key)
        if row is None:
            raise CommandRefused(f"there is no {what} {key}")
        return row

    def rows(self, kind: type[R], statement: Select[Any]) -> list[R]:
        """Rows that `statement` selects whole, as the database holds them; the books know them from now on."""
        found = [row_from(kind, record) for record in self.connection.execute(statement).mappings()]
        for row in found:
            self.books.load(row)
        return found

    def note(self, kind: str, detail: str, *, terminal: str = "", number: int = 0) -> None:
        """One line into the audit log; it says who, and holds no secret."""
        self.view.note(audit_event(kind, detail, by=self.by, at_ms=self.now_ms, terminal=terminal, number=number))


def audit_event(kind: str, detail: str, *, by: str, at_ms: int, terminal: str = "", number: int = 0) -> AuditEvent:
    said = f"{detail} by {by}" if detail else f"by {by}"
    return AuditEvent(kind=kind, terminal=terminal, number=number, detail=said[:300], at_ms=at_ms)


def money(text: str, currency: str) -> Amount:
    """An amount that a person wrote. Raises CommandRefused with what is wrong with it."""
    try:
        return parse(text, currency)
    except MoneyError as error:
        raise CommandRefused(str(error)) from None


def listed(words: Sequence[str]) -> str:
    """`a, b or c`."""
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + f" or {words[-1]}"
