"""apsw as a DBAPI 2.0 driver under SQLAlchemy Core, so that the bank's database can lie on any SQLite VFS.

A VFS registered by apsw is invisible to the standard library's `sqlite3`; hence this driver. It opens no transaction
by itself: `Connection.begin` does, with `BEGIN IMMEDIATE`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import apsw

apilevel = "2.0"
threadsafety = 1
paramstyle = "qmark"
#: DBAPI 2.0: what a BLOB is given as.
Binary = bytes
sqlite_version = apsw.sqlite_lib_version()
sqlite_version_info = tuple(int(part) for part in sqlite_version.split("."))


class Warning(Exception):  # noqa: A001 - the name is DBAPI's
    """DBAPI 2.0."""


class Error(Exception):
    """DBAPI 2.0: root. `result` is SQLite's primary code (apsw.SQLITE_…), 0 where SQLite was never asked."""

    def __init__(self, text: str, result: int = 0) -> None:
        super().__init__(text)
        self.result = result


class InterfaceError(Error):
    """DBAPI 2.0: a value that SQLite has no type for."""


class DatabaseError(Error):
    """DBAPI 2.0: the file."""


class DataError(DatabaseError):
    """DBAPI 2.0: a value out of range."""


class OperationalError(DatabaseError):
    """DBAPI 2.0: disk, locks, rights, statements that do not compile."""


class IntegrityError(DatabaseError):
    """DBAPI 2.0: a constraint of the schema, or a trigger's RAISE; `str()` is SQLite's own text."""


class InternalError(DatabaseError):
    """DBAPI 2.0."""


class ProgrammingError(DatabaseError):
    """DBAPI 2.0."""


class NotSupportedError(DatabaseError):
    """DBAPI 2.0."""


_OF_RESULT = {
    apsw.SQLITE_CONSTRAINT: IntegrityError,
    apsw.SQLITE_CORRUPT: DatabaseError,
    apsw.SQLITE_NOTADB: DatabaseError,
    apsw.SQLITE_TOOBIG: DataError,
    apsw.SQLITE_MISMATCH: DataError,
    apsw.SQLITE_RANGE: ProgrammingError,
    apsw.SQLITE_MISUSE: ProgrammingError,
    apsw.SQLITE_INTERNAL: InternalError,
}
_PROGRAMMING = (apsw.BindingsError, apsw.ExecutionCompleteError, apsw.ConnectionClosedError, apsw.CursorClosedError)


def translated(error: Exception) -> Error:
    """What apsw raised, as DBAPI's error."""
    if isinstance(error, _PROGRAMMING):
        return ProgrammingError(str(error))
    if isinstance(error, apsw.Error):
        result = getattr(error, "result", 0)
        return _OF_RESULT.get(result, OperationalError)(str(error), result)
    if isinstance(error, OverflowError):
        return DataError("a number does not fit into 64 bits")
    return InterfaceError(str(error))


#: Prepared statements that a connection keeps: a lookup has as many texts as there are lengths of its lists.
_STATEMENTS = 500
_FAILURES = (apsw.Error, TypeError, ValueError, OverflowError)


def _asked(ask: Callable[..., Any], *args: Any) -> Any:
    try:
        return ask(*args)
    except _FAILURES as error:
        raise translated(error) from error


class Cursor:
    """DBAPI 2.0. Rows are fetched as the statement runs, so that none stays open over a commit."""

    arraysize = 1

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._cursor.exec_trace = self._see_columns
        self._rows: Iterator[Any] = iter(())
        self.description: list[tuple[Any, ...]] | None = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    def _see_columns(self, cursor: apsw.Cursor, _statement: str, _bindings: object) -> bool:
        # Only here does apsw tell the columns of a query that turns out to have no rows.
        columns = cursor.get_description()
        self.description = [(name, None, None, None, None, None, None) for name, _ in columns] or None
        return True

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> Cursor:
        return self._run(self._cursor.execute, statement, parameters)

    def executemany(self, statement: str, parameters: Iterable[Sequence[Any]]) -> Cursor:
        return self._run(self._cursor.executemany, statement, list(parameters))

    def _run(self, execute: Callable[..., Any], statement: str, parameters: Sequence[Any]) -> Cursor:
        before = self._connection.total_changes()
        self._rows = iter(_asked(lambda: execute(statement, parameters).fetchall()))
        self.rowcount = self._changed(before, many=execute == self._cursor.executemany)
        self.lastrowid = self._connection.last_insert_rowid()
        return self

    def _changed(self, before: int, *, many: bool) -> int:
        """Rows that the statement changed itself, where one was run; with its triggers' rows, where many were."""
        total = self._connection.total_changes() - before
        return total if many or not total else self._connection.changes()

    def fetchone(self) -> Any:
        return next(self._rows, None)

    def fetchmany(self, size: int | None = None) -> list[Any]:
        return [row for row, _ in zip(self._rows, range(size or self.arraysize), strict=False)]

    def fetchall(self) -> list[Any]:
        return list(self._rows)

    def setinputsizes(self, _sizes: object) -> None:
        """DBAPI 2.0: nothing to do."""

    def setoutputsize(self, _size: int, _column: int | None = None) -> None:
        """DBAPI 2.0: nothing to do."""

    def close(self) -> None:
        self._rows = iter(())
        self._cursor.close()


class Connection:
    """DBAPI 2.0 over one apsw connection."""

    def __init__(self, apsw_connection: apsw.Connection) -> None:
        self.apsw_connection = apsw_connection

    def cursor(self) -> Cursor:
        return Cursor(self.apsw_connection)

    def rows(self, statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Not DBAPI: a query's rows without a cursor's other news."""
        try:
            return self.apsw_connection.execute(statement, parameters).fetchall()
        except _FAILURES as error:
            raise translated(error) from error

    def run_many(self, statement: str, parameters: Iterable[Sequence[Any]]) -> None:
        """Not DBAPI: a statement that has no rows, once for each set of parameters."""
        _asked(self.apsw_connection.executemany, statement, parameters)

    def begin(self) -> None:
        self._say("BEGIN IMMEDIATE")

    def commit(self) -> None:
        if self.apsw_connection.in_transaction:
            self._say("COMMIT")

    def rollback(self) -> None:
        # After some errors SQLite has rolled back by itself.
        if self.apsw_connection.in_transaction:
            self._say("ROLLBACK")

    def _say(self, statement: str) -> None:
        _asked(self.apsw_connection.execute, statement)

    def close(self) -> None:
        _asked(self.apsw_connection.close)


def connect(path: str, *, vfs: str | None = None) -> Connection:
    """Open `path`, made where it is missing, on the named VFS (SQLite's own where none is named)."""
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    return Connection(_asked(lambda: apsw.Connection(path, flags=flags, vfs=vfs, statementcachesize=_STATEMENTS)))
