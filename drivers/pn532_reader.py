"""A contactless card reader: a PN532 on a serial line, the card file in the user memory of an NTAG213, 215 or 216."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import TypeVar

from drivers.card_mark import is_another_card
from drivers.devices import DeviceError, DeviceReport, DeviceState, Fault
from drivers.pn532 import ntag
from drivers.pn532.chip import Pn532Chip, TagError, Target
from drivers.presence import Presence
from drivers.serial_line import SerialLine

T = TypeVar("T")

TAG_TRIES = 3
MISSES_UNTIL_ABSENT = 2  # one look may miss a card that lies there
FIRST_RETRY_S = 0.5
LAST_RETRY_S = 5.0
#: How a tag comes from its factory: one empty NDEF message.
_EMPTY_NDEF = b"\x03\x00\xfe"
#: By so many bytes a card file is known.
_MARK = 4


class Pn532Reader:
    """CardReader over a PN532. The file is `size` bytes from page 4 on.

    It looks for a card every `poll_ms`, with the field off in between. While line or chip fail, `present` stays as it
    was last seen: a card in doubt was not taken. Both are set up afresh as soon as they are back.
    """

    def __init__(self, line: SerialLine, size: int, *, name: str = "card reader", poll_ms: int = 250) -> None:
        self.name = name
        self._line = line
        self._size = size
        self._poll_s = poll_ms / 1000
        self._chip = Pn532Chip(line, device=name)
        self._lock = asyncio.Lock()
        self._presence = Presence()
        self._misses = 0
        self._started_on = 0
        self._card: bytes | None = None  # UID of the card that was read, the only one that may be written
        self._watched: bytes | None = None  # UID of the card that was read, until it is gone
        self._target: Target | None = None  # that card, while it is selected
        self._watch: asyncio.Task[None] | None = None
        self._report = DeviceReport(DeviceState.NO_DEVICE, f"The {name} is not opened.")

    def __repr__(self) -> str:
        return f"Pn532Reader({self.name!r}, {self._report.state}, card {'in' if self._presence else 'out'})"

    @property
    def report(self) -> DeviceReport:
        return self._report

    @property
    def present(self) -> bool:
        return bool(self._presence)

    def open(self) -> None:
        if self._watch is not None:
            return
        self._watch = asyncio.get_running_loop().create_task(self._keep_watch(), name=f"watch {self.name}")
        self._watch.add_done_callback(self._watch_ended)
        try:
            self._line.open()
        except DeviceError as error:
            self._report = DeviceReport(DeviceState.OFFLINE, str(error))
            raise

    def close(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        self._line.close()
        self._started_on = 0
        self._card = None
        self._report = DeviceReport(DeviceState.NO_DEVICE, f"The {self.name} is closed.")

    async def inserted(self) -> None:
        await self._presence.wait(True)

    async def removed(self) -> None:
        await self._presence.wait(False)

    async def read(self) -> bytes:
        async with self._session():
            self._card = None
            self._target = await self._select()
            self._card = self._watched = self._target.uid
            try:
                return await self._read_card()
            except DeviceError:
                self._card = None
                raise

    async def write(self, offset: int, data: bytes) -> None:
        if offset < 0 or offset + len(data) > self._size:
            raise ValueError(f"{len(data)} bytes at {offset} do not fit into {self._size}.")
        async with self._session():
            self._target = await self._select_card_read()
            first = offset - offset % ntag.PAGE
            end = -(-(offset + len(data)) // ntag.PAGE) * ntag.PAGE
            before = b"" if (first, end) == (offset, offset + len(data)) else await self._read_bytes(first, end - first)
            pages = before[: offset - first] + data + before[offset - first + len(data) :]
            await self._write_pages(first, pages)
            if await self._read_bytes(first, len(pages)) != pages:
                raise self._error(Fault.WRITE, "The card did not keep what was written to it.")
            await self._chip.release_targets()

    async def create(self, data: bytes) -> None:
        found = await self.read()  # which tag it is, and that it has the room
        ours = found.startswith(data[:_MARK]) and not is_another_card(found, data)
        if any(found) and not ours and not found.startswith(_EMPTY_NDEF):
            raise self._error(Fault.MEDIA, "The tag holds something else; use one that is empty.")
        await self.write(0, data)

    async def release(self) -> None:
        self._card = None  # each use ends with the field off: nothing else of ours is on it

    # -- the card ----------------------------------------------------------------------------------------------------

    async def _select(self) -> Target:
        """The one card in the field, fit to be asked. Raises DeviceError (MEDIA, UNPLUGGED)."""
        for _ in range(TAG_TRIES):
            targets = await self._chip.targets()
            if targets:
                break
        if not targets:
            raise self._nothing_there()
        if len(targets) > 1:
            raise self._error(Fault.MEDIA, "More than one card lies on the reader; leave only one there.")
        if not ntag.may_be_ntag(targets[0]):
            raise self._error(Fault.MEDIA, "The card is none of those that this reader takes.")
        return targets[0]

    async def _select_card_read(self) -> Target:
        """The card that was read; never another one. Raises DeviceError (UNPLUGGED, MEDIA: two)."""
        target = await self._select()
        if target.uid != self._card:
            raise self._error(Fault.UNPLUGGED, "The card on the reader is not the one that was read.")
        return target

    async def _steadily(self, ask: Callable[[Target], Awaitable[T]]) -> T:
        """Ask the card; where it fails, select it again and ask again. Raises DeviceError (UNPLUGGED, MEDIA)."""
        for _ in range(TAG_TRIES):
            target = self._target or await self._select_card_read()
            try:
                self._target = target
                return await ask(target)
            except TagError:
                self._target = None  # a card that refused is no longer selected (NTAG213/215/216, 8.4)
        await self._select_card_read()  # UNPLUGGED where the reason is that it went away
        raise self._error(Fault.MEDIA, "The card refuses; it is locked, damaged, or none that this reader takes.")

    async def _read_card(self) -> bytes:
        if await self._steadily(lambda _: ntag.user_bytes(self._chip)) < self._size:
            raise self._error(Fault.MEDIA, "The card is none of those that this reader takes.")
        data = await self._read_bytes(0, self._size)
        await self._chip.release_targets()
        return data

    async def _read_bytes(self, offset: int, count: int) -> bytes:
        """`count` bytes of user memory from `offset`, a page's beginning."""
        data = b""
        while len(data) < count:
            page = ntag.FIRST_USER_PAGE + (offset + len(data)) // ntag.PAGE
            data += await self._steadily(partial(ntag.read_pages, self._chip, page=page))
        return data[:count]

    async def _write_pages(self, offset: int, data: bytes) -> None:
        for at in range(0, len(data), ntag.PAGE):
            page = ntag.FIRST_USER_PAGE + (offset + at) // ntag.PAGE
            four = data[at : at + ntag.PAGE]
            await self._steadily(partial(ntag.write_page, self._chip, page=page, data=four))

    def _nothing_there(self) -> DeviceError:
        if self._presence:
            return self._error(Fault.UNPLUGGED, "The card went away.")
        return self._error(Fault.MEDIA, "No card lies on the reader.")

    def _error(self, fault: Fault, sentence: str) -> DeviceError:
        return DeviceError(self.name, fault, sentence)

    # -- line, chip and field ----------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def _session(self) -> AsyncIterator[None]:
        """The chip for one user, set up; the field is off afterwards. A chip that fails is set up again next time."""
        async with self._lock:
            try:
                await self._be_ready()
                yield
                await self._chip.field_off()
            except DeviceError as error:
                await self._after(error)
                raise
            finally:
                self._target = None

    async def _after(self, error: DeviceError) -> None:
        if error.device == self.name and error.fault not in (Fault.TIMEOUT, Fault.PROTOCOL):
            with contextlib.suppress(DeviceError):  # the next look finds it and reports it
                await self._chip.field_off()
            return
        self._started_on = 0
        state = DeviceState.OFFLINE if self._line.gone else DeviceState.HARDWARE_ERROR
        self._report = DeviceReport(state, str(error))

    async def _be_ready(self) -> None:
        if self._line.gone:
            raise DeviceError(self._line.name, Fault.UNPLUGGED, self._line.trouble)
        if self._line.connections != self._started_on:
            made = self._line.connections
            await self._chip.start()
            self._started_on = made
            self._report = DeviceReport(DeviceState.ONLINE)

    async def _keep_watch(self) -> None:
        retry_s = FIRST_RETRY_S
        while True:
            try:
                async with self._session():
                    uids = [target.uid for target in await self._chip.targets()]
            except DeviceError:  # `report` says it
                await asyncio.sleep(retry_s)
                retry_s = min(2 * retry_s, LAST_RETRY_S)
            else:
                # Another card in the place of the one that was read is that one gone: it may be the next customer's.
                self._saw(bool(uids) if self._watched is None else self._watched in uids)
                retry_s = FIRST_RETRY_S
                await asyncio.sleep(self._poll_s)

    def _saw(self, seen: bool, /) -> None:
        self._misses = 0 if seen else self._misses + 1
        if seen or self._misses >= MISSES_UNTIL_ABSENT:
            self._presence.set(seen)
        if not self._presence:
            self._card = self._watched = None

    def _watch_ended(self, watch: asyncio.Task[None]) -> None:
        """An error of ours in the watch must not look like a reader on which nobody ever lays a card."""
        if watch.cancelled() or (error := watch.exception()) is None:
            return
        self._report = DeviceReport(DeviceState.HARDWARE_ERROR, f"The {self.name}'s driver failed; restart the kiosk.")
        context = {"message": f"{self!r} failed", "exception": error, "task": watch}
        watch.get_loop().call_exception_handler(context)
