"""The page's listener on loopback: what each address answers, and the end of everything when the simulator ends."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import msgspec

from drivers.devices import DeviceError
from kiosk.exit_codes import CommandError
from kiosk.simulator.page.deeds import Deeds, Refused, read
from kiosk.simulator.page.gate import Gate
from kiosk.simulator.page.glass import Glass
from kiosk.simulator.page.heard import Heard
from kiosk.simulator.page.http import JSON, MOST_HEAD, TEXT, BadRequest, Request, answer, head, read_request
from kiosk.simulator.page.ledger import Ledger
from kiosk.simulator.page.news import News
from kiosk.simulator.page.shelf import Shelf
from kiosk.simulator.page.stream import Stream

LOOPBACK = "127.0.0.1"
PATIENCE_S = 10.0
MOST_GUESTS = 32


class Page:
    """Everything that can be asked for. `glass`, `news` and `ledger` are what a browser is told of."""

    def __init__(
        self, *, glass: Glass, news: News, deeds: Deeds, shelf: Shelf, ledger: Ledger | None, heard: Heard
    ) -> None:  # fmt: skip
        self._glass = glass
        self._heard = heard
        self._news = news
        self._deeds = deeds
        self._shelf = shelf
        self._ledger = ledger
        self._guests: set[asyncio.Task[None]] = set()
        self.gate: Gate

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        task = asyncio.current_task()
        assert task is not None
        self._guests.add(task)
        try:
            if len(self._guests) <= MOST_GUESTS:
                # A browser that is gone has nothing to be told. Sent away by `leave`, the task ends as any other:
                # asyncio's streams look at their tasks' results, and before 3.12 stumble over one that was cancelled.
                with contextlib.suppress(OSError, TimeoutError, asyncio.CancelledError):
                    await self._one(reader, writer)
                    return
            # What a browser that does not read was still to be sent must not keep the simulator from its end.
            writer.transport.abort()
        finally:
            self._guests.discard(task)
            writer.close()

    async def leave(self) -> None:
        """Send every browser away."""
        for guest in self._guests:
            guest.cancel()
        await asyncio.gather(*self._guests, return_exceptions=True)

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                request = await read_request(reader)
            if request is None:
                return
            wanted = self.gate.enter(request)
            if wanted == "events" and request.method == "GET":
                await self._stream(writer)
                return
            writer.write(await self._answer(request, wanted))
        except BadRequest as error:
            writer.write(answer(error.status, TEXT, f"{error}\n".encode()))
        await writer.drain()

    async def _answer(self, request: Request, wanted: str) -> bytes:
        if request.method == "POST" and wanted == "do":
            return await self._do(request.body)
        sound = re.fullmatch(r"sound/([0-9]{1,9})\.wav", wanted)
        if sound is not None and request.method == "GET":
            return await self._sound(int(sound[1]))
        found = self._shelf.find(wanted)
        if request.method == "POST" or found is None:
            raise BadRequest(HTTPStatus.NOT_FOUND, "There is nothing of that name here.")
        return answer(HTTPStatus.OK, *found, only_head=request.method == "HEAD")

    async def _sound(self, number: int) -> bytes:
        try:
            return answer(HTTPStatus.OK, "audio/wav", await self._heard.sound(number))
        except KeyError:
            raise BadRequest(HTTPStatus.NOT_FOUND, "Nothing of that number was said lately.") from None
        except DeviceError as error:
            raise BadRequest(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error

    async def _do(self, body: bytes) -> bytes:
        try:
            return _json(HTTPStatus.OK, await self._deeds.do(read(body)))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise BadRequest(HTTPStatus.BAD_REQUEST, "The page asked for something that is not known here.") from error
        except Refused as error:
            return _json(HTTPStatus.CONFLICT, {"error": str(error)})

    async def _stream(self, writer: asyncio.StreamWriter) -> None:
        writer.write(head(HTTPStatus.OK, "text/event-stream"))

        async def send(data: bytes) -> None:
            writer.write(data)
            async with asyncio.timeout(PATIENCE_S):
                await writer.drain()

        await Stream(self._glass, self._news, self._ledger).run(send)


def _json(status: HTTPStatus, value: Any) -> bytes:
    return answer(status, JSON, msgspec.json.encode(value))


@asynccontextmanager
async def listening(page: Page, port: int, token: str) -> AsyncIterator[Gate]:
    """While inside, the page can be reached; `port` 0 takes a free one. Raises CommandError where the port is taken."""
    try:
        server = await asyncio.start_server(page.serve, LOOPBACK, port, limit=MOST_HEAD)
    except OSError as error:
        taken = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
        raise CommandError(
            f"port {port} {taken}; name another one, --page PORT, or none for any that is free"
        ) from error
    page.gate = Gate(server.sockets[0].getsockname()[1], token)
    try:
        yield page.gate
    finally:
        server.close()
        await page.leave()
        await server.wait_closed()
