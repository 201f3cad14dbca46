"""The journal's file: one connection, WAL, every write on disk before it returns; damage is noticed at the next start."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import msgspec

from bank_link.messages import Answered, CassetteCount
from bank_link.seams import Randomness
from kiosk.journal import tables
from kiosk.journal.records import Acknowledged, AnyRecord, CountsSet, FactMade, Line, OutboxEntry, Transaction
from kiosk.journal.records import Answered as RecordAnswered

VERSION = 1
_APPLICATION = 0x41544D4A  # "ATMJ"
_START = hashlib.sha256(b"atm journal 1").digest()
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(AnyRecord).decode
#: Standing alone: ids and signatures are letters and digits, and now and then sixteen of those are digits by chance.
_CARD_NUMBER = re.compile(r"(?<![0-9A-Za-z])[0-9]{16}(?![0-9A-Za-z])")


class JournalError(Exception):
    """The journal cannot be used, or could not be written; one sentence says why and what to do."""


class JournalInUse(JournalError):
    """Another process has it open: ask that one over its control socket."""


class Journal:
    """The machine's memory. Make one with `Journal.open`; `write` returns only when its records are on disk.

    `now` gives bank time in milliseconds, or 0 while it is not known; the machine sets it once it has a host to ask.
    """

    def __init__(self, connection: apsw.Connection, path: str, now: Callable[[], int]) -> None:
        self._connection = connection
        self._path = path
        self.now = now
        self._boot = ""
        self.failed: str = ""
        self._answered: dict[int, Answered] = {}
        self._stuck: tuple[str, ...] | None = None
        self._last = self._last_chain()
        self.journal_id = str(self._value("journal_id"))

    @classmethod
    def open(
        cls, path: Path, *, random: Randomness, now: Callable[[], int] = lambda: 0, vfs: str | None = None
    ) -> Journal:  # fmt: skip
        """Open or make the journal at `path`; raises JournalError (damaged, foreign, no room), JournalInUse."""
        new = vfs is None and not path.exists()
        try:
            connection = _connect(path, vfs)
            made = _is_made(connection)
            # Only now: a file that is not ours is left as it is.
            connection.execute("PRAGMA journal_mode = WAL")
            if not made:
                _make(connection, random)
            journal = cls(connection, str(path), now)
            journal.check()
        except apsw.BusyError as error:
            raise JournalInUse(f"the journal {path} is in use by a running kiosk") from error
        except apsw.Error as error:
            raise JournalError(_sentence(path, error, new=new)) from error
        except (ValueError, msgspec.MsgspecError) as error:
            raise JournalError(f"the journal {path} is damaged; {_WAY_OUT}") from error
        return journal

    def close(self) -> None:
        self._connection.close()

    # ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def write(self, *records: AnyRecord) -> None:
        """Keep `records` and all that they change, in one transaction: on disk when this returns, or JournalError.

        After a failure nothing more is written: what cannot be remembered must not happen.
        """
        if self.failed:
            raise JournalError(self.failed)
        before = self._last, self._boot
        if any(isinstance(record, FactMade | CountsSet) for record in records):
            self._stuck = None
        try:
            with self._transaction():
                for record in records:
                    self._append(record)
        except BaseException as error:
            self._last, self._boot = before
            self._answered.clear()
            if not isinstance(error, apsw.Error):
                raise
            self.failed = _sentence(Path(self._path), error, new=False)
            raise JournalError(self.failed) from error

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                with contextlib.suppress(apsw.Error):
                    self._connection.execute("ROLLBACK")
            raise

    def _append(self, record: AnyRecord) -> None:
        body = _encode(record).decode()
        assert not _CARD_NUMBER.search(body), "a full card number must never reach the journal"
        name = getattr(record, "transaction", Transaction(0, 0))
        kind = str(type(record).__struct_config__.tag)
        at, boot = self.now(), getattr(record, "boot", "") if kind == "booted" else self._boot
        self._last = _link(self._last, boot, at, kind, body)
        self._connection.execute(
            "INSERT INTO records (boot, at_ms, kind, generation, number, body, chain) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (boot, at, kind, name.generation, name.number, body, self._last),
        )
        if isinstance(record, RecordAnswered | Acknowledged):
            self._count_answer(record)
        tables.apply(self._connection, record)
        if kind == "booted":
            self._boot = boot

    def _count_answer(self, record: RecordAnswered | Acknowledged) -> None:
        of = record.generation if isinstance(record, Acknowledged) else record.transaction.generation
        known = self._answered.get(of)
        new = self._one("SELECT answered FROM numbers WHERE generation = ? AND number = ?", of, record.number) == 0
        if known is not None and new:
            self._answered[of] = Answered(highest=max(known.highest, record.number), count=known.count + 1)

    # ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def boot_id(self) -> str:
        return self._boot

    def knows_boot(self, boot: str) -> bool:
        return self._one("SELECT 1 FROM boots WHERE boot = ?", boot) is not None

    def highest_taken(self, generation: int) -> int:
        return int(self._one("SELECT COALESCE(MAX(number), 0) FROM numbers WHERE generation = ?", generation) or 0)

    def next_number(self, generation: int) -> int:
        """The number that the next message takes: above all taken here, and above all that the bank has seen."""
        floor = self._value(f"next_number.{generation}") or 1
        return max(self.highest_taken(generation) + 1, int(floor))

    def answered(self, generation: int) -> Answered:
        """Sent with every message, so it is counted once and then kept up with."""
        if generation not in self._answered:
            highest, count = self._connection.execute(
                "SELECT COALESCE(MAX(number), 0), COUNT(*) FROM numbers WHERE generation = ? AND answered = 1",
                (generation,),
            ).get
            self._answered[generation] = Answered(highest=int(highest), count=int(count))
        return self._answered[generation]

    def answered_ranges(self, generation: int) -> tuple[tuple[int, int], ...]:
        """Closed ranges of numbers that have an answer, ascending."""
        ranges: list[tuple[int, int]] = []
        for (number,) in self._connection.execute(
            "SELECT number FROM numbers WHERE generation = ? AND answered = 1 ORDER BY number", (generation,)
        ):
            if ranges and ranges[-1][1] == int(number) - 1:
                ranges[-1] = (ranges[-1][0], int(number))
            else:
                ranges.append((int(number), int(number)))
        return tuple(ranges)

    def counts(self) -> tuple[CassetteCount, ...]:
        return tables.counts(self._connection)

    def stuck(self) -> tuple[str, ...]:
        """Cassettes a note of which is in doubt since the last exchange: somebody has to look before more is paid."""
        if self._stuck is None:
            self._stuck = self._find_stuck()
        return self._stuck

    def _find_stuck(self) -> tuple[str, ...]:
        found = self._connection.execute(
            "SELECT DISTINCT doubt.value ->> 'cassette' FROM records, json_each(body ->> 'body', '$.in_doubt') AS doubt"
            " WHERE kind = 'fact-made' AND body ->> 'kind' = 'completion'"
            " AND sequence > (SELECT COALESCE(MAX(sequence), 0) FROM records WHERE kind = 'counts-set')"
        )
        return tuple(str(name) for (name,) in found)

    def is_burnt(self, nonce: bytes) -> bool:
        return self._one("SELECT 1 FROM burnt WHERE nonce = ?", nonce) is not None

    def waiting(self) -> tuple[OutboxEntry, ...]:
        """Facts that the bank does not have, oldest number first within the order in which they were made."""
        return self._outbox("WHERE state = 'waiting' ORDER BY generation, number LIMIT 100")

    def fact(self, generation: int, number: int) -> OutboxEntry | None:
        found = self._outbox("WHERE generation = ? AND number = ?", generation, number)
        return found[0] if found else None

    def parked(self) -> tuple[OutboxEntry, ...]:
        return self._outbox("WHERE state = 'parked' ORDER BY sequence LIMIT 100")

    def outbox_length(self) -> int:
        return int(self._one("SELECT COUNT(*) FROM outbox WHERE state = 'waiting'") or 0)

    def open_transactions(self) -> tuple[Transaction, ...]:
        """Transactions that have begun and not ended, oldest first."""
        found = self._connection.execute("SELECT generation, number FROM open_transactions ORDER BY generation, number")
        return tuple(Transaction(int(generation), int(number)) for generation, number in found)

    def story(self, name: Transaction) -> tuple[Line, ...]:
        """All records about one transaction, in their order."""
        return self._lines("WHERE generation = ? AND number = ? ORDER BY sequence", name.generation, name.number)

    def lines(self, *, last: int = 50, contains: str = "") -> tuple[Line, ...]:
        """The newest `last` records (in their order) whose text contains `contains`."""
        found = self._lines(
            "WHERE instr(lower(kind || ' ' || body), lower(?)) > 0 ORDER BY sequence DESC LIMIT ?", contains, last
        )
        return tuple(reversed(found))

    def since(self, kind: str) -> tuple[Line, ...]:
        """All records after the newest one of `kind` ("booted", "counts-set"); all there are where there is none."""
        newest = "(SELECT COALESCE(MAX(sequence), 0) FROM records WHERE kind = ?)"
        return self._lines(f"WHERE sequence > {newest} ORDER BY sequence", kind)

    def newest(self, kind: str) -> Line | None:
        """The newest record of `kind`."""
        found = self._lines("WHERE kind = ? ORDER BY sequence DESC LIMIT 1", kind)
        return found[0] if found else None

    def _lines(self, where: str, *values: str | int) -> tuple[Line, ...]:
        found = self._connection.execute(f"SELECT sequence, boot, at_ms, body FROM records {where}", values)  # noqa: S608 - `where` is ours
        return tuple(
            Line(sequence=int(sequence), boot=str(boot), at=int(at), record=_decode(str(body)))
            for sequence, boot, at, body in found
        )

    def _outbox(self, where: str, *values: str | int) -> tuple[OutboxEntry, ...]:
        found = self._connection.execute(
            f"SELECT generation, number, kind, body, state, case_id FROM outbox {where}",  # noqa: S608 - `where` is ours
            values,
        )
        return tuple(
            OutboxEntry(
                generation=int(generation), number=int(number), kind=str(kind), body=str(body), state=str(state),
                case=str(case),
            )
            for generation, number, kind, body, state, case in found
        )  # fmt: skip

    def _one(self, statement: str, *values: str | int | bytes) -> str | int | bytes | float | None:
        for (value,) in self._connection.execute(statement, values):
            return value  # type: ignore[no-any-return]  # apsw's own value types
        return None

    def _value(self, name: str) -> str | int | bytes | float | None:
        return self._one("SELECT value FROM meta WHERE name = ?", name)

    # ── Damage ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def check(self) -> None:
        """Walk the chain and rebuild the tables from it: a flipped bit anywhere that matters is JournalError."""
        damage = next(iter(self._connection.execute("PRAGMA integrity_check(1)")))[0]
        if damage != "ok":
            raise JournalError(f"the journal {self._path} is damaged ({damage}); {_WAY_OUT}")
        rebuilt = apsw.Connection(":memory:")
        rebuilt.execute(tables.SCHEMA)
        rebuilt.execute("BEGIN")
        last = _START
        for sequence, boot, at, kind, body, chain in self._connection.execute(
            "SELECT sequence, boot, at_ms, kind, body, chain FROM records ORDER BY sequence"
        ):
            last = _link(last, str(boot), int(at), str(kind), str(body))
            if last != chain:
                raise JournalError(f"the journal {self._path} is damaged at record {sequence}; {_WAY_OUT}")
            rebuilt.execute("INSERT INTO records VALUES (?, '', 0, '', 0, 0, '', x'')", (sequence,))
            tables.apply(rebuilt, _decode(str(body)))
        self._compare(rebuilt)

    def _compare(self, rebuilt: apsw.Connection) -> None:
        for table in ("numbers", "outbox", "open_transactions", "cassettes", "burnt", "boots", "meta"):
            statement = f"SELECT * FROM {table}"  # noqa: S608 - our own table names
            kept, wanted = (sorted(c.execute(statement).fetchall()) for c in (self._connection, rebuilt))
            if [row for row in kept if row[0] != "journal_id"] != wanted:
                raise JournalError(f"the journal {self._path} is damaged: {table} differ from its records; {_WAY_OUT}")

    def _last_chain(self) -> bytes:
        found = self._one("SELECT chain FROM records ORDER BY sequence DESC LIMIT 1")
        return found if isinstance(found, bytes) else _START


_WAY_OUT = (
    "keep the file, start with a new state directory, and let the bank resume this terminal (atm-bank terminal resume)"
)


def _link(last: bytes, boot: str, at: int, kind: str, body: str) -> bytes:
    return hashlib.sha256(last + f"\0{boot}\0{at}\0{kind}\0{body}".encode()).digest()


def _connect(path: Path, vfs: str | None) -> apsw.Connection:
    if vfs is None:
        # Its owner's alone before SQLite would make it with the process's umask; what is wrong with it, SQLite says.
        with contextlib.suppress(OSError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connection = apsw.Connection(str(path), vfs=vfs)
    # Waiting would stop the loop; a second process is told at once.
    connection.set_busy_timeout(0)
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


def _is_made(connection: apsw.Connection) -> bool:
    application = connection.execute("PRAGMA application_id").get
    version = connection.execute("PRAGMA user_version").get
    if application == _APPLICATION and version == VERSION:
        return True
    if application == 0 and version == 0 and connection.execute("SELECT COUNT(*) FROM sqlite_schema").get == 0:
        return False
    if application == _APPLICATION:
        raise JournalError(f"the journal was written by a newer firmware (version {version}); update this one")
    raise JournalError("this file is no journal of a kiosk; give another state directory")


def _make(connection: apsw.Connection, random: Randomness) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(tables.SCHEMA)
    connection.execute("INSERT INTO meta VALUES ('journal_id', ?)", ("j" + random.token_bytes(12).hex(),))
    connection.execute(f"PRAGMA application_id = {_APPLICATION}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def _sentence(path: Path, error: apsw.Error, *, new: bool) -> str:
    if isinstance(error, apsw.FullError):
        return f"there is no room left for the journal {path}; make room and start again"
    if isinstance(error, apsw.CantOpenError | apsw.ReadOnlyError | apsw.PermissionsError):
        return f"the journal {path} cannot be {'made' if new else 'written'}; check its directory and rights"
    if isinstance(error, apsw.NotADBError | apsw.CorruptError):
        return f"the journal {path} is damaged; {_WAY_OUT}"
    return f"the journal {path} failed ({error}); check its disk"
