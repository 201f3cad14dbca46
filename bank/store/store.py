"""The bank's database: one connection, one thread, one transaction at a time, each on disk before it is over."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, ParamSpec, Self, TypeVar

import sqlalchemy
from sqlalchemy.exc import DBAPIError, IntegrityError

from bank.store import apsw_dbapi
from bank.store.dialect import engine_over
from bank.store.errors import StoreError, StoreFailed, sentence_for
from bank.store.file_lock import FileLock

P = ParamSpec("P")
T = TypeVar("T")

#: Marks the file as a bank's (SQLite's application_id): "ATMB".
APPLICATION_ID = 0x41544D42

#: WAL with FULL lost no acknowledged commit at any cut; EXCLUSIVE keeps every other writer out of the WAL.
_PRAGMAS = (
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    "PRAGMA journal_size_limit = 67108864",
)


class Transaction:
    """One open transaction. Nobody else's statements run between its first `run` and its end."""

    def __init__(self, store: Store) -> None:
        self._store: Store | None = store
        self._begun = False

    async def run(
        self, fn: Callable[Concatenate[sqlalchemy.Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """`fn(connection, …)` on the store's thread. Raises what `fn` raises, and StoreError for the file's faults."""
        if self._store is None:
            raise RuntimeError("this transaction is over")
        run = self._store._run if self._begun else self._store._begin_and_run  # noqa: SLF001 - two halves of one thing
        self._begun = True
        return await self._store._on_thread(run, lambda connection: fn(connection, *args, **kwargs))  # noqa: SLF001 - two halves of one thing

    async def last(
        self, fn: Callable[Concatenate[sqlalchemy.Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `run`, and the commit in the same step: the transaction is over with it."""
        if self._store is None:
            raise RuntimeError("this transaction is over")
        store, begun = self._store, self._begun
        self._store, self._begun = None, False
        return await store._on_thread(store._commit_after, begun, lambda connection: fn(connection, *args, **kwargs))  # noqa: SLF001 - two halves of one thing

    def _end(self) -> None:
        self._store = None


#: The path of books that are in memory, and gone with the store.
MEMORY = ":memory:"


class Store:
    """The open database. Made by `Store.open`; `close()` may be called twice.

    Everything on the connection happens on the executor's thread; the loop only waits. A call that is cancelled still
    ends its step on the thread before the cancellation is delivered, so nobody meets it halfway; a cancellation that
    arrives during the commit is delivered after it.
    """

    def __init__(self, path: str, *, executor: Executor | None, version: int) -> None:
        self.path = path
        self.version = version
        self._own_executor = None if executor else ThreadPoolExecutor(1, thread_name_prefix="store")
        self._executor = executor or self._own_executor
        self._lock: FileLock | None = None
        self._closed = False
        self._turn_lock = asyncio.Lock()
        self._owner: asyncio.Task[object] | None = None
        self._failed: StoreFailed | None = None
        self._driver: apsw_dbapi.Connection | None = None
        self._connection: sqlalchemy.Connection | None = None

    def __repr__(self) -> str:
        return f"<Store {self.path}: {'open' if self._connection else 'closed'}>"

    @classmethod
    async def open(
        cls,
        path: Path | str,
        *,
        executor: Executor | None = None,
        vfs: str | None = None,
        create: bool = True,
        version: int = 1,
        adds: sqlalchemy.MetaData | None = None,
    ) -> Store:
        """Open the file at `path`; where it is missing, make it (`create`) or refuse.

        `executor` runs one call at a time (an inline one in a simulation; by default a thread of the store's own).
        `vfs` names an apsw VFS; then there is no lock file, since the file may not be on this machine's disk.
        `version` is the newest schema that the caller knows; an older file gets the tables and indexes of `adds` that it
        lacks, or is refused where none are given. Raises StoreInUse, StoreError.
        """
        store = cls(str(path), executor=executor, version=version)
        try:
            await store._on_thread(store._open, vfs, create, adds)
        except BaseException:
            await store.close()
            raise
        return store

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Wait for the transaction at hand, fold the WAL into the file, let go of the lock."""
        async with self._turn(even_failed=True):
            if self._closed:
                return
            self._closed = True
            try:
                await self._on_thread(self._close)
            finally:
                if self._own_executor:
                    self._own_executor.shutdown(wait=False)
                if self._lock:
                    self._lock.release()

    async def create_all(self, metadata: sqlalchemy.MetaData) -> None:
        """Make the tables in a new file; in one that has them already, nothing. Raises StoreError."""
        await self.write(self._create, metadata)

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Others wait until this one is over. Durable when the block is left; rolled back where it raises."""
        async with self._turn():
            tx = Transaction(self)
            try:
                yield tx
                tx._end()  # noqa: SLF001 - two halves of one thing
                if tx._begun:  # noqa: SLF001 - two halves of one thing
                    await self._on_thread(self._commit)
            except BaseException:
                tx._end()  # noqa: SLF001 - two halves of one thing
                await self._on_thread(self._rollback)
                raise

    async def read(
        self, fn: Callable[Concatenate[sqlalchemy.Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """`fn(connection, …)` outside of any transaction, when its turn comes; it must not write."""
        async with self._turn():
            return await self._on_thread(self._read, lambda connection: fn(connection, *args, **kwargs))

    async def write(
        self, fn: Callable[Concatenate[sqlalchemy.Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """`fn(connection, …)` as a transaction of its own, when its turn comes. Durable when this returns.

        One step on the thread: where the call is cancelled while it runs, it is done all the same.
        """
        async with self._turn():
            return await self._on_thread(self._write, lambda connection: fn(connection, *args, **kwargs))

    async def check(self) -> list[str]:
        """What SQLite finds wrong with the file's structure; empty where it is sound."""
        rows = await self.read(lambda connection: connection.exec_driver_sql("PRAGMA quick_check(20)").scalars().all())
        return [] if list(rows) == ["ok"] else [str(row) for row in rows]

    # ── whose turn it is ────────────────────────────────────────────────────────────────────────────────────────────

    @contextlib.asynccontextmanager
    async def _turn(self, *, even_failed: bool = False) -> AsyncIterator[None]:
        task = asyncio.current_task()
        if task is self._owner and task is not None:
            raise RuntimeError("a transaction within a transaction of the same task would wait for ever")
        async with self._turn_lock:
            if not even_failed:
                self._refuse_when_over()
            self._owner = task
            try:
                yield
            finally:
                self._owner = None

    def _refuse_when_over(self) -> None:
        if self._failed:
            raise StoreFailed(str(self._failed))
        if self._closed:
            raise StoreError(f"{self.path} is closed")

    async def _on_thread(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        step: _Step[T] = _Step(loop=loop)

        def over(done: Future[T]) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(step.settle, done)

        assert self._executor is not None
        self._executor.submit(fn, *args, **kwargs).add_done_callback(over)
        return await step

    # ── on the thread ───────────────────────────────────────────────────────────────────────────────────────────────

    def _open(self, vfs: str | None, create: bool, adds: sqlalchemy.MetaData | None) -> None:
        if vfs is None and self.path != MEMORY:
            if not create and not Path(self.path).exists():
                raise StoreError(f"{self.path} does not exist; make a bank first (atm-bank init)")
            self._lock = FileLock(Path(self.path))
            _make_private(self.path)
        with self._sentences():
            self._driver = apsw_dbapi.connect(self.path, vfs=vfs)
            for pragma in _PRAGMAS:
                self._driver.apsw_connection.execute(pragma)
            if self.path != MEMORY and self._pragma("journal_mode = WAL") != "wal":
                raise StoreError(f"{self.path} cannot be kept in write-ahead mode; move it to a local disk")
            is_old = self._refuse_strangers(may_be_old=adds is not None)
            # What a killed bank left may be written and not on disk: nobody may act on that.
            self._driver.apsw_connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            self._connection = engine_over(self._driver).connect()
        if is_old and adds is not None:
            self._write(lambda connection: self._add(connection, adds))

    def _pragma(self, text: str) -> object:
        assert self._driver is not None
        return self._driver.apsw_connection.execute(f"PRAGMA {text}").get

    def _refuse_strangers(self, *, may_be_old: bool) -> bool:
        """Whether the file is older than this program."""
        assert self._driver is not None
        mark, version = self._pragma("application_id"), self._pragma("user_version")
        empty = not self._driver.apsw_connection.execute("SELECT count(*) FROM sqlite_schema").get
        if mark != APPLICATION_ID and not empty:
            raise StoreError(f"{self.path} is a database of another program, not a bank's")
        assert isinstance(version, int)
        if version > self.version:
            raise StoreError(
                f"{self.path} was written by a newer version of this program (schema {version}, "
                f"this one knows {self.version}); install that version"
            )
        is_old = not empty and version < self.version
        if is_old and not may_be_old:
            raise StoreError(f"{self.path} has the old schema {version}, this program needs {self.version}; convert it")
        return is_old

    def _create(self, connection: sqlalchemy.Connection, metadata: sqlalchemy.MetaData) -> None:
        if self._pragma("application_id") == APPLICATION_ID:
            return
        metadata.create_all(connection)
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.exec_driver_sql(f"PRAGMA user_version = {self.version}")

    def _add(self, connection: sqlalchemy.Connection, metadata: sqlalchemy.MetaData) -> None:
        """Each version has only added tables and indexes: what is there stays as it is."""
        metadata.create_all(connection)
        for table in metadata.tables.values():
            for index in table.indexes:
                index.create(connection, checkfirst=True)
        connection.exec_driver_sql(f"PRAGMA user_version = {self.version}")

    def _begin(self) -> None:
        with self._sentences():
            self._open_driver().begin()

    def _run(self, fn: Callable[[sqlalchemy.Connection], T]) -> T:
        with self._sentences():
            self._still_in_transaction()
            return fn(self._open_connection())

    def _write(self, fn: Callable[[sqlalchemy.Connection], T]) -> T:
        return self._commit_after(False, fn)

    def _commit_after(self, begun: bool, fn: Callable[[sqlalchemy.Connection], T]) -> T:
        try:
            result = self._run(fn) if begun else self._begin_and_run(fn)
            self._commit()
        except BaseException:
            self._rollback()
            raise
        return result

    def _begin_and_run(self, fn: Callable[[sqlalchemy.Connection], T]) -> T:
        self._begin()
        return self._run(fn)

    def _read(self, fn: Callable[[sqlalchemy.Connection], T]) -> T:
        assert self._driver is not None
        changes = self._driver.apsw_connection.total_changes()
        try:
            result = self._begin_and_run(fn)
        finally:
            self._rollback()
        if self._driver.apsw_connection.total_changes() != changes:
            raise RuntimeError("a read has written; it was rolled back")
        return result

    def _commit(self) -> None:
        with self._sentences():
            self._still_in_transaction()
            self._open_driver().commit()
            self._end_of_transaction()

    def _rollback(self) -> None:
        if self._driver is not None and self._connection is not None:
            with self._sentences():
                self._driver.rollback()
                self._end_of_transaction()

    def _end_of_transaction(self) -> None:
        """SQLAlchemy has begun one of its own where it was asked; there is nothing left to do in it."""
        connection = self._open_connection()
        if connection.in_transaction():
            connection.rollback()

    def _still_in_transaction(self) -> None:
        """After some errors SQLite rolls back by itself; what came next would be committed statement by statement."""
        assert self._driver is not None
        if not self._driver.apsw_connection.in_transaction:
            raise StoreError(f"{self.path}: the database has rolled this transaction back after an error")

    def _open_driver(self) -> apsw_dbapi.Connection:
        assert self._driver is not None
        return self._driver

    def _open_connection(self) -> sqlalchemy.Connection:
        assert self._connection is not None
        return self._connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        driver, self._driver = self._driver, None
        if connection is not None:
            connection.close()
        if driver is not None:
            with self._sentences():
                driver.close()

    @contextlib.contextmanager
    def _sentences(self) -> Iterator[None]:
        """The file's faults become one sentence; the statements' own stay what they are."""
        try:
            yield
        except IntegrityError:
            raise
        except Exception as error:
            told = _store_error(error, self.path)
            if told is None:
                raise
            if isinstance(told, StoreFailed):
                self._failed = told
            raise told from error


def _store_error(error: Exception, path: str) -> StoreError | None:
    cause = error.orig if isinstance(error, DBAPIError) else error
    result = getattr(cause, "result", None)
    return sentence_for(result, path) if isinstance(result, int) else None


def _make_private(path: str) -> None:
    """Make the file with mode 0600 before SQLite would with the process's umask; its WAL follows its mode."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreError(f"{path} cannot be opened: {error.strerror}; check the path, its owner and rights") from error


class _Step(asyncio.Future[T]):
    """What the thread does for a task. Nobody can cancel it: a task that is cancelled meanwhile is told once it is done."""

    def cancel(self, msg: object = None) -> bool:  # noqa: ARG002 - asyncio's own signature
        return False

    def settle(self, done: Future[T]) -> None:
        error = done.exception()
        if error is None:
            self.set_result(done.result())
        else:
            self.set_exception(error)
