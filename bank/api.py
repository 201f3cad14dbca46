"""The ASGI shell: bytes in, bytes out. TLS admits, the envelope says who; nothing of the protocol is known here."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from bank.decision.committer import Busy
from bank.limited_log import LimitedLog
from bank_link.envelope import CA_PATH, CONTENT_TYPE, ENROL_PATH, MAX_FRAME, MESSAGE_PATH
from bank_link.errors import MessageRefused

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Handle(Protocol):
    """The bank behind the shell."""

    async def __call__(self, body: bytes, *, peer: str) -> bytes:
        """The answer to one framed message; `peer` is the caller's address, for limits."""


class TillHandle(Protocol):
    """A bank for tills behind the shell."""

    async def __call__(self, body: bytes, *, certified: str, began: float) -> bytes:
        """The answer to one framed message; `certified`: whose certificate the connection has, `began`: loop time at
        which it was accepted.
        """


class _Answered(Exception):
    """The request is answered with a bare status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def message_app(handle: Handle) -> App:
    """The main listener's: POST of one frame, answered with one frame.

    What `handle` raises is a bare status: MessageRefused 400, Busy 503, anything else 500; each leaves a log line.
    """
    return _app({MESSAGE_PATH: ("POST", _posting(handle))})


def till_app(handle: TillHandle) -> App:
    """The listener's of a bank for tills: as the main listener's."""
    return _app({MESSAGE_PATH: ("POST", _posting(handle, _certified))})


def enrolment_app(handle: Handle, ca_pem: Callable[[], str]) -> App:
    """The enrolment listener's: the CA to compare before the token is sent, and the POST of one `Enrol`."""

    async def show_ca(_scope: Scope, _receive: Receive) -> bytes:
        return ca_pem().encode()

    return _app({CA_PATH: ("GET", show_ca), ENROL_PATH: ("POST", _posting(handle))})


def _app(routes: dict[str, tuple[str, Callable[[Scope, Receive], Awaitable[bytes]]]]) -> App:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        try:
            body = await _answer(routes, scope, receive)
        except _Answered as answered:
            await _respond(send, answered.status, b"")
        else:
            await _respond(send, 200, body)

    return app


async def _answer(
    routes: dict[str, tuple[str, Callable[[Scope, Receive], Awaitable[bytes]]]], scope: Scope, receive: Receive
) -> bytes:
    method, answer = routes.get(scope["path"], ("", None))
    if answer is None:
        raise _Answered(404)
    if scope["method"] != method:
        raise _Answered(405)
    return await answer(scope, receive)


def _peer(scope: Scope) -> dict[str, Any]:
    return {"peer": scope["client"][0] if scope.get("client") else ""}


def _certified(scope: Scope) -> dict[str, Any]:
    return {"certified": scope["extensions"]["tls"]["client_cert_name"], "began": scope["began"]}


def _posting(
    handle: Callable[..., Awaitable[bytes]], who: Callable[[Scope], dict[str, Any]] = _peer
) -> Callable[[Scope, Receive], Awaitable[bytes]]:
    """`who`: what `handle` is told of the caller."""
    log = LimitedLog("bank.api")

    async def post(scope: Scope, receive: Receive) -> bytes:
        body = await _body(scope, receive)
        peer = scope["client"][0] if scope.get("client") else ""
        try:
            return await handle(body, **who(scope))
        except MessageRefused as error:
            log.warning("a message from %s was refused: %s", peer, error)
            raise _Answered(400) from None
        except Busy as error:
            log.warning("a message from %s was turned away: %s", peer, error)
            raise _Answered(503) from None
        except Exception as error:
            # A message that breaks the bank's code never harms its neighbours.
            logging.getLogger("bank.api").exception("a message was not answered: %s", type(error).__name__)
            raise _Answered(500) from None

    return post


async def _body(scope: Scope, receive: Receive) -> bytes:
    headers = dict(scope["headers"])
    if headers.get(b"content-type") != CONTENT_TYPE.encode():
        raise _Answered(415)
    length = headers.get(b"content-length", b"0")
    # As text: an absurd number of digits is no number to compute with.
    if len(length) > 7 or not length.isdigit() or int(length) > MAX_FRAME:
        raise _Answered(413)
    parts, size, more = [], 0, True
    while more:
        event = await receive()
        if event["type"] != "http.request":
            raise _Answered(400)
        parts.append(event.get("body", b""))
        size += len(parts[-1])
        more = event.get("more_body", False)
        if size > MAX_FRAME:
            raise _Answered(413)
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def _respond(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-length", str(len(body)).encode())]
    if body:
        headers.append((b"content-type", CONTENT_TYPE.encode()))
    if status >= 400:
        # What is left of a refused body is not read as the next request.
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
