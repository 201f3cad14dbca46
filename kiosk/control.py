"""What a running kiosk does for commands on its control socket: status, journal, exchange, totals."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import msgspec

from bank_link.control_socket import CommandRefused, ControlSocket
from config.kiosk import KioskConfig
from kiosk.journal.progress import BOX
from kiosk.journal.store import JournalError
from kiosk.machine import Machine
from kiosk.operator.desk import Desk
from kiosk.operator.exchange import Count, ExchangeError
from kiosk.operator.totals import Totals
from kiosk.service_state import Cause
from kiosk.version import VERSION

PROGRAM = "kiosk"
SOCKET = "control.sock"


def socket_path(config: KioskConfig) -> Path:
    """Where a kiosk of this configuration listens."""
    return config.terminal.state / SOCKET


Notes = Annotated[int, msgspec.Meta(ge=0, le=999_999)]


class Show(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    last: Annotated[int, msgspec.Meta(ge=1)] = 50
    contains: str = ""


class Load(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Notes, and notes in the reject bin, by cassette."""

    loaded: dict[str, Notes]
    by: Annotated[str, msgspec.Meta(max_length=80)]
    found: dict[str, tuple[Notes, Notes]] = {}


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """`still`: what keeps a part out of service though it was tried again."""

    totals: Totals
    still: str = ""


class DeviceLine(msgspec.Struct, frozen=True, kw_only=True):
    device: str
    state: str
    sentence: str


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """`why`: each reason for being out of service, by cause. `bank_time`: ms, 0 where it is not known."""

    terminal: str
    version: str
    journal: str
    boot: str
    in_service: bool
    customer: bool
    why: dict[str, str]
    devices: tuple[DeviceLine, ...]
    waiting: int
    parked: int
    bank_time: int


class KioskControl:
    """`execute` is a `bank_link.control_socket.Execute`. `desk` must be the running machine's own journal's."""

    def __init__(self, machine: Machine, desk: Desk, terminal: str) -> None:
        self._machine = machine
        self._desk = desk
        self._terminal = terminal
        self._exchanging = asyncio.Lock()

    async def execute(self, command: str, arguments: dict[str, Any]) -> Any:
        """Raises CommandRefused with one sentence."""
        if command != "status" and self._machine.vault.paying:
            raise CommandRefused("notes are moving; ask again in a moment")
        try:
            match command:
                case "status":
                    return self.status()
                case "journal-show":
                    wanted = msgspec.convert(arguments, Show)
                    return self._desk.lines(last=wanted.last, contains=wanted.contains)
                case "cash-totals":
                    return self._desk.totals()
                case "cash-load":
                    return await self.load(msgspec.convert(arguments, Load))
        except (ExchangeError, JournalError) as error:
            raise CommandRefused(str(error)) from error
        except msgspec.ValidationError as error:
            raise CommandRefused(f"the kiosk does not understand the arguments of {command[:40]}: {error}") from error
        raise CommandRefused(f"the kiosk knows no command {command[:40]!r}")

    def status(self) -> Status:
        machine = self._machine
        return Status(
            terminal=self._terminal, version=VERSION, journal=machine.journal.journal_id,
            boot=machine.journal.boot_id, in_service=machine.service.in_service, customer=not machine.idle,
            why={cause.value: sentence for cause, sentence in machine.service.causes.items()},
            devices=tuple(
                DeviceLine(device=each.name, state=each.report.state.value, sentence=each.report.sentence)
                for each in machine.devices.all()
            ),
            waiting=machine.journal.outbox_length(), parked=machine.journal.parked_length(),
            bank_time=machine.host.now(),
        )  # fmt: skip

    async def load(self, wanted: Load) -> Loaded:
        """An exchange between two customers; the devices are tried anew after it. Raises CommandRefused."""
        async with self._exchanging:
            if not self._machine.idle:
                raise CommandRefused("a customer is being served; wait until the card is out, then do it again")
            self._counted(wanted)
            found = self._desk.load(counts(wanted.loaded), {n: Count(*c) for n, c in wanted.found.items()}, wanted.by)
            self._machine.exchanged()
            await self._machine.health.mend()
            self._machine.health.look()
            return Loaded(totals=found, still=self._machine.service.causes.get(Cause.DISPENSER, ""))

    def _counted(self, wanted: Load) -> None:
        """After a lost journal the machine's own figures are worth nothing: what lies in a cassette must be counted."""
        counted = {name.partition(".")[0] if name.startswith(f"{BOX}.") else name for name in wanted.found}
        uncounted = sorted(set(wanted.loaded) - counted)
        if Cause.EXCHANGE in self._machine.service.causes and uncounted:
            # The acceptor's box is counted by value.
            example = f"{BOX}.20" if uncounted[0] == BOX else uncounted[0]
            raise CommandRefused(
                f"the bank wants to know what was in cassette {', '.join(uncounted)}: count it and add "
                f"--found {example}=NOTES"
            )


def counts(loaded: dict[str, int]) -> dict[str, Count]:
    return {name: Count(notes) for name, notes in loaded.items()}


def status_text(status: Status) -> str:
    """As a person reads it."""
    lines = [
        f"terminal {status.terminal}, version {status.version}",
        f"{'in service' if status.in_service else 'OUT OF SERVICE'}{', a customer is being served' if status.customer else ''}",
        *(f"  {cause}: {sentence}" for cause, sentence in status.why.items()),
        *(f"{each.device}: {each.state} {each.sentence}".rstrip() for each in status.devices),
        f"facts that wait for the bank: {status.waiting}"
        + (f"; {status.parked} that it cannot read are set aside (call the bank)" if status.parked else ""),
    ]
    return "\n".join(lines)


async def serve_control(config: KioskConfig, control: KioskControl, say: Callable[[str], None]) -> None:
    """A worker of the machine: listens on its control socket until cancelled. Raises ControlError."""
    listening = ControlSocket(
        socket_path(config), control.execute, program=PROGRAM,
        failed=lambda command, error: say(f"{command}: " + "".join(traceback.format_exception(error))),
    )  # fmt: skip
    await listening.start()
    try:
        await asyncio.Event().wait()
    finally:
        await listening.stop()
