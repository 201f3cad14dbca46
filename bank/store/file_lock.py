"""The lock beside the database file: of two programs that want it, the second is told so at once."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from bank.store.errors import StoreError, in_use


class FileLock:
    """Held from the making of the object until `release`; the system lets go of it when the process dies.

    Raises StoreInUse where another holds it, StoreError where the folder does not allow it.
    """

    def __init__(self, path: Path) -> None:
        name = path.with_name(path.name + ".lock")
        try:
            self._descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise StoreError(
                f"{name} cannot be made: {error.strerror}; check the folder and who may write there"
            ) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            raise in_use(str(path)) from error

    def release(self) -> None:
        """May be called twice. The file stays: to delete a lock that others may be opening lets two hold it."""
        descriptor, self._descriptor = self._descriptor, -1
        with contextlib.suppress(OSError):
            os.close(descriptor)
