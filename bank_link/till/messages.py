"""What a till asks its bank, and what it is told: one request and one answer a call, each of one size on the line.

    frame = 32 zero bytes ‖ JSON of `Envelope` ‖ spaces, 2,048 bytes in all

A till has no session: TLS 1.3 with its certificate says who it is, and its answer comes over the same connection. So the
bytes where others have a MAC are zero, as in `hello`.
"""

from __future__ import annotations

import enum
from typing import Annotated

import msgspec
from msgspec import Meta

from bank_link import coding
from bank_link.envelope import NO_MAC, VERSION, Envelope, encode
from bank_link.errors import MessageRefused
from bank_link.messages import Message, Number, Refused, Whole, kind

#: Larger than any of these messages: length tells neither name nor amount, nor whether it was refused.
FRAME = 2_048
KIND = "till"

AccountName = Annotated[str, Meta(min_length=1, max_length=122, pattern=r"^[_.0-9a-z-]+\Z")]
#: Minor units in an account: any number of the largest deposits.
Balance = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class What(enum.StrEnum):
    """The command's mode: `-n`, `-d`, `-w`, `-g`."""

    OPEN = "open"
    DEPOSIT = "deposit"
    WITHDRAW = "withdraw"
    BALANCE = "balance"


class TillCall(Message, frozen=True, kw_only=True, tag=KIND):
    """One command → TillDone or Refused. `number` is random; the same number does nothing twice.

    `amount`: minor units; 0 for a balance. `card`, `epoch`, `n`: as the card file says; `proof`: see `card_file.proof`.
    An opening has none of them. `left_ms`: so long its till still waits as it sends this, which is after it has heard
    the bank; a line that holds the call back for longer brings nothing about.
    """

    number: Number
    what: What
    account: AccountName
    amount: Whole = 0
    left_ms: Annotated[int, Meta(ge=0, le=60_000)] = 10_000
    card: Annotated[str, Meta(pattern=r"^([0-9]{16})?\Z")] = ""
    epoch: Whole = 0
    n: Whole = 0
    proof: Annotated[bytes, Meta(max_length=32)] = b""


class TillDone(Message, frozen=True, kw_only=True, tag="till-done"):
    """It is done. `amount`: what was asked for, or the balance. `file`: of an opening, the card's."""

    number: Number
    what: What
    account: AccountName
    amount: Balance
    file: Annotated[bytes, Meta(max_length=144)] = b""


TillAnswer = TillDone | Refused


def pack(envelope: Envelope) -> bytes:
    """The frame's bytes. Raises MessageRefused for what does not fit."""
    text = coding.encode(envelope)
    if len(NO_MAC) + len(text) > FRAME:
        raise MessageRefused(f"the {envelope.kind} is too large for a till: {len(text)} bytes")
    return (NO_MAC + text).ljust(FRAME)


def unpack(data: bytes) -> Envelope:
    """Raises MessageRefused for anything that `pack` would not have made."""
    if len(data) != FRAME or not data.startswith(NO_MAC):
        raise MessageRefused("this is no till's message")
    envelope: Envelope = coding.decode(Envelope, data[len(NO_MAC) :].rstrip(b" "), "the message")
    if envelope.version != VERSION:
        raise MessageRefused(f"the message is of version {envelope.version}; this program speaks version {VERSION}")
    return envelope


def is_tills(data: bytes) -> bool:
    """Whether these are the bytes of a till's call, which no other bank than one for tills can read."""
    if len(data) != FRAME or not data.startswith(NO_MAC):
        return False
    try:
        return unpack(data).kind == KIND
    except MessageRefused:
        return False


def call_envelope(call: TillCall, terminal: str, generation: int) -> Envelope:
    return Envelope(
        terminal=terminal, generation=generation, session="", transmission=0, time=0, kind=kind(call), body=encode(call)
    )


def read_call(envelope: Envelope) -> TillCall:
    """Raises MessageRefused."""
    if envelope.kind != KIND:
        raise MessageRefused("this bank is for tills: a kiosk belongs to a bank that was made for kiosks")
    call: TillCall = coding.decode(TillCall, bytes(envelope.body), "the till's call")
    return call


def read_answer(envelope: Envelope, call: TillCall) -> TillAnswer:
    """The answer to this very call. Raises MessageRefused."""
    answer: TillAnswer = coding.decode(TillAnswer, bytes(envelope.body), "the answer")
    if envelope.kind != kind(answer):
        raise MessageRefused("the answer's body is of another kind than its envelope says")
    if isinstance(answer, TillDone):
        about = (answer.number, answer.what, answer.account)
        asked = call.what is What.BALANCE or answer.amount == call.amount
        if about != (call.number, call.what, call.account) or not asked:
            raise MessageRefused("the answer is about another call")
    return answer


def answer_envelope(request: Envelope, answer: TillAnswer) -> Envelope:
    body = msgspec.Raw(coding.encode(answer))
    return Envelope(
        terminal=request.terminal, generation=request.generation, session="", transmission=0, time=0, kind=kind(answer),
        body=body,
    )  # fmt: skip
