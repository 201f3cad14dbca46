"""Files that only their own user may read: read with every check, written so that a power cut leaves old or new."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from bank_link.errors import AuthFileError


def read_private(path: Path, what: str, *, most_bytes: int) -> bytes:
    """The bytes of `path`, called `what` in sentences.

    Raises AuthFileError where it is missing, a link, no regular file, another user's, open to others, or too large.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise AuthFileError(_unopened(path, what, error)) from error
    try:
        _check(os.fstat(handle), path, what, most_bytes)
        return _read_all(handle)
    except OSError as error:
        raise AuthFileError(f"the {what} {path} cannot be read: {_words(error)}") from error
    finally:
        os.close(handle)


def write_private(path: Path, what: str, data: bytes) -> None:
    """Put `data` in place of `path` at once and for good, with rights 0600. Raises AuthFileError."""
    new = path.with_name(path.name + ".new")
    try:
        with suppress(FileNotFoundError):
            new.unlink()
        _write_new(new, data)
        new.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            new.unlink()
        raise AuthFileError(f"the {what} {path} cannot be written: {_words(error)}") from error


def _check(found: os.stat_result, path: Path, what: str, most_bytes: int) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise AuthFileError(f"the {what} {path} is not a regular file")
    if found.st_uid != os.geteuid():
        raise AuthFileError(f"the {what} {path} belongs to another user: give it to the one this program runs as")
    if found.st_mode & 0o077:
        mode = stat.S_IMODE(found.st_mode)
        raise AuthFileError(f"the {what} {path} is open to others (rights {mode:04o}): set them with chmod 600 {path}")
    if found.st_size > most_bytes:
        raise AuthFileError(f"the {what} {path} is too large to be one: {found.st_size} bytes")


def _read_all(handle: int) -> bytes:
    pieces = []
    while piece := os.read(handle, 65_536):
        pieces.append(piece)
    return b"".join(pieces)


def _write_new(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unopened(path: Path, what: str, error: OSError) -> str:
    if error.errno == errno.ENOENT:
        return f"there is no {what} at {path}"
    if error.errno == errno.ELOOP:
        return f"the {what} {path} is a symbolic link: name the file itself"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"the {what} {path} may not be read by this user"
    if error.errno in (errno.ENXIO, errno.ENODEV):
        return f"the {what} {path} is not a regular file"
    return f"the {what} {path} cannot be read: {_words(error)}"


def _words(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
