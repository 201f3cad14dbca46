"""The PIN: held so that it can be wiped and never shows, and sealed so that only the card's issuer can open it.

    block (48) = ephemeral X25519 public key (32) ‖ enciphered PIN block (16)

The inner block is ISO 9564-1:2017 format 4 (fields: 9.4.2.2.2 and 9.4.2.2.3; encipherment: 9.4.2.3) under AES-256. Its
key serves once: HKDF-SHA256 over X25519 of a fresh key and the issuer's PIN key, with both public keys.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import NoReturn

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from bank_link.errors import MessageRefused, PinError
from bank_link.keys import KEY_BYTES, AgreementKey, derive, framed
from bank_link.seams import Randomness

SHORTEST = 4
LONGEST = 12
BLOCK_BYTES = 48

_FIELD = 16
_CONTROL = 4
_FILL = 0xA


class Pin:
    """Digits as they are typed. Printed, formatted or pickled it never shows them; `wipe` overwrites them."""

    __slots__ = ("_digits",)

    def __init__(self, digits: str = "") -> None:
        self._digits = bytearray()
        for digit in digits:
            self.add(digit)

    def add(self, digit: str) -> None:
        """One more digit. Raises PinError where it is none, or where there are twelve already."""
        if len(digit) != 1 or digit not in "0123456789":
            raise PinError("a PIN has only digits")
        if len(self._digits) >= LONGEST:
            raise PinError(f"a PIN has at most {LONGEST} digits")
        self._digits.append(ord(digit))

    def remove_last(self) -> None:
        """Take back the digit typed last, if there is one."""
        if self._digits:
            self._digits[-1] = 0
            self._digits.pop()

    def reveal(self) -> bytes:
        """The digits as ASCII, for the PIN block and the verification value alone. Do not keep them."""
        return bytes(self._digits)

    def same(self, other: Pin) -> bool:
        """Whether both hold the same digits, in constant time."""
        return hmac.compare_digest(self._digits, other._digits)

    def wipe(self) -> None:
        """Overwrite and forget the digits; may be called again."""
        for place in range(len(self._digits)):
            self._digits[place] = 0
        self._digits.clear()

    def __len__(self) -> int:
        return len(self._digits)

    def __repr__(self) -> str:
        return "Pin(hidden)"

    def __reduce__(self) -> NoReturn:
        raise PinError("a PIN is never copied or stored")


def seal_pin(pin: Pin, card: str, pin_key: bytes, random: Randomness) -> bytes:
    """The PIN for the owner of the X25519 key `pin_key`, bound to `card` (its 16-digit id): 48 bytes.

    Raises PinError for a PIN of fewer than 4 digits, a card id that is none, or a key that cannot be used.
    """
    ephemeral = AgreementKey(random.token_bytes(KEY_BYTES))
    public = ephemeral.public
    key = _one_time_key(ephemeral, pin_key, public, pin_key)
    return public + encipher(_pin_field(pin, random.token_bytes(_FIELD // 2)), _pan_field(card), key)


def open_pin(block: bytes, card: str, private_key: bytes) -> Pin:
    """The PIN in `block`, for the raw X25519 `private_key`. Raises PinError for everything that is no such block."""
    if len(block) != BLOCK_BYTES:
        raise PinError("the PIN block cannot be opened")
    public, enciphered = block[:KEY_BYTES], block[KEY_BYTES:]
    issuer = AgreementKey(private_key)
    key = _one_time_key(issuer, public, public, issuer.public)
    return _read_pin_field(decipher(enciphered, _pan_field(card), key))


def code_binding(terminal: str, generation: int, number: int) -> str:
    """What stands in the PAN's place for a cash code: 16 digits of the one message that it may travel in."""
    name = framed(b"atm/1 cash code", terminal.encode(), generation.to_bytes(8, "big"), number.to_bytes(8, "big"))
    return f"{int.from_bytes(hashlib.sha256(name).digest(), 'big') % 10**16:016d}"


def encipher(pin_field: bytes, pan_field: bytes, key: bytes) -> bytes:
    """ISO 9564-1:2017, 9.4.2.3: encipher the PIN field, add the PAN field modulo 2, encipher again."""
    encryptor = _aes(key).encryptor()
    return encryptor.update(_xor(encryptor.update(pin_field), pan_field)) + encryptor.finalize()


def decipher(enciphered: bytes, pan_field: bytes, key: bytes) -> bytes:
    """The PIN field again (ISO 9564-1:2017, 9.4.2.3, backwards)."""
    decryptor = _aes(key).decryptor()
    return decryptor.update(_xor(decryptor.update(enciphered), pan_field)) + decryptor.finalize()


def _pin_field(pin: Pin, random: bytes) -> bytes:
    """9.4.2.2.2: control 4, length, digits, fill A up to 16 digits; then 8 random bytes."""
    if len(pin) < SHORTEST:
        raise PinError(f"a PIN has at least {SHORTEST} digits")
    text = f"{_CONTROL}{len(pin):X}{pin.reveal().decode()}"
    return bytes.fromhex(text.ljust(_FIELD, f"{_FILL:X}")) + random


def _pan_field(card: str) -> bytes:
    """9.4.2.2.3: the PAN's length above 12, the PAN, zeros up to 32 digits. Of ours all have 16 digits."""
    if len(card) != 16 or not card.isascii() or not card.isdecimal():
        raise PinError("a PIN belongs to a card of 16 digits")
    return bytes.fromhex(f"{len(card) - 12}{card}".ljust(2 * _FIELD, "0"))


def _read_pin_field(field: bytes) -> Pin:
    digits = [nibble for byte in field[: _FIELD // 2] for nibble in (byte >> 4, byte & 15)]
    control, length, rest = digits[0], digits[1], digits[2:]
    fits = control == _CONTROL and SHORTEST <= length <= LONGEST
    if not fits or any(d > 9 for d in rest[:length]) or any(d != _FILL for d in rest[length:]):
        raise PinError("the PIN block cannot be opened")
    return Pin("".join(map(str, rest[:length])))


def _one_time_key(own: AgreementKey, public: bytes, ephemeral: bytes, issuer: bytes) -> bytes:
    try:
        shared = own.agree(public)
    except MessageRefused:
        raise PinError("the PIN block cannot be opened: its key cannot be used") from None
    return derive(shared, b"atm/1 PIN block\n" + ephemeral + issuer, 32)


def _aes(key: bytes) -> Cipher[modes.ECB]:
    return Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305 - the standard's own construction, one block, key used once


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))
