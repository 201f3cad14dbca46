"""The journal's chain of digests, and the check that tables and records tell the same story."""

from __future__ import annotations

import hashlib

import apsw
import msgspec

from kiosk.journal import tables
from kiosk.journal.records import AnyRecord

START = hashlib.sha256(b"atm journal 1").digest()
_decode = msgspec.json.Decoder(AnyRecord).decode


def link(last: bytes, boot: str, at: int, kind: str, body: str) -> bytes:
    """The digest of a record after the one before it."""
    return hashlib.sha256(last + f"\0{boot}\0{at}\0{kind}\0{body}".encode()).digest()


def find_damage(connection: apsw.Connection) -> str:
    """What does not fit, as the rest of a sentence; "" where all of it does. Raises apsw's and msgspec's errors."""
    found = next(iter(connection.execute("PRAGMA integrity_check(1)")))[0]
    if found != "ok":
        return f" ({found})"
    rebuilt = apsw.Connection(":memory:")
    rebuilt.execute(tables.SCHEMA)
    rebuilt.execute("BEGIN")
    last = START
    for sequence, boot, at, kind, body, chain in connection.execute(
        "SELECT sequence, boot, at_ms, kind, body, chain FROM records ORDER BY sequence"
    ):
        last = link(last, str(boot), int(at), str(kind), str(body))
        if last != chain:
            return f" at record {sequence}"
        rebuilt.execute("INSERT INTO records VALUES (?, '', 0, '', 0, 0, '', x'')", (sequence,))
        tables.apply(rebuilt, _decode(str(body)))
    return _difference(connection, rebuilt)


def _difference(connection: apsw.Connection, rebuilt: apsw.Connection) -> str:
    for table in ("numbers", "outbox", "open_transactions", "cassettes", "burnt", "boots", "meta"):
        statement = f"SELECT * FROM {table}"  # noqa: S608 - our own table names
        kept, wanted = (sorted(one.execute(statement).fetchall()) for one in (connection, rebuilt))
        if [row for row in kept if row[0] != "journal_id"] != wanted:
            return f": {table} differ from its records"
    return ""
