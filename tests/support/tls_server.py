"""A real HTTPS server on loopback whose every answer a test scripts; it notes what reached it."""

from __future__ import annotations

import contextlib
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

from support.link_authority import Made

OCTETS = "application/octet-stream"


def server_context(made: Made, *, client_ca: str | None = None, chain: str = "") -> ssl.SSLContext:
    """TLS 1.3 under `made`; with `client_ca` only clients with its certificate are let in."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "server.pem"
        path.write_bytes(made.key_pem() + made.pem.encode() + chain.encode())
        context.load_cert_chain(path)
    if client_ca:
        context.load_verify_locations(cadata=client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class Request:
    """One request as it arrived, and the ways to answer it."""

    def __init__(self, sock: ssl.SSLSocket, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        self.sock, self.method, self.path, self.headers, self.body = sock, method, path, headers, body
        self.tls = sock.version()

    def answer(self, body: bytes, *, status: str = "200 OK", kind: str = OCTETS, more: str = "") -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
        self.sock.sendall(head.encode() + body)


class Hangup(Exception):
    """Close the connection without another word."""


class TlsServer:
    """Use as a context manager. `handler(request)` answers, or raises Hangup. `port` 0 takes a free one."""

    def __init__(self, context: ssl.SSLContext | None, handler: Callable[[Request], None], *, port: int = 0) -> None:
        self._context = context
        self.handler = handler
        self.requests: list[Request] = []
        self.connections = 0
        self.handshakes = 0
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = self._listener.getsockname()[1]
        self.ended = threading.Event()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_error: object) -> None:
        self.ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self.drop()
        for thread in self._threads:
            thread.join(10)
        self._listener.close()

    def drop(self) -> None:
        """Cut every connection there is."""
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._sockets.append(raw)
            self._start(self._serve, raw)

    def _serve(self, raw: socket.socket) -> None:
        with raw:
            if self._context is None:
                self.ended.wait(10)
                return
            try:
                sock = self._context.wrap_socket(raw, server_side=True)
            except OSError:
                return
            self.handshakes += 1
            self._sockets.append(sock)
            with sock, contextlib.suppress(OSError, Hangup, ValueError):
                self._converse(sock)

    def _converse(self, sock: ssl.SSLSocket) -> None:
        with sock.makefile("rb") as stream:
            while line := stream.readline():
                method, path, _ = line.decode().split(" ", 2)
                headers = {}
                while (header := stream.readline().decode().strip()) != "":
                    name, value = header.split(":", 1)
                    headers[name.lower()] = value.strip()
                body = stream.read(int(headers.get("content-length", 0)))
                request = Request(sock, method, path, headers, body)
                self.requests.append(request)
                self.handler(request)
