"""The control socket: how commands reach a running program of ours on the same machine.

One JSON line asks, one answers. Rights are the socket file's (0600): whoever may open it owns the program's data anyway.

ControlError
└── NotRunning      nobody listens: the caller may open the data itself
CommandRefused      the program understood the command and did not carry it out
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

MOST_BYTES = 4_194_304
MOST_CALLERS = 16
#: The kernel's limit for the address of a Unix socket is 108 bytes.
_LONGEST_ADDRESS = 100

#: Carries out one command and returns what msgspec can write. Raises CommandRefused with one sentence.
Execute = Callable[[str, dict[str, Any]], Awaitable[Any]]


class ControlError(Exception):
    """The socket cannot be made or asked; `str()` is one sentence."""


class NotRunning(ControlError):
    """Nobody listens on the socket."""


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
    """The serving side. `program` names it in sentences ("kiosk"); `path` is in its data directory.

    `failed` hears the command and an exception that no sentence was made for: it is a fault of ours and belongs into the log.
    """

    def __init__(
        self,
        path: Path,
        execute: Execute,
        *,
        program: str,
        failed: Callable[[str, BaseException], None] | None = None,
    ) -> None:
        self._path = path
        self._execute = execute
        self._program = program
        self._failed = failed or (lambda *_: None)
        self._server: asyncio.Server | None = None
        self._callers: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        """Raises ControlError. A file that a killed program left behind is replaced."""
        listening = _bound(self._path, self._program)
        self._server = await asyncio.start_unix_server(self._serve, sock=listening, limit=MOST_BYTES)

    async def stop(self, *, grace_s: float = 1.0) -> None:
        """Ask no more; what was asked is answered within `grace_s`. May be called again."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
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
            return _Answer(
                error=f"the running {self._program} does not understand this command; is it another version?"
            )
        try:
            return _Answer(result=await self._execute(request.command, request.arguments))
        except CommandRefused as error:
            return _Answer(error=str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller is answered and the log told
            self._failed(request.command[:40], error)
            return _Answer(
                error=f"the {self._program} failed at this command ({type(error).__name__}); its log says where"
            )


async def call(path: Path, command: str, arguments: dict[str, Any], *, program: str, timeout_s: float = 60.0) -> Any:
    """Have the running `program` carry out `command`.

    Raises NotRunning where none listens, CommandRefused with its sentence, ControlError where the answer is lost.
    """
    try:
        async with asyncio.timeout(timeout_s):
            answer = await _exchanged(path, _Request(command, arguments), program)
    except TimeoutError as error:
        raise ControlError(
            f"the running {program} did not answer within {timeout_s:g} s; look whether it took effect"
        ) from error
    if answer.error:
        raise CommandRefused(answer.error)
    return answer.result


async def run_command(
    path: Path, command: str, arguments: dict[str, Any], *, program: str,
    locally: Callable[[], Awaitable[Any]], in_use: type[Exception], patience_s: float = 5.0,
) -> Any:  # fmt: skip
    """By the running program where one listens on `path`; otherwise `locally`, which opens the data under its lock.

    A program that is just starting or stopping holds the lock (`locally` raises `in_use`) and does not listen: that is
    waited for, `patience_s` long. Raises what `call` and `locally` raise.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + patience_s
    while True:
        with contextlib.suppress(NotRunning):
            return await call(path, command, arguments, program=program)
        try:
            return await locally()
        except in_use:
            if loop.time() >= end:
                raise
        await asyncio.sleep(0.05)


async def _exchanged(path: Path, request: _Request, program: str) -> _Answer:
    try:
        with _address(path) as address:
            reader, writer = await asyncio.open_unix_connection(address, limit=MOST_BYTES)
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError) as error:
        raise NotRunning(f"no {program} is running on {path}") from error
    except OSError as error:
        raise ControlError(f"{path} cannot be opened: {error.strerror}; run this as the {program}'s user") from error
    try:
        writer.write(_line(request))
        await writer.drain()
        return msgspec.json.decode(await reader.readuntil(b"\n"), type=_Answer)
    except (OSError, EOFError, ValueError, msgspec.MsgspecError) as error:
        raise ControlError(
            f"the running {program} ended or broke off before it answered; look whether it took effect"
        ) from error
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _line(value: msgspec.Struct) -> bytes:
    return msgspec.json.encode(value) + b"\n"


def _bound(path: Path, program: str) -> socket.socket:
    """A listening socket at `path`, mode 0600 before anybody can connect."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        with _address(path) as address:
            _remove_stale(path, address, program)
            listening.bind(address)
        path.chmod(0o600)
        listening.listen(MOST_CALLERS)
    except OSError as error:
        listening.close()
        raise ControlError(f"the control socket {path} cannot be made: {error.strerror}; check the folder") from error
    except ControlError:
        listening.close()
        raise
    listening.setblocking(False)
    return listening


def _remove_stale(path: Path, address: str, program: str) -> None:
    """A program that was killed leaves its socket; one that runs answers on it."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ControlError(f"{path} is in the way of the control socket; move it elsewhere")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(address)
        except ConnectionRefusedError:
            path.unlink()
            return
    raise ControlError(f"another {program} is running on {path}; stop that one first")


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
