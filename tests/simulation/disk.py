"""The simulated disk under SQLite: what is durable, what was only written, and what a power cut makes of the difference."""

# ruff: noqa: N802, N815 - the names that begin with x are SQLite's

from __future__ import annotations

import operator
import random
from collections.abc import Callable
from typing import Any

import apsw
from simulation.medium import File, Folder

#: A lying card still writes what it holds back, in its own time: this many writes of a file wait at most.
_HELD_BACK = 4096
#: The Julian day of every simulated disk's clock, in milliseconds.
_NOW = 212_000_000_000_000
_POWER_SAFE: int = apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE
_SYNC_KEEPS_NAME: int = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL | apsw.SQLITE_OPEN_WAL
_NOT_NEEDED = {
    "xDlOpen", "xDlError", "xDlSym", "xDlClose", "xGetLastError", "xSetSystemCall", "xGetSystemCall", "xNextSystemCall",
}  # fmt: skip


class PowerCut(BaseException):
    """The power of one machine went off: nothing of it has an effect any more."""


# ── What SQLite sees ────────────────────────────────────────────────────────────────────────────────────────────────


class _Handle:
    """An open file of a living machine."""

    __slots__ = ("disk", "file", "keeps_name", "machine", "name", "syncs", "truncates", "writes")

    def __init__(self, machine: _Machine, name: str, file: File, *, keeps_name: bool = False) -> None:
        self.machine = machine
        self.disk = machine.disk
        self.file = file
        self.name = name
        #: Its next sync is the directory's too: so SQLite's own VFS does with journals and WALs that it opened.
        self.keeps_name = keeps_name
        self.writes, self.syncs, self.truncates = f"write {name}", f"sync {name}", f"truncate {name}"

    def xRead(self, length: int, at: int) -> bytes | bytearray:
        return self.file.content[at : at + length]

    def xWrite(self, data: bytes, at: int) -> None:
        disk = self.disk
        disk.flight = (self.name, at, data)
        try:
            disk.effect(self.writes)
        except PowerCut:
            disk.ended(self.machine)
            raise
        finally:
            disk.flight = None
        if disk.full and at + len(data) > len(self.file.content):
            raise apsw.FullError("the simulated disk is full")
        disk.writes += 1
        self.file.write(at, data)

    def xTruncate(self, size: int) -> None:
        self.machine.effect(self.truncates)
        self.file.truncate(size)

    def xSync(self, _flags: int) -> None:
        self.machine.effect(self.syncs)
        disk = self.disk
        disk.syncs += 1
        if disk.lies:
            _write_behind(self.file, self.machine.folder)
            return
        self.file.pending.clear()
        if self.keeps_name:
            self.keeps_name = False
            self.machine.folder.moves.clear()

    def xFileSize(self) -> int:
        return len(self.file.content)

    def xLock(self, _level: int) -> None:
        # Who only reads holds an EXCLUSIVE-mode database as firmly as who writes.
        holder = self.file.holder
        if holder is not self:
            if holder is not None:
                raise apsw.BusyError("another connection has it")
            self.file.holder = self

    def xUnlock(self, level: int) -> None:
        if level == apsw.SQLITE_LOCK_NONE and self.file.holder is self:
            self.file.holder = None

    def xCheckReservedLock(self) -> bool:
        return self.file.holder not in (None, self)

    #: "No" to each: an operation's number is never its argument's address. SQLite asks with every statement.
    xFileControl = operator.is_

    def xSectorSize(self) -> int:
        return 4096

    def xDeviceCharacteristics(self) -> int:
        return _POWER_SAFE

    def xClose(self) -> None:
        self.xUnlock(apsw.SQLITE_LOCK_NONE)
        self.machine.handles.discard(self)


class _Ghost(_Handle):
    """An open file of a dead machine, or one without a name: it works, on bytes that nobody else will ever see."""

    __slots__ = ()

    def xWrite(self, data: bytes, at: int) -> None:
        self.file.write(at, data)
        self.file.pending.clear()

    def xTruncate(self, size: int) -> None:
        self.file.truncate(size)

    def xSync(self, _flags: int) -> None:
        """Nothing of it is durable."""

    def xLock(self, _level: int) -> None:
        # Spares a dead connection the checkpoint that it would do when it is closed.
        raise apsw.BusyError("the power is off")

    def xClose(self) -> None:
        """Nobody waits for it."""


class _Machine(apsw.VFS):
    """What one machine, from one start to its end, has of the disk; after its end, a copy of its own."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.dead = False
        self.folder = disk.folder
        self.handles: set[_Handle] = set()
        super().__init__(disk.vfs, exclude=_NOT_NEEDED)

    def effect(self, what: str) -> None:
        if self.dead:
            return
        try:
            self.disk.effect(what)
        except PowerCut:
            self.disk.ended(self)
            raise

    def bury(self) -> None:
        self.dead = True
        for handle in self.handles:
            handle.__class__ = _Ghost
        self.handles.clear()

    def xOpen(self, name: Any, flags: list[int]) -> Any:
        asked = flags[1] = flags[0]
        if name is None or asked & apsw.SQLITE_OPEN_DELETEONCLOSE:
            return _Ghost(self, "temporary", File())
        place = _base(name.filename() if isinstance(name, apsw.URIFilename) else name)
        file = self.folder.files.get(place)
        if file is None:
            if not asked & apsw.SQLITE_OPEN_CREATE:
                raise apsw.CantOpenError(f"{place} does not exist")
            file = File()
            self.folder.move(place, file)
        if self.dead:
            return _Ghost(self, place, file)
        handle = _Handle(self, place, file, keeps_name=bool(asked & _SYNC_KEEPS_NAME))
        self.handles.add(handle)
        return handle

    def xDelete(self, filename: str, syncdir: bool) -> None:
        name = _base(filename)
        self.effect(f"delete {name}")
        if name not in self.folder.files:
            raise apsw.exception_for(apsw.SQLITE_IOERR_DELETE_NOENT)
        self.folder.move(name, None)
        if syncdir and not self.disk.lies:
            self.folder.moves.clear()

    def xAccess(self, pathname: str, flags: int) -> bool:
        file = self.folder.files.get(_base(pathname))
        # As SQLite's own VFS: an empty file is none.
        return file is not None and (flags != apsw.SQLITE_ACCESS_EXISTS or len(file.content) > 0)

    def xFullPathname(self, name: str) -> str:
        return name

    def xRandomness(self, numbytes: int) -> bytes:
        return self.disk.random.randbytes(numbytes)

    def xCurrentTime(self) -> float:
        return _NOW / 86_400_000

    def xCurrentTimeInt64(self) -> int:
        return _NOW

    def xSleep(self, microseconds: int) -> int:
        return microseconds


def _base(path: str) -> str:
    return path.rpartition("/")[2]


def _write_behind(file: File, folder: Folder) -> None:
    """What a lying card holds back is bounded."""
    if len(file.pending) > _HELD_BACK:
        del file.pending[: _HELD_BACK // 2]
        folder.moves.clear()


# ── The disk ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Disk:
    """The files of one machine as its SQLite sees them: what is durable, and what was written since the last sync.

    `effect(what)` is called before every write, sync, truncation and deletion ("write journal.sqlite-wal"). It may
    raise PowerCut, and may call `cut` or `kill` before it does: a write that is cut off so is torn at sector
    boundaries. An apsw error that it raises is what the disk answers instead. One difference from SQLite's own files:
    an error of the checkpoint that follows a commit, which SQLite passes over, comes out of that commit through apsw.

    From the moment of PowerCut, `cut`, `kill` or `replace`, the connections that were open then live on in a copy of
    their own: whatever they still do succeeds, and nobody ever sees it. Hold them until then: one that nobody holds any
    more is closed in good order, as in life.

    One directory: names are file names without their path. One connection a file. Files are opened by giving `vfs` to
    `Journal.open` or `Store.open`; the name stays the same for the disk's life. SQLite has one random generator a
    process, which a new disk seeds from `random`, so that the same seed gives the same bytes.
    """

    def __init__(self, random: random.Random, effect: Callable[[str], None] = lambda _: None) -> None:
        self.random = random
        self.effect = effect
        self.vfs = f"disk-{id(self):x}"
        self.lies = False
        self.full = False
        self.dead = False
        self.syncs = 0
        self.writes = 0
        self.flight: tuple[str, int, bytes] | None = None
        self.folder = Folder()
        self.machine = _Machine(self)
        seed_sqlite(random)

    # ── The machine's end ───────────────────────────────────────────────────────────────────────────────────────────

    def cut(self) -> None:
        """The power is off: of each pending change a part is there, lost or garbage, as `random` has it."""
        self._stop()
        self.folder.lose_power(self.random)
        self._start()

    def kill(self) -> None:
        """The process is gone, the machine runs on: what was written stays written, and pending."""
        self._stop()
        self._start()

    def ended(self, machine: _Machine) -> None:
        """PowerCut came out of `effect`; where that has cut or killed already, there is nothing left to stop."""
        if self.machine is machine:
            self._stop()
            self.dead = True

    def _stop(self) -> None:
        """The old machine keeps what it has; the disk goes on with a copy, in which a write at hand is torn."""
        if self.dead:
            return
        if self.machine.handles:
            self.folder = self.folder.copy()
        else:
            self.machine.folder = Folder()
        self.machine.bury()
        flight, self.flight = self.flight, None
        if flight is not None and flight[0] in self.folder.files:
            self.folder.files[flight[0]].tear(*flight[1:], self.random)

    def _start(self) -> None:
        self.machine.unregister()
        self.machine = _Machine(self)
        self.dead = False

    # ── The medium ──────────────────────────────────────────────────────────────────────────────────────────────────

    def copy(self) -> dict[str, bytes]:
        """All files as a reader sees them now: a backup made beside the running process."""
        return {name: bytes(file.content) for name, file in self.folder.files.items()}

    def replace(self, files: dict[str, bytes]) -> None:
        """The disk is swapped for one with these files, all of them durable."""
        self._stop()
        self.folder = Folder()
        self.folder.files = {_base(name): File(content) for name, content in files.items()}
        self._start()

    def flip(self, name: str, at: int) -> None:
        """One bit of the byte at `at` turns over. Raises KeyError, IndexError."""
        self.folder.files[name].flip(at, 1 << self.random.randrange(8))

    def names(self) -> list[str]:
        return sorted(self.folder.files)

    def size(self, name: str) -> int:
        """In bytes. Raises KeyError."""
        return len(self.folder.files[name].content)

    def fork(self, random: random.Random, effect: Callable[[str], None] = lambda _: None) -> Disk:
        """Another disk in the same state, pending writes and all: to try what a cut here and now would do."""
        other = Disk(random, effect)
        other.lies, other.full, other.flight = self.lies, self.full, self.flight
        other.folder = other.machine.folder = self.folder.copy()
        return other

    def close(self) -> None:
        """No connection can be made any more; those that are open become harmless."""
        self._stop()
        self.machine.unregister()
        self.dead = True


class _Seed(apsw.VFS):
    """The default VFS for as long as SQLite asks it for its seed."""

    def __init__(self, name: str, chance: random.Random) -> None:
        self._bytes = chance.randbytes
        super().__init__(name, base="", makedefault=True)

    def xRandomness(self, numbytes: int) -> bytes:
        return self._bytes(numbytes)


def seed_sqlite(chance: random.Random) -> None:
    """Begin SQLite's random numbers (a WAL's salts) anew; it has one generator for the whole process."""
    apsw.randomness(0)
    seed = _Seed("seed", chance)
    apsw.randomness(1)
    seed.unregister()
