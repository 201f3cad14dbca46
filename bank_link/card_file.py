"""The card file: 144 bytes on a stick or an NTAG213 (36 pages of 4 bytes), made to survive a pull at any byte.

    header (56): magic "ATMC" | version 1 | role | 2 reserved | card id, 16 digits BCD (8) | issuer, 20, zero-padded | expiry u32
                 | 12 reserved | CRC-32
    slot   (44): epoch u32 | n u32 | secret 32 | CRC-32       … and a second one

Big-endian. The kiosk writes only the older slot, so a write that is cut leaves the newer one good. The checksums tell
accidents; that the secret is the bank's, only the bank can tell. The role (0: a customer's, 1: an operator's) gives no right: by it a
closed machine knows whose card it need not ask the bank about. The number is BCD, so that no search for its digits finds it.
"""

from __future__ import annotations

import hmac
import re
import struct
import zlib
from dataclasses import dataclass, field

from bank_link.digits import check_digit
from bank_link.errors import CardFileError
from bank_link.keys import framed

HEADER = 56
SLOT = 44
SIZE = HEADER + 2 * SLOT
VERSION = 1

_MAGIC = b"ATMC"
_HEADER = struct.Struct(">4sBB2s8s20sI12s")
_SLOT = struct.Struct(">II32s")
_CRC = struct.Struct(">I")
_ISSUER = re.compile(r"[A-Za-z0-9_.:-]{1,20}", re.ASCII)
_DIGITS = re.compile(r"[0-9]{16}", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """One renewal of the card's secret; compares by (epoch, n)."""

    epoch: int
    n: int
    secret: bytes = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class CardFile:
    """A card as its file says. `card` is its 16-digit id, `expiry` the last month it is good in, as YYYYMM.

    `slots` stand as they do in the file; None is one that was never written or whose write was cut.
    """

    card: str = field(repr=False)
    issuer: str
    expiry: int
    slots: tuple[Slot | None, Slot | None]
    operator: bool = False

    @property
    def newest(self) -> Slot:
        """The good slot that was issued last."""
        return max(slot for slot in self.slots if slot is not None)

    @property
    def older_offset(self) -> int:
        """Where in the file the next slot goes: never over the newest."""
        return HEADER + (SLOT if self.slots[0] is self.newest else 0)

    def __str__(self) -> str:
        return f"card that {masked(self.card)}"


def parse(data: bytes) -> CardFile:
    """Read a card file. Raises CardFileError for any bytes that are none."""
    if len(data) != SIZE:
        raise CardFileError(f"this is no card: a card file has {SIZE} bytes, not {len(data)}")
    magic, version, role, reserved, card, issuer, expiry, spare = _HEADER.unpack_from(data)
    if magic != _MAGIC:
        raise CardFileError("this is no card: the file begins with something else")
    if _CRC.unpack_from(data, _HEADER.size)[0] != zlib.crc32(data[: _HEADER.size]):
        raise CardFileError("this card is damaged: its header does not add up")
    if version != VERSION:
        raise CardFileError(f"this card is of version {version}; this machine reads version {VERSION}")
    if role > 1 or any(reserved) or any(spare):
        raise CardFileError("this card says something that this machine does not understand")
    slots = (_slot(data[HEADER : HEADER + SLOT]), _slot(data[HEADER + SLOT :]))
    if slots == (None, None):
        raise CardFileError("this card has lost both of its secrets: it needs re-activation by the bank")
    return CardFile(_card_id(card.hex()), _issuer(issuer), _expiry(expiry), slots, operator=bool(role))


def compose(  # noqa: PLR0917 - in the file's own order
    card_id: str, issuer: str, expiry: int, epoch: int, n: int, secret: bytes, *, operator: bool = False
) -> bytes:  # fmt: skip
    """A new card's file: the first slot holds its secret, the second is empty. Raises CardFileError for bad fields."""
    card = _card_id(card_id)
    padded = _issuer(issuer.encode()).encode().ljust(20, b"\0")
    fields = (bytes.fromhex(card), padded, _expiry(expiry), bytes(12))
    header = _HEADER.pack(_MAGIC, VERSION, int(operator), bytes(2), *fields)
    return header + _CRC.pack(zlib.crc32(header)) + slot_bytes(epoch, n, secret) + bytes(SLOT)


def slot_bytes(epoch: int, n: int, secret: bytes) -> bytes:
    """One slot's 44 bytes. Raises CardFileError where a value does not fit."""
    if not (1 <= epoch < 2**32 and 0 <= n < 2**32 and len(secret) == 32):
        raise CardFileError("the card's next secret does not fit a card file")
    body = _SLOT.pack(epoch, n, secret)
    return body + _CRC.pack(zlib.crc32(body))


def masked(card: str) -> str:
    """How a card is spoken of in logs and on receipts: "ends 4417"."""
    return f"ends {card[-4:]}"


def proof(secret: bytes, terminal: str, generation: int, number: int) -> bytes:
    """That the card's `secret` is at this machine, without sending it: HMAC-SHA256 by it over this one message."""
    message = framed(terminal.encode(), generation.to_bytes(8, "big"), number.to_bytes(8, "big"))
    return hmac.digest(secret, b"atm/1 card proof\n" + message, "sha256")


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    return bool(digits) and digits.isascii() and digits.isdecimal() and check_digit(digits[:-1]) == digits[-1]


def _slot(data: bytes) -> Slot | None:
    epoch, n, secret = _SLOT.unpack_from(data)
    good = _CRC.unpack_from(data, _SLOT.size)[0] == zlib.crc32(data[: _SLOT.size])
    return Slot(epoch, n, secret) if good and epoch else None


def _card_id(text: str) -> str:
    if not _DIGITS.fullmatch(text) or not luhn(text):
        raise CardFileError("this card's number is not one: 16 digits, the last one a check digit")
    return text


def _issuer(raw: bytes) -> str:
    text = raw.rstrip(b"\0").decode("latin-1")
    if not _ISSUER.fullmatch(text):
        raise CardFileError("this card does not name its bank in up to 20 letters, digits or any of _ . : -")
    return text


def _expiry(value: int) -> int:
    if not (2000 <= value // 100 <= 9999 and 1 <= value % 100 <= 12):
        raise CardFileError("this card's expiry is no month of the form YYYYMM")
    return value
