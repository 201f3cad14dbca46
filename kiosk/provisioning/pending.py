"""An enrolment that has begun: its key is on disk before the token leaves, so that a power cut loses neither.

The bank answers the same token with the same key once more. So whoever was cut off between its answer and the auth
file says the same string again and gets the same identity; a new key would find the token spent.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bank_link import enrolment
from bank_link.auth_secret import Secret
from bank_link.keys import KEY_BYTES
from bank_link.private_file import read_private, write_private
from bank_link.seams import Randomness
from kiosk.provisioning.errors import ProvisioningError

_WHAT = "begun enrolment"
_MAGIC = b"atm begun enrolment 1\n"
_SALT, _NONCE, _HASH = 16, 12, 32
_BYTES = len(_MAGIC) + _SALT + _NONCE + _HASH + KEY_BYTES + 16


class KeptKey:
    """Randomness whose first 32 bytes are a key that was drawn before."""

    def __init__(self, key: bytes, random: Randomness) -> None:
        self._key: bytes | None = key
        self._random = random

    def token_bytes(self, count: int) -> bytes:
        if count == KEY_BYTES and self._key is not None:
            key, self._key = self._key, None
            return key
        return self._random.token_bytes(count)


def begin(path: Path, text: str, secret: Secret, random: Randomness) -> KeptKey:
    """The key for this enrolment string, durable and sealed: the one that was kept, or a new one.

    Raises EnrolmentError for a string that is none, AuthFileError where the file cannot be read or written,
    ProvisioningError where it was sealed under another secret.
    """
    wanted = _digest(text)
    if path.exists():
        of, key = _open(read_private(path, _WHAT, most_bytes=_BYTES), path, secret)
        if of == wanted:
            return KeptKey(key, random)
    key = random.token_bytes(KEY_BYTES)
    salt, nonce = random.token_bytes(_SALT), random.token_bytes(_NONCE)
    box = AESGCM(secret.keys(salt).box).encrypt(nonce, wanted + key, _MAGIC)
    write_private(path, _WHAT, _MAGIC + salt + nonce + box)
    return KeptKey(key, random)


def end(path: Path) -> None:
    """The auth file is there: the kept key is no longer needed."""
    path.unlink(missing_ok=True)


def _open(data: bytes, path: Path, secret: Secret) -> tuple[bytes, bytes]:
    """The string's digest and the key."""
    salt, nonce, box = _parts(data[len(_MAGIC) :])
    try:
        if len(data) != _BYTES or not data.startswith(_MAGIC):
            raise InvalidTag
        opened = AESGCM(secret.keys(salt).box).decrypt(nonce, box, _MAGIC)
    except InvalidTag:
        raise ProvisioningError(
            f"{path} is damaged or sealed under another key: remove it, and ask the bank for a new enrolment string"
        ) from None
    return opened[:_HASH], opened[_HASH:]


def _parts(data: bytes) -> tuple[bytes, bytes, bytes]:
    return data[:_SALT], data[_SALT : _SALT + _NONCE], data[_SALT + _NONCE :]


def _digest(text: str) -> bytes:
    """Of what the string says, so that blanks and capitals do not matter."""
    said = enrolment.parse(text)
    return hashlib.sha256(said.ca_hash + said.token + said.address.encode()).digest()
