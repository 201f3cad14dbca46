"""One message on the line: the envelope around a body, its padding, its MAC, and the window of transmission numbers.

    frame = MAC (32 bytes) ‖ JSON of `Envelope` ‖ spaces, up to the next multiple of 512 bytes

The MAC is HMAC-SHA256 over everything after it; an answer's also covers its request's MAC, so it answers that send and
no other. Where there is no session yet (enrol, hello, sign-on) and for `sign-on-needed` the MAC is 32 zero bytes.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Annotated

import msgspec
from msgspec import Meta

from bank_link import coding
from bank_link.errors import MessageRefused
from bank_link.messages import Answer, Message, Request, Whole, kind

VERSION = 1
BLOCK = 512
MAX_FRAME = 65_536
MAC_BYTES = 32
NO_MAC = bytes(MAC_BYTES)

#: Where the bank listens, and what both directions are. The last two are the enrolment listener's.
MESSAGE_PATH = "/v1/message"
ENROL_PATH = "/v1/enrol"
CA_PATH = "/v1/ca"
CONTENT_TYPE = "application/octet-stream"

Name = Annotated[str, Meta(max_length=64, pattern=r"^[A-Za-z0-9_.:-]*\Z")]


class Envelope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every message says beside its body. `time` is bank time in milliseconds (0: not known yet).

    `terminal`, `generation`, `session` and `transmission` are "" and 0 where there is none. An answer repeats its
    request's. `sequence` counts the bank's answers within the session; a request says the highest that the kiosk has
    heard, and a bank that has not got so far was restored.
    """

    version: int = VERSION
    terminal: Name
    generation: Whole
    session: Name
    transmission: Whole
    time: Whole
    sequence: Whole = 0
    kind: Name
    body: msgspec.Raw


@dataclass(frozen=True, slots=True)
class Frame:
    """A message as it came in: nothing in it is to be believed before `verify`."""

    mac: bytes
    covered: bytes = field(repr=False)
    envelope: Envelope = field(repr=False)


def seal(envelope: Envelope, key: bytes | None, *, request_mac: bytes = b"") -> bytes:
    """The bytes of a message. `key`: the session's for this direction, None where there is no session.

    `request_mac`: for an answer, the first 32 bytes of the request. Raises MessageRefused above MAX_FRAME bytes.
    """
    text = coding.encode(envelope)
    size = _padded(len(text))
    if size > MAX_FRAME:
        raise MessageRefused(f"the {envelope.kind} is too large to be sent: {len(text)} bytes")
    covered = text.ljust(size - MAC_BYTES)
    mac = NO_MAC if key is None else _mac(key, request_mac, covered)
    return mac + covered


def unseal(data: bytes) -> Frame:
    """Take a message apart; the MAC is not looked at. Raises MessageRefused for a size, structure or version not ours."""
    if not BLOCK <= len(data) <= MAX_FRAME or len(data) % BLOCK:
        raise MessageRefused(f"a message cannot be {len(data)} bytes long")
    mac, covered = bytes(data[:MAC_BYTES]), bytes(data[MAC_BYTES:])
    text = covered.rstrip(b" ")
    if _padded(len(text)) != len(data):
        raise MessageRefused("a message has more padding than it needs")
    envelope: Envelope = coding.decode(Envelope, text, "the message")
    if envelope.version != VERSION:
        raise MessageRefused(f"the message is of version {envelope.version}; this program speaks version {VERSION}")
    return Frame(mac, covered, envelope)


def verify(frame: Frame, key: bytes, *, request_mac: bytes = b"") -> None:
    """Raises MessageRefused unless the MAC was made with `key` (and, for an answer, for that request)."""
    if not hmac.compare_digest(frame.mac, _mac(key, request_mac, frame.covered)):
        raise MessageRefused("the message's MAC does not hold")


def encode(message: Message) -> msgspec.Raw:
    """A body as the envelope carries it."""
    return msgspec.Raw(coding.encode(message))


def decode_request(expected_kind: str, raw: msgspec.Raw) -> Request:
    """The body of a request whose envelope names `expected_kind`. Raises MessageRefused for anything else."""
    request: Request = coding.decode(Request, bytes(raw), "the request")
    if kind(request) != expected_kind:
        raise MessageRefused("the request's body is of another kind than its envelope says")
    return request


def decode_answer(raw: msgspec.Raw) -> Answer:
    """The body of an answer. Raises MessageRefused for anything that is none."""
    answer: Answer = coding.decode(Answer, bytes(raw), "the answer")
    return answer


def body_digest(message: Message) -> bytes:
    """SHA-256 of the body: equal for the same body, however often it is sent and in whatever session."""
    return hashlib.sha256(coding.encode(message)).digest()


def answering(request: Envelope, answer: Answer, *, time: int, sequence: int = 0) -> Envelope:
    """The envelope of an answer to `request`; `time` is the bank's, in milliseconds."""
    return Envelope(
        terminal=request.terminal,
        generation=request.generation,
        session=request.session,
        transmission=request.transmission,
        time=time,
        sequence=sequence,
        kind=kind(answer),
        body=encode(answer),
    )


class Window:
    """The bank's window of 64 transmission numbers per session, as two integers that a database row can hold.

    `highest` is the highest number seen (0: none), bit i of `mask` says that `highest - 1 - i` was seen: 63 bits, so
    the mask fits SQL's signed 64.
    """

    SIZE = 64
    _MASK = (1 << (SIZE - 1)) - 1

    @classmethod
    def accept(cls, highest: int, mask: int, transmission: int) -> tuple[int, int] | None:
        """The window after `transmission`, or None where it was seen before or lies too far back to know."""
        if transmission < 1:
            return None
        ahead = transmission - highest
        if ahead > 0:
            return transmission, cls._moved(mask, ahead)
        bit = 1 << (-ahead - 1) if -cls.SIZE < ahead < 0 else 0
        return None if not bit or mask & bit else (highest, mask | bit)

    @classmethod
    def _moved(cls, mask: int, ahead: int) -> int:
        return ((mask << 1 | 1) << (ahead - 1)) & cls._MASK if ahead < cls.SIZE else 0


def _padded(text_bytes: int) -> int:
    return -(-(MAC_BYTES + text_bytes) // BLOCK) * BLOCK


def _mac(key: bytes, request_mac: bytes, covered: bytes) -> bytes:
    label = b"atm/1 answer\n" if request_mac else b"atm/1 request\n"
    return hmac.digest(key, label + request_mac + covered, "sha256")
