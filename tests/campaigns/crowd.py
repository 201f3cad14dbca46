"""Terminals without devices that say everything several times at once, over several connections, and now and then otherwise."""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
from collections import Counter
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

from support.hall import Journal

from bank_link import messages as m
from bank_link.client import BankClient
from bank_link.envelope import CONTENT_TYPE, MESSAGE_PATH
from bank_link.errors import LinkError, MessageRefused, OutcomeUnknown
from bank_link.identity import Identity
from bank_link.seams import SystemClock, SystemRandomness
from bank_link.tls import terminal_context

GENERATION = 1
TIMEOUT_S = 60.0
#: Of every number, so many copies at once, and so many more while other things are being said.
AT_ONCE, LATER = (2, 6), (0, 4)
WIRES = 4
#: The bank drops a connection here and there for another's handshake; more than this is something else.
MOST_BROKEN = 100


class Strange(Exception):
    """The bank did what it never may; `str()` says what."""


# ── One number ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Heard:
    """An answer to a copy of `bodies[body]`. `after_end`: sent when its transaction's reversal had been acknowledged."""

    body: int
    answer: m.Answer
    after_end: bool


@dataclass(eq=False)
class Deed:
    """A number with everything that was said under it. `bodies`: the second one claims the first one's number.

    `ends`: of a reversal, the deed whose transaction it ends. `ended`: that has happened to this one.
    """

    terminal: str
    number: int
    bodies: list[m.Request]
    ends: Deed | None = None
    ended: bool = False
    heard: list[Heard] = field(default_factory=list)
    in_progress: int = 0
    later: int = 0

    @property
    def kind(self) -> str:
        return m.kind(self.bodies[0])

    @property
    def is_fact(self) -> bool:
        return isinstance(self.bodies[0], m.FACTS)

    def refuses(self, answer: m.Answer) -> bool:
        """Whether this says: the number is another message's."""
        if isinstance(answer, m.Acknowledged):
            return f"-{self.number}.{GENERATION}.other-body-" in answer.case
        return isinstance(answer, m.Refused) and answer.reason is m.Reason.OTHER_BODY

    @property
    def decisions(self) -> list[Heard]:
        """What is neither a refusal of another body nor of an ended transaction."""
        return [one for one in self.heard if not self.refuses(one.answer) and not is_end(one.answer)]

    @property
    def decided(self) -> Heard | None:
        """The decision, if the bank made one before the transaction ended."""
        return next(iter(self.decisions), None)


def is_end(answer: m.Answer) -> bool:
    return isinstance(answer, m.Refused) and answer.reason is m.Reason.ENDED


# ── The wires ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Wire:
    """One kept-alive TLS connection."""

    def __init__(self, context: ssl.SSLContext, port: int) -> None:
        self._context = context
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def open(self) -> None:
        """Raises OSError."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(
                "127.0.0.1", self._port, ssl=self._context, server_hostname="localhost"
            )

    async def exchange(self, request: bytes, timeout_ms: int) -> bytes:
        """Raises OutcomeUnknown for any answer but 200."""
        async with asyncio.timeout(timeout_ms / 1000):
            await self.open()
            assert self._streams is not None
            reader, writer = self._streams
            head = f"POST {MESSAGE_PATH} HTTP/1.1\r\nHost: bank\r\nContent-Type: {CONTENT_TYPE}\r\n"
            writer.write(f"{head}Content-Length: {len(request)}\r\n\r\n".encode() + request)
            answer = await reader.readuntil(b"\r\n\r\n")
            if not answer.startswith(b"HTTP/1.1 200"):
                await self.reset()
                raise OutcomeUnknown(answer.partition(b"\r\n")[0].decode())
            length = answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            return await reader.readexactly(int(length))

    async def reset(self) -> None:
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()
            with contextlib.suppress(OSError):
                await streams[1].wait_closed()


@dataclass
class Count:
    """Shared by all terminals: how much was said, and how much is to be."""

    wanted: int
    sent: int = 0
    beside: int = 0  # sent while another copy of the same number was under way
    flying: int = 0
    most_flying: int = 0
    replays: int = 0
    broken: int = 0
    sign_ons: int = 0

    @property
    def enough(self) -> bool:
        return self.sent >= self.wanted


class Speaker:
    """A terminal's session on its wires: it sends copies, hears answers and keeps both."""

    def __init__(self, identity: Identity, port: int, count: Count, chance: random.Random) -> None:
        self.name = identity.terminal
        self.journal = Journal(journal_id=f"j{identity.terminal}")
        self.clock, self.random, self.chance = SystemClock(), SystemRandomness(), chance
        self.deeds: list[Deed] = []
        self.count = count
        context = terminal_context(identity, self.random)
        self._wires = [Wire(context, port) for _ in range(WIRES)]
        self._free: asyncio.Queue[Wire] = asyncio.Queue()
        self._flying: Counter[int] = Counter()
        for wire in self._wires:
            self._free.put_nowait(wire)
        self._client = BankClient(
            line=self._wires[0], identity=identity, random=self.random, clock=self.clock, standing=self.journal
        )

    async def sign_on(self) -> m.Session:
        """A new session; nothing else may be under way."""
        self.count.sign_ons += 1
        session = await self._client.sign_on()
        # Only after an answer with a MAC is the next sign-on not held up.
        await self._client.ask(m.Echo(in_service=True), until=self.until())
        return session

    async def open(self) -> None:
        """All wires, one after the other: the bank makes room for new handshakes by dropping old ones."""
        for wire in self._wires:
            await wire.open()

    async def close(self) -> None:
        for wire in self._wires:
            await wire.reset()

    def until(self) -> int:
        return self.clock.now_ms() + 60_000

    def next_number(self) -> int:
        self.journal.taken += 1
        return self.journal.taken

    def deed(self, *bodies: m.Request, ends: Deed | None = None) -> Deed:
        made = Deed(self.name, getattr(bodies[0], "number", 0), list(bodies), ends, later=self.chance.randint(*LATER))
        self.deeds.append(made)
        return made

    async def say(self, *deeds: Deed) -> None:
        """Each of them several times, at once and in any order, with copies of what was said before between them."""
        copies = [(one, which) for one in deeds for which in self._copies(one)]
        late = [one for one in self.deeds[-40:] if one.later and one.heard and one not in deeds]
        for one in self.chance.sample(late, min(len(late), 4)):
            one.later -= 1
            copies.append((one, self.chance.randrange(len(one.bodies))))
        self.chance.shuffle(copies)
        await _all(*(self._submit(one, which) for one, which in copies))

    def _copies(self, deed: Deed) -> list[int]:
        """Which body each copy has; every body is said at least once."""
        bodies = range(len(deed.bodies))
        return [*bodies, *(self.chance.choice(bodies) for _ in range(self.chance.randint(*AT_ONCE) - 1))]

    async def _submit(self, deed: Deed, which: int) -> None:
        """One copy, sent until it is answered by more than "in progress"."""
        while True:
            after_end = deed.ended
            answer = await self.ask(deed.bodies[which])
            self.count.sent += 1
            if not isinstance(answer, m.InProgress):
                break
            deed.in_progress += 1
            await asyncio.sleep(self.chance.uniform(0.005, 0.05))
        deed.heard.append(Heard(which, answer, after_end))
        if deed.ends is not None and isinstance(answer, m.Acknowledged):
            deed.ends.ended = True
        key = GENERATION, deed.number
        if key not in self.journal.answered_numbers:
            self.journal.answered_numbers.append(key)

    async def ask(self, message: m.Request) -> m.Answer:
        """One send under a transmission number of its own; another one where its connection broke.

        Raises Strange where it is not answered in this session.
        """
        while True:
            wire = await self._free.get()
            try:
                with self._under_way(getattr(message, "number", 0)):
                    return await self._ask(wire, message)
            except (OSError, EOFError) as error:
                await wire.reset()
                self.count.broken += 1
                if self.count.broken > MOST_BROKEN:
                    raise Strange(f"{self.name}: connections break: {error!r}") from error
            finally:
                self._free.put_nowait(wire)

    @contextlib.contextmanager
    def _under_way(self, number: int) -> Iterator[None]:
        count = self.count
        count.beside += bool(number) and self._flying[number] > 0
        count.flying += 1
        count.most_flying = max(count.most_flying, count.flying)
        self._flying[number] += 1
        try:
            yield
        finally:
            self._flying[number] -= 1
            count.flying -= 1

    async def _ask(self, wire: Wire, message: m.Request) -> m.Answer:
        session = self._client._open
        assert session is not None, "signed on"
        try:
            request = session.seal(message, time=self._client.bank_now())
            data = await wire.exchange(request, int(TIMEOUT_S * 1000))
            answer, _ = session.read(data, message=message, request=request)
            if self.chance.random() < 0.02:
                await self._again(wire, request)
        except (LinkError, TimeoutError) as error:
            raise Strange(f"{self.name}: {m.kind(message)} was not answered: {type(error).__name__} {error}") from error
        if isinstance(answer, m.SignOnNeeded):
            raise Strange(f"{self.name}: the bank ended a session by itself")
        return answer

    async def _again(self, wire: Wire, request: bytes) -> None:
        """The very same bytes: whoever replays what he overheard is not answered."""
        self.count.replays += 1
        try:
            await wire.exchange(request, int(TIMEOUT_S * 1000))
        except OutcomeUnknown as error:
            if "400" in str(error):
                return
            raise
        raise MessageRefused("a replayed transmission was answered")


async def _all(*works: Coroutine[Any, Any, None]) -> None:
    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(work)
