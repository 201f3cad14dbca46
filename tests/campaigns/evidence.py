"""What there is to be seen once all is quiet: the notes, each kiosk's journal, the bank's tables. Read as it lies there."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw
import msgspec
from support.real_processes import VALUES, RealKiosk

from kiosk.journal import records as r

Row = Mapping[str, Any]
#: How many notes, by cassette.
Notes = Counter[str]


def worth(notes: Mapping[str, int]) -> int:
    """Minor units."""
    return sum(VALUES[cassette] * count for cassette, count in notes.items())


# ── The notes ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Places:
    """Where a machine's notes are, whatever anybody believes of them."""

    inside: Notes  # in the cassettes
    throat: Notes
    given: Notes  # the customers'
    total: Notes

    @classmethod
    def of(cls, kiosk: RealKiosk) -> Places:
        found = kiosk.notes
        return cls(
            inside=Counter({name: place["cassette"] for name, place in found.items()}),
            throat=Counter({name: place["throat"] for name, place in found.items()}),
            given=Counter({name: place["out"] for name, place in found.items()}),
            total=Counter({name: sum(place.values()) for name, place in found.items()}),
        )


@dataclass(frozen=True)
class Visit:
    """One run of a program at a kiosk. `boot`: "" where it was killed before it had said a word.

    `told`: what it said that it had paid, in minor units; None where it did not come to say so.
    """

    terminal: str
    program: str
    boot: str
    killed: bool
    said: str
    told: int | None
    before: Places
    after: Places

    @property
    def given(self) -> Notes:
        """May be negative in no cassette: that is looked at, not assumed."""
        given = Counter(self.after.given)
        given.subtract(self.before.given)
        return Counter({name: count for name, count in given.items() if count})


# ── A journal ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Payment:
    """A withdrawal as a journal tells it: `counted` and `doubtful` (by the sensors) are notes by cassette."""

    terminal: str
    number: int
    boot: str
    sequence: int
    counted: Notes = field(default_factory=Counter)
    doubtful: Notes = field(default_factory=Counter)
    left: Notes = field(default_factory=Counter)

    @property
    def claim(self) -> str:
        return f"{self.terminal}-{self.number}"


@dataclass(frozen=True)
class Exchange:
    """`after`: what an operator left in the cassettes."""

    number: int
    sequence: int
    after: Notes


@dataclass(frozen=True)
class Story:
    """A whole journal. `unfinished`: what still waits, is set aside or has not ended."""

    payments: tuple[Payment, ...]
    exchanges: tuple[Exchange, ...]
    counts: Notes
    unfinished: tuple[str, ...]


def story(kiosk: RealKiosk) -> Story:
    """Raises JournalError for a journal that is not whole."""
    with kiosk.journal() as journal:
        lines = journal.lines(last=10_000_000)
        unfinished = [f"{journal.outbox_length()} facts wait"] if journal.outbox_length() else []
        unfinished += [f"{len(journal.parked())} facts are set aside"] if journal.parked() else []
        unfinished += [f"transaction {name.number} has not ended" for name in journal.open_transactions()]
        counts = Counter({count.cassette: count.count for count in journal.counts()})
    return Story(tuple(_payments(kiosk.terminal, lines)), tuple(_exchanges(lines)), counts, tuple(unfinished))


def _payments(terminal: str, lines: Sequence[r.Line]) -> Iterator[Payment]:
    payments: dict[int, Payment] = {}
    for line in lines:
        match line.record:
            case r.Taken(kind="authorise") as taken:
                payments[taken.number] = Payment(terminal, taken.number, line.boot, line.sequence)
            case r.NoteMoved() as moved:
                payment = payments[moved.transaction.number]
                payment.counted[moved.cassette] += moved.dispensed
                payment.doubtful[moved.cassette] += moved.in_doubt
                payment.left[moved.cassette] += moved.dispensed + moved.surplus + moved.rejected + moved.in_doubt
            case _:
                pass
    yield from payments.values()


def _exchanges(lines: Sequence[r.Line]) -> Iterator[Exchange]:
    for line in lines:
        if isinstance(line.record, r.FactMade) and line.record.kind == "exchange":
            body = msgspec.json.decode(line.record.body)
            after = Counter({count["cassette"]: count["count"] for count in body["after"]})
            yield Exchange(line.record.number, line.sequence, after)


# ── The bank's books ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Books:
    """Tables of the bank's database, row by row."""

    accounts: tuple[Row, ...]
    postings: tuple[Row, ...]
    holds: tuple[Row, ...]
    cases: tuple[Row, ...]
    numbers: tuple[Row, ...]
    cards: tuple[Row, ...]

    def account(self, name: str) -> Row | None:
        return next((row for row in self.accounts if row["account"] == name), None)

    @property
    def open_cases(self) -> tuple[Row, ...]:
        return tuple(case for case in self.cases if case["state"] == "open")


def books(directory: Path) -> Books:
    """From a copy. Nobody may be writing."""
    with copied(directory.glob("books.sqlite*"), "books.sqlite") as connection:
        return Books(*(tuple(_rows(connection, name)) for name in Books.__dataclass_fields__))


def rows(directory: Path, table: str) -> tuple[Row, ...]:
    """One more table, from a copy as well."""
    with copied(directory.glob("books.sqlite*"), "books.sqlite") as connection:
        return tuple(_rows(connection, table))


def _rows(connection: apsw.Connection, table: str) -> Iterator[Row]:
    names = [str(name) for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")]
    for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2"):
        yield dict(zip(names, row, strict=True))


@contextmanager
def copied(files: Iterator[Path], name: str) -> Iterator[apsw.Connection]:
    """A database of which `files` are copied first: looking at it changes nothing of what the next start finds."""
    with tempfile.TemporaryDirectory(prefix="copy-") as folder:
        for file in files:
            shutil.copy(file, folder)
        connection = apsw.Connection(str(Path(folder) / name))
        try:
            yield connection
        finally:
            connection.close()
