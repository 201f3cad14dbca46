"""What one browser is sent as it happens: pictures and news, as server-sent events (WHATWG HTML, 9.2)."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from kiosk.simulator.page.glass import Glass
from kiosk.simulator.page.ledger import Ledger
from kiosk.simulator.page.news import News
from kiosk.simulator.page.png import png
from kiosk.simulator.page.view import View

#: No more than so many pictures a second; a lamp's flash is seen without one.
MOST_A_SECOND = 25
LOOK_S = 0.1
LOOK_INTO_S = 0.25
#: A connection that nothing is said on is soon noticed to be gone.
QUIET_S = 10.0

Send = Callable[[bytes], Awaitable[None]]


class Stream:
    """`run` sends until the browser is gone (what `send` raises) or it is cancelled."""

    def __init__(self, glass: Glass, news: News, ledger: Ledger | None) -> None:
        self._glass = glass
        self._news = news
        self._ledger = ledger
        self._wake = asyncio.Event()
        self._sent: dict[str, Any] = {}
        self._record = self._send_number = 0
        # Who comes hears what is said from now on.
        self._said_number = max((one["number"] for one in news.said(0)), default=0)
        self._looked = self._spoke = float("-inf")

    async def run(self, send: Send) -> None:
        view = View(self._glass, self._wake.set)
        loop = asyncio.get_running_loop()
        try:
            await send(_event("glass", {"width": self._glass.size[0], "height": self._glass.size[1]}))
            while True:
                began = loop.time()
                self._wake.clear()
                for event in [*self._changes(began), *await _pictures(view), *self._sign_of_life(began)]:
                    await send(event)
                    self._spoke = began
                await self._pause(began + 1 / MOST_A_SECOND - loop.time())
        finally:
            view.close()

    async def _pause(self, least_s: float) -> None:
        """Until there is a new picture or it is time to look, and `least_s` at least."""
        await asyncio.sleep(max(0.0, least_s))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                await self._wake.wait()

    def _changes(self, now: float) -> list[bytes]:
        """What is otherwise than it was sent last."""
        found = self._news.seen()
        events = []
        if now - self._looked >= LOOK_INTO_S:
            self._looked = now
            found |= self._news.looked_into()
            if self._ledger is not None:
                found["ledger"] = self._ledger.now
            events = self._told()
        if said := self._news.said(self._said_number):
            self._said_number = said[-1]["number"]
            events.append(_event("said", said))
        new = {name: value for name, value in found.items() if name not in self._sent or self._sent[name] != value}
        self._sent |= new
        return [_event("news", new), *events] if new else events

    def _told(self) -> list[bytes]:
        """New records of the journal, new sends on the line."""
        events = []
        if records := self._news.records(self._record):
            self._record = records[-1]["number"]
            events.append(_event("journal", records))
        if sends := self._news.sends(self._send_number):
            self._send_number = sends[-1]["number"]
            events.append(_event("line", sends))
        return events

    def _sign_of_life(self, now: float) -> list[bytes]:
        return [b": still here\n\n"] if now - self._spoke >= QUIET_S else []


async def _pictures(view: View) -> list[bytes]:
    """Compressed in a thread: the machine's sensors are timed on this loop."""
    return [
        _event("picture", {"x": box.x, "y": box.y, "png": base64.b64encode(made).decode("ascii")})
        for box, pixels in view.take()
        for made in [await asyncio.to_thread(png, box.w, box.h, pixels)]
    ]


def _event(name: str, data: Any) -> bytes:
    """JSON has no line ends of its own, so it is one line."""
    return f"event: {name}\ndata: {msgspec.json.encode(data).decode()}\n\n".encode()
