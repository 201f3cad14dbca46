"""Writes a decision: one statement a table for new rows, one for changed ones, whatever the batch's size."""

from __future__ import annotations

import functools
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import Connection, bindparam, insert, update

from bank.audit.log import append_events
from bank.ledger.rows import Account, Card, Case, Customer, Posting, Row, Terminal
from bank.ledger.view import Books, View
from bank.store.prepared import Prepared

#: Referred-to tables first, so that foreign keys hold after every statement.
_FIRST: tuple[type[Row], ...] = (Customer, Account, Terminal, Card, Case)


def write(connection: Connection, books: Books, view: View) -> None:
    """All changes of `view`, as they differ from `books`; postings and audit events are only ever added."""
    for kind in sorted(view.changed, key=_order):
        new: list[dict[str, Any]] = []
        old: list[dict[str, Any]] = []
        for key, row in view.changed[kind].items():
            before = books.get(kind, key)
            if before is None:
                new.append(asdict(row))
            elif before != row:
                old.append(_changed(row))
        if new:
            _insert(kind).many(connection, new)
        if old:
            _update(kind).many(connection, old)
    if view.postings:
        _insert(Posting).many(connection, [asdict(posting) for posting in view.postings])
    if view.audit:
        append_events(connection, view.audit)


def _order(kind: type[Row]) -> tuple[int, str]:
    return (_FIRST.index(kind) if kind in _FIRST else len(_FIRST), kind.__name__)


def _changed(row: Row) -> dict[str, Any]:
    """What `_update` is executed with."""
    values = asdict(row)
    for name in row.key_fields:
        values[f"key_{name}"] = values.pop(name)
    return values


@functools.cache
def _insert(kind: type[Row]) -> Prepared:
    return Prepared(insert(kind.table).values({name: bindparam(name) for name in kind.__struct_fields__}))


@functools.cache
def _update(kind: type[Row]) -> Prepared:
    columns = [name for name in kind.__struct_fields__ if name not in kind.key_fields]
    statement = update(kind.table).values({name: bindparam(name) for name in columns})
    for name in kind.key_fields:
        statement = statement.where(kind.table.c[name] == bindparam(f"key_{name}"))
    return Prepared(statement)
