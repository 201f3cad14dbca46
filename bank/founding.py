"""Founds a bank in a directory of its own: configuration, keys, tables, house accounts. All of it, or nothing."""

from __future__ import annotations

import shutil
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from bank.assembly import config_file, database_of, limits_of
from bank.audit import log
from bank.commands.desk import audit_event
from bank.keys import key_files
from bank.keys.keyring import KeyRing
from bank.ledger.moves import equity_account, house_account, suspense_account, vault_account
from bank.ledger.view import Books, View
from bank.ledger.write import write
from bank.schema import VERSION, metadata
from bank.store.store import Store
from bank_link.seams import Randomness, WallClock
from config.bank import BankConfig, Serves
from config.load import example_bank, load_bank


class FoundingError(Exception):
    """The bank cannot be founded there; `str()` is one sentence."""


@dataclass(frozen=True, kw_only=True)
class Charter:
    """What a new bank's configuration says. `public_host`: how terminals reach it; `listen_host`: where it listens;
    `serves`: which kind of terminals.
    """

    name: str
    currency: str
    public_host: str = "localhost"
    listen_host: str = "127.0.0.1"
    port: int = 8443
    enrol_port: int = 8444
    serves: Serves = Serves.KIOSKS

    def toml(self) -> str:
        text = example_bank(
            name=self.name, data=".", currency=self.currency, public_host=self.public_host, host=self.listen_host,
            port=self.port, enrol_port=self.enrol_port, serves=self.serves,
        )  # fmt: skip
        return text + '\n[database]\nurl = "sqlite:///books.sqlite"\n'


async def found(
    directory: Path, charter: Charter, *, clock: WallClock, random: Randomness, by: str,
    executor: Executor | None = None, vfs: str | None = None,
) -> BankConfig:  # fmt: skip
    """Make the directory with everything in it; what it holds stays untouched where it is not empty.

    Raises FoundingError, ConfigError, KeyRingError, StoreError; then nothing is left of it.
    """
    made = _make_directory(directory)
    try:
        key_files.write_private(config_file(directory), charter.toml().encode())
        config = load_bank(config_file(directory))
        await furnish(config, clock=clock, random=random, by=by, executor=executor, vfs=vfs)
    except BaseException:
        config_file(directory).unlink(missing_ok=True)
        if made:
            shutil.rmtree(directory, ignore_errors=True)
        raise
    return config


async def furnish(
    config: BankConfig, *, clock: WallClock, random: Randomness, by: str, executor: Executor | None = None,
    vfs: str | None = None,
) -> None:  # fmt: skip
    """Keys and books for a configuration that is there. Raises FoundingError where it has them already."""
    database, keys = database_of(config), config.data / "keys"
    limits_of(config)
    for path in (keys, database):
        if path.exists():
            raise FoundingError(f"{path} is there already: a bank's keys and books are never overwritten")
    _make_directory(config.data, may_hold_files=True)
    try:
        ring = new_ring(config, random=random, now_ms=clock.now_ms())
        store = await Store.open(database, executor=executor, vfs=vfs, version=VERSION)
        try:
            await lay_books(store, config, ring, now_ms=clock.now_ms(), by=by)
        finally:
            await store.close()
    except BaseException:
        _remove(keys, database)
        raise


def new_ring(config: BankConfig, *, random: Randomness, now_ms: int) -> KeyRing:
    """The bank's keys, in its directory. Raises KeyRingError."""
    ring = KeyRing.create(
        config.data / "keys", random=random, bank_name=config.name, hosts=_hosts(config), now_ms=now_ms
    )  # fmt: skip
    ring.renew_server(now_ms=now_ms)
    return ring


async def lay_books(store: Store, config: BankConfig, ring: KeyRing, *, now_ms: int, by: str) -> None:
    """Tables and house accounts, and the first seal."""
    await store.create_all(metadata)
    async with store.transaction() as tx:
        await tx.run(_open_books, config, now_ms, by)
    async with store.transaction() as tx:
        await tx.run(log.seal, ring.audit_seal, now_ms=now_ms)


def _make_directory(directory: Path, *, may_hold_files: bool = False) -> bool:
    """Whether it was made here. Raises FoundingError where it cannot be, or holds something."""
    try:
        if directory.is_dir():
            if not may_hold_files and any(directory.iterdir()):
                what = "a bank already" if config_file(directory).exists() else "something already"
                raise FoundingError(f"{directory} holds {what}; name a directory that does not exist or is empty")
            return False
        directory.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise FoundingError(f"{directory} cannot be made: {error.strerror}; check the path and its rights") from error
    return True


def _open_books(connection: Connection, config: BankConfig, now_ms: int, by: str) -> None:
    books = Books()
    view = View(books)
    for name in (vault_account(config.currency), suspense_account(config.currency), equity_account(config.currency)):
        view.put(house_account(name, now_ms))
    view.note(audit_event("bank-founded", config.name[:60], by=by, at_ms=now_ms))
    write(connection, books, view)


def _hosts(config: BankConfig) -> tuple[str, ...]:
    """What the server's certificate names; this machine's own names go with `localhost`."""
    return certificate_hosts(config.listen.public_host)


def certificate_hosts(public_host: str) -> tuple[str, ...]:
    """The names and addresses under which terminals may reach a bank of this public name."""
    local = ("localhost", "127.0.0.1", "::1")
    return local if public_host in local else (public_host,)


def _remove(keys: Path, database: Path) -> None:
    shutil.rmtree(keys, ignore_errors=True)
    for path in database.parent.glob(database.name + "*"):
        path.unlink(missing_ok=True)
