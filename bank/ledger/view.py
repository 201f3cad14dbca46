"""What a decision reads and writes: rows by key, in layers, so that a refused message leaves no trace in its batch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from bank.audit.events import AuditEvent
from bank.ledger.rows import Posting, Row

R = TypeVar("R", bound=Row)
Key = tuple[Any, ...]


class Books:
    """Rows as the database holds them. `missing` reads one that was not loaded (commands use it; a batch never does)."""

    def __init__(self, missing: Callable[[type[Row], Key], Row | None] | None = None) -> None:
        self._rows: defaultdict[type[Row], dict[Key, Row | None]] = defaultdict(dict)
        self._missing = missing

    def load(self, row: Row) -> None:
        self._rows[type(row)][row.key] = row

    def get(self, kind: type[R], key: Key) -> R | None:
        rows = self._rows[kind]
        if key not in rows and self._missing is not None:
            rows[key] = self._missing(kind, key)
        row = rows.get(key)
        assert row is None or isinstance(row, kind)
        return row

    def all(self, kind: type[R]) -> Iterator[R]:
        return (row for _, row in self.items(kind))

    def items(self, kind: type[R]) -> Iterator[tuple[Key, R]]:
        for key, row in self._rows[kind].items():
            if row is not None:
                assert isinstance(row, kind)
                yield key, row


class View:
    """The books with changes on top. A message works on a branch; `merge` makes its changes the batch's."""

    def __init__(self, under: Books | View) -> None:
        self._under = under
        self.changed: defaultdict[type[Row], dict[Key, Row]] = defaultdict(dict)
        self.postings: list[Posting] = []
        self.audit: list[AuditEvent] = []

    def get(self, kind: type[R], *key: Any) -> R | None:
        return self._find(kind, key)

    def _find(self, kind: type[R], key: Key) -> R | None:
        row = self.changed[kind].get(key)
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
        return (row for _, row in self.items(kind))

    def items(self, kind: type[R]) -> Iterator[tuple[Key, R]]:
        changed = self.changed[kind]
        for key, row in changed.items():
            assert isinstance(row, kind)
            yield key, row
        for key, row in self._under.items(kind):
            if key not in changed:
                yield key, row

    def put(self, row: Row) -> None:
        self.changed[type(row)][row.key] = row

    def post(self, posting: Posting) -> None:
        self.postings.append(posting)

    def note(self, event: AuditEvent) -> None:
        self.audit.append(event)

    def branch(self) -> View:
        return View(self)

    def merge(self, child: View) -> None:
        for kind, rows in child.changed.items():
            self.changed[kind].update(rows)
        self.postings.extend(child.postings)
        self.audit.extend(child.audit)
