"""The command `bank`: makes books and auth file, says `created`, and serves tills until SIGTERM.

Exit codes and what is printed are the contest's: one JSON line for each transaction in the order of their effect, and
`protocol_error` for each connection that came to nothing. Everything else goes to stderr.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bank_link.till.grammar import BankLine, LineError, read_bank
from bank_link.till.output import line as told

if TYPE_CHECKING:
    from bank.assembly import Bank
    from bank.service import Service
    from bank_link.till.messages import TillDone

DONE, FAILED = 0, 255
#: The rules' time-out, for each step of a connection.
PATIENCE_S = 10.0
#: Where files are memory, as the rules want the books.
_MEMORY = Path("/dev/shm")  # noqa: S108 - a directory of its own is made in it


class _Fatal(Exception):
    """The bank cannot start; `str()` is one sentence."""


def main() -> int:
    """For the script: the exit code."""
    try:
        line = read_bank(sys.argv[1:])
    except LineError as error:
        _complain(error)
        return FAILED
    return run(line)


def run(line: BankLine) -> int:
    """Blocks until SIGTERM."""
    logging.basicConfig(level=logging.WARNING, format="bank: %(message)s")
    try:
        if os.path.lexists(line.auth_file):
            raise _Fatal(f"there is a file {line.auth_file} already: an auth file is never overwritten")
        with _directory(line) as directory:
            asyncio.run(_serve(line, directory))
    except _told() as error:
        _complain(error)
        return FAILED
    except Exception as error:  # whatever it is, the rules know one code for it
        logging.getLogger("bank.tills").exception("the bank stops because of a mistake in the program")
        _complain(type(error).__name__)
        return FAILED
    return DONE


def _told() -> tuple[type[Exception], ...]:
    from bank.founding import FoundingError
    from bank.keys.errors import KeyRingError
    from bank.listener import ServiceError
    from bank.store.errors import StoreError
    from bank.tills.founding import OtherBank
    from config.load import ConfigError

    return (_Fatal, FoundingError, KeyRingError, ServiceError, StoreError, OtherBank, ConfigError, OSError)


@contextmanager
def _directory(line: BankLine) -> Iterator[Path]:
    """Where keys and books are: gone at the end, unless they are to be kept."""
    if line.database is not None:
        yield Path(line.database)
        return
    place = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="till-bank-", dir=place) as folder:
        yield Path(folder) / "bank"


async def _serve(line: BankLine, directory: Path) -> None:
    from bank.tills.founding import opened
    from bank_link.seams import SystemClock, SystemRandomness

    auth, random = Path(line.auth_file), SystemRandomness()
    bank = await opened(directory, line.port, clock=SystemClock(), random=random)
    try:
        service = _service(bank, line.port)
        created = asyncio.create_task(_create(service, bank, line, auth))
        try:
            await service.run()
        finally:
            created.cancel()
            await asyncio.gather(created, return_exceptions=True)
    finally:
        await bank.close()


def _service(bank: Bank, port: int) -> Service:
    from bank.api import till_app
    from bank.http_connection import ConnectionLimits
    from bank.keys.tls import keep_certificate, server_context
    from bank.listener import Listener, ListenerLimits
    from bank.service import Notifier, Service
    from bank.tills.handler import TillHandler

    handler = TillHandler(store=bank.store, tools=bank.tools, told=_tell, committed=bank.written)
    context = server_context(bank.ring, enrolment=False)
    limits = ListenerLimits(
        handshakes=256, handshake_s=PATIENCE_S, shutdown_s=1.0,
        connection=ConnectionLimits(head_s=PATIENCE_S, body_s=PATIENCE_S, write_s=PATIENCE_S, idle_s=PATIENCE_S),
    )  # fmt: skip
    service = Service(notifier=Notifier(), probe=bank.alive, grace_s=0.0)
    service.work("sealer", bank.workers["sealer"])
    service.work("certificate keeper", lambda: keep_certificate(bank.ring, [context], bank.clock))
    service.open(
        Listener(
            "till", bank.config.listen.host, port, context=context, app=till_app(handler.handle), limits=limits,
            faulty=lambda: _say("protocol_error"),
        )
    )  # fmt: skip
    return service


async def _create(service: Service, bank: Bank, line: BankLine, auth: Path) -> None:
    """The port is ours: now the auth file, whole, and only then the word."""
    from bank.listener import ServiceError
    from bank.tills.founding import enrolled
    from bank_link import auth_file
    from bank_link.auth_secret import Secret
    from bank_link.seams import SystemRandomness

    await service.ready.wait()
    random = SystemRandomness()
    identity = await enrolled(bank, line.port, random)
    try:
        handle = os.open(auth, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(auth_file.compose(identity, Secret.none(), random))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        service.fail(ServiceError(f"the auth file {auth} cannot be written: {(error.strerror or 'error').lower()}"))
        return
    _say("created")


def _tell(done: TillDone) -> None:
    _say(told(done.what, done.account, done.amount))


def _say(line: str) -> None:
    # That nobody reads it is no reason to stop.
    with contextlib.suppress(OSError):
        print(line, flush=True)


def _complain(error: object) -> None:
    with contextlib.suppress(OSError):
        print(f"bank: {error}", file=sys.stderr)
