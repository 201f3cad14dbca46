"""The bank's control socket: commands reach a running bank here, and are carried out by the caller where none runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bank.keys.errors import KeyRingError
from bank.store.errors import StoreError, StoreInUse
from bank_link import control_socket
from bank_link.control_socket import MOST_CALLERS, CommandRefused, ControlError, Execute, NotRunning

__all__ = ["MOST_CALLERS", "CommandRefused", "ControlError", "ControlSocket", "NotRunning", "call", "run_command"]

_PROGRAM = "bank"


class ControlSocket:
    """The serving side, a part of `service.Service`. `path` is in the data directory."""

    name = "control socket"

    def __init__(self, path: Path, execute: Execute) -> None:
        self._socket = control_socket.ControlSocket(path, _in_sentences(execute), program=_PROGRAM, failed=_failed)

    async def start(self) -> None:
        """Raises ServiceError. A file that a killed bank left behind is replaced."""
        # Here, and not above: whoever only calls a running bank does without the listener and all that it needs.
        from bank.listener import ServiceError

        try:
            await self._socket.start()
        except ControlError as error:
            raise ServiceError(str(error)) from error

    def tasks(self) -> list[asyncio.Task[None]]:
        return []

    async def stop(self, *, grace_s: float) -> None:
        await self._socket.stop(grace_s=grace_s)


async def call(path: Path, command: str, arguments: dict[str, Any], *, timeout_s: float = 60.0) -> Any:
    """Have the running bank carry out `command`. Raises NotRunning, CommandRefused, ControlError (outcome open)."""
    return await control_socket.call(path, command, arguments, program=_PROGRAM, timeout_s=timeout_s)


async def run_command(
    path: Path, command: str, arguments: dict[str, Any], *, locally: Callable[[], Awaitable[Any]],
    patience_s: float = 5.0,
) -> Any:  # fmt: skip
    """By the running bank where one listens on `path`; otherwise `locally`, which opens the store under its lock.

    Raises what `call` and `locally` raise.
    """
    return await control_socket.run_command(
        path, command, arguments, program=_PROGRAM, locally=locally, in_use=StoreInUse, patience_s=patience_s
    )


def _in_sentences(execute: Execute) -> Execute:
    """What store and keys say of themselves is the caller's answer, too."""

    async def executed(command: str, arguments: dict[str, Any]) -> Any:
        try:
            return await execute(command, arguments)
        except (StoreError, KeyRingError) as error:
            raise CommandRefused(str(error)) from error

    return executed


def _failed(command: str, error: BaseException) -> None:
    logging.getLogger("bank.control").error("the command %r failed", command, exc_info=error)
