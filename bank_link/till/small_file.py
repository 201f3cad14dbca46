"""Small files of the current directory, which may be anybody's and may be anything."""

from __future__ import annotations

import errno
import os
import stat


def read_small(name: str, most_bytes: int) -> bytes:
    """Its bytes. Raises OSError where it cannot be read, is no regular file, or is larger than `most_bytes`."""
    # O_NONBLOCK: opening a pipe must not wait for whoever writes into it.
    handle = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        with open(handle, "rb", closefd=False) as file:
            data = file.read(most_bytes + 1)
    finally:
        os.close(handle)
    if len(data) > most_bytes:
        raise OSError(errno.EFBIG, "too large to be one")
    return data


def words(error: OSError) -> str:
    """The system's reason, without the file's name."""
    return (error.strerror or type(error).__name__).lower()
