"""Whoever comes to the bank's ports and should not: raw bytes over TCP or TLS, floods of junk, frames of another's making."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from support.link_authority import Made
from support.real_processes import RealKiosk

from bank_link import auth_file
from bank_link.auth_secret import Secret
from bank_link.envelope import CONTENT_TYPE, MESSAGE_PATH
from bank_link.identity import Identity
from bank_link.seams import SystemClock

PATIENCE_S = 10.0


def identity_of(kiosk: RealKiosk) -> Identity:
    """What a thief has who got hold of the auth file and its key."""
    secret = Secret.from_key_file(kiosk.directory / "terminal.key")
    return auth_file.read(kiosk.directory / "terminal.auth", secret, SystemClock().now_ms())


def made_of(identity: Identity) -> Made:
    """The terminal's own certificate and key."""
    return Made(identity.certificate, identity.signing_key)


def caller(
    *, shows: Made | None = None, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
) -> ssl.SSLContext:  # fmt: skip
    """A client that believes any server, speaks `version` alone, and shows this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    if shows is not None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "client.pem"
            path.write_bytes(shows.key_pem() + shows.pem.encode())
            context.load_cert_chain(path)
    return context


def said(port: int, data: bytes, context: ssl.SSLContext | None) -> bytes:
    """All that comes back on one connection; b"" where none stands. `context` None: without TLS."""
    answer = b""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), PATIENCE_S) as plain:
        line = plain if context is None else context.wrap_socket(plain, server_hostname="localhost")
        with line:
            line.sendall(data)
            while piece := line.recv(65_536):
                answer += piece
    return answer


def post(body: bytes, *, path: str = MESSAGE_PATH, method: str = "POST") -> bytes:
    """The request that a terminal makes of a frame; the connection is to be closed after it."""
    lines = [
        f"{method} {path} HTTP/1.1", "Host: bank", f"Content-Type: {CONTENT_TYPE}", "Connection: close",
        f"Content-Length: {len(body)}",
    ]  # fmt: skip
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def status(answer: bytes) -> int:
    """The HTTP status; 0 where there was no answer."""
    return int(answer.split(b" ", 2)[1]) if answer else 0


class Flood:
    """Half-open, silent and senseless connections to some ports, again and again, from `begin` until the end."""

    def __init__(self, ports: list[int], *, half_open: int = 150) -> None:
        self._ports = ports
        self._half_open = half_open
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._rave, args=(port,)) for port in ports]
        self._silent: list[socket.socket] = []
        self.attacks = 0

    def __enter__(self) -> Self:
        return self

    def begin(self) -> None:
        for port in self._ports:
            self._silent += [socket.create_connection(("127.0.0.1", port), PATIENCE_S) for _ in range(self._half_open)]
        for thread in self._threads:
            thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        for silent in self._silent:
            silent.close()

    def _rave(self, port: int) -> None:
        hello = _client_hello()
        junk = [
            os.urandom(600),
            b"GET / HTTP/1.1\r\n\r\n",
            hello[: len(hello) // 2],
            hello + os.urandom(200),
            b"\x16\x03\x01\xff\xff",
        ]
        while not self._over.is_set():
            for data in junk:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), PATIENCE_S) as line:
                    line.sendall(data)
                    self.attacks += 1
            time.sleep(0.02)


def _client_hello() -> bytes:
    """The first bytes of a real TLS client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = caller().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()
