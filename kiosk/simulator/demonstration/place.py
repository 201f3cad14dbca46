"""The demonstration's folder: made anew at each run, and removed only where it is ours and nobody is in it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from kiosk.exit_codes import CommandError, StateError

MARKER = ".atm-demo"
_SAYS = "Made by `atm-kiosk simulate --demo`, which removes this folder when it is run again.\n"


@contextlib.contextmanager
def fresh(folder: Path) -> Iterator[Path]:
    """An empty `folder`. Raises CommandError where something else lies there or another demonstration runs, StateError."""
    marker = folder / MARKER
    if folder.is_symlink() or (folder.exists() and not marker.is_file() and not _is_empty(folder)):
        raise CommandError(f"{folder} is there and is not a demonstration's; move it away, or start elsewhere")
    try:
        if marker.exists():
            _remove(folder, marker)
        folder.mkdir(mode=0o700, exist_ok=True)
        lock = _locked(marker)
    except OSError as error:
        raise StateError(f"{folder} cannot be made anew: {error.strerror}") from error
    try:
        yield folder
    finally:
        os.close(lock)


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())


def _remove(folder: Path, marker: Path) -> None:
    lock = _locked(marker)
    try:
        shutil.rmtree(folder)
    finally:
        os.close(lock)


def _locked(marker: Path) -> int:
    """The marker, held while a demonstration runs; the system lets go of it whatever happens."""
    handle = os.open(marker, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise CommandError(f"a demonstration is running in {marker.parent}; end that one first") from None
    if os.fstat(handle).st_size == 0:
        os.write(handle, _SAYS.encode())
    return handle
