"""A listener of the bank on a free port, with real TLS, and callers that do to it what they like."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from support.bank_ring import real_ring, terminal_files

from bank.api import message_app
from bank.keys.keyring import KeyRing
from bank.keys.tls import server_context
from bank.listener import Listener, ListenerLimits
from bank_link.envelope import CONTENT_TYPE, MESSAGE_PATH

Answering = Callable[[bytes, str], Awaitable[bytes]]


@dataclass
class Keys:
    """Made once for a test module: a ring, and an enrolled terminal's certificate."""

    ring: KeyRing
    terminal: Path

    @classmethod
    def make(cls, folder: Path) -> Keys:
        ring = real_ring(folder / "keys")
        return cls(ring, terminal_files(folder, ring))

    def caller(self, *, own: bool = True) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=self.ring.ca_pem())
        if own:
            context.load_cert_chain(self.terminal)
        return context


async def echo(body: bytes, *, peer: str) -> bytes:
    return peer.encode() + b":" + body


@contextlib.asynccontextmanager
async def listening(keys: Keys, handle: object = echo, limits: ListenerLimits | None = None) -> AsyncIterator[Listener]:
    listener = Listener(
        "main",
        "127.0.0.1",
        0,
        context=server_context(keys.ring, enrolment=False),
        app=message_app(handle),  # type: ignore[arg-type]
        limits=limits or ListenerLimits(),
    )
    await listener.start()
    try:
        yield listener
    finally:
        await listener.stop(grace_s=2)


class Caller:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, listener: Listener, context: ssl.SSLContext) -> Caller:
        return cls(*await asyncio.open_connection("127.0.0.1", listener.port, ssl=context, server_hostname="127.0.0.1"))

    @classmethod
    async def plain(cls, listener: Listener) -> Caller:
        """TCP alone: the handshake never comes."""
        return cls(*await asyncio.open_connection("127.0.0.1", listener.port))

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """The next answer: status, headers, body."""
        async with asyncio.timeout(10):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            status, *lines = head.splitlines()
            headers = dict(line.lower().split(": ", 1) for line in lines if line)
            return int(status.split()[1]), headers, await self.reader.readexactly(int(headers["content-length"]))

    async def ask(self, body: bytes) -> bytes:
        await self.send(post(body))
        status, _, answer = await self.answer()
        assert status == 200
        return answer

    async def is_cut(self, within_s: float = 10) -> bool:
        """Whether the bank ends the connection in that time."""
        try:
            async with asyncio.timeout(within_s):
                while await self.reader.read(65_536):
                    pass
        except TimeoutError:
            return False
        except OSError:
            pass
        return True

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(5):
                await self.writer.wait_closed()


def post(body: bytes, *more: str, path: str = MESSAGE_PATH, method: str = "POST", length: str | None = None) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: bank", f"Content-Type: {CONTENT_TYPE}", *more]
    lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
