"""Reads rows of the database as structs. What batches ask for is a statement that is built once."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, bindparam, select, tuple_

from bank.ledger.rows import Row
from bank.ledger.view import Books
from bank.store.prepared import Prepared

R = TypeVar("R", bound=Row)


def row_from(kind: type[R], record: Mapping[Any, Any]) -> R:
    """A row of the database as its struct."""
    return kind(**{name: record[name] for name in kind.__struct_fields__})


class Lookup(Generic[R]):
    """Reads the rows of `kind` whose columns `by` (the primary key by default) are among the keys that are asked for.

    `where` narrows them further; its bound parameters come with each call.
    """

    def __init__(self, kind: type[R], *by: str, where: Iterable[ColumnElement[bool]] = ()) -> None:
        table, asked = kind.table, [kind.table.c[name] for name in by or kind.key_fields]
        key: ColumnElement[Any] = asked[0] if len(asked) == 1 else tuple_(*asked)
        self._kind = kind
        statement = select(*(table.c[name] for name in kind.__struct_fields__)).where(
            key.in_(bindparam("keys", expanding=True)), *where
        )
        self._statement = Prepared(statement)

    def __call__(self, connection: Connection, books: Books, keys: Iterable[Any], **values: Any) -> list[R]:
        """The rows, which `books` holds from now on. No statement runs for no keys; the empty text is none."""
        wanted = sorted(key for key in keys if key)
        if not wanted:
            return []
        kind, names = self._kind, self._kind.__struct_fields__
        # By place, not by name: a batch reads hundreds of rows.
        rows = self._statement.rows(connection, keys=wanted, **values)
        found = [kind(**dict(zip(names, row, strict=True))) for row in rows]
        for row in found:
            books.load(row)
        return found


def books_over(connection: Connection) -> Books:
    """Books that read by key whatever they are asked for and have not."""

    def missing(kind: type[Row], key: tuple[Any, ...]) -> Row | None:
        found = _by_key(kind)(connection, books, [key if len(key) > 1 else key[0]])
        return found[0] if found else None

    books = Books(missing=missing)
    return books


@functools.cache
def _by_key(kind: type[R]) -> Lookup[R]:
    return Lookup(kind)
