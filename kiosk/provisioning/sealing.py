"""The secret that a terminal's auth file is sealed under, as its configuration names it."""

from __future__ import annotations

from pathlib import Path

from bank_link.auth_secret import Secret, make_key_file
from bank_link.errors import AuthFileError
from bank_link.private_file import read_private
from bank_link.seams import Randomness

_MOST_PASSPHRASE_BYTES = 4_096


def read_secret(key_file: Path | None, passphrase_file: Path | None) -> Secret:
    """From whichever is named; a passphrase is the file's first line. Raises AuthFileError."""
    if passphrase_file is None:
        assert key_file is not None
        return Secret.from_key_file(key_file)
    data = read_private(passphrase_file, "passphrase file", most_bytes=_MOST_PASSPHRASE_BYTES)
    return Secret.from_passphrase(data.decode("utf-8", "surrogateescape").partition("\n")[0].rstrip("\r"))


def read_or_make_secret(key_file: Path | None, passphrase_file: Path | None, random: Randomness) -> tuple[Secret, bool]:
    """The secret, and whether a key file was made for it (0600, 32 random bytes). Raises AuthFileError.

    A passphrase is never made up: its file must be there.
    """
    if key_file is not None and not key_file.is_symlink() and not key_file.exists():
        return make_key_file(key_file, random), True
    return read_secret(key_file, passphrase_file), False


__all__ = ["AuthFileError", "read_or_make_secret", "read_secret"]
