"""`serve`: both listeners, the control socket and the workers, until a signal."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import logging.handlers
import os
import sys
from argparse import Namespace
from dataclasses import replace
from typing import TYPE_CHECKING

from bank.cli.failures import Failed
from bank.cli.running import configured, control_path
from bank_link.seams import MovedClock, SystemClock
from config.bank import BankConfig, Serves

if TYPE_CHECKING:
    from bank.assembly import Bank
    from bank.service import Service

#: A command that has the books open for a moment is waited for; another bank is not.
PATIENCE_S = 3.0
_LOG_BYTES = 2_000_000


def serve(arguments: Namespace) -> int:
    """Blocks until SIGTERM or SIGINT. Raises ServiceError, StoreError, KeyRingError, ConfigError."""
    config = configured(arguments)
    if config.serves is not Serves.KIOSKS:
        raise Failed(f"{config.name} is a bank for tills; serve it with: bank --database {config.data}")
    listen = replace(
        config.listen, port=arguments.port or config.listen.port,
        enrol_port=arguments.enrol_port or config.listen.enrol_port,
    )  # fmt: skip
    _keep_log(config)
    asyncio.run(_serve(replace(config, listen=listen), movable=arguments.movable_clock))
    return 0


async def _serve(config: BankConfig, *, movable: bool) -> None:
    moved = MovedClock(SystemClock()) if movable else None
    bank = await _opened(config, moved)
    try:
        service = _service(bank, moved)
        told = asyncio.create_task(_tell(service, config))
        try:
            await service.run()
        finally:
            told.cancel()
    finally:
        await bank.close()


async def _opened(config: BankConfig, clock: MovedClock | None) -> Bank:
    from bank.assembly import Bank
    from bank.store.errors import StoreInUse

    loop = asyncio.get_running_loop()
    end = loop.time() + PATIENCE_S
    while True:
        try:
            return await Bank.open(config, clock=clock, dates=SystemClock())
        except StoreInUse:
            if loop.time() >= end:
                raise
        await asyncio.sleep(0.05)


def _service(bank: Bank, moved: MovedClock | None) -> Service:
    from bank.api import enrolment_app, message_app
    from bank.control import ControlSocket
    from bank.founding import certificate_hosts
    from bank.keys.tls import following, keep_certificate, server_context
    from bank.listener import ENROLMENT_LIMITS, Listener
    from bank.moving_clock import moved_by_command
    from bank.service import Notifier, Service

    listen, ring = bank.config.listen, bank.ring
    ring.renew_server(now_ms=bank.dates.now_ms(), hosts=certificate_hosts(listen.public_host))
    contexts = [server_context(ring, enrolment=False), server_context(ring, enrolment=True)]
    service = Service(notifier=Notifier.of(os.environ), probe=bank.alive)
    for name, worker in bank.workers.items():
        service.work(name, worker)
    service.work("certificate keeper", lambda: keep_certificate(ring, contexts, bank.dates))
    service.open(Listener("message", listen.host, listen.port, context=contexts[0], app=message_app(bank.host.handle)))
    service.open(
        Listener(
            "enrolment", listen.host, listen.enrol_port, context=contexts[1],
            app=enrolment_app(bank.enrolment.handle, ring.ca_pem), limits=ENROLMENT_LIMITS,
        )
    )  # fmt: skip
    execute = following(bank.execute_named, ring, contexts)
    if moved is not None:
        execute = moved_by_command(execute, bank, moved)
    service.open(ControlSocket(control_path(bank.config), execute))
    return service


async def _tell(service: Service, config: BankConfig) -> None:
    from bank_link.address import join

    await service.ready.wait()
    listen = config.listen
    # That nobody reads it is no reason to stop.
    with contextlib.suppress(OSError):
        print(
            f"{config.name} listens on {join(listen.host, listen.port)} for terminals "
            f"and on {join(listen.host, listen.enrol_port)} for enrolment",
            flush=True,
        )


def _keep_log(config: BankConfig) -> None:
    """Warnings to stderr, one line each; with their stacks into the log file beside the books."""
    brief = logging.StreamHandler(sys.stderr)
    brief.setFormatter(_OneLine("%(levelname)s %(name)s: %(message)s"))
    handlers: list[logging.Handler] = [brief]
    old = os.umask(0o077)
    try:
        full = logging.handlers.RotatingFileHandler(
            config.data / "bank.log", maxBytes=_LOG_BYTES, backupCount=3, encoding="utf-8"
        )
        full.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        handlers.append(full)
    except OSError:
        # Whether the directory can be written is the store's to say.
        pass
    finally:
        os.umask(old)
    logging.basicConfig(level=logging.INFO, handlers=handlers, force=True)


class _OneLine(logging.Formatter):
    """Leaves the stack to the log file."""

    def format(self, record: logging.LogRecord) -> str:
        return super().format(logging.makeLogRecord({**record.__dict__, "exc_info": None, "exc_text": None}))
