"""One call of a till: a connection of its own, TLS 1.3 with both certificates, one request, one answer, ten seconds."""

from __future__ import annotations

import os
import secrets
import socket
import ssl
import time
from contextlib import suppress
from typing import Self

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bank_link import address, card_file, tls
from bank_link.card_file import CardFile
from bank_link.envelope import CONTENT_TYPE, MESSAGE_PATH
from bank_link.errors import CardFileError, LinkError, MessageRefused
from bank_link.identity import Identity
from bank_link.seams import SystemRandomness
from bank_link.till.grammar import AtmLine
from bank_link.till.messages import (
    FRAME,
    TillAnswer,
    TillCall,
    TillDone,
    What,
    call_envelope,
    pack,
    read_answer,
    unpack,
)

LONGEST_S = 10.0
#: The bank closes with its answer: no more is waited for that than this.
_PARTING_S = 1.0

_MOST_HEAD = 8_192
_HEAD_END = b"\r\n\r\n"
#: The same for every call: its length tells nothing.
_REQUEST_HEAD = (
    f"POST {MESSAGE_PATH} HTTP/1.1\r\nHost: bank\r\nContent-Type: {CONTENT_TYPE}\r\nContent-Length: {FRAME}\r\n"
    "Connection: close\r\n\r\n"
).encode()


class Faulty(LinkError):
    """No answer of the bank to this call: what was asked for may or may not have been done."""


def call_of(line: AtmLine, identity: Identity, card: CardFile | None) -> TillCall:
    """The call that a command line asks for; `card` is None for an opening."""
    number = secrets.randbelow(2**53 - 1) + 1
    if card is None:
        return TillCall(number=number, what=line.what, account=line.account, amount=line.amount)
    slot = card.newest
    return TillCall(
        number=number,
        what=line.what,
        account=line.account,
        amount=line.amount,
        card=card.card,
        epoch=slot.epoch,
        n=slot.n,
        proof=card_file.proof(slot.secret, identity.terminal, identity.generation, number),
    )


def ask(call: TillCall, identity: Identity, ip: str, port: int, *, longest_s: float = LONGEST_S) -> TillAnswer:
    """The bank's answer to `call`. Raises Faulty for all that goes wrong, at the latest after `longest_s`."""
    try:
        context = _context(identity)
        host, _ = address.split(identity.address)
        with _Line(ip, port, longest_s) as line:
            line.secure(context, host)
            call = msgspec.structs.replace(call, left_ms=int(line.left_s() * 1000))
            line.send(_REQUEST_HEAD + pack(call_envelope(call, identity.terminal, identity.generation)))
            answer = _read(_answer(line), call, identity)
            line.part()
        return answer
    except TimeoutError:
        raise Faulty("the bank did not answer in time") from None
    except ssl.SSLCertVerificationError:
        raise Faulty("the other side does not prove that it is the bank") from None
    except ssl.SSLError as error:
        raise Faulty(f"TLS fails: {(error.reason or 'ended').replace('_', ' ').lower()}") from None
    except OSError as error:
        raise Faulty(f"the line to the bank fails: {(error.strerror or type(error).__name__).lower()}") from None
    except MessageRefused as error:
        raise Faulty(f"the answer is not the bank's to this call: {error}") from None


class _Line:
    """A TCP connection, later a TLS one, all of whose steps together may take `longest_s` seconds.

    Raises OSError for all that fails, TimeoutError when the time is over.
    """

    def __init__(self, ip: str, port: int, longest_s: float) -> None:
        self._deadline = time.monotonic() + longest_s
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(self.left_s())
            self._socket.connect((ip, port))
        except OSError:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()

    def secure(self, context: ssl.SSLContext, host: str) -> None:
        """The handshake with a server that shows the certificate of `host`."""
        self._socket.settimeout(self.left_s())
        self._socket = context.wrap_socket(self._socket, server_hostname=host)

    def send(self, data: bytes) -> None:
        self._socket.settimeout(self.left_s())
        self._socket.sendall(data)

    def receive(self) -> bytes:
        """Some bytes. Raises Faulty at the end of the stream."""
        self._socket.settimeout(self.left_s())
        piece = self._socket.recv(16_384)
        if not piece:
            raise Faulty("the other side hung up before its answer was whole")
        return piece

    def part(self) -> None:
        """The other side closes first. To close over its unread farewell would reset the connection, and look like a fault."""
        with suppress(OSError):
            self._socket.settimeout(min(_PARTING_S, self.left_s()))
            self._socket.recv(1)

    def left_s(self) -> float:
        left_s = self._deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        return left_s


def _context(identity: Identity) -> ssl.SSLContext:
    """`tls.terminal_context`, but OpenSSL reads the key from memory where it can: no file, and no encryption for one."""
    context = tls.pinned_context(identity.cas)
    key = Ed25519PrivateKey.from_private_bytes(identity.signing_key)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + identity.certificate.encode()
    try:
        with os.fdopen(os.memfd_create("key"), "wb", buffering=0) as file:
            file.write(pem)
            context.load_cert_chain(f"/proc/self/fd/{file.fileno()}")
    except (AttributeError, OSError):
        return tls.terminal_context(identity, SystemRandomness())
    return context


def _answer(line: _Line) -> bytes:
    """The body of an HTTP answer, which has exactly FRAME bytes and nothing after it."""
    data = b""
    while (end := data.find(_HEAD_END)) < 0:
        if len(data) > _MOST_HEAD:
            raise MessageRefused("its head has no end")
        data += line.receive()
    _check_head(data[:end])
    body = data[end + len(_HEAD_END) :]
    while len(body) < FRAME:
        body += line.receive()
    if len(body) > FRAME:
        raise MessageRefused("there is more than one answer")
    return body


def _check_head(head: bytes) -> None:
    """Raises MessageRefused unless it is that of a whole frame."""
    first, *lines = head.split(b"\r\n")
    if first != b"HTTP/1.1 200" and not first.startswith(b"HTTP/1.1 200 "):
        raise MessageRefused("it is no answer to a till")
    fields: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or name.lower() in fields:
            raise MessageRefused("its head cannot be read")
        fields[name.lower()] = value.strip(b" \t")
    kind, length = fields.get(b"content-type"), fields.get(b"content-length")
    if (kind, length) != (CONTENT_TYPE.encode(), b"%d" % FRAME) or b"transfer-encoding" in fields:
        raise MessageRefused("it is of another kind or length")


def _read(data: bytes, call: TillCall, identity: Identity) -> TillAnswer:
    """Raises MessageRefused for what is no answer to this very call, or an opening's without its card."""
    envelope = unpack(data)
    if (envelope.terminal, envelope.generation) != (identity.terminal, identity.generation):
        raise MessageRefused("it is for another till")
    answer = read_answer(envelope, call)
    if isinstance(answer, TillDone):
        _check_card(answer)
    return answer


def _check_card(answer: TillDone) -> None:
    if (answer.what is What.OPEN) != bool(answer.file):
        raise MessageRefused("an opening has a card, and nothing else has")
    if answer.file:
        try:
            card_file.parse(answer.file)
        except CardFileError as error:
            raise MessageRefused(str(error)) from None
