"""Terminals without devices that visit a bank over real TLS, many in one process: the clients of the measurement."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from support.hall import HeldCard, Journal, Machine

from bank_link import messages as m
from bank_link.client import BankClient
from bank_link.envelope import CONTENT_TYPE, MESSAGE_PATH
from bank_link.errors import OutcomeUnknown
from bank_link.identity import Identity
from bank_link.seams import SystemClock, SystemRandomness
from bank_link.tls import terminal_context

BODY = bytes(1_024)  # as large as most messages of a visit
UNITS = 20  # one note


@dataclass(frozen=True)
class Place:
    """A terminal with the one card that is used at it."""

    identity: Identity
    card: HeldCard


@dataclass(frozen=True)
class Work:
    """What one process has to do."""

    places: Sequence[Place]
    bank_port: int
    empty_port: int
    seconds: float


@dataclass
class Street:
    """What a `support.hall.Machine` wants of its surroundings."""

    clock: SystemClock = field(default_factory=SystemClock)
    random: SystemRandomness = field(default_factory=SystemRandomness)


class TlsLine:
    """`bank_link.seams.Line` on one kept-alive connection, with as little processor time as can be."""

    def __init__(self, context: ssl.SSLContext, port: int) -> None:
        self._context = context
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._head = (
            f"POST {MESSAGE_PATH} HTTP/1.1\r\nHost: bank\r\nContent-Type: {CONTENT_TYPE}\r\nContent-Length: %d\r\n\r\n"
        )

    async def exchange(self, request: bytes, timeout_ms: int) -> bytes:
        async with asyncio.timeout(timeout_ms / 1000):
            if self._streams is None:
                self._streams = await asyncio.open_connection("127.0.0.1", self._port, ssl=self._context)
            reader, writer = self._streams
            writer.write((self._head % len(request)).encode() + request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise OutcomeUnknown(head.partition(b"\r\n")[0].decode())
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            return await reader.readexactly(int(length))

    async def reset(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


class Visitor(Machine):
    """A terminal at which one customer withdraws again and again."""

    def __init__(self, place: Place, work: Work) -> None:
        street: Any = Street()
        super().__init__(street, place.identity, Journal())
        self._card = place.card
        self._visit = ""
        context = terminal_context(place.identity, street.random)
        self.empty = TlsLine(context, work.empty_port)
        self.client = BankClient(
            line=TlsLine(context, work.bank_port), identity=place.identity, random=street.random, clock=street.clock,
            standing=self.journal,
        )  # fmt: skip

    async def ask(self, message: m.Request) -> m.Answer:
        return await self.client.ask(message, until=self.until())

    async def open_visit(self, card: HeldCard, pin: str = "") -> m.Answer:
        answer = await super().open_visit(card, pin)
        self._visit = getattr(answer, "visit", "")
        return answer

    async def visit(self) -> None:
        """Card and PIN, amount, card taken, notes paid, visit over: five messages."""
        held = await self.hold(self._card, UNITS)
        await self.complete(held, presented=1)
        await self.ask(m.CloseVisit(visit=self._visit, ended="card-taken"))

    async def nothing(self) -> None:
        """An exchange that the bank does not look at."""
        await self.empty.exchange(BODY, 15_000)


def run(work: Work, gate: Any, told: Any) -> None:
    """A client process: signs on, then does each kind of work for its time once the barrier `gate` lets it.

    Puts (visits, their seconds) and (empty answers, their seconds) into the queue `told`, or why it could not.
    """
    try:
        asyncio.run(_run(work, gate, told))
    except Exception as error:
        told.put(f"{type(error).__name__}: {error}")
        gate.abort()


async def _run(work: Work, gate: Any, told: Any) -> None:
    visitors = [Visitor(place, work) for place in work.places]
    for visitor in visitors:
        await visitor.client.sign_on()
        await visitor.nothing()
    for kind in (Visitor.visit, Visitor.nothing):
        gate.wait()  # all are ready
        gate.wait()  # the bank's counts were read
        told.put(await _kept_at(kind, visitors, work.seconds))


async def _kept_at(
    kind: Callable[[Visitor], Awaitable[None]], visitors: Sequence[Visitor], seconds: float
) -> tuple[int, float]:
    """How often all of them did it together, and in how many seconds: nobody begins once the time is over."""
    loop = asyncio.get_running_loop()
    begun = loop.time()

    async def keep_at(visitor: Visitor) -> int:
        done = 0
        while loop.time() - begun < seconds:
            await kind(visitor)
            done += 1
        return done

    done = await asyncio.gather(*(keep_at(visitor) for visitor in visitors))
    return sum(done), loop.time() - begun
