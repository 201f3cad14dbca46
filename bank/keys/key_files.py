"""The files of a key directory: how they are written, and how a missing, damaged, foreign or open one is told."""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
from pathlib import Path
from typing import TypeVar

import msgspec

from bank.keys.errors import KeyRingError

T = TypeVar("T")

FORMAT = "atm-bank key 1"
KEY_BYTES = 32
#: Each has a file `<purpose>-<version>.key`. Old versions stay: what they made must still be readable.
PURPOSES = ("ca", "slip", "pin", "pvv", "card", "wrap", "audit", "challenge")
_MOST_BYTES = 65_536
_RESTORE = "restore it from the backup of the keys"


class KeyFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One secret key of a ring. `check` finds damage; `ring` finds a key that was copied in from another bank."""

    format: str
    ring: str
    purpose: str
    version: int
    key: bytes
    check: bytes

    def __repr__(self) -> str:
        return f"<KeyFile {self.purpose}-{self.version} of ring {self.ring}>"


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the ring holds: the newest version of each purpose, and which CA signs now."""

    format: str
    ring: str
    bank: str
    hosts: tuple[str, ...]
    newest: dict[str, int]
    ca: int


def write_key(directory: Path, *, ring: str, purpose: str, version: int, key: bytes) -> None:
    """Write `purpose`-`version`.key. Raises KeyRingError where the disk refuses."""
    check = _check(ring, purpose, version, key)
    content = KeyFile(format=FORMAT, ring=ring, purpose=purpose, version=version, key=key, check=check)
    write_private(directory / f"{purpose}-{version}.key", msgspec.json.encode(content) + b"\n")


def read_key(directory: Path, *, ring: str, purpose: str, version: int) -> bytes:
    """The 32 bytes of `purpose`-`version`.key. Raises KeyRingError."""
    path = directory / f"{purpose}-{version}.key"
    found = _decoded(path, KeyFile)
    if found.format != FORMAT:
        raise KeyRingError(f"{path} has a format of another program version; {_RESTORE}")
    if found.ring != ring:
        raise KeyRingError(f"{path} belongs to another bank's keys; {_RESTORE}")
    expected = _check(found.ring, found.purpose, found.version, found.key)
    if len(found.key) != KEY_BYTES or not hmac.compare_digest(found.check, expected):
        raise KeyRingError(f"{path} is damaged; {_RESTORE}")
    if (found.purpose, found.version) != (purpose, version):
        raise KeyRingError(f"{path} holds the key {found.purpose}-{found.version} under a wrong name; {_RESTORE}")
    return found.key


def write_manifest(directory: Path, manifest: Manifest) -> None:
    write_private(directory / "ring.json", msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")


def read_manifest(directory: Path) -> Manifest:
    """Raises KeyRingError."""
    path = directory / "ring.json"
    found = _decoded(path, Manifest)
    if found.format != FORMAT:
        raise KeyRingError(f"{path} has a format of another program version; {_RESTORE}")
    if not 1 <= found.ca <= found.newest.get("ca", 0):
        raise KeyRingError(f"{path} is damaged; {_RESTORE}")
    return found


def check_directory(directory: Path) -> None:
    """Raises KeyRingError where it is missing, no directory, or open to others."""
    try:
        mode = directory.stat().st_mode
    except OSError as error:
        raise KeyRingError(f"the key directory {directory} cannot be read: {error.strerror}; {_RESTORE}") from error
    if not stat.S_ISDIR(mode):
        raise KeyRingError(f"{directory} is no directory; keys lie in a directory of their own")
    if mode & 0o077:
        raise KeyRingError(f"the key directory {directory} is open to others; run: chmod 700 {directory}")


def read_private(path: Path) -> bytes:
    """The content of a regular file that only its owner may read. Raises KeyRingError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise KeyRingError(f"{path} is missing; {_RESTORE}") from error
    except OSError as error:
        raise KeyRingError(f"{path} cannot be read: {error.strerror}; check its owner and rights") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST_BYTES:
            raise KeyRingError(f"{path} is no key file; {_RESTORE}")
        if status.st_mode & 0o077:
            raise KeyRingError(f"{path} is open to others; run: chmod 600 {path}")
        return os.read(descriptor, _MOST_BYTES)
    finally:
        os.close(descriptor)


def write_private(path: Path, content: bytes) -> None:
    """Replace the file as a whole (mode 0600), on disk before this returns. Raises KeyRingError."""
    temporary = path.with_name(f".{path.name}.new")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        temporary.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise KeyRingError(f"{path} cannot be written: {error.strerror}; check the disk and the rights") from error


def sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _decoded(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(read_private(path), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        # msgspec's text may quote the content.
        raise KeyRingError(f"{path} is damaged; {_RESTORE}") from error


def _check(ring: str, purpose: str, version: int, key: bytes) -> bytes:
    return hashlib.sha256(f"{FORMAT}|{ring}|{purpose}|{version}|".encode() + key).digest()[:16]
