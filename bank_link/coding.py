"""JSON of the message structs: one message has exactly one encoding, and hostile bytes raise one error."""

from __future__ import annotations

import functools
from typing import Any

import msgspec

from bank_link.errors import MessageRefused


def encode(value: msgspec.Struct) -> bytes:
    """The one encoding of `value`: keys in their order, defaults left out, no blanks."""
    return msgspec.json.encode(value)


def decode(kind: Any, data: bytes, what: str) -> Any:
    """`data` as `kind` (a struct class or a union of them); `what` names it in the sentence.

    Raises MessageRefused for everything that `encode` would not have written: broken JSON or UTF-8, lone surrogates,
    unknown or duplicate keys, blanks, other spellings of a number or of base64, values outside their limits, nesting
    without end. So what one end signed or counted is what the other one read.
    """
    try:
        value = _decoder(kind).decode(data)
        same = msgspec.json.encode(value) == data
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as error:
        raise MessageRefused(f"{what} cannot be read: {_shown(error)}") from None
    if not same:
        raise MessageRefused(f"{what} cannot be read: it is not in its one encoding")
    return value


@functools.lru_cache(maxsize=64)
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def _shown(error: Exception) -> str:
    """The reason in plain ASCII and short: parts of it may be a stranger's words."""
    if isinstance(error, UnicodeError):
        return "it is not UTF-8"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return ascii(str(error))[1:-1][:160]
