"""The journal's file: one connection, WAL, every write on disk before it returns; damage is noticed at the next start."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import apsw
import msgspec

from bank_link.messages import CassetteCount
from bank_link.ranges import Numbered
from bank_link.seams import Randomness
from kiosk.journal import tables
from kiosk.journal.chain import START, find_damage, link
from kiosk.journal.records import (
    CASH_DOOR_OPENED,
    ESCROW_CLEARED,
    NOTE_OUTSIDE,
    AnyRecord,
    Booted,
    CassetteSwitched,
    CountsSet,
    FactMade,
    Line,
    OutboxEntry,
    TestBegun,
    TestMoved,
    Transaction,
)
from kiosk.journal.wal import forgotten_commits

#: Raised with each new kind of record: an older firmware must say that it is older, and not that the journal is damaged.
VERSION = 2
_ALL = 2**63 - 1
_APPLICATION = 0x41544D4A  # "ATMJ"
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(AnyRecord).decode
#: Standing alone: ids and signatures are letters and digits, and now and then sixteen of those are digits by chance.
_CARD_NUMBER = re.compile(r"(?<![0-9A-Za-z])[0-9]{16}(?![0-9A-Za-z])")


class JournalError(Exception):
    """The journal cannot be used, or could not be written; one sentence says why and what to do."""


class JournalInUse(JournalError):
    """Another process has it open: ask that one over its control socket."""


class Part:
    """Some of the numbers that have an answer. `oldest`: the record of the first of them; `more`: others came before."""

    def __init__(self) -> None:
        self.numbers: set[Numbered] = set()
        self.oldest = 0
        self.more = False
        self._ranges = 0

    def take(self, number: Numbered, sequence: int, most_numbers: int, most_ranges: int) -> bool:
        """Whether there was room for it."""
        generation, value = number
        beside = ((generation, value - 1) in self.numbers) + ((generation, value + 1) in self.numbers)
        if len(self.numbers) == most_numbers or self._ranges + 1 - beside > most_ranges:
            self.more = True
            return False
        self._ranges += 1 - beside
        self.numbers.add(number)
        self.oldest = sequence
        return True


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
        self._stuck: tuple[str, ...] | None = None
        self._box_in_doubt: bool | None = None
        self._escrow_in_doubt: bool | None = None
        self._reached: bool | None = None
        self._counts: tuple[CassetteCount, ...] | None = None
        self._off: frozenset[str] | None = None
        self._file = _identity(Path(path))
        self._last = self._last_chain()
        self.journal_id = str(self._value("journal_id"))

    @classmethod
    def open(
        cls, path: Path, *, random: Randomness, now: Callable[[], int] = lambda: 0, vfs: str | None = None
    ) -> Journal:  # fmt: skip
        """Open or make the journal at `path`; raises JournalError (damaged, foreign, no room), JournalInUse."""
        new = vfs is None and not path.exists()
        connection: apsw.Connection | None = None
        try:
            connection = _connect(path, vfs)
            forgotten = forgotten_commits(connection, vfs)
            if forgotten > 1:
                raise JournalError(f"the journal {path} is damaged in its newest part; {_WAY_OUT}")
            made = _is_made(connection)
            # Only now: a file that is not ours is left as it is.
            if connection.execute("PRAGMA journal_mode = WAL").get != "wal":
                raise JournalError(f"the journal {path} cannot be kept safe on this file system; choose another one")
            if not made:
                _make(connection, random)
            # A process that was killed may have left what is written and not on disk: nobody may act on that.
            # And what a power cut has left of a commit must not lie there beside the next one's.
            connection.execute(f"PRAGMA wal_checkpoint({'TRUNCATE' if forgotten else 'PASSIVE'})").fetchall()
            journal = cls(connection, str(path), now)
            journal.check()
            # Only now: this is a commit like any other.
            if connection.execute("PRAGMA user_version").get != VERSION:
                connection.execute(f"PRAGMA user_version = {VERSION}")
        except BaseException as error:
            # A refused file must not stay locked: somebody will want to look into it.
            if connection is not None:
                # As it is: to fold the log into the file would be to throw away what is behind the damage.
                connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
                _close(connection)
            ours = _opening_error(path, error, new=new)
            if ours is error:
                raise
            raise ours from error
        return journal

    def close(self) -> None:
        _close(self._connection)

    def look(self) -> str:
        """Why the journal cannot be trusted to be there after a power cut; "" where it can.

        A file that was moved or deleted under a running kiosk takes every write, and none of them is ever found.
        """
        if not self.failed and self._file is not None and _identity(Path(self._path)) != self._file:
            self.failed = f"the journal {self._path} was moved or deleted while the kiosk ran; {_WAY_OUT}"
        return self.failed

    # ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def write(self, *records: AnyRecord) -> None:
        """Keep `records` and all that they change, in one transaction: on disk when this returns, or JournalError.

        After a failure nothing more is written: what cannot be remembered must not happen.
        """
        if self.failed:
            raise JournalError(self.failed)
        before, self._counts = (self._last, self._boot), None
        if any(isinstance(record, FactMade | CountsSet | TestMoved) for record in records):
            self._stuck = self._box_in_doubt = self._escrow_in_doubt = None
        if any(getattr(record, "what", "") in {NOTE_OUTSIDE, ESCROW_CLEARED} for record in records):
            self._box_in_doubt = self._escrow_in_doubt = None
        if any(isinstance(record, CountsSet) or getattr(record, "what", "") == CASH_DOOR_OPENED for record in records):
            self._reached = None
        if any(isinstance(record, CassetteSwitched) for record in records):
            self._off = None
        try:
            with self._transaction():
                for record in records:
                    self._append(record)
        except BaseException as error:
            self._last, self._boot = before
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
        # Whatever a person or the bank wrote there: a full card number never reaches the disk.
        whole = _encode(record).decode()
        body = _CARD_NUMBER.sub(_masked, whole)
        if body != whole:
            record = _decode(body.encode())
        name = getattr(record, "transaction", Transaction(0, 0))
        kind = str(type(record).__struct_config__.tag)
        at, boot = self.now(), getattr(record, "boot", "") if kind == "booted" else self._boot
        self._last = link(self._last, boot, at, kind, body)
        self._connection.execute(
            "INSERT INTO records (boot, at_ms, kind, generation, number, body, chain) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (boot, at, kind, name.generation, name.number, body, self._last),
        )
        tables.apply(self._connection, record)
        if kind == "booted":
            self._boot = boot

    # ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def boot_id(self) -> str:
        return self._boot

    def knows_boot(self, boot: str) -> bool:
        return self._one("SELECT 1 FROM boots WHERE boot = ?", boot) is not None

    def check_owner(self, terminal: str) -> None:
        """Raises JournalError where another terminal's firmware wrote this: its numbers are not ours to speak of."""
        last = self.newest("booted")
        if last is not None and isinstance(last.record, Booted) and last.record.terminal != terminal:
            raise JournalError(
                f"the journal {self._path} is of terminal {last.record.terminal}, and this auth file is of {terminal}; "
                "give this terminal a state directory of its own"
            )

    def highest_taken(self, generation: int) -> int:
        return int(self._one("SELECT COALESCE(MAX(number), 0) FROM numbers WHERE generation = ?", generation) or 0)

    def next_number(self, generation: int) -> int:
        """The number that the next message takes: above all taken here, and above all that the bank has seen."""
        floor = self._value(f"next_number.{generation}") or 1
        return max(self.highest_taken(generation) + 1, int(floor))

    def answered(self, *, before: int = 0, most_numbers: int, most_ranges: int) -> Part:
        """The numbers whose answers came last; `before`: of those that came before that record (0: of all)."""
        part = Part()
        for generation, number, sequence in self._ask(
            "SELECT generation, number, answered FROM numbers WHERE answered BETWEEN 1 AND ? ORDER BY answered DESC"
            " LIMIT ?",
            (before - 1 if before else _ALL, most_numbers + 1),
        ):
            if not part.take((int(generation), int(number)), int(sequence), most_numbers, most_ranges):
                break
        return part

    def named_from(self) -> int:
        """`SignedOn.named_from` of the last session: what a restored bank has still to be told of."""
        return int(self._value("named_from") or 0)

    def counts(self) -> tuple[CassetteCount, ...]:
        """Asked every second, so it is kept until something is written."""
        if self._counts is None:
            try:
                self._counts = tables.counts(self._connection)
            except apsw.Error as error:
                raise self._lost(error) from error
        return self._counts

    def stuck(self) -> tuple[str, ...]:
        """Cassettes a note of which is in doubt since the last exchange: somebody has to look before more is paid."""
        if self._stuck is None:
            self._stuck = self._find_stuck()
        return self._stuck

    def box_in_doubt(self) -> bool:
        """Whether something went into the note acceptor, since the last exchange, that nothing proves the place of."""
        if self._box_in_doubt is None:
            last = "SELECT COALESCE(MAX(sequence), 0) FROM records WHERE kind = 'counts-set'"
            self._box_in_doubt = self._doubtful() > int(self._one(last) or 0)
        return self._box_in_doubt

    def escrow_in_doubt(self) -> bool:
        """Whether there was such a doubt since the acceptor's escrow was last seen to be empty."""
        if self._escrow_in_doubt is None:
            last = "SELECT COALESCE(MAX(sequence), 0) FROM records WHERE kind = 'event' AND body ->> 'what' = ?"
            self._escrow_in_doubt = self._doubtful() > int(self._one(last, ESCROW_CLEARED) or 0)
        return self._escrow_in_doubt

    def _doubtful(self) -> int:
        """The newest record of a doubt about paid in notes; 0 where there is none."""
        credit = (
            "SELECT COALESCE(MAX(sequence), 0) FROM records WHERE kind = 'fact-made' AND body ->> 'kind' = 'credit'"
            " AND (body ->> 'body' ->> 'in_doubt' IS NOT NULL OR body ->> 'body' ->> 'unread' IS NOT NULL)"
        )
        outside = "SELECT COALESCE(MAX(sequence), 0) FROM records WHERE kind = 'event' AND body ->> 'what' = ?"
        return max(int(self._one(credit) or 0), int(self._one(outside, NOTE_OUTSIDE) or 0))

    def _find_stuck(self) -> tuple[str, ...]:
        found = self._ask(
            "WITH facts AS (SELECT body ->> 'body' AS fact FROM records WHERE kind = 'fact-made'"
            " AND body ->> 'kind' = 'completion'"
            " AND sequence > (SELECT COALESCE(MAX(sequence), 0) FROM records WHERE kind = 'counts-set'))"
            " SELECT doubt.value ->> 'cassette' FROM facts, json_each(fact, '$.in_doubt') AS doubt"
            " UNION SELECT 'unknown' FROM facts"
            " WHERE fact ->> 'outcome' = 'unknown' AND fact ->> 'in_doubt' IS NULL"
            " UNION SELECT body ->> 'cassette' FROM records WHERE kind = 'test-moved' AND body ->> 'in_doubt' > 0"
            " AND sequence > (SELECT COALESCE(MAX(sequence), 0) FROM records WHERE kind = 'counts-set')"
        )
        return tuple(str(name) for (name,) in found)

    def cash_reached(self) -> bool:
        """A door to the cash was opened since the last exchange: what lies in the cassettes must be counted."""
        if self._reached is None:
            self._reached = bool(
                self._one(
                    "SELECT 1 FROM records WHERE kind = 'event' AND body ->> 'what' = ?"
                    " AND sequence > (SELECT COALESCE(MAX(sequence), 0) FROM records WHERE kind = 'counts-set') LIMIT 1",
                    CASH_DOOR_OPENED,
                )
            )
        return self._reached

    def switched_off(self) -> frozenset[str]:
        """Cassettes that an operator has switched off. Asked every second, so it is kept."""
        if self._off is None:
            found = self._ask(
                "SELECT substr(name, ?) FROM meta WHERE name LIKE ? AND value <> ''",
                (len(tables.SWITCHED_OFF) + 1, f"{tables.SWITCHED_OFF}%"),
            )
            self._off = frozenset(str(name) for (name,) in found)
        return self._off

    def testing(self) -> TestBegun | None:
        """A test dispense that was begun and of which nothing is known since."""
        begun = self.newest("test-begun") if self._value("testing") else None
        return begun.record if begun is not None and isinstance(begun.record, TestBegun) else None

    def is_burnt(self, nonce: bytes) -> bool:
        return self._one("SELECT 1 FROM burnt WHERE nonce = ?", nonce) is not None

    def waiting(self) -> tuple[OutboxEntry, ...]:
        """Facts that the bank does not have, in the order in which they were made: an exchange counts what older ones did.

        Their numbers are no order: a bank that was restored may begin an older generation again.
        """
        return self._outbox("WHERE state = 'waiting' ORDER BY sequence LIMIT 100")

    def fact(self, generation: int, number: int) -> OutboxEntry | None:
        found = self._outbox("WHERE generation = ? AND number = ?", generation, number)
        return found[0] if found else None

    def parked(self) -> tuple[OutboxEntry, ...]:
        return self._outbox("WHERE state = 'parked' ORDER BY sequence LIMIT 100")

    def next_waiting(self) -> Numbered | None:
        """The fact whose turn it is."""
        found = self._ask("SELECT generation, number FROM outbox WHERE state = 'waiting' ORDER BY sequence LIMIT 1")
        return (int(found[0][0]), int(found[0][1])) if found else None

    def parked_length(self) -> int:
        return int(self._one("SELECT COUNT(*) FROM outbox WHERE state = 'parked'") or 0)

    def outbox_length(self) -> int:
        return int(self._one("SELECT COUNT(*) FROM outbox WHERE state = 'waiting'") or 0)

    def open_transactions(self) -> tuple[Transaction, ...]:
        """Transactions that have begun and not ended, oldest first."""
        found = self._ask("SELECT generation, number FROM open_transactions ORDER BY generation, number")
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
        found = self._ask(f"SELECT sequence, boot, at_ms, body FROM records {where}", values)  # noqa: S608 - `where` is ours
        return tuple(
            Line(sequence=int(sequence), boot=str(boot), at=int(at), record=_decode(str(body)))
            for sequence, boot, at, body in found
        )

    def _outbox(self, where: str, *values: str | int) -> tuple[OutboxEntry, ...]:
        found = self._ask(
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

    def _ask(self, statement: str, values: Sequence[str | int | bytes] = ()) -> list[Any]:
        """Rows; a disk that cannot be read fails the journal like one that cannot be written."""
        try:
            return self._connection.execute(statement, tuple(values)).fetchall()
        except apsw.Error as error:
            raise self._lost(error) from error

    def _lost(self, error: apsw.Error) -> JournalError:
        self.failed = self.failed or _sentence(Path(self._path), error, new=False)
        return JournalError(self.failed)

    def _one(self, statement: str, *values: str | int | bytes) -> str | int | bytes | float | None:
        for (value,) in self._ask(statement, values):
            return value  # type: ignore[no-any-return]  # apsw's own value types
        return None

    def _value(self, name: str) -> str | int | bytes | float | None:
        return self._one("SELECT value FROM meta WHERE name = ?", name)

    # ── Damage ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def check(self) -> None:
        """Walk the chain and rebuild the tables from it: a flipped bit anywhere that matters is JournalError."""
        damage = find_damage(self._connection)
        if damage:
            raise JournalError(f"the journal {self._path} is damaged{damage}; {_WAY_OUT}")

    def _last_chain(self) -> bytes:
        found = self._one("SELECT chain FROM records ORDER BY sequence DESC LIMIT 1")
        return found if isinstance(found, bytes) else START


_WAY_OUT = (
    "keep the file, start with a new state directory, and let the bank resume this terminal (atm-bank terminal resume)"
)


def _masked(number: re.Match[str]) -> str:
    return "*" * 12 + number[0][-4:]


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file lies at `path`; None where there is none (a journal on another VFS has no such place)."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


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


def _close(connection: apsw.Connection) -> None:
    """What was written is in the write-ahead log: on a full or broken disk it stays there, and nothing is lost."""
    with contextlib.suppress(apsw.Error):
        connection.close()


def _is_made(connection: apsw.Connection) -> bool:
    application = connection.execute("PRAGMA application_id").get
    version = connection.execute("PRAGMA user_version").get
    if application == _APPLICATION and 0 < version <= VERSION:
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
    connection.execute("PRAGMA user_version = 1")
    connection.execute("COMMIT")


def _opening_error(path: Path, error: BaseException, *, new: bool) -> BaseException:
    """What opening the journal ends with: an error of ours where the file is the reason."""
    if isinstance(error, apsw.BusyError):
        return JournalInUse(f"the journal {path} is in use by a running kiosk")
    if isinstance(error, apsw.Error):
        return JournalError(_sentence(path, error, new=new))
    if isinstance(error, ValueError | msgspec.MsgspecError):
        return JournalError(f"the journal {path} is damaged; {_WAY_OUT}")
    return error


def _sentence(path: Path, error: apsw.Error, *, new: bool) -> str:
    if isinstance(error, apsw.FullError):
        return f"there is no room left for the journal {path}; make room and start again"
    if isinstance(error, apsw.CantOpenError | apsw.ReadOnlyError | apsw.PermissionsError):
        return f"the journal {path} cannot be {'made' if new else 'written'}; check its directory and rights"
    if isinstance(error, apsw.NotADBError | apsw.CorruptError):
        return f"the journal {path} is damaged; {_WAY_OUT}"
    return f"the journal {path} failed ({error}); check its disk"
