"""A slot and its sticks in memory: each operation can be the one at which the stick dies, tears, refuses or lies."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NoReturn

from drivers.stick_files import FileFacts, StickFile

OPERATIONS = ("facts", "open", "pread", "pwrite", "fsync", "drop_cache")
#: And those of a file that is made.
MAKING = ("facts", "create", "pwrite", "fsync", "sync", "drop_cache", "pread")


@dataclass
class StickFaults:
    """What may go wrong with a stick."""

    dies_at: int | None = None  # it is pulled at this operation since it was put in (number from 0)
    dies_in: str | None = None  # it is pulled at the next operation of this name
    torn_bytes: int = 0  # when it is pulled, so many of the bytes that were not synced are on the flash
    refuses: dict[str, int] = field(default_factory=dict)  # operation -> errno, e.g. {"pwrite": errno.EROFS}
    short_writes: int | None = None  # the most that one pwrite takes
    lies_about_sync: bool = False  # says that it is written; forgets it when it is pulled
    worn_out: bool = False  # takes writes and keeps the old bytes
    facts: dict[str, int | bool] = field(default_factory=dict)  # what fstat says instead, e.g. {"links": 2}


@dataclass
class SimulatedStick:
    """One stick with at most one file. `content` is what its flash holds: what is left after it was pulled."""

    content: bytes | None
    name: str = "card.atm"
    faults: StickFaults = field(default_factory=StickFaults)
    unsynced: list[tuple[int, bytes]] = field(default_factory=list)  # writes that reads show and the flash lacks

    @property
    def shown(self) -> bytes:
        shown = self.content or b""
        for offset, data in self.unsynced:
            shown = shown[:offset] + data + shown[offset + len(data) :]
        return shown

    def write(self, data: bytes, offset: int) -> None:
        if not self.faults.worn_out:
            self.unsynced.append((offset, data))

    def sync(self) -> None:
        if not self.faults.lies_about_sync:
            self.content, self.unsynced = self.shown, []

    def lose_power(self) -> None:
        """Of what was not synced the first `torn_bytes` reached the flash, the rest is lost."""
        left, kept = self.faults.torn_bytes, []
        for offset, data in self.unsynced:
            kept.append((offset, data[:left]))
            left -= len(kept[-1][1])
        self.unsynced = kept
        if self.content is not None:
            self.content, self.unsynced = self.shown, []


class SimulatedSlot:
    """StickFiles in memory. `before` is told each operation's name first; what it raises happens instead of it."""

    def __init__(self, before: Callable[[str], None] | None = None) -> None:
        self.stick: SimulatedStick | None = None
        self.insertion = 0
        self.operations: list[str] = []  # since the stick was put in
        self.open_files = 0
        self._before = before or (lambda _: None)

    def insert(self, stick: SimulatedStick) -> None:
        if self.stick is not None:
            raise ValueError("There is a stick in the slot.")
        self.stick = stick
        self.insertion += 1
        self.operations = []

    def pull(self) -> None:
        """Pull it, whatever is under way. What was not synced is lost."""
        if self.stick is not None:
            self.stick.lose_power()
            self.stick = None

    def check_place(self) -> None:
        """A slot is always there."""

    def probe(self) -> object | None:
        return None if self.stick is None else self.insertion

    def facts(self, name: str) -> FileFacts:
        return self._facts(self.operate("facts", self.insertion), name)

    def open(self, name: str, *, writable: bool) -> StickFile:
        stick = self.operate("open", self.insertion)
        if writable and "pwrite" in stick.faults.refuses:
            _fail(stick.faults.refuses["pwrite"])
        self._facts(stick, name)
        self.open_files += 1
        return _OpenFile(self, name, self.insertion)

    def create(self, name: str) -> StickFile:
        stick = self.operate("create", self.insertion)
        if stick.content is not None and stick.name == name:
            _fail(errno.EEXIST)
        stick.content, stick.name, stick.unsynced = b"", name, []
        self.open_files += 1
        return _OpenFile(self, name, self.insertion)

    def sync(self) -> None:
        self.operate("sync", self.insertion)

    def operate(self, operation: str, insertion: int, data: bytes = b"", offset: int = 0) -> SimulatedStick:
        """The stick that the operation reaches; OSError where it does not. `data` and `offset` are a write's."""
        self._before(operation)
        stick = self.stick
        if stick is None or insertion != self.insertion:
            _fail(errno.ENOENT if operation in ("facts", "open") else errno.EIO)
        number = len(self.operations)
        self.operations.append(operation)
        if number == stick.faults.dies_at or operation == stick.faults.dies_in:
            stick.write(data, offset)
            self.pull()
            _fail(errno.EIO)
        if operation in stick.faults.refuses:
            _fail(stick.faults.refuses[operation])
        return stick

    def _facts(self, stick: SimulatedStick, name: str) -> FileFacts:
        if stick.content is None or name != stick.name:
            _fail(errno.ENOENT)
        true = FileFacts(device=self.insertion, inode=1, size=len(stick.shown), links=1, regular=True)
        return replace(true, **stick.faults.facts)  # type: ignore[arg-type]  # the menu holds ints and bools by name

    def facts_of(self, insertion: int, name: str) -> FileFacts:
        """What fstat says of an open file."""
        return self._facts(self.operate("facts", insertion), name)


class _OpenFile:
    def __init__(self, slot: SimulatedSlot, name: str, insertion: int) -> None:
        self._slot = slot
        self._name = name
        self._insertion = insertion
        self._open = True

    def facts(self) -> FileFacts:
        return self._slot.facts_of(self._insertion, self._name)

    def pread(self, count: int, offset: int) -> bytes:
        return self._slot.operate("pread", self._insertion).shown[offset : offset + count]

    def pwrite(self, data: bytes, offset: int) -> int:
        stick = self._slot.operate("pwrite", self._insertion, data, offset)
        taken = data[: stick.faults.short_writes]
        stick.write(taken, offset)
        return len(taken)

    def fsync(self) -> None:
        self._slot.operate("fsync", self._insertion).sync()

    def drop_cache(self) -> None:
        self._slot.operate("drop_cache", self._insertion)

    def close(self) -> None:
        if self._open:
            self._open = False
            self._slot.open_files -= 1


def _fail(code: int) -> NoReturn:
    raise OSError(code, os.strerror(code))
