"""The card of a till: a file that only an opening makes, and that nothing changes."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from types import TracebackType
from typing import Self

from bank_link import card_file
from bank_link.card_file import CardFile
from bank_link.errors import CardFileError
from bank_link.till.small_file import read_small, words

#: What the system answers where it, or the file system, has no files without a name.
_NO_TMPFILE = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL)
#: Where a file without a name cannot get one: no /proc, or not on this file system.
_NO_LINK = (errno.ENOENT, errno.EXDEV, errno.EACCES, errno.EPERM, errno.EOPNOTSUPP, errno.EINVAL)


def read(name: str) -> CardFile:
    """The card in the file. Raises CardFileError, without the file's name: it may be the account's."""
    try:
        data = read_small(name, card_file.SIZE)
    except OSError as error:
        raise CardFileError(f"the card file cannot be read: {words(error)}") from None
    return card_file.parse(data)


class NewCard:
    """Room for a card file that does not exist yet; use it as a context manager, before the bank is asked.

    The file has no name before `keep`, so whatever ends the program before leaves nothing behind. Raises CardFileError
    where the name is taken, or where the directory would not take the file.
    """

    def __init__(self, name: str) -> None:
        if os.path.lexists(name):
            raise CardFileError("there is a card file of that name already")
        self._name = name
        self._folder = -1
        self._nameless: int | None = None
        try:
            self._folder = _here()
            self._nameless = _nameless(self._folder)
        except OSError as error:
            self.close()
            raise CardFileError(f"no card file can be made here: {words(error)}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """May be called twice. What was not kept is gone."""
        for handle in (self._nameless, self._folder):
            if handle is not None and handle >= 0:
                os.close(handle)
        self._nameless, self._folder = None, -1

    def keep(self, data: bytes) -> None:
        """The card is there now, whole and for good. Raises CardFileError; then no part of it is."""
        try:
            if not self._linked(data):
                self._written(data)
        except FileExistsError:
            raise CardFileError("another file has taken the card file's name meanwhile") from None
        except OSError as error:
            raise CardFileError(f"the card file cannot be written: {words(error)}") from None
        # It is there; whether the file system makes sure of its name at once is the file system's affair.
        with suppress(OSError):
            os.fsync(self._folder)

    def _linked(self, data: bytes) -> bool:
        if self._nameless is None:
            return False
        _fill(self._nameless, data)
        try:
            # Only with a directory's handle does Python have the link in /proc followed.
            os.link(f"/proc/self/fd/{self._nameless}", self._name, dst_dir_fd=self._folder)
        except OSError as error:
            if error.errno in _NO_LINK:
                return False
            raise
        return True

    def _written(self, data: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(self._name, flags, 0o600, dir_fd=self._folder)
        try:
            _fill(handle, data)
        except OSError:
            with suppress(OSError):
                os.unlink(self._name, dir_fd=self._folder)
            raise
        finally:
            os.close(handle)


def _here() -> int:
    """This directory, also where files can be made in it and not listed. Raises OSError."""
    try:
        return os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        return os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


def _nameless(folder: int) -> int | None:
    """A file without a name and with room for a card, or None where there are no such files. Raises OSError."""
    try:
        handle = os.open(".", os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600, dir_fd=folder)
    except OSError as error:
        if error.errno not in _NO_TMPFILE:
            raise
        if not os.access(".", os.W_OK | os.X_OK, dir_fd=folder, effective_ids=True):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES)) from None
        return None
    try:
        try:
            os.posix_fallocate(handle, 0, card_file.SIZE)
        except OSError as error:
            if error.errno not in _NO_TMPFILE:
                raise
            os.write(handle, bytes(card_file.SIZE))
            os.lseek(handle, 0, os.SEEK_SET)
    except OSError:
        os.close(handle)
        raise
    return handle


def _fill(handle: int, data: bytes) -> None:
    os.fchmod(handle, 0o600)
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]
    os.ftruncate(handle, len(data))
    os.fsync(handle)
