"""A TCP proxy between kiosks and bank that a test can cut, hold up, slow down, or let lose answers: the line as wire.

It sees bytes of TLS and nothing more, like anybody who owns the line.

    with BadWire(("127.0.0.1", port), to=("127.0.0.2", port)) as wire:
        wire.cut()
        …
        wire.mend()
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import tempfile
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class Ways:
    """How connections treat their bytes; each keeps the object that it was made with.

    `answer_bytes`: so many more bytes of answers pass, then they are lost, or (`breaks`) the connection is cut.
    `delay_s`: each piece arrives so much later, both ways.
    """

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.as_new()

    def as_new(self) -> None:
        self.open.set()
        self.answer_bytes: int | None = None
        self.breaks = False
        self.delay_s = 0.0

    def pass_answer(self, piece: bytes) -> bytes:
        """What of it arrives. Raises ConnectionResetError where the connection is to be cut and nothing may."""
        if self.answer_bytes is None:
            return piece
        left, self.answer_bytes = self.answer_bytes, max(0, self.answer_bytes - len(piece))
        if self.breaks and not left:
            raise ConnectionResetError
        return piece[:left]


class BadWire:
    """The proxy, in a thread of its own. Every method returns when what it says is in effect."""

    def __init__(self, listen: tuple[str, int], *, to: tuple[str, int]) -> None:
        self._listen = listen
        self._to = to
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="bad wire")
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._ways = Ways()
        self._old: list[Ways] = []
        self._is_cut = False
        self.bytes_to_bank = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # ---- what a test does to it ----

    def cut(self) -> None:
        """Every connection ends at once, and none can be made."""
        self._is_cut = True
        self._do(self._end_all())

    def mend(self) -> None:
        """As new; connections that were held go on too."""
        self._is_cut = False
        self._do(self._all_as_new())

    def lose_answers(self) -> None:
        """What the bank says from now on does not arrive on the connections that stand; the next ones are good."""
        self._do(self._treat(answer_bytes=0))

    def break_answers(self, after: int) -> None:
        """After so many bytes of answers the connections that stand are cut; the next ones are good."""
        self._do(self._treat(answer_bytes=after, breaks=True))

    def hold(self, *, and_cut: bool = False) -> None:
        """What stands carries nothing until `mend`, not even its end; the next ones are good, or (`and_cut`) refused."""
        self._is_cut = and_cut
        self._do(self._hold())

    def slow(self, seconds: float) -> None:
        """Everything arrives so much later, on new connections too."""
        self._do(self._slow(seconds))

    # ---- in the loop ----

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._connected, *self._listen)

    async def _stop(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._end_all()

    async def _end_all(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _treat(self, **ways: Any) -> None:
        for name, value in ways.items():
            setattr(self._ways, name, value)
        self._later_ones_are_good()

    async def _slow(self, seconds: float) -> None:
        self._ways.delay_s = seconds

    async def _hold(self) -> None:
        self._ways.open.clear()
        self._later_ones_are_good()

    def _later_ones_are_good(self) -> None:
        self._old.append(self._ways)
        self._ways = Ways()

    async def _all_as_new(self) -> None:
        for ways in (*self._old, self._ways):
            ways.as_new()
        self._old.clear()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if not self._is_cut:
                with contextlib.suppress(OSError, asyncio.CancelledError):
                    await self._carry(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ways = self._ways
        to_reader, to_writer = await asyncio.open_connection(*self._to)
        pumps = [
            asyncio.create_task(self._pump(reader, to_writer, ways, answers=False)),
            asyncio.create_task(self._pump(to_reader, writer, ways, answers=True)),
        ]
        try:
            await asyncio.gather(*pumps)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            to_writer.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ways: Ways, *, answers: bool
    ) -> None:
        """Piece by piece. What was read before the other end closed still arrives, however late."""
        while piece := await reader.read(65_536):
            await asyncio.sleep(ways.delay_s)
            await ways.open.wait()
            if answers:
                piece = ways.pass_answer(piece)
            else:
                self.bytes_to_bank += len(piece)
            writer.write(piece)
            await writer.drain()
        await ways.open.wait()
        with contextlib.suppress(OSError):
            writer.write_eof()


class Moment:
    """A step of another process at which it waits for this one: `then` is called, and it goes on.

    `path` is for `support.journal_probe --ask`. Each time the step comes, `then` is called.
    """

    def __init__(self, then: Callable[[], None]) -> None:
        self._then = then
        self._folder = tempfile.TemporaryDirectory(prefix="moment-")
        self.path = str(Path(self._folder.name) / "socket")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._thread = threading.Thread(target=self._run, name="moment")
        self._failed: BaseException | None = None
        self._over = False
        self.came = 0

    def __enter__(self) -> Self:
        self._socket.bind(self.path)
        self._socket.listen()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as last:
            last.connect(self.path)
        self._thread.join()
        self._socket.close()
        self._folder.cleanup()
        if self._failed is not None:
            raise self._failed

    def _run(self) -> None:
        while True:
            caller, _ = self._socket.accept()
            with caller:
                if self._over:
                    return
                self.came += 1
                try:
                    self._then()
                except BaseException as error:
                    self._failed = error
