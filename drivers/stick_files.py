"""The files of a stick that may vanish at any moment: the seam, and its production side on a mounted directory."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What fstat says of a file, as far as it is asked for."""

    device: int
    inode: int
    size: int
    links: int
    regular: bool

    def is_same_file(self, other: FileFacts) -> bool:
        return (self.device, self.inode) == (other.device, other.inode)


class StickFile(Protocol):
    """One open file. Everything raises OSError, as the system does."""

    def facts(self) -> FileFacts: ...

    def pread(self, count: int, offset: int) -> bytes: ...

    def pwrite(self, data: bytes, offset: int) -> int:
        """How many bytes were written, perhaps fewer than given."""

    def fsync(self) -> None: ...

    def drop_cache(self) -> None:
        """Let the next read come from the stick, not from memory."""

    def close(self) -> None: ...


class StickFiles(Protocol):
    """The slot: the place where a stick appears. Everything raises OSError, as the system does."""

    def check_place(self) -> None:
        """Raise where no stick can ever appear, because what should hold the place is missing."""

    def probe(self) -> object | None:
        """Something that is equal as long as the same stick is in; None without one. Must not touch the stick itself.

        Raises NotADirectoryError where something other than a directory lies in the place.
        """

    def facts(self, name: str) -> FileFacts:
        """Of a file in the stick's top folder, without opening it or following a link."""

    def open(self, name: str, *, writable: bool) -> StickFile:
        """Open a file in the stick's top folder. Never follows a link, waits for nobody, creates nothing."""

    def create(self, name: str) -> StickFile:
        """Make a file in the stick's top folder where nothing has that name, and open it."""

    def sync(self) -> None:
        """The folder is on the stick: a file that was made stays."""


class DirectoryStick:
    """A stick as a directory. `is_mount`: the directory stays and a stick is in while something is mounted on it;
    else the directory itself comes and goes, as in the simulator.
    """

    def __init__(self, path: Path, *, is_mount: bool) -> None:
        self._path = path
        self._is_mount = is_mount

    def __repr__(self) -> str:
        return f"DirectoryStick({str(self._path)!r}, is_mount={self._is_mount})"

    def check_place(self) -> None:
        os.close(os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))

    def probe(self) -> object | None:
        try:
            here = self._path.lstat()
        except OSError:
            return None
        if not stat.S_ISDIR(here.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, "Not a directory", str(self._path))
        return (here.st_dev, here.st_ino) if self._is_stick(here) else None

    def facts(self, name: str) -> FileFacts:
        with self._folder() as folder:
            return _facts(os.stat(name, dir_fd=folder, follow_symlinks=False))

    def open(self, name: str, *, writable: bool) -> StickFile:
        mode = os.O_RDWR if writable else os.O_RDONLY
        with self._folder() as folder:
            return _OpenFile(os.open(name, mode | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=folder))

    def create(self, name: str) -> StickFile:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with self._folder() as folder:
            return _OpenFile(os.open(name, flags, 0o600, dir_fd=folder))

    def sync(self) -> None:
        with self._folder() as folder:
            os.fsync(folder)

    @contextlib.contextmanager
    def _folder(self) -> Iterator[int]:
        folder = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if not self._is_stick(os.fstat(folder)):
                raise FileNotFoundError(errno.ENOENT, "No stick is mounted", str(self._path))
            yield folder
        finally:
            os.close(folder)

    def _is_stick(self, here: os.stat_result) -> bool:
        return not self._is_mount or here.st_dev != self._path.parent.stat().st_dev


class _OpenFile:
    def __init__(self, number: int) -> None:
        self._number = number

    def facts(self) -> FileFacts:
        return _facts(os.fstat(self._number))

    def pread(self, count: int, offset: int) -> bytes:
        return os.pread(self._number, count, offset)

    def pwrite(self, data: bytes, offset: int) -> int:
        return os.pwrite(self._number, data, offset)

    def fsync(self) -> None:
        os.fsync(self._number)

    def drop_cache(self) -> None:
        os.posix_fadvise(self._number, 0, 0, os.POSIX_FADV_DONTNEED)

    def close(self) -> None:
        os.close(self._number)


def _facts(found: os.stat_result) -> FileFacts:
    return FileFacts(found.st_dev, found.st_ino, found.st_size, found.st_nlink, stat.S_ISREG(found.st_mode))
