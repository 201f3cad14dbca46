"""Where a simulated card goes in: the stick's slot, the contactless reader's antenna, or a card that stays in its place.

All look alike to the hand: `insert` a card file, `pull` it, and its file has what was written to it.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from bank_link.card_file import SIZE
from drivers.devices import DeviceError, Fault
from drivers.simulated.faults import FaultMenu
from drivers.simulated.line import VirtualWire
from drivers.simulated.ntag import PAGE, Ntag21x
from drivers.simulated.pn532 import ElectricPn532
from drivers.stick_files import DirectoryStick, FileFacts, StickFile


class Slot(Protocol):
    """The customer's side of a card reader. Raises DeviceError (MEDIA)."""

    @property
    def card(self) -> Path | None:
        """Where the card that is in belongs; None without one."""

    def insert(self, card: Path) -> None: ...

    def pull(self) -> Path | None:
        """Pull the card, whatever is under way; None where none was in."""


class Antenna(FaultMenu):
    """A `Slot` of the contactless reader. What is written to the tag is in the card's file at once."""

    faults: ClassVar[Mapping[str, str]] = {
        "unplugged": "The reader's cable is pulled.",
        "dead": "The reader has no power.",
    }

    def __init__(self, baud: int) -> None:
        super().__init__()
        self.wire = VirtualWire(baud=baud, name="simulated card reader")
        self.chip = ElectricPn532.on(self.wire)
        self._tag: _KeptTag | None = None

    def _fault_changed(self, name: str) -> None:
        if name == "dead":
            self.chip.faults.dead = self._has("dead")
        elif self._has("unplugged"):
            self.wire.cut()
        else:
            self.wire.plug()

    @property
    def card(self) -> Path | None:
        return self._tag.path if self._tag is not None else None

    def insert(self, card: Path) -> None:
        if self._tag is not None:
            raise _refused("There is a card on the reader; take it first.")
        self._tag = _KeptTag.of(card.resolve())
        self.chip.place(self._tag)

    def pull(self) -> Path | None:
        tag, self._tag = self._tag, None
        if tag is None:
            return None
        self.chip.take(tag)
        return tag.path


@dataclass
class _KeptTag(Ntag21x):
    """A tag whose user memory is a card file, written through page by page."""

    path: Path = Path()

    @classmethod
    def of(cls, path: Path) -> _KeptTag:
        content = _card_bytes(path)
        # One UID a card, so that the reader notices another one.
        uid = b"\x04" + content[8:14]
        tag = cls(uid=uid, path=path)
        tag.user = content
        return tag

    def _write(self, page: int, four: bytes) -> None:
        super()._write(page, four)
        begin = PAGE * page - PAGE * 4
        if 0 <= begin < SIZE:
            with self.path.open("r+b") as file:
                file.seek(begin)
                file.write(self.user[begin : begin + PAGE])
                file.flush()
                os.fsync(file.fileno())


class CardInPlace:
    """A `Slot`, and the stick of `drivers.stick_files` in it: the card's file stays where it is and is written there.

    While it is in, the file is locked: another machine on this computer finds it in use.
    """

    def __init__(self, file_name: str) -> None:
        self._file_name = file_name
        self._path: Path | None = None
        self._lock: int | None = None

    @property
    def card(self) -> Path | None:
        return self._path

    def insert(self, card: Path) -> None:
        if self._path is not None:
            raise _refused("There is a card in the slot; pull it first.")
        card = card.resolve()
        _card_bytes(card)
        try:
            self._lock = os.open(card, os.O_RDWR | os.O_CLOEXEC)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._unlock()
            raise _refused(f"The card {card} is in another machine.") from None
        except OSError as error:
            raise _refused(f"The card {card} cannot be written: {error.strerror}.") from error
        self._path = card

    def pull(self) -> Path | None:
        card, self._path = self._path, None
        self._unlock()
        return card

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    # ---- drivers.stick_files.StickFiles ----

    def check_place(self) -> None:
        """A card can always come."""

    def probe(self) -> object | None:
        return self._path

    def facts(self, name: str) -> FileFacts:
        stick, file = self._inside(name)
        return stick.facts(file)

    def create(self, name: str) -> StickFile:
        """What is put in here is always a card already: nothing is ever made beside it."""
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)

    def sync(self) -> None:
        """Nothing is made here that could be lost."""

    def open(self, name: str, *, writable: bool) -> StickFile:
        stick, file = self._inside(name)
        return stick.open(file, writable=writable)

    def _inside(self, name: str) -> tuple[DirectoryStick, str]:
        if self._path is None or name != self._file_name:
            raise FileNotFoundError(2, "No such file", name)
        return DirectoryStick(self._path.parent, is_mount=False), self._path.name


def _card_bytes(card: Path) -> bytes:
    try:
        content = card.read_bytes() if card.stat().st_size == SIZE else b""
    except OSError as error:
        raise _refused(f"The card file {card} cannot be read: {error.strerror}.") from error
    if not content:
        raise _refused(f"{card} is no card: a card file has {SIZE} bytes, not {card.stat().st_size}.")
    return content


def _refused(sentence: str) -> DeviceError:
    return DeviceError("card slot", Fault.MEDIA, sentence)
