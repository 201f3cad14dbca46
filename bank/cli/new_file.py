"""A file that only its owner may read, made where nothing was: its room is taken before anything depends on it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from bank.cli.failures import Failed

_ROOM = 256


class NewFile:
    """Made at once, so that a command that cannot keep its result is not carried out. Raises Failed.

    Then either `write` or `remove`.
    """

    def __init__(self, path: Path, what: str) -> None:
        self.path = path
        self._what = what
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            self._descriptor = os.open(path, flags, 0o600)
        except FileExistsError:
            raise Failed(f"{path} is there already; a {what} never overwrites anything") from None
        except OSError as error:
            raise Failed(f"the {what} {path} cannot be made: {_words(error)}") from None
        try:
            os.pwrite(self._descriptor, bytes(_ROOM), 0)
            os.fsync(self._descriptor)
        except OSError as error:
            self.remove()
            raise Failed(f"the {what} {path} cannot be written: {_words(error)}") from None

    def write(self, data: bytes) -> None:
        """Put `data` there for good. Raises Failed."""
        try:
            os.pwrite(self._descriptor, data, 0)
            os.ftruncate(self._descriptor, len(data))
            os.fsync(self._descriptor)
            os.close(self._descriptor)
            _sync_folder(self.path.parent)
        except OSError as error:
            raise Failed(
                f"the {self._what} {self.path} could not be written ({_words(error)}) although the command took effect"
            ) from None

    def remove(self) -> None:
        """The command was not carried out: there is nothing to keep."""
        with suppress(OSError):
            os.close(self._descriptor)
        with suppress(OSError):
            self.path.unlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _words(error: OSError) -> str:
    return (error.strerror or "it failed").lower()
