"""The auth file of a till: a terminal's, without a seal."""

from __future__ import annotations

from pathlib import Path

from bank_link import auth_file
from bank_link.auth_secret import Secret
from bank_link.errors import AuthFileError
from bank_link.identity import Identity
from bank_link.till.small_file import read_small, words


def read(name: str, now_ms: int) -> Identity:
    """The identity in it; `now_ms` is the wall clock, for the certificate. Raises AuthFileError.

    Unlike a kiosk's it may have any owner and rights: the rules have it carried to another user.
    """
    try:
        data = read_small(name, auth_file.MOST_BYTES)
    except OSError as error:
        raise AuthFileError(f"the auth file {name} cannot be read: {words(error)}") from None
    return auth_file.parse(data, Path(name), Secret.none(), now_ms)
