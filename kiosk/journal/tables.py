"""The journal's tables, and what each record changes in them: applied in the same transaction that keeps the record."""

from __future__ import annotations

import apsw

from bank_link.messages import Accuracy, CassetteCount
from bank_link.money import Money
from kiosk.journal import records as r

SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE records (
    sequence INTEGER PRIMARY KEY, boot TEXT NOT NULL, at_ms INTEGER NOT NULL, kind TEXT NOT NULL,
    generation INTEGER NOT NULL, number INTEGER NOT NULL, body TEXT NOT NULL, chain BLOB NOT NULL
);
CREATE INDEX records_transaction ON records (generation, number, sequence);
CREATE INDEX records_kind ON records (kind, sequence);
CREATE TABLE boots (boot TEXT PRIMARY KEY, sequence INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE numbers (
    generation INTEGER NOT NULL, number INTEGER NOT NULL, kind TEXT NOT NULL, transaction_number INTEGER NOT NULL,
    answered INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (generation, number)
) WITHOUT ROWID;
CREATE INDEX numbers_answered ON numbers (answered);
CREATE TABLE outbox (
    sequence INTEGER PRIMARY KEY, generation INTEGER NOT NULL, number INTEGER NOT NULL, kind TEXT NOT NULL,
    body TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('waiting', 'acknowledged', 'parked')),
    case_id TEXT NOT NULL DEFAULT '', UNIQUE (generation, number)
);
CREATE INDEX outbox_waiting ON outbox (state, sequence);
CREATE TABLE open_transactions (
    generation INTEGER NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (generation, number)
) WITHOUT ROWID;
CREATE TABLE cassettes (
    cassette TEXT PRIMARY KEY, value_minor INTEGER NOT NULL, currency TEXT NOT NULL,
    count INTEGER NOT NULL CHECK (count >= 0), rejected INTEGER NOT NULL CHECK (rejected >= 0), accuracy TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE burnt (nonce BLOB PRIMARY KEY) WITHOUT ROWID;
"""


def apply(connection: apsw.Connection, record: r.AnyRecord) -> None:  # noqa: C901, PLR0912 - one case a record kind
    """What `record` changes beside being kept. Raises apsw's errors; the caller's transaction then has no effect."""
    match record:
        case r.Booted():
            _run(connection, "INSERT INTO boots SELECT ?, COALESCE(MAX(sequence), 0) FROM records", record.boot)
        case r.SignedOn():
            _run(
                connection, "INSERT OR REPLACE INTO meta VALUES (?, ?)",
                f"next_number.{record.generation}", str(record.next_number),
            )  # fmt: skip
            _run(connection, "INSERT OR REPLACE INTO meta VALUES ('named_from', ?)", str(record.named_from))
        case r.Taken():
            _taken(connection, record)
        case r.Answered():
            _answered(connection, record.transaction.generation, record.number)
        case r.FactMade():
            _fact(connection, record)
        case r.Posted():
            _posted(connection, record)
        case r.Acknowledged():
            _answered(connection, record.generation, record.number)
            _outbox(connection, record.generation, record.number, "acknowledged", record.case)
        case r.Parked():
            _outbox(connection, record.generation, record.number, "parked", "")
        case r.Resent():
            for number in record.numbers:
                _outbox(connection, record.generation, number, "waiting", "")
        case r.CountsSet():
            for cassette in record.after:
                set_count(connection, cassette)
        case r.NonceBurnt():
            _run(connection, "INSERT INTO burnt VALUES (?)", record.nonce)
        case r.NoteMoved():
            _moved(connection, record)
        case r.NoteStacked():
            _stacked(connection, record)
        case r.Ended():
            name = record.transaction
            _run(
                connection, "DELETE FROM open_transactions WHERE generation = ? AND number = ?",
                name.generation, name.number,
            )  # fmt: skip
        case _:
            pass


def _run(connection: apsw.Connection, statement: str, *values: str | int | bytes) -> None:
    connection.execute(statement, values)


def _taken(connection: apsw.Connection, record: r.Taken) -> None:
    name = record.transaction
    _run(
        connection, "INSERT INTO numbers (generation, number, kind, transaction_number) VALUES (?, ?, ?, ?)",
        name.generation, record.number, record.kind, name.number,
    )  # fmt: skip
    _run(connection, "INSERT OR IGNORE INTO open_transactions VALUES (?, ?)", name.generation, name.number)


def _answered(connection: apsw.Connection, generation: int, number: int) -> None:
    """`answered` is the record that says so: a bank that was restored has lost what was answered last."""
    _run(
        connection,
        "UPDATE numbers SET answered = (SELECT MAX(sequence) FROM records) WHERE generation = ? AND number = ?",
        generation, number,
    )  # fmt: skip


def _fact(connection: apsw.Connection, record: r.FactMade) -> None:
    name = record.transaction
    _run(
        connection, "INSERT INTO numbers (generation, number, kind, transaction_number) VALUES (?, ?, ?, ?)",
        name.generation, record.number, record.kind, name.number,
    )  # fmt: skip
    _run(
        connection, "INSERT INTO outbox (generation, number, kind, body, state) VALUES (?, ?, ?, ?, 'waiting')",
        name.generation, record.number, record.kind, record.body,
    )  # fmt: skip


def _posted(connection: apsw.Connection, record: r.Posted) -> None:
    """Nothing waits: it is there for a bank that forgets."""
    _run(
        connection, "INSERT INTO outbox (generation, number, kind, body, state) VALUES (?, ?, ?, ?, 'acknowledged')",
        record.transaction.generation, record.number, "posted", record.body,
    )  # fmt: skip


def _outbox(connection: apsw.Connection, generation: int, number: int, state: str, case: str) -> None:
    _run(
        connection, "UPDATE outbox SET state = ?, case_id = ? WHERE generation = ? AND number = ?",
        state, case, generation, number,
    )  # fmt: skip


def _moved(connection: apsw.Connection, record: r.NoteMoved) -> None:
    """Every note that left the cassette is off its count, wherever it is now; a doubt makes the count inaccurate."""
    left = record.dispensed + record.surplus + record.rejected + record.in_doubt
    doubtful = record.in_doubt or record.outcome == "empty"
    _run(
        connection,
        "UPDATE cassettes SET count = MAX(0, count - ?), rejected = rejected + ?,"
        " accuracy = CASE WHEN ? OR count < ? THEN ? ELSE accuracy END WHERE cassette = ?",
        left, record.rejected, int(bool(doubtful)), left, Accuracy.INACCURATE.value, record.cassette,
    )  # fmt: skip


def _stacked(connection: apsw.Connection, record: r.NoteStacked) -> None:
    """The box has one more of these notes; a kind that it never had begins at one."""
    _run(
        connection,
        "INSERT INTO cassettes VALUES (?, ?, ?, 1, 0, ?) ON CONFLICT (cassette) DO UPDATE SET count = count + 1",
        record.cassette, record.value.minor, record.value.currency, Accuracy.ACCURATE.value,
    )  # fmt: skip


def set_count(connection: apsw.Connection, cassette: CassetteCount) -> None:
    _run(
        connection, "INSERT OR REPLACE INTO cassettes VALUES (?, ?, ?, ?, ?, ?)",
        cassette.cassette, cassette.value.minor, cassette.value.currency, cassette.count, cassette.rejected,
        cassette.accuracy.value,
    )  # fmt: skip


def counts(connection: apsw.Connection) -> tuple[CassetteCount, ...]:
    """What the machine believes is in its cassettes."""
    found = connection.execute(
        "SELECT cassette, value_minor, currency, count, rejected, accuracy FROM cassettes ORDER BY cassette"
    )
    return tuple(
        CassetteCount(
            cassette=str(name), value=Money(int(minor), str(currency)), count=int(count), rejected=int(rejected),
            accuracy=Accuracy(accuracy),
        )
        for name, minor, currency, count, rejected, accuracy in found
    )  # fmt: skip
