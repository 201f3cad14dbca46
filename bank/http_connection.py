"""One HTTP/1.1 connection (RFC 9112), parsed by httptools and answered by an ASGI app. Everything of it is bounded.

The app is called with a whole body, never with a part of one. Time is kept as one deadline that the listener looks
at: `first` byte and head, then body, then none while the app works, then writing, then idling.
"""

from __future__ import annotations

import asyncio
import http
import logging
import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import httptools

from bank.api import App, Scope
from bank.keys.certificates import TERMINAL_ROLE
from bank_link.envelope import MAX_FRAME

#: Of requests that came before the answer to the one before them, so many wait; one more ends the connection.
MOST_PIPELINED = 8
_REASONS = {status.value: status.phrase for status in http.HTTPStatus}


@dataclass(frozen=True, kw_only=True)
class ConnectionLimits:
    """Seconds for each phase of a connection, and from its beginning in all; bytes of a head and of a body."""

    head_s: float = 10.0
    body_s: float = 20.0
    write_s: float = 20.0
    idle_s: float = 90.0
    whole_s: float = math.inf
    head_bytes: int = 16_384
    body_bytes: int = MAX_FRAME


class HttpConnection(asyncio.Protocol):
    """Made for each accepted connection. `deadline` is loop time; past it the listener calls `expire`."""

    def __init__(
        self,
        app: App,
        limits: ConnectionLimits,
        *,
        opened: Callable[[HttpConnection], None],
        ended: Callable[[HttpConnection], None],
    ) -> None:
        self._app = app
        self._limits = limits
        self._opened = opened
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._parser: Any = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[tuple[Scope, bytes, bool]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._refusal = 0
        self._draining = False
        self._write_paused = False
        self._fed = 0
        self.was_opened = False
        self._asked = 0
        self._failed = False
        self._in_head = True
        self._begin_message()
        self._began = self._loop.time()
        self.deadline = self._began + min(limits.head_s, limits.whole_s)

    @property
    def idle(self) -> bool:
        """No request is under way, in no part."""
        return self._task is None and not self._waiting and self._fed == 0 and not self._write_paused

    @property
    def faultless(self) -> bool:
        """Something was asked over it, whole, and all that was answered was answered well."""
        return self._asked > 0 and self._fed == 0 and not self._refusal and not self._failed

    def expire(self) -> None:
        """The deadline has passed: whoever is that slow is cut off."""
        self.abort()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def drain(self) -> None:
        """Close once what was asked is answered."""
        self._draining = True
        if self._task is None and not self._waiting and self._transport is not None:
            self._transport.close()

    # ── the transport's calls ───────────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.was_opened = True
        self._peer = transport.get_extra_info("peername")
        self._certified = certified_terminal(transport.get_extra_info("peercert"))
        self._opened(self)

    def connection_lost(self, _error: Exception | None) -> None:
        self._transport = None
        self._waiting.clear()
        # The bank decides what it was asked, whether anybody still listens or not: the task goes on.
        self._ended(self)

    def data_received(self, data: bytes) -> None:
        if self._refusal:
            return
        if self._fed == 0:
            self._set_deadline(self._limits.head_s)
        self._fed += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._refuse(400)
        if self._in_head and self._fed > self._limits.head_bytes:
            self._refuse(431)
        elif self._fed > self._limits.head_bytes + 8 * self._limits.body_bytes:
            self._refuse(413)  # a body of chunks that are mostly framing

    def eof_received(self) -> None:
        """TLS knows no half-closed connection: the transport closes."""

    def pause_writing(self) -> None:
        self._write_paused = True
        self._set_deadline(self._limits.write_s)

    def resume_writing(self) -> None:
        self._write_paused = False
        if self._task is not None:
            self.deadline = math.inf
        self._next()

    # ── the parser's calls ──────────────────────────────────────────────────────────────────────────────────────────

    def on_message_begin(self) -> None:
        self._begin_message()

    def on_url(self, part: bytes) -> None:
        self._url += part
        self._count_head(len(part))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))
        self._count_head(len(name) + len(value))

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._set_deadline(self._limits.body_s)
        if (b"expect", b"100-continue") in self._headers and self._transport is not None and self._task is None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, part: bytes) -> None:
        if len(self._body) + len(part) > self._limits.body_bytes:
            self._refuse(413)
        else:
            self._body += part

    def on_message_complete(self) -> None:
        self._fed = 0
        if self._refusal:
            return
        if len(self._waiting) >= MOST_PIPELINED:
            self._refuse(429)
            return
        self._asked += 1
        self._waiting.append((self._scope(), bytes(self._body), self._parser.should_keep_alive()))
        self._begin_message()
        self._next()

    # ── one request after the other ─────────────────────────────────────────────────────────────────────────────────

    def _count_head(self, size: int) -> None:
        self._head += size
        if self._head > self._limits.head_bytes:
            self._refuse(431)

    def _begin_message(self) -> None:
        self._in_head = True
        self._head = 0
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._body = bytearray()

    def _scope(self) -> Scope:
        path, _, query = self._url.partition(b"?")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": self._parser.get_http_version(),
            "method": self._parser.get_method().decode("ascii"),
            "scheme": "https",
            "path": path.decode("latin-1"),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": self._headers,
            "client": (self._peer[0], self._peer[1]) if self._peer else None,
            "server": None,
            # Of the ASGI extension `tls` only this: whose certificate it is, "" for a stranger.
            "extensions": {"tls": {"client_cert_name": self._certified}},
            # Loop time at which the connection was accepted.
            "began": self._began,
        }

    def _next(self) -> None:
        if self._task is not None or self._write_paused or self._transport is None:
            return
        if self._waiting:
            self.deadline = math.inf
            self._task = self._loop.create_task(self._serve(*self._waiting.popleft()))
        elif self._draining or self._refusal:
            self._transport.close()
        elif self._fed == 0:
            self._set_deadline(self._limits.idle_s)

    async def _serve(self, scope: Scope, body: bytes, keep_alive: bool) -> None:
        answer = _Answer()
        try:
            await self._app(scope, _Body(body), answer)
        except Exception:
            logging.getLogger("bank.http").exception("the app did not answer")
            answer = _Answer()
        finally:
            self._task = None
            if self._transport is not None and not self._transport.is_closing():
                self._write(answer, keep_alive=keep_alive, bodyless=scope["method"] == "HEAD")

    def _write(self, answer: _Answer, *, keep_alive: bool, bodyless: bool) -> None:
        assert self._transport is not None
        self._failed = self._failed or not answer.is_good
        keep_alive = keep_alive and not answer.closing and not self._draining
        self._set_deadline(self._limits.write_s)
        self._transport.write(answer.encoded(keep_alive=keep_alive, bodyless=bodyless))
        if keep_alive:
            self._next()
        else:
            self._waiting.clear()
            self._transport.close()

    def _refuse(self, status: int) -> None:
        """Answer what cannot be read, and close; requests before it are answered first."""
        if self._refusal or self._transport is None:
            return
        self._refusal = status
        if self._task is None and not self._waiting:
            self._transport.write(_Answer(status).encoded(keep_alive=False, bodyless=True))
            self._transport.close()
        self._set_deadline(self._limits.write_s)

    def _set_deadline(self, seconds: float) -> None:
        # While the app works, nobody is late but the app.
        if self._task is None or self._write_paused:
            self.deadline = min(self._loop.time() + seconds, self._began + self._limits.whole_s)


def certified_terminal(certificate: Mapping[str, Any] | None) -> str:
    """`terminal:generation` of a client's certificate that TLS has verified, as `ssl` shows it; "" where there is none."""
    names = (certificate or {}).get("subjectAltName", ())
    found = [value.removeprefix(TERMINAL_ROLE) for kind, value in names if kind == "URI"]
    return found[0] if len(found) == 1 else ""


class _Body:
    """ASGI's `receive`: the whole body, once."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __call__(self) -> dict[str, Any]:
        body, self._body = self._body, b""
        return {"type": "http.request", "body": body, "more_body": False}


class _Answer:
    """ASGI's `send`: gathers the answer, so that it leaves in one write."""

    def __init__(self, status: int = 500) -> None:
        self._status = status
        self._headers: list[tuple[bytes, bytes]] = []
        self._body = b""

    async def __call__(self, event: dict[str, Any]) -> None:
        if event["type"] == "http.response.start":
            self._status = event["status"]
            self._headers = list(event["headers"])
        else:
            self._body += event.get("body", b"")

    @property
    def is_good(self) -> bool:
        return self._status == 200

    @property
    def closing(self) -> bool:
        return self._status == 500 or (b"connection", b"close") in self._headers

    def encoded(self, *, keep_alive: bool, bodyless: bool) -> bytes:
        lines = [f"HTTP/1.1 {self._status} {_REASONS.get(self._status, '')}\r\n".encode()]
        named = {name for name, _ in self._headers}
        lines += [name + b": " + value + b"\r\n" for name, value in self._headers]
        if b"content-length" not in named:
            lines.append(b"content-length: %d\r\n" % len(self._body))
        if not keep_alive and b"connection" not in named:
            lines.append(b"connection: close\r\n")
        return b"".join([*lines, b"\r\n", b"" if bodyless else self._body])
