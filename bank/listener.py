"""A TLS port: accepts, shakes hands, counts. Slow, half-open and junk connections cost the others nothing.

Handshakes under way and open connections are each limited; where a limit is reached, the oldest handshake, or the
connection that idles longest, makes room. So an honest caller gets in as long as he is quicker than the flood.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from bank.api import App
from bank.http_connection import ConnectionLimits, HttpConnection
from bank.limited_log import LimitedLog

_OUT_OF_ROOM = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class ServiceError(Exception):
    """The service cannot start or go on; `str()` is one sentence for a person."""


@dataclass(frozen=True, kw_only=True)
class ListenerLimits:
    """`handshake_s`: TLS must stand by then. `sweep_s`: how often deadlines are looked at."""

    connections: int = 512
    handshakes: int = 64
    handshake_s: float = 10.0
    shutdown_s: float = 2.0
    sweep_s: float = 0.5
    log_lines_per_s: int = 10
    connection: ConnectionLimits = field(default_factory=ConnectionLimits)


#: Whoever comes to enrol is a stranger, comes once and sends little: few places, quickly taken back.
ENROLMENT_LIMITS = ListenerLimits(
    connections=32, handshakes=32, connection=ConnectionLimits(head_s=5.0, body_s=10.0, idle_s=15.0)
)


class Listener:
    """One port with one app. `name` is for the log; `port` 0 takes a free one."""

    def __init__(
        self,
        name: str,
        host: str,
        port: int,
        *,
        context: ssl.SSLContext,
        app: App,
        limits: ListenerLimits = ListenerLimits(),
        faulty: Callable[[], None] = lambda: None,
        bound: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`faulty` is called once for each connection that came to nothing: no TLS, nothing asked, or nothing that could
        be answered. `bound` is awaited when the port is open and nobody was let in yet; what it raises, `start` raises.
        """
        self.name = name
        self.host = host
        self.port = port
        self._context = context
        self._app = app
        self._limits = limits
        self._faulty = faulty
        self._bound = bound
        self._log = LimitedLog("bank.listener", lines_per_s=limits.log_lines_per_s)
        self._socket: socket.socket | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._handshakes: dict[asyncio.Task[None], HttpConnection] = {}
        self._dropped: dict[asyncio.Task[None], HttpConnection] = {}
        self._connections: set[HttpConnection] = set()
        self._empty = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Listener {self.name} on {self.host}:{self.port}, {len(self._connections)} connections>"

    async def start(self) -> None:
        """Bind and begin to accept. Raises ServiceError."""
        self._socket = _bound(self.name, self.host, self.port)
        self.port = self._socket.getsockname()[1]
        if self._bound is not None:
            try:
                await self._bound()
            except BaseException:
                self._socket.close()
                raise
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self._accept(self._socket), name=f"{self.name}: accepting"),
            loop.create_task(self._sweep(), name=f"{self.name}: deadlines"),
        ]

    def tasks(self) -> list[asyncio.Task[None]]:
        """What must not end by itself while the port is open."""
        return list(self._tasks)

    async def stop(self, *, grace_s: float) -> None:
        """Accept no more, let what was asked be answered for `grace_s`, then cut the rest."""
        self._faulty = lambda: None  # Whoever is cut off from here on has done no wrong.
        for task in [*self._tasks, *self._handshakes]:
            task.cancel()
        await asyncio.gather(*self._tasks, *self._handshakes, return_exceptions=True)
        self._tasks = []
        if self._socket is not None:
            self._socket.close()
        for connection in list(self._connections):
            connection.drain()
        await self._until_empty(grace_s)
        for connection in list(self._connections):
            connection.abort()
        await self._until_empty(1.0)

    async def _until_empty(self, seconds: float) -> None:
        self._empty.clear()
        if self._connections:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._empty.wait()

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, address = await loop.sock_accept(listening)
            except OSError as error:
                if error.errno in _OUT_OF_ROOM:
                    self._drop_oldest_handshake()
                await asyncio.sleep(0.05)
                continue
            if len(self._handshakes) >= self._limits.handshakes:
                self._drop_oldest_handshake()
            connection = HttpConnection(self._app, self._limits.connection, opened=self._opened, ended=self._ended)
            task = loop.create_task(self._greet(connection, accepted, str(address[0])))
            self._handshakes[task] = connection
            task.add_done_callback(partial(self._greeted, accepted))

    async def _greet(self, connection: HttpConnection, accepted: socket.socket, peer: str) -> None:
        """TLS, then HTTP. Whoever is not admitted leaves one line in the log."""
        loop = asyncio.get_running_loop()
        limits = self._limits
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await loop.connect_accepted_socket(
                lambda: connection, accepted, ssl=self._context,
                ssl_handshake_timeout=limits.handshake_s, ssl_shutdown_timeout=limits.shutdown_s,
            )  # fmt: skip
        except (OSError, EOFError) as error:
            accepted.close()
            if not connection.was_opened:
                self._faulty()
            self._log.warning("%s: %s was not admitted: %s", self.name, peer, _why(error))

    def _greeted(self, accepted: socket.socket, task: asyncio.Task[None]) -> None:
        connection = self._handshakes.pop(task, None) or self._dropped.pop(task, None)
        if task.cancelled() and not (connection is not None and connection.was_opened):
            # One that made room before it had begun never came to close its socket.
            accepted.close()
            self._faulty()

    def _opened(self, connection: HttpConnection) -> None:
        """TLS stands: only who was admitted may take another's place."""
        if len(self._connections) >= self._limits.connections and not self._drop_idlest_connection():
            connection.abort()
            return
        self._connections.add(connection)

    def _ended(self, connection: HttpConnection) -> None:
        self._connections.discard(connection)
        if not connection.faultless:
            self._faulty()
        if not self._connections:
            self._empty.set()

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._limits.sweep_s)
            now = loop.time()
            for connection in [one for one in self._connections if one.deadline < now]:
                connection.expire()

    def _drop_oldest_handshake(self) -> None:
        for task, connection in self._handshakes.items():
            # One that stands already is nobody's to drop: its task has only not heard of it yet.
            if not connection.was_opened:
                self._dropped[task] = self._handshakes.pop(task)
                task.cancel()
                return

    def _drop_idlest_connection(self) -> bool:
        idle = [connection for connection in self._connections if connection.idle]
        if not idle:
            return False
        idlest = min(idle, key=lambda connection: connection.deadline)
        self._connections.discard(idlest)
        idlest.abort()
        return True


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate does not hold ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return (error.reason or "no TLS").lower().replace("_", " ")
    if isinstance(error, TimeoutError) or "longer than" in str(error):
        return "its handshake took too long"
    return "the connection broke in the handshake"


def _bound(name: str, host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65_535:
        raise ServiceError(f"the {name} listener cannot open port {port}: ports go from 1 to 65535")
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.create_server(address[:2], family=family, backlog=512)
    except OSError as error:
        raise ServiceError(f"the {name} listener cannot open {host}:{port}: {_cannot(error)}") from error
    listening.setblocking(False)
    return listening


def _cannot(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "the port is in use by another program; stop that one, or configure another port"
    if error.errno == errno.EACCES:
        return "ports below 1024 are for root; configure a higher one"
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return "this machine has no such address; configure one that it has"
    return f"{(error.strerror or 'it failed').lower()}; configure another address or port"
