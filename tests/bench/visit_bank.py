"""The bank that is measured: one process with the bank's own listener, and beside it the same listener with nothing behind.

    python tests/bench/visit_bank.py DIR

Prints both ports as JSON, then, at each line on its standard input, what it has done so far. Ends at the input's end.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import msgspec

from bank.api import message_app
from bank.assembly import Bank, config_file
from bank.commands.answers import LedgerChecked
from bank.commands.requests import LedgerCheck
from bank.decision import committer as bank_committer
from bank.keys.tls import server_context
from bank.listener import Listener, ListenerLimits
from config.bank import BankConfig
from config.load import load_bank

P = ParamSpec("P")
T = TypeVar("T")

#: A card of the bench withdraws all day.
_NO_LIMIT = 1_000_000


class Counts(msgspec.Struct):
    """`decided`: messages in all commits; a message whose PIN try is counted first is in two.

    `processor_s`: the process's; `steps_s`: how much of it went into each step of a batch.
    """

    commits: int = 0
    decided: int = 0
    processor_s: float = 0.0
    steps_s: dict[str, float] = {}

    def since(self, before: Counts) -> Counts:
        return Counts(
            commits=self.commits - before.commits, decided=self.decided - before.decided,
            processor_s=self.processor_s - before.processor_s,
            steps_s={step: spent - before.steps_s.get(step, 0.0) for step, spent in self.steps_s.items()},
        )  # fmt: skip

    def timed(self, step: str, work: Callable[P, T]) -> Callable[P, T]:
        """`work`, its thread's processor time counted as `step`."""

        def timing(*args: P.args, **kwargs: P.kwargs) -> T:
            begun = time.thread_time()
            try:
                return work(*args, **kwargs)
            finally:
                self.steps_s[step] = self.steps_s.get(step, 0.0) + time.thread_time() - begun

        return timing


async def empty(body: bytes, *, peer: str) -> bytes:
    """The bank that does nothing."""
    assert peer
    return body


def unlimited(config: BankConfig) -> BankConfig:
    limits = replace(config.limits, day_amount=_NO_LIMIT, day_count=_NO_LIMIT)
    return replace(config, limits=limits)


def counted(bank: Bank, counts: Counts) -> None:
    """From now on every batch of the committer is counted, and its steps are timed."""
    committer: Any = bank._committer
    commit = committer._commit

    async def counting(batch: list[Any]) -> Any:
        decision = await commit(batch)
        counts.commits += 1
        counts.decided += len(batch)
        return decision

    committer._commit = counting
    steps: Any = bank_committer
    steps._load = counts.timed("load", steps._load)
    steps.decide = counts.timed("decide", steps.decide)
    steps.write = counts.timed("write", steps.write)
    store: Any = bank.store
    store._commit = counts.timed("commit", store._commit)


async def serve(directory: Path) -> bool:
    """Whether the books are right at the end."""
    counts = Counts()
    async with await Bank.open(unlimited(load_bank(config_file(directory)))) as bank:
        counted(bank, counts)
        workers = asyncio.create_task(bank.run())
        doors = [await _opened(bank, handle) for handle in (bank.host.handle, empty)]
        print(msgspec.json.encode([door.port for door in doors]).decode(), flush=True)
        await _answer(counts)
        for door in doors:
            await door.stop(grace_s=1)
        workers.cancel()
        await asyncio.gather(workers, return_exceptions=True)
        # How fast wrong books were written is of no interest.
        checked = await bank.execute(LedgerCheck(by="the benchmark"))
        assert isinstance(checked, LedgerChecked)
        return checked.findings == ()


async def _opened(bank: Bank, handle: Any) -> Listener:
    door = Listener(
        "message", "127.0.0.1", 0, context=server_context(bank.ring, enrolment=False), app=message_app(handle),
        limits=ListenerLimits(connections=1_024),
    )  # fmt: skip
    await door.start()
    return door


async def _answer(counts: Counts) -> None:
    """What was done so far, whenever a line comes."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.readline():
        counts.processor_s = time.process_time()
        print(msgspec.json.encode(counts).decode(), flush=True)


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(serve(Path(sys.argv[1]))) else "the books are not right")
