"""The bank as a machine: its database on a simulated disk, its keys where no restore reaches them."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
from simulation.disk import Disk, PowerCut
from simulation.machines import Kiosk
from simulation.world import Power, StoreThread, World, WorldClock
from sqlalchemy import Connection
from support.hall import csr_of, sealed

from bank.assembly import Bank, open_bank
from bank.commands import requests as q
from bank.control import CommandRefused
from bank_link.enrolment_string import fingerprint, token_text
from bank_link.enrolment_string import parse as parse_string
from bank_link.envelope import decode_answer, unseal
from bank_link.errors import MessageRefused
from bank_link.identity import Identity
from bank_link.keys import signing_public
from bank_link.messages import Enrol, Enrolled


class BankNode:
    """The bank's machine: its database on a simulated disk, its keys where no restore reaches them."""

    def __init__(self, world: World, directory: Path) -> None:
        self.world = world
        self.directory = directory
        self.chance = world.chance("bank")
        self.clock = WorldClock(world)
        self.disk = Disk(world.chance("bank's disk"), self._effect)
        self.power: Power | None = None
        self.bank: Bank | None = None
        self.ended: Callable[[str], None] = lambda _: None
        self.arrived: Callable[[bytes], None] = lambda _: None
        self.answered: Callable[[bytes, bytes], None] = lambda *_: None
        self.enrolled: Callable[[str], None] = lambda _: None
        self.slow_ms = 2.0
        self.starts = 0
        self._executor: StoreThread | None = None

    def furnish(self, template: Path, files: dict[str, bytes]) -> None:
        """Keys and configuration as real files, the books on the simulated disk."""
        shutil.copytree(template, self.directory, ignore=shutil.ignore_patterns("books.sqlite*"))
        self.disk.replace({str(self.directory / name): data for name, data in files.items()})

    def _effect(self, what: str) -> None:
        if self.power is not None:
            self.power.effect(what)

    @property
    def up(self) -> bool:
        return self.power is not None and self.power.alive and self.bank is not None

    def start(self) -> None:
        assert not (self.power and self.power.alive)
        self.starts += 1
        self.bank = None
        power = self.power = Power(self.world, "bank", self._off)
        self._executor = StoreThread(self.world, self.world.chance("store", self.starts), power, self.slow_ms)
        power.spawn(self._serve(power)).add_done_callback(self._ran, context=self.world._nature.copy())

    async def _serve(self, power: Power) -> None:
        bank = await open_bank(
            self.directory, clock=self.clock, random=self.world.chance("bank's chance", self.starts),
            executor=self._executor, vfs=self.disk.vfs,
        )  # fmt: skip
        self.bank = bank
        await bank.run()

    def _ran(self, task: asyncio.Task[None]) -> None:
        power = self.power
        if power is None or not power.alive or task.cancelled() or isinstance(task.exception(), PowerCut):
            return
        error = task.exception()
        self.world.errors.append(f"the bank ended: {type(error).__name__}: {error}")
        power.off(f"the bank ended: {error}")

    def _off(self, why: str) -> None:
        self.bank = None
        if "power" in why:
            self.disk.cut()
        else:
            self.disk.kill()
        self.ended(why)

    def set_slow(self, ms: float) -> None:
        self.slow_ms = ms
        if self._executor is not None:
            self._executor.most_ms = ms

    # ── What it is asked ────────────────────────────────────────────────────────────────────────────────────────────

    def deliver(self, request: bytes, answer: Callable[[bytes | None], None]) -> None:
        """A request arrives; `answer` is called as nobody, with None where the bank hangs up. Never, where it dies."""
        if not self.up:
            return
        assert self.power is not None
        self.arrived(request)
        self.power.spawn(self._handle(request, answer))

    async def _handle(self, request: bytes, answer: Callable[[bytes | None], None]) -> None:
        assert self.bank is not None
        try:
            data: bytes | None = await self.bank.host.handle(request, peer="192.0.2.7")
        except MessageRefused:
            data = None
        if data is not None:
            self.answered(request, data)
        self.world.nature(answer, data)

    async def do(self, command: type[q.Command], **fields: Any) -> Any:
        """A command of the staff: its answer, None where the bank was not there to its end. Raises CommandRefused."""
        power = self.power
        if not self.up or power is None:
            return None
        assert self.bank is not None
        task = power.spawn(self.bank.execute(command(by="staff", **fields)))
        # Whoever asked may be gone by the time it is refused.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        while not task.done() and power.alive:
            await asyncio.wait({task}, timeout=5)
        if not task.done():
            return None
        error = task.exception()
        if isinstance(error, PowerCut):
            return None
        if error is not None and not isinstance(error, CommandRefused):
            self.world.errors.append(f"{command.__name__}: {type(error).__name__}: {error}")
            return None
        return task.result()

    async def sql(self, statement: str, **values: Any) -> list[Any]:
        """The books as they are. The bank must be up, and nobody may kill it meanwhile."""
        assert self.bank is not None
        return await self.bank.store.read(_rows, statement, values)

    def peek(self, statement: str, **values: Any) -> list[Any]:
        """As `sql`, at once: no time passes, and nobody's turn is taken. Nothing where the books are closed."""
        connection = self.bank.store._connection if self.bank is not None else None
        return _rows(connection, statement, values) if connection is not None else []

    async def enrol(self, kiosk: Kiosk, *, again: bool) -> bool:
        """The real enrolment, without its transport; whether it was done."""
        power = self.power
        if not self.up or power is None:
            return False
        opened = await self.do(q.EnrolmentOpen, terminal=kiosk.terminal if again else "")
        if opened is None or self.bank is None:
            return False
        request = Enrol(
            token=token_text(parse_string(opened.string).token), csr=csr_of(kiosk.signing_key),
            fingerprint=fingerprint(signing_public(kiosk.signing_key)),
        )  # fmt: skip
        task = power.spawn(self.bank.enrolment.handle(sealed(request), peer="192.0.2.7"))
        while not task.done() and power.alive:
            await asyncio.wait({task}, timeout=5)
        if not task.done() or task.exception() is not None:
            return False
        enrolled = decode_answer(unseal(task.result()).envelope.body)
        if not isinstance(enrolled, Enrolled):
            # Somebody else was given a string for it meanwhile.
            return False
        kiosk.terminal = enrolled.terminal
        self.enrolled(enrolled.terminal)
        kiosk.identity = Identity(
            terminal=enrolled.terminal, generation=enrolled.generation, signing_key=kiosk.signing_key,
            certificate=enrolled.certificate, cas=enrolled.cas, address=enrolled.address, bank=enrolled.bank,
        )  # fmt: skip
        if kiosk.on and kiosk.power is not None:
            # It was started meanwhile, with the auth file that it had.
            kiosk.power.off("killed: it has a new auth file")
        return await self.confirm(kiosk)

    async def confirm(self, kiosk: Kiosk) -> bool:
        """A person compares the fingerprint that the machine shows."""
        shown = fingerprint(signing_public(kiosk.signing_key))
        try:
            return await self.do(q.TerminalConfirm, terminal=kiosk.terminal, fingerprint=shown) is not None
        except CommandRefused:
            # Somebody else did it meanwhile.
            return False


def _rows(connection: Connection, statement: str, values: dict[str, Any]) -> list[Any]:
    driver: Any = connection.connection.dbapi_connection
    cursor: apsw.Cursor = driver.apsw_connection.cursor()
    cursor.row_trace = lambda cursor, row: dict(zip((name for name, _ in cursor.get_description()), row, strict=True))
    return cursor.execute(statement, values).fetchall()
