"""The store: what is committed is there after a kill, what is not is gone, and nobody meets another's half step."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy import CheckConstraint, Column, ForeignKey, Integer, MetaData, String, Table, insert, select, update
from support.virtual_time import InlineExecutor, run_virtual

from bank.store.errors import StoreError, StoreInUse
from bank.store.store import Store

metadata = MetaData()
notes = Table(
    "notes", metadata,
    Column("note", Integer, primary_key=True),
    Column("text", String(20), CheckConstraint("text <> 'bad'", name="never_bad"), nullable=False),
)  # fmt: skip
marks = Table("marks", metadata, Column("note", Integer, ForeignKey("notes.note"), nullable=False))


def add(connection: sqlalchemy.Connection, text: str) -> None:
    connection.execute(insert(notes).values(text=text))


def texts(connection: sqlalchemy.Connection) -> list[str]:
    return list(connection.execute(select(notes.c.text).order_by(notes.c.note)).scalars())


async def opened(path: Path) -> Store:
    store = await Store.open(path)
    await store.create_all(metadata)
    return store


async def write_one_and_fail(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.run(add, "one")
        raise ZeroDivisionError


def modes(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()}


def test_what_was_committed_is_read_back_by_the_next_who_opens(tmp_path: Path) -> None:
    """A commit outlives the store that made it."""

    async def main() -> None:
        async with await opened(tmp_path / "bank.db") as store, store.transaction() as tx:
            await tx.run(add, "one")
        async with await opened(tmp_path / "bank.db") as store:
            assert await store.read(texts) == ["one"]

    asyncio.run(main())


def test_what_raises_leaves_nothing_behind(tmp_path: Path) -> None:
    """A transaction that ends by an exception changes nothing, and the exception arrives as it was."""

    async def main() -> None:
        async with await opened(tmp_path / "bank.db") as store:
            with pytest.raises(ZeroDivisionError):
                await write_one_and_fail(store)
            assert await store.read(texts) == []

    asyncio.run(main())


def test_a_write_of_its_own_is_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    """What returns is there for the next who opens; what raises halfway leaves nothing, and the next write is its own."""

    def add_and_fail(connection: sqlalchemy.Connection) -> None:
        add(connection, "half")
        raise ZeroDivisionError

    async def main() -> None:
        async with await opened(tmp_path / "bank.db") as store:
            with pytest.raises(ZeroDivisionError):
                await store.write(add_and_fail)
            await store.write(add, "one")
            async with store.transaction():
                """Nothing is asked of the database, so nothing has to be committed."""
        async with await opened(tmp_path / "bank.db") as store:
            assert await store.read(texts) == ["one"]

    asyncio.run(main())


def test_a_constraint_speaks_in_the_databases_own_words(tmp_path: Path) -> None:
    """The caller can tell which rule of the schema refused, and no value shows in the error."""

    async def main() -> None:
        async with await opened(tmp_path / "bank.db") as store:
            with pytest.raises(sqlalchemy.exc.IntegrityError, match="CHECK constraint failed: never_bad") as caught:
                async with store.transaction() as tx:
                    await tx.run(add, "bad")
            assert "'bad'" not in str(caught.value)
            with pytest.raises(sqlalchemy.exc.IntegrityError, match="FOREIGN KEY"):
                async with store.transaction() as tx:
                    await tx.run(lambda connection: connection.execute(insert(marks).values(note=99)) and None)

    asyncio.run(main())


def test_a_failed_statement_may_be_caught_and_the_rest_goes_on(tmp_path: Path) -> None:
    """A batch can refuse one row by the database's constraint and still commit its neighbours."""

    async def main() -> None:
        async with await opened(tmp_path / "bank.db") as store:
            async with store.transaction() as tx:
                await tx.run(add, "one")
                with pytest.raises(sqlalchemy.exc.IntegrityError):
                    await tx.run(add, "bad")
                await tx.run(add, "two")
            assert await store.read(texts) == ["one", "two"]

    asyncio.run(main())


def test_transactions_take_turns(tmp_path: Path) -> None:
    """Nobody reads or writes between the first statement of a transaction and its end."""

    async def main() -> None:
        seen: list[list[str]] = []
        async with await opened(tmp_path / "bank.db") as store:
            inside = asyncio.Event()

            async def slow() -> None:
                async with store.transaction() as tx:
                    await tx.run(add, "one")
                    inside.set()
                    for _ in range(20):
                        await asyncio.sleep(0)
                    await tx.run(add, "two")

            async def reader() -> None:
                await inside.wait()
                seen.append(await store.read(texts))

            await asyncio.gather(slow(), reader())
        assert seen == [["one", "two"]]

    asyncio.run(main())


def test_a_cancelled_transaction_is_rolled_back_and_the_next_goes_on(tmp_path: Path) -> None:
    """Cancelling a task in the middle of a statement neither commits its half nor blocks the others."""

    async def main() -> None:
        async with await opened(tmp_path / "bank.db") as store:
            begun = asyncio.Event()
            loop = asyncio.get_running_loop()

            def add_slowly(connection: sqlalchemy.Connection) -> None:
                add(connection, "half")
                loop.call_soon_threadsafe(begun.set)
                connection.exec_driver_sql(
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT max(i) FROM n"
                ).all()

            async def doomed() -> None:
                async with store.transaction() as tx:
                    await tx.run(add_slowly)
                    await tx.run(add, "never")

            task = asyncio.create_task(doomed())
            await begun.wait()
            task.cancel()
            async with store.transaction() as tx:
                await tx.run(add, "next")
            assert task.cancelled()
            assert await store.read(texts) == ["next"]

    asyncio.run(main())


def test_the_last_step_commits_with_itself(tmp_path: Path) -> None:
    """One step on the thread for a batch's rows and their commit; where it fails, nothing of the transaction is left."""

    async def main() -> None:
        async with await opened(tmp_path / "bank.db") as store:
            async with store.transaction() as tx:
                await tx.run(add, "first")
                await tx.last(add, "last")
                with pytest.raises(RuntimeError, match="is over"):
                    await tx.run(add, "never")
            async with store.transaction() as tx:
                await tx.last(add, "alone")

            async def fails() -> None:
                async with store.transaction() as tx:
                    await tx.run(add, "gone")
                    await tx.last(lambda connection: (add(connection, "gone too"), 1 // 0))

            with pytest.raises(ZeroDivisionError):
                await fails()
            assert await store.read(texts) == ["first", "last", "alone"]

    asyncio.run(main())


def test_who_is_cancelled_in_the_last_step_is_told_after_its_commit(tmp_path: Path) -> None:
    """However often it is cancelled: no step of the thread is met halfway, and none is lost."""

    async def main() -> None:
        async with await opened(tmp_path / "bank.db") as store:
            begun, go = asyncio.Event(), threading.Event()
            loop = asyncio.get_running_loop()

            def add_slowly(connection: sqlalchemy.Connection) -> None:
                loop.call_soon_threadsafe(begun.set)
                go.wait(30)
                add(connection, "done")

            async def doomed() -> None:
                async with store.transaction() as tx:
                    await tx.last(add_slowly)

            task = asyncio.create_task(doomed())
            await begun.wait()
            for _ in range(3):
                task.cancel()
                await asyncio.sleep(0)
            assert not task.done()
            go.set()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await store.read(texts) == ["done"]

    asyncio.run(main())


def test_a_transaction_cannot_be_used_after_its_end_nor_nested(tmp_path: Path) -> None:
    """Mistakes that would wait for ever, or write outside of a transaction, fail at once."""

    async def main() -> None:
        async with await opened(tmp_path / "bank.db") as store:
            async with store.transaction() as tx:
                with pytest.raises(RuntimeError, match="within a transaction"):
                    await store.read(texts)
            with pytest.raises(RuntimeError, match="is over"):
                await tx.run(texts)

    asyncio.run(main())


def test_a_read_that_writes_is_refused(tmp_path: Path) -> None:
    """What `read` runs cannot change the books."""

    async def main() -> None:
        async with await opened(tmp_path / "bank.db") as store:
            with pytest.raises(RuntimeError, match="a read has written"):
                await store.read(add, "one")
            assert await store.read(texts) == []

    asyncio.run(main())


def test_the_second_who_opens_gets_one_sentence(tmp_path: Path) -> None:
    """Two programs never work on the same books; the second is told which file and what to do."""

    async def main() -> None:
        path = tmp_path / "bank.db"
        async with await opened(path):
            with pytest.raises(StoreInUse, match=r"bank\.db is in use by a running bank"):
                await Store.open(path)
        async with await opened(path):
            pass

    asyncio.run(main())


HOLDER = """
import asyncio, sys
from sqlalchemy import text
from bank.store.store import Store
async def main():
    store = await Store.open(sys.argv[1])
    async with store.transaction() as tx:
        await tx.run(lambda c: c.execute(text("INSERT INTO notes (text) VALUES ('kept')")) and None)
    async with store.transaction() as tx:
        await tx.run(lambda c: c.execute(text("INSERT INTO notes (text) VALUES ('lost')")) and None)
        print("ready", flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""


def test_killed_in_a_transaction_it_keeps_what_was_committed_and_its_lock_is_free(tmp_path: Path) -> None:
    """SIGKILL in the middle of a transaction: the finished one is there, the open one is not, the file opens."""
    path = tmp_path / "bank.db"

    async def make() -> None:
        await (await opened(path)).close()

    async def after() -> list[str]:
        async with await opened(path) as store:
            assert await store.check() == []
            return await store.read(texts)

    asyncio.run(make())
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        with pytest.raises(StoreInUse):
            asyncio.run(after())
        process.send_signal(signal.SIGKILL)
    assert asyncio.run(after()) == ["kept"]


def test_only_the_owner_may_read_the_file(tmp_path: Path) -> None:
    """Database, WAL and lock are made with mode 0600 whatever the umask allows."""

    async def main() -> None:
        async with await opened(tmp_path / "bank.db") as store, store.transaction() as tx:
            await tx.run(add, "one")
            found = modes(tmp_path)
        assert found == {"bank.db": 0o600, "bank.db-wal": 0o600, "bank.db.lock": 0o600}

    asyncio.run(main())


def test_the_settings_that_keep_commits_through_a_power_cut_are_on(tmp_path: Path) -> None:
    """WAL, FULL, exclusive locking and foreign keys: each was measured or is relied on by the books."""

    def settings(connection: sqlalchemy.Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "locking_mode", "foreign_keys")
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

    async def main() -> None:
        async with await opened(tmp_path / "bank.db") as store:
            assert await store.read(settings) == ["wal", 2, "exclusive", 1]

    asyncio.run(main())


def test_it_runs_the_same_in_virtual_time(tmp_path: Path) -> None:
    """A simulation hands in its executor; nothing of the store needs a real clock or thread."""

    async def main() -> list[str]:
        store = await Store.open(tmp_path / "bank.db", executor=InlineExecutor())
        await store.create_all(metadata)

        async def one(text: str) -> None:
            async with store.transaction() as tx:
                await tx.run(add, text)
                await asyncio.sleep(1)

        await asyncio.gather(*(one(str(number)) for number in range(5)))
        found = await store.read(texts)
        await store.close()
        await store.close()
        return found

    assert run_virtual(main()) == ["0", "1", "2", "3", "4"]


def test_row_counts_and_ids_are_those_of_the_statement(tmp_path: Path) -> None:
    """Compare-and-set updates can trust `rowcount`, and an insert its new id, also where nothing matched."""

    def counts(connection: sqlalchemy.Connection) -> list[object]:
        first = connection.execute(insert(notes).values(text="a")).inserted_primary_key
        many = connection.execute(insert(notes), [{"text": "b"}, {"text": "c"}]).rowcount
        hit = connection.execute(update(notes).where(notes.c.note > 1).values(text="d")).rowcount
        miss = connection.execute(update(notes).where(notes.c.note > 9).values(text="d")).rowcount
        none = connection.execute(select(notes).where(notes.c.note > 9)).mappings().all()
        back = connection.execute(update(notes).values(text="e").returning(notes.c.note)).scalars().all()
        return [tuple(first or ()), many, hit, miss, list(none), list(back)]

    async def main() -> list[object]:
        async with await opened(tmp_path / "bank.db") as store, store.transaction() as tx:
            return await tx.run(counts)

    assert asyncio.run(main()) == [(1,), 2, 2, 0, [], [1, 2, 3]]


def test_a_value_that_sqlite_cannot_hold_is_refused(tmp_path: Path) -> None:
    """A number beyond 64 bits or an object is an error of the statement, and the store goes on."""

    async def main() -> None:
        async with await opened(tmp_path / "bank.db") as store:
            for value, error in ((2**63, sqlalchemy.exc.DataError), (object(), sqlalchemy.exc.InterfaceError)):
                with pytest.raises(error):
                    await store.read(
                        lambda connection, value=value: connection.exec_driver_sql("SELECT ?", (value,)) and None
                    )
            assert await store.read(texts) == []

    asyncio.run(main())


def test_a_handed_in_executor_is_left_running(tmp_path: Path) -> None:
    """The store shuts down only the thread that it started itself."""

    async def main() -> None:
        with ThreadPoolExecutor(1) as pool:
            store = await Store.open(tmp_path / "bank.db", executor=pool)
            await store.close()
            assert pool.submit(int, "7").result() == 7
            with pytest.raises(StoreError, match="is closed"):
                await store.read(texts)

    asyncio.run(main())
