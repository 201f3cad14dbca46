"""A card reader for card files on a USB stick, which the system mounts and a customer pulls whenever they like."""

from __future__ import annotations

import asyncio
import contextlib
import errno
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

from drivers.card_mark import is_another_card
from drivers.devices import ONLINE, DeviceError, DeviceReport, DeviceState, Fault
from drivers.presence import Presence
from drivers.stick_files import FileFacts, StickFile, StickFiles

T = TypeVar("T")

_GONE = (Fault.UNPLUGGED, "The stick went away, or it is broken.")
_LINK = (Fault.MEDIA, "{name} on the stick, or the stick's folder, is a link.")
_FORBIDDEN = (Fault.MEDIA, "This user may not open {name} on the stick.")
_FULL = (Fault.WRITE, "The stick is full.")
_EXPLAINED = {
    errno.EIO: _GONE,
    errno.ENOENT: _GONE,
    errno.ENODEV: _GONE,
    errno.ENXIO: _GONE,
    errno.ESTALE: _GONE,
    errno.ENOMEDIUM: _GONE,
    errno.ELOOP: _LINK,
    errno.ENOTDIR: _LINK,
    errno.EROFS: (Fault.MEDIA, "The stick is write-protected."),
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
}


class StickReader:
    """CardReader over one file of exactly `size` bytes in a stick's top folder.

    `files` never blocks in `probe`, which is asked every `poll_ms`; everything else runs in `executor` (one thread)
    and is given up after `limit_ms`. Read bytes come from the stick itself, not from the system's memory of it. A
    write goes only to the very file that was read: the same device and inode, and the same bytes everywhere outside
    of what is to be written. It never renames a file, and makes one only where it is told to (`create`).
    """

    def __init__(
        self,
        files: StickFiles,
        size: int,
        *,
        executor: Executor,
        name: str = "card slot",
        file_name: str = "card.atm",
        poll_ms: int = 200,
        limit_ms: int = 15_000,
    ) -> None:
        self.name = name
        self._files = files
        self._size = size
        self._executor = executor
        self._file_name = file_name
        self._poll_s = poll_ms / 1000
        self._limit_s = limit_ms / 1000
        self._presence = Presence()
        self._stick: object | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._left: Future[Any] | None = None  # given up while it ran: it may still block the thread
        self._hangs = False
        self._held: StickFile | None = None  # the file that was read; kept open so that its inode stays its own
        self._known = b""  # what it held
        self._report = DeviceReport(DeviceState.NO_DEVICE, f"The {name} is not opened.")

    def __repr__(self) -> str:
        return f"StickReader({self.name!r}, {self._report.state}, stick {'in' if self._presence else 'out'})"

    @property
    def report(self) -> DeviceReport:
        return self._report

    @property
    def present(self) -> bool:
        return bool(self._presence)

    def open(self) -> None:
        if self._timer is not None:
            return
        if self._file_name in ("", ".", "..") or "/" in self._file_name or "\0" in self._file_name:
            raise self._error(Fault.CONFIG, f"{self._file_name!r} is no file name; correct the card file's name.")
        try:
            self._files.check_place()
        except OSError as error:
            sentence = f"The {self.name}'s place does not exist ({error.filename}); create it or correct its path."
            raise self._error(Fault.CONFIG, sentence) from error
        self._look()

    def close(self) -> None:
        if self._timer is None:
            return
        self._timer.cancel()
        self._timer = None
        self._executor.submit(self._let_go)
        self._report = DeviceReport(DeviceState.NO_DEVICE, f"The {self.name} is closed.")

    async def inserted(self) -> None:
        await self._presence.wait(True)

    async def removed(self) -> None:
        await self._presence.wait(False)

    async def read(self) -> bytes:
        return await self._run(self._read_now)

    async def write(self, offset: int, data: bytes) -> None:
        if offset < 0 or offset + len(data) > self._size:
            raise ValueError(f"{len(data)} bytes at {offset} do not fit into {self._size}.")
        await self._run(lambda: self._write_now(offset, data))

    async def create(self, data: bytes) -> None:
        if len(data) != self._size:
            raise ValueError(f"{len(data)} bytes are no file of {self._size}.")
        await self._run(lambda: self._create_now(data))

    async def release(self) -> None:
        await self._run(self._let_go)

    # -- on the loop -------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._poll_s, self._look)
        try:
            stick = self._files.probe()
        except OSError:
            stick = None
            self._report = DeviceReport(
                DeviceState.HARDWARE_ERROR, f"In the {self.name}'s place lies a link or a file; remove it."
            )
        else:
            self._report = self._thread_report()
        if self._stick is not None and stick != self._stick:
            stick = None  # swapped between two looks: the first one has left, the next look finds the other
            self._executor.submit(self._let_go)  # an open file would keep the dead stick mounted
        self._stick = stick
        self._presence.set(stick is not None)

    def _thread_report(self) -> DeviceReport:
        """A thread that a stick holds fast serves nobody, however well the next stick may be."""
        if self._left is None or self._left.done():
            self._left, self._hangs = None, False
        if not self._hangs:
            return ONLINE
        sentence = f"The {self.name} waits for a stick that does not answer; pull the stick, or restart the machine."
        return DeviceReport(DeviceState.HARDWARE_ERROR, sentence)

    async def _run(self, work: Callable[[], T]) -> T:
        """`work` in the driver's thread. What has not begun when the time is over never begins."""
        future = self._executor.submit(work)
        try:
            async with asyncio.timeout(self._limit_s):
                return await asyncio.wrap_future(future)
        except TimeoutError as error:
            self._leave(future)
            self._hangs = True
            self._report = self._thread_report()
            raise self._error(Fault.TIMEOUT, "The stick does not answer.") from error
        except asyncio.CancelledError:
            self._leave(future)
            raise
        except OSError as error:
            raise self._explained(error) from error

    def _leave(self, future: Future[Any]) -> None:
        if not future.cancel() and not future.done():
            self._left = future

    # -- in the driver's thread --------------------------------------------------------------------------------------

    def _read_now(self) -> bytes:
        self._let_go()
        file = self._open_checked(writable=False)
        try:
            file.drop_cache()
            data = self._whole(file)
        except BaseException:
            file.close()
            raise
        self._held, self._known = file, data
        return data

    def _write_now(self, offset: int, data: bytes) -> None:
        if self._held is None:
            raise self._error(Fault.UNPLUGGED, "The stick from which the card was read is not in any more.")
        with contextlib.closing(self._open_checked(writable=True)) as file:
            before = self._require_same(file, offset, offset + len(data))
            _pwrite_all(file, data, offset)
            file.fsync()
            file.drop_cache()
            wanted = before[:offset] + data + before[offset + len(data) :]
            self._known = self._whole(file)
        if self._known != wanted:
            raise self._error(Fault.WRITE, "The stick did not keep what was written to it.")
        if not self._files.facts(self._file_name).is_same_file(self._held.facts()):
            raise self._swapped()

    def _create_now(self, data: bytes) -> None:
        self._let_go()
        with contextlib.closing(self._made()) as file:
            if is_another_card(file.pread(self._size, 0), data):
                raise self._error(Fault.MEDIA, f"{self._file_name} on the stick is another card.")
            _pwrite_all(file, data, 0)
            file.fsync()
            self._files.sync()
            file.drop_cache()
            if self._whole(file) != data:
                raise self._error(Fault.WRITE, "The stick did not keep what was written to it.")

    def _made(self) -> StickFile:
        """A new file, or one that an earlier try has left behind: never longer than a card file is."""
        try:
            facts = self._files.facts(self._file_name)
        except FileNotFoundError:
            return self._files.create(self._file_name)
        if facts.size > self._size:
            raise self._error(Fault.MEDIA, f"{self._file_name} on the stick is something else than a card.")
        self._check(facts, size=facts.size)
        file = self._files.open(self._file_name, writable=True)
        try:
            self._check(file.facts(), size=facts.size)
        except BaseException:
            file.close()
            raise
        return file

    def _require_same(self, file: StickFile, begin: int, end: int) -> bytes:
        """What `file` holds, if it is the one that was read: outside of begin..end not a byte differs."""
        if self._held is None or not file.facts().is_same_file(self._held.facts()):
            raise self._swapped()
        file.drop_cache()
        found = self._whole(file)
        if found[:begin] != self._known[:begin] or found[end:] != self._known[end:]:
            raise self._swapped()
        return found

    def _let_go(self) -> None:
        held, self._held, self._known = self._held, None, b""
        if held is not None:
            with contextlib.suppress(OSError):  # a stick that is gone
                held.close()

    def _open_checked(self, *, writable: bool) -> StickFile:
        """The file, looked at before it is opened (a device's opening may do something) and again after it."""
        try:
            self._check(self._files.facts(self._file_name))
            file = self._files.open(self._file_name, writable=writable)
        except FileNotFoundError:
            raise self._not_there() from None
        try:
            self._check(file.facts())
        except BaseException:
            file.close()
            raise
        return file

    def _check(self, facts: FileFacts, *, size: int | None = None) -> None:
        name, wanted = self._file_name, self._size if size is None else size
        if not facts.regular:
            raise self._error(Fault.MEDIA, f"{name} on the stick is no ordinary file.")
        if facts.links != 1:
            raise self._error(Fault.MEDIA, f"{name} on the stick has a second name; it must have one only.")
        if facts.size != wanted:
            raise self._error(Fault.MEDIA, f"{name} on the stick has {facts.size} bytes, not {wanted}.")

    def _whole(self, file: StickFile) -> bytes:
        """All of it; one byte more is asked for, so that a file that grows meanwhile is found out."""
        data = b""
        while len(data) <= self._size and (more := file.pread(self._size + 1 - len(data), len(data))):
            data += more
        if len(data) != self._size:
            raise self._error(Fault.MEDIA, f"{self._file_name} on the stick changes its length.")
        return data

    # -- sentences ---------------------------------------------------------------------------------------------------

    def _not_there(self) -> DeviceError:
        if self._held is not None:
            return self._swapped()
        if self._files.probe() is None:
            return self._error(Fault.UNPLUGGED if self._presence else Fault.MEDIA, "No stick is in.")
        return self._error(Fault.MEDIA, f"The stick holds no file {self._file_name}.")

    def _swapped(self) -> DeviceError:
        return self._error(Fault.UNPLUGGED, "The stick that is in is not the one from which the card was read.")

    def _explained(self, error: OSError) -> DeviceError:
        fault, sentence = _EXPLAINED.get(error.errno or 0, (Fault.MEDIA, "{name} cannot be used: {reason}."))
        return self._error(fault, sentence.format(name=self._file_name, reason=error.strerror))

    def _error(self, fault: Fault, sentence: str) -> DeviceError:
        return DeviceError(self.name, fault, sentence)


def _pwrite_all(file: StickFile, data: bytes, offset: int) -> None:
    at = 0
    while at < len(data):
        written = file.pwrite(data[at:], offset + at)
        if written <= 0:
            raise OSError(errno.EIO, "nothing was written")
        at += written
