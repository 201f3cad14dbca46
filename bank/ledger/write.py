"""Writes a decision: one statement a table for new rows, one for changed ones, whatever the batch's size."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, Insert, Update, bindparam, insert, update

from bank.audit.log import append_events
from bank.ledger.rows import Account, Card, Case, Customer, Posting, Row, Terminal
from bank.ledger.view import Books, View

#: Referred-to tables first, so that foreign keys hold after every statement.
_FIRST: tuple[type[Row], ...] = (Customer, Account, Terminal, Card, Case)


def write(connection: Connection, books: Books, view: View) -> None:
    """All changes of `view`, as they differ from `books`; postings and audit events are only ever added."""
    new: dict[type[Row], list[dict[str, Any]]] = defaultdict(list)
    old: dict[type[Row], list[dict[str, Any]]] = defaultdict(list)
    for (kind, key), row in view.changed.items():
        before = books.get(kind, key)
        if before is None:
            new[kind].append(_values(row))
        elif before != row:
            old[kind].append(
                {f"key_{name}" if name in kind.key_fields else name: v for name, v in _values(row).items()}
            )
    for kind in sorted(new.keys() | old.keys(), key=_order):
        if kind in new:
            connection.execute(insert(kind.table), new[kind])
        if kind in old:
            connection.execute(_update(kind), old[kind])
    if view.postings:
        connection.execute(_insert_postings(), [_values(posting) for posting in view.postings])
    if view.audit:
        append_events(connection, view.audit)


def _order(kind: type[Row]) -> tuple[int, str]:
    return (_FIRST.index(kind) if kind in _FIRST else len(_FIRST), kind.__name__)


def _values(row: Row) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__struct_fields__}


def _update(kind: type[Row]) -> Update:
    columns = [name for name in kind.__struct_fields__ if name not in kind.key_fields]
    statement = update(kind.table).values({name: bindparam(name) for name in columns})
    for name in kind.key_fields:
        statement = statement.where(kind.table.c[name] == bindparam(f"key_{name}"))
    return statement


def _insert_postings() -> Insert:
    return insert(Posting.table)
