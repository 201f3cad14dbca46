"""A bank for tills in virtual time, and what a till says to it, without their line."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import text
from support.hall import LoopClock, Seeded
from support.virtual_time import InlineExecutor, run_virtual

from bank.assembly import Bank, open_bank
from bank.founding import Charter, found
from bank.tills.founding import enrolled
from bank.tills.handler import TillHandler
from bank_link.card_file import parse, proof
from bank_link.identity import Identity
from bank_link.messages import Refused
from bank_link.till.messages import (
    TillAnswer,
    TillCall,
    TillDone,
    What,
    call_envelope,
    pack,
    read_answer,
    unpack,
)
from config.bank import Serves


@dataclass(frozen=True)
class TillCard:
    """An account with its card file."""

    account: str
    file: bytes


class Counter:
    """The bank, one till of it, and `lines`: what the bank would print."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.random = Seeded("counter")
        self.clock = LoopClock()
        self.lines: list[tuple[str, str, int]] = []
        self._numbers = 0
        self.bank: Bank = None  # type: ignore[assignment]  # until `open`
        self.till: Identity = None  # type: ignore[assignment]

    async def open(self) -> None:
        seams = {"clock": self.clock, "random": self.random, "executor": InlineExecutor()}
        if not self.directory.exists():
            charter = Charter(name="Till Bank", currency="USD", serves=Serves.TILLS)
            await found(self.directory, charter, by="bank", **seams)
        self.bank = await open_bank(self.directory, **seams)
        self.till = await enrolled(self.bank, 3000, self.random)
        self.handler = TillHandler(store=self.bank.store, tools=self.bank.tools, told=self._told)

    def _told(self, done: TillDone) -> None:
        self.lines.append((done.what.value, done.account, done.amount))

    async def sql(self, statement: str, **values: Any) -> list[Any]:
        return await self.bank.store.read(lambda c: list(c.execute(text(statement), values).mappings()))

    def call(self, what: What, account: str, amount: int = 0, held: TillCard | None = None, **more: Any) -> TillCall:
        """A call with a number of its own; with the card that is `held`, its proof."""
        self._numbers += 1
        call = TillCall(number=self._numbers, what=what, account=account, amount=amount)
        if held is not None:
            shown = parse(held.file)
            proven = proof(shown.newest.secret, self.till.terminal, self.till.generation, call.number)
            call = msgspec.structs.replace(
                call, card=shown.card, epoch=shown.newest.epoch, n=shown.newest.n, proof=proven
            )
        return msgspec.structs.replace(call, **more)

    async def ask(self, call: TillCall, till: Identity | None = None, certified: str = "") -> TillAnswer:
        till = till or self.till
        envelope = call_envelope(call, till.terminal, till.generation)
        data = await self.handler.handle(
            pack(envelope), certified=certified or f"{till.terminal}:{till.generation}", began=asyncio.get_running_loop().time()
        )  # fmt: skip
        return read_answer(unpack(data), call)

    async def opening(self, account: str, amount: int = 1_000_00) -> TillCard:
        done = await self.ask(self.call(What.OPEN, account, amount))
        assert isinstance(done, TillDone), done
        return TillCard(account, done.file)

    async def do(self, what: What, card: TillCard, amount: int = 0) -> TillAnswer:
        return await self.ask(self.call(what, card.account, amount, card))

    async def refused(self, call: TillCall) -> str:
        answer = await self.ask(call)
        assert isinstance(answer, Refused), answer
        return answer.reason.value

    async def balance(self, card: TillCard) -> int:
        done = await self.do(What.BALANCE, card)
        assert isinstance(done, TillDone)
        return done.amount


def run_counter(directory: Path, story: Callable[[Counter], Awaitable[None]]) -> None:
    async def whole() -> None:
        counter = Counter(directory / "till-bank")
        await counter.open()
        try:
            await story(counter)
        finally:
            await counter.bank.close()

    run_virtual(whole())
