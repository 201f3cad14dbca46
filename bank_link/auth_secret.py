"""What the auth file is sealed under: a passphrase, or the 32 bytes of a key file."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from bank_link.errors import AuthFileError
from bank_link.keys import derive
from bank_link.private_file import read_private, write_private
from bank_link.seams import Randomness

KEY_FILE_BYTES = 32
SHORTEST_PASSPHRASE = 8

#: scrypt of version 1 of the file: 32 MiB, about a tenth of a second.
_N, _R, _P = 2**15, 8, 1


@dataclass(frozen=True, slots=True)
class SealKeys:
    """`check` may be seen; `box` is the seal's key; `pem` the password of the key inside."""

    check: bytes
    box: bytes = field(repr=False)
    pem: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Secret:
    """Made by one of its class methods. `kind` is "passphrase", "key-file", or "none"."""

    kind: str
    _material: bytes = field(repr=False)

    @classmethod
    def from_passphrase(cls, text: str) -> Secret:
        """Raises AuthFileError for fewer than eight characters. Typed differently, the same letters are the same."""
        if len(text) < SHORTEST_PASSPHRASE:
            raise AuthFileError(f"a passphrase has at least {SHORTEST_PASSPHRASE} characters")
        return cls("passphrase", unicodedata.normalize("NFC", text).encode("utf-8", "surrogateescape"))

    @classmethod
    def from_key_file(cls, path: Path) -> Secret:
        """The bytes of a key file. Raises AuthFileError where it cannot be used, as for the auth file itself."""
        data = read_private(path, "key file", most_bytes=4096)
        if len(data) != KEY_FILE_BYTES:
            raise AuthFileError(f"the key file {path} has {len(data)} bytes; a key file has {KEY_FILE_BYTES}")
        return cls("key-file", data)

    @classmethod
    def none(cls) -> Secret:
        """No secret at all: whoever can read the file has what is in it. For a till, whose rules know no passphrase."""
        return cls("none", b"")

    def keys(self, salt: bytes) -> SealKeys:
        """The keys for one salt; slow on purpose for a passphrase."""
        material = self._material
        if self.kind == "passphrase":
            material = Scrypt(salt=salt, length=32, n=_N, r=_R, p=_P).derive(material)
        return SealKeys(
            check=derive(material, b"atm/1 auth file check\n" + salt, 16),
            box=derive(material, b"atm/1 auth file seal\n" + salt, 32),
            pem=derive(material, b"atm/1 auth file key\n" + salt, 32).hex().encode(),
        )


def make_key_file(path: Path, random: Randomness) -> Secret:
    """A new key file, rights 0600. Raises AuthFileError where it cannot be written; never replaces one."""
    if path.exists() or path.is_symlink():
        raise AuthFileError(
            f"there is a file at {path} already: a key file is not replaced, what it seals would be lost"
        )
    write_private(path, "key file", random.token_bytes(KEY_FILE_BYTES))
    return Secret.from_key_file(path)
