"""Files and disks that fail under the store: each time one sentence, and never a half-written transaction."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
import sqlalchemy
from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, func, insert, select

from bank.store.errors import StoreError, StoreFailed, StoreInUse
from bank.store.store import Store

metadata = MetaData()
blobs = Table("blobs", metadata, Column("blob", Integer, primary_key=True), Column("bytes", LargeBinary))


def add(connection: sqlalchemy.Connection, size: int = 9000) -> None:
    connection.execute(insert(blobs).values(bytes=b"x" * size))


def count(connection: sqlalchemy.Connection) -> int:
    return connection.execute(select(func.count()).select_from(blobs)).scalar_one()


class Disk(apsw.VFS):
    """The machine's own files, until `fault` says which error the next writes or syncs get."""

    def __init__(self, name: str) -> None:
        self.fault = 0  # SQLite's code
        self.on_sync = False
        super().__init__(name, base="")

    def xOpen(self, name: Any, flags: list[int]) -> Any:  # noqa: N802 - apsw's name
        return DiskFile(self, name, flags)


class DiskFile(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        self.disk = disk
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - apsw's name
        if self.disk.fault and not self.disk.on_sync:
            raise apsw.exception_for(self.disk.fault)
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802 - apsw's name
        if self.disk.fault and self.disk.on_sync:
            raise apsw.exception_for(self.disk.fault)
        super().xSync(flags)


@pytest.fixture
def disk() -> Iterator[Disk]:
    found = Disk("failing")
    yield found
    found.unregister()


def test_a_full_disk_refuses_and_goes_on_when_there_is_room(tmp_path: Path, disk: Disk) -> None:
    """Nothing of the refused transaction stays; with room again the same store works on."""

    async def main() -> None:
        async with await Store.open(tmp_path / "bank.db", vfs="failing") as store:
            await store.create_all(metadata)
            disk.fault = apsw.SQLITE_FULL
            with pytest.raises(StoreError, match=r"is full; free some space \(nothing was changed\)"):
                async with store.transaction() as tx:
                    await tx.run(add)
            disk.fault = 0
            assert await store.read(count) == 0
            async with store.transaction() as tx:
                await tx.run(add)
            assert await store.read(count) == 1

    asyncio.run(main())


@pytest.mark.parametrize("on_sync", [False, True])
def test_a_failing_disk_ends_the_store_until_a_new_start(tmp_path: Path, disk: Disk, on_sync: bool) -> None:
    """After a failed write or sync nothing more is believed: every later call gets the same sentence."""

    async def main() -> None:
        store = await Store.open(tmp_path / "bank.db", vfs="failing")
        await store.create_all(metadata)
        disk.fault, disk.on_sync = apsw.SQLITE_IOERR, on_sync
        with pytest.raises(StoreFailed, match="fails; check it, then start the bank again"):
            async with store.transaction() as tx:
                await tx.run(add)
        disk.fault = 0
        with pytest.raises(StoreFailed, match="fails; check it"):
            await store.read(count)
        await store.close()
        async with await Store.open(tmp_path / "bank.db", vfs="failing") as again:
            assert await again.read(count) == 0

    asyncio.run(main())


def open_and_read(path: Path, **more: Any) -> int:
    async def main() -> int:
        async with await Store.open(path, **more) as store:
            return await store.read(count)

    return asyncio.run(main())


def make(path: Path, rows: int = 0) -> None:
    async def main() -> None:
        async with await Store.open(path) as store:
            await store.create_all(metadata)
            for _ in range(rows):
                async with store.transaction() as tx:
                    await tx.run(add)

    asyncio.run(main())


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    """Whatever lies under the name is left as it is."""
    path = tmp_path / "bank.db"
    path.write_bytes(b"no database at all, but long enough to have a header of one hundred bytes. " * 20)
    before = path.read_bytes()
    with pytest.raises(StoreFailed, match="is not a bank's database"):
        open_and_read(path)
    assert path.read_bytes() == before


def test_a_damaged_file_is_told_once_and_for_all(tmp_path: Path) -> None:
    """Pages overwritten with junk end as one sentence, at the opening or at the first use."""
    path = tmp_path / "bank.db"
    make(path, rows=20)
    damaged = bytearray(path.read_bytes())
    damaged[4096:] = bytes(byte ^ 0x5A for byte in damaged[4096:])
    path.write_bytes(damaged)
    with pytest.raises(StoreFailed, match="is damaged; restore the newest backup"):
        open_and_read(path)


def test_check_finds_damage_that_reading_does_not_meet(tmp_path: Path) -> None:
    """A page that no query of the day touches is still found by `check`."""
    path = tmp_path / "bank.db"
    make(path, rows=20)
    damaged = bytearray(path.read_bytes())
    damaged[-4096 * 3 : -4096 * 3 + 64] = b"\xff" * 64
    path.write_bytes(damaged)

    async def main() -> list[str]:
        async with await Store.open(path) as store:
            return await store.check()

    assert asyncio.run(main()) != []


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    """A database without our mark is refused by name, not filled with tables."""
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE theirs (a)")
    other.close()
    with pytest.raises(StoreError, match=r"other\.db is a database of another program"):
        open_and_read(path)


def test_a_newer_and_an_older_schema_are_refused(tmp_path: Path) -> None:
    """A program never works on books whose shape it does not know."""
    path = tmp_path / "bank.db"
    make(path)
    with pytest.raises(StoreError, match="has the old schema 1, this program needs 2"):
        open_and_read(path, version=2)
    with sqlite3.connect(path) as tool:
        tool.execute("PRAGMA user_version = 3")
    tool.close()
    with pytest.raises(StoreError, match=r"newer version of this program \(schema 3, this one knows 1\)"):
        open_and_read(path)


def test_a_missing_file_and_a_missing_folder_are_named(tmp_path: Path) -> None:
    """The sentence says how a bank is made, or that the folder is not there."""
    with pytest.raises(StoreError, match="does not exist; make a bank first"):
        open_and_read(tmp_path / "bank.db", create=False)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(StoreError, match="check the folder"):
        open_and_read(tmp_path / "nowhere" / "bank.db")


def test_a_name_that_is_a_folder_is_named(tmp_path: Path) -> None:
    """A directory where the file should be: one sentence."""
    (tmp_path / "bank.db").mkdir()
    with pytest.raises(StoreError, match="Is a directory"):
        open_and_read(tmp_path / "bank.db")


OTHER = """
import sqlite3, sys
tool = sqlite3.connect(sys.argv[1], isolation_level=None)
tool.execute("BEGIN IMMEDIATE")
print("ready", flush=True)
sys.stdin.read()
"""


def test_another_sqlite_that_sits_on_the_file_is_no_traceback(tmp_path: Path) -> None:
    """A program that knows nothing of our lock still shows as one that has the file in use."""
    path = tmp_path / "bank.db"
    make(path)
    command = [sys.executable, "-c", OTHER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"ready\n"
        with pytest.raises(StoreInUse, match="in use"):
            open_and_read(path)


async def write_around_a_rollback(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.run(add)
        await tx.run(lambda connection: connection.exec_driver_sql("ROLLBACK") and None)
        await tx.run(add)


def test_a_transaction_that_sqlite_ended_itself_commits_nothing_more(tmp_path: Path) -> None:
    """Where the database rolled back by itself, later statements are refused, not committed one by one."""

    async def main() -> None:
        async with await Store.open(tmp_path / "bank.db") as store:
            await store.create_all(metadata)
            with pytest.raises(StoreError, match="has rolled this transaction back"):
                await write_around_a_rollback(store)
            assert await store.read(count) == 0

    asyncio.run(main())
