"""The committer: what arrived while the last transaction was committing is decided together, in one transaction."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from sqlalchemy import Connection

from bank.authoriser.context import Tools
from bank.decision.decide import Again, Decision, Dropped, Item, Reply, decide
from bank.decision.load import find_missing, load
from bank.decision.statement import last_lines
from bank.ledger.view import Books
from bank.ledger.write import write
from bank.store.store import Store
from bank_link.envelope import Frame
from bank_link.errors import MessageRefused
from bank_link.messages import Inquire, SignOn

#: A batch is not larger than this, so that the first of a crowd does not wait for the last.
MOST_IN_BATCH = 512
#: Messages that wait beyond this are turned away: the kiosk asks again, its deadline decides.
MOST_WAITING = 4_096


class Busy(Exception):
    """More messages wait than can be answered before their deadlines."""


class Committer:
    """Takes frames, answers bytes. `tools` is asked anew for every batch: it carries the time."""

    def __init__(self, store: Store, tools: Callable[[], Tools]) -> None:
        self._store = store
        self._tools = tools
        self._waiting: deque[tuple[Item, asyncio.Future[Reply | Dropped]]] = deque()
        self._arrived = asyncio.Event()

    async def submit(self, frame: Frame) -> Reply | Dropped:
        """The frame's answer, once what it did is on disk. Raises Busy."""
        if len(self._waiting) >= MOST_WAITING:
            raise Busy("too many messages wait")
        future: asyncio.Future[Reply | Dropped] = asyncio.get_running_loop().create_future()
        self._waiting.append((Item(frame=frame), future))
        self._arrived.set()
        return await future

    async def run(self) -> None:
        """Decide batch after batch, until cancelled. A batch that cannot be written fails alone, with its reason."""
        while True:
            await self._arrived.wait()
            while self._waiting:
                taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_IN_BATCH))]
                await self._settle(taken)
            self._arrived.clear()

    async def _settle(self, taken: list[tuple[Item, asyncio.Future[Reply | Dropped]]]) -> None:
        try:
            decision = await self._commit([item for item, _ in taken])
        except BaseException as error:
            if len(taken) == 1 or not isinstance(error, Exception):
                _fail(taken, error)
                if not isinstance(error, Exception):
                    raise
                return
            # One message that the database refuses must not take its neighbours with it.
            for one in taken:
                await self._settle([one])
            return
        again = []
        for (item, future), outcome in zip(taken, decision.outcomes, strict=True):
            if isinstance(outcome, Again):
                again.append((Item(frame=item.frame, resumed=True), future))
            elif not future.done():
                future.set_result(outcome)
        self._waiting.extendleft(reversed(again))

    async def _commit(self, batch: list[Item]) -> Decision:
        tools = self._tools()
        async with self._store.transaction() as tx:
            batch, books = await tx.run(_load, batch, tools)
            decision = decide(books, batch, tools)
            await tx.last(write, books, decision.view)
        return decision


def _load(connection: Connection, batch: list[Item], tools: Tools) -> tuple[list[Item], Books]:
    batch = [_with_found(connection, item) for item in batch]
    return batch, load(connection, batch, tools)


def _with_found(connection: Connection, item: Item) -> Item:
    """With what no rows by key can tell: the numbers that a sign-on names and nobody knows, an account's last lines."""
    if item.frame.envelope.kind not in {"sign-on", "inquire"}:
        return item
    try:
        message = item.request
    except MessageRefused:
        return item
    if isinstance(message, SignOn):
        return Item(frame=item.frame, missing=find_missing(connection, message))
    if isinstance(message, Inquire) and message.what == "statement":
        return Item(frame=item.frame, lines=last_lines(connection, message.account))
    return item


def _fail(taken: list[tuple[Item, asyncio.Future[Reply | Dropped]]], error: BaseException) -> None:
    for _, future in taken:
        if not future.done():
            future.set_exception(error if isinstance(error, Exception) else asyncio.CancelledError())
