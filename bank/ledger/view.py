"""What a decision reads and writes: rows by key, in layers, so that a refused message leaves no trace in its batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from bank.ledger.rows import AuditEvent, Posting, Row

R = TypeVar("R", bound=Row)
RowKey = tuple[type[Row], tuple[Any, ...]]


class Books:
    """Rows as the database holds them. `missing` reads one that was not loaded (commands use it; a batch never does)."""

    def __init__(self, missing: Callable[[type[Row], tuple[Any, ...]], Row | None] | None = None) -> None:
        self._rows: dict[RowKey, Row | None] = {}
        self._missing = missing

    def load(self, row: Row) -> None:
        self._rows[(type(row), row.key)] = row

    def get(self, kind: type[R], key: tuple[Any, ...]) -> R | None:
        place = (kind, key)
        if place not in self._rows and self._missing is not None:
            self._rows[place] = self._missing(kind, key)
        row = self._rows.get(place)
        assert row is None or isinstance(row, kind)
        return row

    def all(self, kind: type[R]) -> Iterator[R]:
        for row in self._rows.values():
            if isinstance(row, kind):
                yield row


class View:
    """The books with changes on top. A message works on a branch; `merge` makes its changes the batch's."""

    def __init__(self, under: Books | View) -> None:
        self._under = under
        self.changed: dict[RowKey, Row] = {}
        self.postings: list[Posting] = []
        self.audit: list[AuditEvent] = []

    def get(self, kind: type[R], *key: Any) -> R | None:
        return self._find(kind, key)

    def _find(self, kind: type[R], key: tuple[Any, ...]) -> R | None:
        row = self.changed.get((kind, key))
        if row is None:
            return self._under.get(kind, key) if isinstance(self._under, Books) else self._under._find(kind, key)  # noqa: SLF001 - its own layer
        assert isinstance(row, kind)
        return row

    def need(self, kind: type[R], *key: Any) -> R:
        """A row that must be there: its absence is a programmer's error, never a customer's."""
        row = self._find(kind, key)
        assert row is not None, f"{kind.__name__} {key} was not loaded"
        return row

    def all(self, kind: type[R]) -> Iterator[R]:
        """Every row of `kind` that was loaded or put, newest state of each."""
        seen = set()
        for (row_kind, key), row in self.changed.items():
            if row_kind is kind:
                seen.add(key)
                assert isinstance(row, kind)
                yield row
        for row in self._under.all(kind):
            if row.key not in seen:
                yield row

    def put(self, row: Row) -> None:
        self.changed[(type(row), row.key)] = row

    def post(self, posting: Posting) -> None:
        self.postings.append(posting)

    def note(self, event: AuditEvent) -> None:
        self.audit.append(event)

    def branch(self) -> View:
        return View(self)

    def merge(self, child: View) -> None:
        self.changed.update(child.changed)
        self.postings.extend(child.postings)
        self.audit.extend(child.audit)
