"""The control socket: commands reach a running bank here, and are carried out by itself where none runs.

One JSON line asks, one answers. Rights are the socket file's (0600): whoever may open it owns the bank's data anyway.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import stat
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from bank.keys.errors import KeyRingError
from bank.store.errors import StoreError, StoreInUse

MOST_BYTES = 4_194_304
MOST_CALLERS = 16
#: The kernel's limit for the address of a Unix socket is 108 bytes.
_LONGEST_ADDRESS = 100

#: Carries out one command and returns what msgspec can write. Raises CommandRefused with one sentence.
Execute = Callable[[str, dict[str, Any]], Awaitable[Any]]


class ControlError(Exception):
    """The running bank cannot be asked; `str()` is one sentence."""


class NotRunning(ControlError):
    """No bank listens on the socket."""


class CommandRefused(Exception):
    """The command was not carried out; `str()` is one sentence for the person who gave it."""


class _Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    command: str
    arguments: dict[str, Any]

    def __repr__(self) -> str:
        return f"<_Request {self.command}>"  # arguments may hold a PIN


class _Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    result: Any = None
    error: str = ""


class ControlSocket:
    """The serving side, a part of `service.Service`. `path` is in the data directory."""

    name = "control socket"

    def __init__(self, path: Path, execute: Execute) -> None:
        self._path = path
        self._execute = execute
        self._server: asyncio.Server | None = None
        self._callers: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        """Raises ServiceError. A file that a killed bank left behind is replaced."""
        listening = _bound(self._path)
        self._server = await asyncio.start_unix_server(self._serve, sock=listening, limit=MOST_BYTES)

    def tasks(self) -> list[asyncio.Task[None]]:
        return []

    async def stop(self, *, grace_s: float) -> None:
        if self._server is None:
            return
        self._server.close()
        with contextlib.suppress(OSError):
            self._path.unlink()
        if self._callers:
            await asyncio.wait(self._callers, timeout=grace_s)
        for caller in list(self._callers):
            caller.cancel()
        await asyncio.gather(*self._callers, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._callers) >= MOST_CALLERS:
            writer.close()
            return
        self._callers.add(task)
        try:
            # A caller that is gone, or wrote no line, has nothing to be told.
            with contextlib.suppress(OSError, ValueError, EOFError):
                line = await reader.readuntil(b"\n")
                writer.write(_line(await self._answer(line)))
                await writer.drain()
        finally:
            self._callers.discard(task)
            writer.close()

    async def _answer(self, line: bytes) -> _Answer:
        try:
            request = msgspec.json.decode(line, type=_Request)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return _Answer(error="the running bank does not understand this command; is it another version?")
        try:
            return _Answer(result=await self._execute(request.command, request.arguments))
        except (CommandRefused, StoreError, KeyRingError) as error:
            return _Answer(error=str(error))
        except Exception as error:
            logging.getLogger("bank.control").exception("the command %r failed", request.command[:40])
            return _Answer(error=f"the bank failed at this command ({type(error).__name__}); its log says where")


async def call(path: Path, command: str, arguments: dict[str, Any], *, timeout_s: float = 60.0) -> Any:
    """Have the running bank carry out `command`.

    Raises NotRunning where none listens, CommandRefused with the bank's sentence, ControlError where the answer is lost.
    """
    try:
        async with asyncio.timeout(timeout_s):
            answer = await _exchanged(path, _Request(command, arguments))
    except TimeoutError as error:
        raise ControlError(
            f"the running bank did not answer within {timeout_s:g} s; look whether it took effect"
        ) from error
    if answer.error:
        raise CommandRefused(answer.error)
    return answer.result


async def run_command(
    path: Path,
    command: str,
    arguments: dict[str, Any],
    *,
    locally: Callable[[], Awaitable[Any]],
    patience_s: float = 5.0,
) -> Any:
    """By the running bank where one listens on `path`; otherwise `locally`, which opens the store under its lock.

    A bank that is just starting or stopping holds the lock and does not listen: that is waited for, `patience_s` long.
    Raises what `call` and `locally` raise.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + patience_s
    while True:
        with contextlib.suppress(NotRunning):
            return await call(path, command, arguments)
        try:
            return await locally()
        except StoreInUse:
            if loop.time() >= end:
                raise
        await asyncio.sleep(0.05)


async def _exchanged(path: Path, request: _Request) -> _Answer:
    try:
        with _address(path) as address:
            reader, writer = await asyncio.open_unix_connection(address, limit=MOST_BYTES)
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError) as error:
        raise NotRunning(f"no bank is running on {path}") from error
    except OSError as error:
        raise ControlError(
            f"the running bank's {path} cannot be opened: {error.strerror}; run this as its user"
        ) from error
    try:
        writer.write(_line(request))
        await writer.drain()
        return msgspec.json.decode(await reader.readuntil(b"\n"), type=_Answer)
    except (OSError, EOFError, ValueError, msgspec.MsgspecError) as error:
        raise ControlError(
            "the running bank ended or broke off before it answered; look whether it took effect"
        ) from error
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _line(value: msgspec.Struct) -> bytes:
    return msgspec.json.encode(value) + b"\n"


def _bound(path: Path) -> socket.socket:
    """A listening socket at `path`, mode 0600 before anybody can connect."""
    # Here, and not above: whoever only calls a running bank does without the listener and all that it needs.
    from bank.listener import ServiceError

    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        with _address(path) as address:
            _remove_stale(path, address)
            listening.bind(address)
        path.chmod(0o600)
        listening.listen(MOST_CALLERS)
    except OSError as error:
        listening.close()
        raise ServiceError(f"the control socket {path} cannot be made: {error.strerror}; check the folder") from error
    except ServiceError:
        listening.close()
        raise
    listening.setblocking(False)
    return listening


def _remove_stale(path: Path, address: str) -> None:
    """A bank that was killed leaves its socket; one that runs answers on it."""
    from bank.listener import ServiceError

    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ServiceError(f"{path} is in the way of the control socket; move it elsewhere")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(address)
        except ConnectionRefusedError:
            path.unlink()
            return
    raise ServiceError(f"another bank is running on {path}; stop that one first")


@contextlib.contextmanager
def _address(path: Path) -> Iterator[str]:
    """`path` as the kernel takes it: a long one by way of its directory's descriptor."""
    if len(os.fsencode(path)) <= _LONGEST_ADDRESS:
        yield str(path)
        return
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{path.name}"
    finally:
        os.close(descriptor)
