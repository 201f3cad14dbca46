"""The command `bank`: makes books and auth file, says `created`, and serves tills until SIGTERM.

Exit codes and what is printed are the contest's: one JSON line for each transaction in the order of their effect, and
`protocol_error` for each connection that came to nothing. Everything else goes to stderr.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from bank.tills.output import Complaints, Output
from bank_link.till.grammar import BankLine, LineError, read_bank

if TYPE_CHECKING:
    from bank.service import Service
    from bank.tills.founding import TillBank

DONE, FAILED = 0, 255
#: The rules' time-out: a connection has so long from the moment that it is accepted.
PATIENCE_S = 10.0
#: What was decided when the bank is stopped is still answered, and what was said still printed, within this.
LAST_S = 0.3


class _Fatal(Exception):
    """The bank cannot start; `str()` is one sentence."""


class _Stopped(BaseException):
    """SIGTERM came before the service itself could hear of it."""


def main() -> NoReturn:
    """For the script. The process ends here, whatever the environment has in mind for its end."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(DONE))
    output = Output()
    code = run(sys.argv[1:], output)
    output.finish(LAST_S)
    os._exit(code)


def run(words: list[str], output: Output) -> int:
    """The exit code. Blocks until SIGTERM."""
    try:
        return _run(read_bank(words), output)
    except LineError as error:
        output.complain(error)
        return FAILED


def _run(line: BankLine, output: Output) -> int:
    logging.basicConfig(level=logging.WARNING, handlers=[Complaints(output)])
    signal.signal(signal.SIGTERM, _stop)
    try:
        if os.path.lexists(line.auth_file):
            raise _Fatal(f"there is a file {line.auth_file} already: an auth file is never overwritten")
        asyncio.run(_serve(line, output))
    except _Stopped:
        return DONE
    except _told() as error:
        output.complain(error)
        return FAILED
    except Exception as error:  # noqa: BLE001 - whatever it is, the rules know one code for it
        output.complain(f"a mistake in the program: {type(error).__name__}: {error}")
        return FAILED
    return DONE


def _stop(_number: int, _frame: object) -> NoReturn:
    raise _Stopped


def _told() -> tuple[type[Exception], ...]:
    from bank.founding import FoundingError
    from bank.keys.errors import KeyRingError
    from bank.listener import ServiceError
    from bank.store.errors import StoreError
    from bank.tills.founding import OtherBank
    from config.load import ConfigError

    return (_Fatal, FoundingError, KeyRingError, ServiceError, StoreError, OtherBank, ConfigError, OSError)


async def _serve(line: BankLine, output: Output) -> None:
    from bank.tills.founding import in_memory, kept_in
    from bank_link.seams import SystemClock, SystemRandomness

    clock, random = SystemClock(), SystemRandomness()
    if line.database:
        made = await kept_in(Path(line.database), line.port, clock=clock, random=random)
    else:
        made = await in_memory(line.port, clock=clock, random=random)
    try:
        await _service(made, line, output).run()
    finally:
        # It ends already: a second one changes nothing about how.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        await made.bank.close()


def _service(made: TillBank, line: BankLine, output: Output) -> Service:
    from bank.api import till_app
    from bank.http_connection import ConnectionLimits
    from bank.listener import Listener, ListenerLimits
    from bank.service import Notifier, Service
    from bank.tills.handler import TillHandler
    from bank_link.till.output import line as told

    bank = made.bank
    handler = TillHandler(
        store=bank.store, tools=bank.tools, told=lambda done: output.say(told(done.what, done.account, done.amount)),
        committed=bank.written,
    )  # fmt: skip
    limits = ListenerLimits(
        handshakes=256, handshake_s=PATIENCE_S, shutdown_s=1.0,
        connection=ConnectionLimits(
            head_s=PATIENCE_S, body_s=PATIENCE_S, write_s=PATIENCE_S, idle_s=PATIENCE_S, whole_s=PATIENCE_S
        ),
    )  # fmt: skip
    service = Service(notifier=Notifier(), grace_s=LAST_S)
    service.work("sealer", bank.workers["sealer"])
    service.open(
        Listener(
            "till", bank.config.listen.host, line.port, context=made.context, app=till_app(handler.handle), limits=limits,
            faulty=partial(output.say, "protocol_error"), bound=lambda: _create(made, line, output.say),
        )
    )  # fmt: skip
    return service


async def _create(made: TillBank, line: BankLine, say: Callable[[str], None]) -> None:
    """The port is ours: now the auth file, whole, and only then the word; and only then is anybody let in."""
    from bank.tills.founding import enrolled
    from bank_link import auth_file
    from bank_link.auth_secret import Secret
    from bank_link.seams import SystemRandomness

    random = SystemRandomness()
    identity = await enrolled(made.bank, line.port, random)
    _write(line.auth_file, auth_file.compose(identity, Secret.none(), random))
    say("created")


def _write(name: str, data: bytes) -> None:
    """A file that was not there, or no part of it. Raises _Fatal."""
    made = False
    try:
        handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        made = True
        with os.fdopen(handle, "wb", buffering=0) as file:
            while data:
                data = data[file.write(data) or 0 :]
    except OSError as error:
        if made:
            with suppress(OSError):
                Path(name).unlink()
        raise _Fatal(f"the auth file {name} cannot be written: {(error.strerror or 'error').lower()}") from None
