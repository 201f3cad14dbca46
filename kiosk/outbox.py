"""Store-and-forward: brings every fact to the bank, over any number of restarts and days without a line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bank_link.envelope import decode_request
from bank_link.errors import MessageRefused
from bank_link.messages import Acknowledged, Request
from kiosk.host import Host, NoAnswer, Turned
from kiosk.journal import records as r
from kiosk.journal.records import OutboxEntry
from kiosk.journal.store import Journal, JournalError

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0


class Outbox:
    """Delivers in the order in which facts were made. What the bank cannot read is parked, with an alarm, and blocks nothing."""

    def __init__(self, journal: Journal, host: Host, delivered: Callable[[str], None] = lambda _: None) -> None:
        self._journal = journal
        self._host = host
        self._delivered = delivered
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There is something new to deliver, or the line is back."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver until cancelled; pauses grow while the bank does not answer."""
        pause_s = FIRST_PAUSE_S
        while True:
            self._wake.clear()
            try:
                delivered = await self.deliver()
            except JournalError:
                # What cannot be remembered is not sent; the machine is closed, and the facts are there at the next start.
                delivered = False
            pause_s = FIRST_PAUSE_S if delivered else min(LONGEST_PAUSE_S, pause_s * 2)
            if self._journal.outbox_length() == 0:
                await self._wake.wait()
            else:
                await self._sleep(pause_s)

    async def deliver(self) -> bool:
        """Deliver all that waits. False where the bank did not answer: the rest waits for the next try."""
        for entry in self._journal.waiting():
            try:
                await self._deliver(entry)
            except NoAnswer:
                return False
        return not self._journal.outbox_length() or await self.deliver()

    async def _deliver(self, entry: OutboxEntry) -> None:
        try:
            acknowledged = await self._host.deliver(_message(entry), lambda: self._is_next(entry))
        except Turned as turned:
            self._park(entry, f"the bank cannot read this fact ({turned.answer.reason.value})")
            self._delivered("parked")
        except MessageRefused as error:
            self._park(entry, f"this fact cannot be sent: {error}")
            self._delivered("parked")
        else:
            self._acknowledge(entry, acknowledged)
            self._delivered(entry.kind)

    def _is_next(self, entry: OutboxEntry) -> bool:
        """A new session may have put older facts before it: an exchange counts what those have changed."""
        return self._journal.next_waiting() == (entry.generation, entry.number)

    def _acknowledge(self, entry: OutboxEntry, answer: Acknowledged) -> None:
        self._journal.write(r.Acknowledged(generation=entry.generation, number=entry.number, case=answer.case))

    def _park(self, entry: OutboxEntry, sentence: str) -> None:
        self._journal.write(r.Parked(generation=entry.generation, number=entry.number, sentence=sentence))

    async def _sleep(self, pause_s: float) -> None:
        try:
            async with asyncio.timeout(pause_s):
                await self._wake.wait()
        except TimeoutError:
            pass


def _message(entry: OutboxEntry) -> Request:
    from msgspec import Raw

    return decode_request(entry.kind, Raw(entry.body.encode()))
