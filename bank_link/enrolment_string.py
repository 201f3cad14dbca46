"""The enrolment string: it pins the bank's CA and carries a one-time token to a machine that knows nothing yet.

    atm1: base32( SHA-256 of the CA's DER (32) ‖ token (20) ‖ host:port ‖ checksum (4) )

Both ends use it; `bank_link.enrolment` is the terminal's side of what follows.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field

from bank_link import address as addresses
from bank_link.errors import EnrolmentError

PREFIX = "atm1:"
TOKEN_BYTES = 20

_HASH_BYTES = 32
_CHECK_BYTES = 4
_MISTYPED = "the enrolment string is incomplete or mistyped: copy it again, all of it"


@dataclass(frozen=True, slots=True)
class EnrolmentString:
    """What the string says. `address` is the enrolment listener's `host:port`."""

    ca_hash: bytes
    token: bytes = field(repr=False)
    address: str


def compose(ca_hash: bytes, token: bytes, address: str) -> str:
    """The string for a person to copy. Raises EnrolmentError where a part cannot be one."""
    if len(ca_hash) != _HASH_BYTES or len(token) != TOKEN_BYTES:
        raise EnrolmentError("an enrolment string needs a SHA-256 of the CA and a token of 160 bits")
    _check_address(address)
    body = ca_hash + token + address.encode()
    return PREFIX + _packed(body + _checksum(body))


def parse(text: str) -> EnrolmentString:
    """Read a string; blanks, line breaks and capitals do not matter. Raises EnrolmentError, never showing the token."""
    packed = re.sub(r"\s+", "", text[:2048]).lower()
    if not packed.startswith(PREFIX):
        raise EnrolmentError(_no_prefix(packed))
    body = _unpacked(packed[len(PREFIX) :])
    body, checksum = body[:-_CHECK_BYTES], body[-_CHECK_BYTES:]
    if len(body) <= _HASH_BYTES + TOKEN_BYTES or checksum != _checksum(body):
        raise EnrolmentError(_MISTYPED)
    ca_hash, token = body[:_HASH_BYTES], body[_HASH_BYTES : _HASH_BYTES + TOKEN_BYTES]
    address = body[_HASH_BYTES + TOKEN_BYTES :].decode("latin-1")
    _check_address(address)
    return EnrolmentString(ca_hash, token, address)


def fingerprint(public_key: bytes) -> str:
    """80 bits of a raw Ed25519 key's SHA-256 in four groups: what a person compares at both ends."""
    text = base64.b32encode(hashlib.sha256(public_key).digest()[:10]).decode()
    return "-".join(text[place : place + 4] for place in range(0, 16, 4))


def token_text(token: bytes) -> str:
    """The token as `Enrol.token` carries it."""
    return token.hex()


def _check_address(address: str) -> None:
    try:
        addresses.split(address)
    except ValueError as error:
        raise EnrolmentError(f"the enrolment string has no usable address: {error}") from None


def _no_prefix(packed: str) -> str:
    if re.match(r"atm[0-9]{1,4}:", packed):
        return "the enrolment string is for a newer version of this program"
    return f"this is no enrolment string: it begins with {PREFIX}"


def _unpacked(text: str) -> bytes:
    try:
        body = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
    except (binascii.Error, ValueError):
        raise EnrolmentError(_MISTYPED) from None
    if _packed(body) != text:  # bits behind the last byte: another spelling of the same
        raise EnrolmentError(_MISTYPED)
    return body


def _packed(body: bytes) -> str:
    return base64.b32encode(body).decode().rstrip("=").lower()


def _checksum(body: bytes) -> bytes:
    return hashlib.sha256(PREFIX.encode() + body).digest()[:_CHECK_BYTES]
