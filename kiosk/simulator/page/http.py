"""HTTP/1.1 as far as one page needs it: a request read within bounds, an answer written; one a connection."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

MOST_HEAD = 16_384
MOST_BODY = 4_096
_LINE = re.compile(rb"(GET|HEAD|POST) (/[!-~]*) HTTP/1\.[01]")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~\x80-\xff]*?)[ \t]*")
_ONCE = ("host", "origin", "content-length", "content-type")

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"

#: On every answer. Nothing but this server is ever loaded from, nothing inline runs, and nobody may frame it.
ALWAYS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; font-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Connection": "close",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class BadRequest(Exception):
    """Not to be answered otherwise than by `status` and one sentence."""

    def __init__(self, status: HTTPStatus, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True)
class Request:
    """`headers` by their names in small letters. The path holds the token, so no `repr` shows it."""

    method: str
    path: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """The connection's one request; None where it ends without one. Raises BadRequest. `reader` has MOST_HEAD as limit."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError as error:
        raise BadRequest(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The request's head is too long.") from error
    request = parse_head(head.removesuffix(b"\r\n\r\n"))
    length = _length(request)
    try:
        body = await reader.readexactly(length)
    except asyncio.IncompleteReadError:
        return None
    return Request(request.method, request.path, request.headers, body)


def parse_head(head: bytes) -> Request:
    """Request line and headers, without the empty line. Raises BadRequest for all that is not plainly one."""
    line, *lines = head.split(b"\r\n")
    first = _LINE.fullmatch(line)
    if first is None:
        raise BadRequest(HTTPStatus.BAD_REQUEST, "That is no request that this page knows.")
    headers: dict[str, str] = {}
    for each in lines:
        found = _FIELD.fullmatch(each)
        name = found[1].decode("ascii").lower() if found is not None else ""
        if found is None or (name in _ONCE and name in headers):
            raise BadRequest(HTTPStatus.BAD_REQUEST, "The request has a header that cannot be read.")
        headers[name] = found[2].decode("latin-1")
    return Request(first[1].decode("ascii"), first[2].decode("ascii"), headers)


def _length(request: Request) -> int:
    """How long the body is. Raises BadRequest."""
    said = request.headers.get("content-length", "0")
    if "transfer-encoding" in request.headers or not (said.isascii() and said.isdecimal()):
        raise BadRequest(HTTPStatus.BAD_REQUEST, "The request does not say plainly how long it is.")
    if len(said) > len(str(MOST_BODY)) or int(said) > MOST_BODY:
        raise BadRequest(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request is too long.")
    return int(said)


def head(status: HTTPStatus, kind: str, length: int | None = None) -> bytes:
    """An answer's head; without a length it goes on until the connection ends."""
    fields = {"Content-Type": kind, **ALWAYS}
    if length is not None:
        fields["Content-Length"] = str(length)
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status.value} {status.phrase}\r\n{lines}\r\n".encode("latin-1")


def answer(status: HTTPStatus, kind: str, body: bytes, *, only_head: bool = False) -> bytes:
    """A whole answer."""
    return head(status, kind, len(body)) + (b"" if only_head else body)
