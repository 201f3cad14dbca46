"""Opens a bank: configuration, keys and books, and the parts that work on them, as one object for `serve` and commands."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, Self

from bank.audit import log
from bank.audit.events import AuditEvent
from bank.audit.sealer import Sealer
from bank.authoriser.context import Limits
from bank.commands.answers import Answer
from bank.commands.cards import issuer_id
from bank.commands.desk import House, audit_event
from bank.commands.executing import checked, command_of, execute
from bank.commands.requests import Command, name_of
from bank.control import CommandRefused
from bank.decision.committer import Committer
from bank.decision.sweep import Sweeper
from bank.host import Host, tools_maker
from bank.keys.decision_keys import DecisionKeys
from bank.keys.keyring import KeyRing
from bank.schema import VERSION, metadata
from bank.store.errors import StoreError
from bank.store.store import Store
from bank.terminals.enrolment import EnrolmentHandler
from bank_link import address
from bank_link.money import MINOR_DIGITS, major
from bank_link.seams import Randomness, SystemClock, SystemRandomness, WallClock
from config.bank import BankConfig
from config.load import load_bank

Worker = Callable[[], Coroutine[Any, Any, None]]

_SQLITE = "sqlite:///"


class Bank:
    """An open bank. `host.handle` answers terminals, `enrolment.handle` new ones, `execute` the staff.

    The workers must run wherever messages are answered (`run`, or each of `workers` in a service); commands alone need
    none of them.
    """

    def __init__(
        self, config: BankConfig, *, ring: KeyRing, store: Store, clock: WallClock, dates: WallClock, random: Randomness
    ) -> None:  # fmt: skip
        self.config = config
        self.ring = ring
        self.store = store
        self.clock = clock
        self.dates = dates
        self._sealer = Sealer(store, ring.audit_seal, clock)
        self.tools = tools_maker(
            clock=clock, limits=limits_of(config), keys=DecisionKeys(ring), random=random,
            audit_head=self._sealer.head,
        )  # fmt: skip
        self._committer = Committer(store, self.tools)
        self._sweeper = Sweeper(store, self.tools, committed=self._sealer.wake)
        self._house = house_of(config, ring, dates)
        self.host = Host(
            store=store, committer=self._committer, clock=clock, challenge_key=ring.challenge_key(),
            committed=self.written,
        )  # fmt: skip
        self.enrolment = EnrolmentHandler(
            store=store, ring=ring, clock=clock, dates=dates, bank=config.name, address=self._house.address,
            committed=self.written,
        )  # fmt: skip

    @classmethod
    async def open(
        cls, config: BankConfig, *, clock: WallClock | None = None, dates: WallClock | None = None,
        random: Randomness | None = None, executor: Executor | None = None, vfs: str | None = None,
    ) -> Self:  # fmt: skip
        """Open the bank that `atm-bank init` has made. `executor` and `vfs` are the store's.

        `dates`: what certificates are made and judged by, where that is not `clock`.

        Raises KeyRingError, StoreError (StoreInUse where another process has it).
        """
        clock, random = clock or SystemClock(), random or SystemRandomness()
        store = await Store.open(
            database_of(config), executor=executor, vfs=vfs, create=False, version=VERSION, adds=metadata
        )  # fmt: skip
        try:
            # Only now: whoever had the books before may have changed the keys.
            ring = KeyRing.load(config.data / "keys", random=random)
            bank = cls(config, ring=ring, store=store, clock=clock, dates=dates or clock, random=random)
            await bank.seal()
        except BaseException:
            await store.close()
            raise
        return bank

    async def close(self) -> None:
        """May be called twice; the workers must have ended."""
        await self.store.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def workers(self) -> Mapping[str, Worker]:
        """What has to run while messages are answered: each for ever, until cancelled."""
        return {"committer": self._committer.run, "sweeper": self._sweeper.run, "sealer": self._sealer.run}

    async def run(self) -> None:
        """All workers together, until cancelled; the first that fails ends the others."""
        async with asyncio.TaskGroup() as group:
            for name, worker in self.workers.items():
                group.create_task(worker(), name=name)

    async def execute(self, command: Command) -> Answer:
        """Carry out a command, on disk when this returns. Raises CommandRefused with one sentence; then nothing changed."""
        return await self._execute(checked(lambda: command))

    async def execute_named(self, name: str, arguments: dict[str, Any]) -> Answer:
        """The same for a command as it comes over the control socket (`bank.control.Execute`)."""
        return await self._execute(command_of(name, arguments))

    async def seal(self) -> None:
        """Seal the audit log up to now: what a program does last that opened the bank for one command."""
        await self._sealer.seal()

    async def sweep(self) -> None:
        """End what time has ended, now."""
        await self._sweeper.once()

    async def alive(self) -> None:
        """Raises StoreError where the database has failed: then the service cannot go on."""
        await self.store.read(lambda connection: connection.exec_driver_sql("SELECT 1").scalar_one())

    async def _execute(self, command: Command) -> Answer:
        tools = self.tools()
        try:
            answer = await self.store.write(execute, command, self._house, tools)
        except CommandRefused:
            # That the refusal could not be noted is no news beside the refusal itself.
            with contextlib.suppress(StoreError):
                await self.note(audit_event("command-refused", name_of(command), by=command.by, at_ms=tools.now_ms))
            raise
        self.written()
        return answer

    def written(self) -> None:
        """Something was committed."""
        self._sealer.wake()
        self._sweeper.wake()

    async def note(self, event: AuditEvent) -> None:
        """Something that no command of the books is; for the audit log."""
        await self.store.write(log.append_events, [event])
        self._sealer.wake()


async def open_bank(
    directory: Path, *, clock: WallClock | None = None, random: Randomness | None = None,
    executor: Executor | None = None, vfs: str | None = None,
) -> Bank:  # fmt: skip
    """The bank whose `bank.toml` is in `directory`. Raises what `Bank.open` raises, and ConfigError."""
    return await Bank.open(load_bank(config_file(directory)), clock=clock, random=random, executor=executor, vfs=vfs)


def config_file(directory: Path) -> Path:
    return directory / "bank.toml"


def database_of(config: BankConfig) -> Path:
    """The database's file. Raises StoreError for a database that is none."""
    if not config.database_url.startswith(_SQLITE):
        raise StoreError("this version keeps its books in SQLite only; write the database's url as sqlite:///FILE")
    return Path(config.database_url.removeprefix(_SQLITE))


def limits_of(config: BankConfig) -> Limits:
    """Whole units and seconds as minor units and milliseconds. Raises StoreError for a currency that is not known."""
    if config.currency not in MINOR_DIGITS:
        known = ", ".join(sorted(MINOR_DIGITS))
        raise StoreError(f"{config.currency} is no currency known here; a bank can be in {known}")
    limits = config.limits
    return Limits(
        currency=config.currency, day_amount_minor=major(limits.day_amount, config.currency).minor,
        day_count=limits.day_count, most_per_withdrawal_minor=major(limits.withdrawal_amount, config.currency).minor,
        send_amount_minor=major(limits.send_amount, config.currency).minor,
        deposit_amount_minor=major(limits.deposit_amount, config.currency).minor,
        hold_ms=limits.hold_s * 1000, case_after_ms=limits.release_case_s * 1000,
        deposit_case_ms=limits.deposit_case_s * 1000, visit_idle_ms=limits.visit_idle_s * 1000, pin_tries=limits.pin_tries,
        lockout_ms=tuple(seconds * 1000 for seconds in limits.lockout_s), echo_ms=limits.echo_s * 1000,
        zone=config.zone, products=config.accounts.products, most_accounts=config.accounts.most_accounts,
        open_to_all=config.accounts.open_to_all, open_a_day=config.accounts.open_a_day,
        pending_ms=config.accounts.pending_days * 86_400_000, card_bin=config.card_bin, issuer=issuer_id(config.name),
    )  # fmt: skip


def house_of(config: BankConfig, ring: KeyRing, dates: WallClock) -> House:
    listen = config.listen
    return House(
        bank=config.name, card_bin=config.card_bin, ring=ring, dates=dates,
        address=address.join(listen.public_host, listen.port),
        enrolment_address=address.join(listen.public_host, listen.enrol_port),
    )  # fmt: skip
