"""What happens by time alone: a hold never released is voided; a released one that nobody completes becomes a case, and
so does a deposit of which nothing more was heard.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, Select, and_, bindparam, func, select

from bank import schema
from bank.audit.events import AuditEvent
from bank.authoriser.context import Tools
from bank.decision.load import load_accounts, load_usage
from bank.ledger.moves import free_hold, open_case
from bank.ledger.read import row_from
from bank.ledger.rows import Case, DepositRow, Hold, Visit
from bank.ledger.view import Books, View
from bank.ledger.write import write
from bank.store.prepared import Prepared
from bank.store.store import Store
from bank_link.money import Money

#: So many at a time: a sweep must not keep messages waiting.
MOST_IN_SWEEP = 256

_HOLDS, _VISITS, _DEPOSITS = schema.holds.c, schema.visits.c, schema.deposits.c
_EXPIRED = and_(_HOLDS.state == "held", _HOLDS.expires_at <= bindparam("now"))
_SILENT = and_(_HOLDS.state == "released", _HOLDS.released_at <= bindparam("silent_since"))
_IDLE = and_(_VISITS.state == "open", _VISITS.last_at <= bindparam("idle_since"))
_UNHEARD = and_(_DEPOSITS.state == "open", _DEPOSITS.at_ms <= bindparam("unheard_since"))

#: When the first of each kind will have waited too long; None where there is none.
_FIRST_ENDS = Prepared(
    select(
        select(func.min(_HOLDS.expires_at)).where(_HOLDS.state == "held").scalar_subquery(),
        select(func.min(_HOLDS.released_at) + bindparam("case_after"))
        .where(_HOLDS.state == "released")
        .scalar_subquery(),
        select(func.min(_VISITS.last_at) + bindparam("idle")).where(_VISITS.state == "open").scalar_subquery(),
        select(func.min(_DEPOSITS.at_ms) + bindparam("deposit_case"))
        .where(_DEPOSITS.state == "open")
        .scalar_subquery(),
    )
)
_DUE: tuple[tuple[Select[Any], type[Hold | Visit | DepositRow]], ...] = (
    (select(schema.holds).where(_EXPIRED).limit(MOST_IN_SWEEP), Hold),
    (select(schema.holds).where(_SILENT).limit(MOST_IN_SWEEP), Hold),
    (select(schema.visits).where(_IDLE).limit(MOST_IN_SWEEP), Visit),
    (select(schema.deposits).where(_UNHEARD).limit(MOST_IN_SWEEP), DepositRow),
)


class Sweeper:
    """Ends what time has ended: looks again `pause_s` after each commit, else `every_s` after the last look.

    So an idle bank's disk is left alone, and a clock that is set is noticed.
    """

    def __init__(
        self, store: Store, tools: Callable[[], Tools], *,
        committed: Callable[[], None] = lambda: None, pause_s: float = 10.0, every_s: float = 60.0,
    ) -> None:  # fmt: skip
        self._store = store
        self._tools = tools
        self._committed = committed
        self._pause_s = pause_s
        self._every_s = every_s
        self._woken = asyncio.Event()
        self._next_ms: int | None = None

    def wake(self) -> None:
        """Something was committed: it may end before everything else."""
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._woken.clear()
            await self.once()
            await asyncio.sleep(self._pause_s)
            if not self._woken.is_set():
                # Not wait_for: Python 3.11's loses a cancellation that meets the event, and this would go on for ever.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._rest_s()):
                        await self._woken.wait()

    def _rest_s(self) -> float:
        """Until the next thing is due by the bank's clock, and never longer than `every_s` in all."""
        longest = self._every_s - self._pause_s
        return longest if self._next_ms is None else min(longest, (self._next_ms - self._tools().now_ms) / 1000)

    async def once(self) -> int:
        """One look; returns how many rows were ended."""
        tools = self._tools()
        self._next_ms = await self._store.read(_first_ends, tools)
        if self._next_ms is None or self._next_ms > tools.now_ms:
            return 0
        async with self._store.transaction() as tx:
            books = await tx.run(_load, tools)
            view = sweep(books, tools)
            await tx.last(write, books, view)
        self._committed()
        return sum(map(len, view.changed.values()))


def sweep(books: Books, tools: Tools) -> View:
    """Pure: voids what expired unreleased, files a case for what was released and not completed, closes idle visits."""
    view = View(books)
    for hold in list(books.all(Hold)):
        if hold.state == "held" and hold.expires_at <= tools.now_ms:
            free_hold(view, hold, state="voided", posted=Money(0, hold.currency))
            _note(view, tools, "hold-expired", hold)
        elif hold.state == "released" and hold.released_at + tools.limits.case_after_ms <= tools.now_ms:
            file_silent(view, tools, hold)
    for visit in list(books.all(Visit)):
        if visit.state == "open" and visit.last_at + tools.limits.visit_idle_ms <= tools.now_ms:
            view.put(replace(visit, state="closed"))
    for begun in list(books.all(DepositRow)):
        if begun.state == "open" and begun.at_ms + tools.limits.deposit_case_ms <= tools.now_ms:
            file_unheard(view, tools, begun)
    return view


def file_unheard(view: View, tools: Tools, begun: DepositRow) -> None:
    """Notes may have gone in: whoever looks into the machine decides."""
    claim = f"{begun.terminal}-{begun.number}"
    case = Case(
        case_id=f"{claim}.{begun.generation}.deposit-silent", kind="deposit-silent", terminal=begun.terminal,
        generation=begun.generation, number=begun.number, claim=claim, account=begun.account, card=begun.card,
        currency=begun.currency, detail=msgspec.json.encode({"begun_at": begun.at_ms}).decode(), opened_at=tools.now_ms,
    )  # fmt: skip
    view.put(replace(begun, state="case", case_id=open_case(view, case)))
    view.note(
        AuditEvent(
            kind="case-opened", terminal=begun.terminal, number=begun.number, detail="deposit", at_ms=tools.now_ms
        )
    )


def file_silent(view: View, tools: Tools, hold: Hold, kind: str = "silent") -> None:
    """Released, and nothing heard since: the money stays set aside, a person decides."""
    case = Case(
        case_id=f"{hold.terminal}-{hold.number}.{hold.generation}.{kind}",
        kind=kind,
        terminal=hold.terminal,
        generation=hold.generation,
        number=hold.number,
        claim=f"{hold.terminal}-{hold.number}",
        hold=hold.hold,
        account=hold.account,
        card=hold.card,
        amount_minor=hold.amount_minor,
        currency=hold.currency,
        detail=msgspec.json.encode({"released_at": hold.released_at}).decode(),
        opened_at=tools.now_ms,
    )
    view.put(replace(hold, state="case", case_id=open_case(view, case)))
    _note(view, tools, "case-opened", hold)


def _note(view: View, tools: Tools, kind: str, hold: Hold) -> None:
    view.note(
        AuditEvent(
            kind=kind, terminal=hold.terminal, number=hold.number, detail=f"hold {hold.hold}", at_ms=tools.now_ms
        )
    )


def _times(tools: Tools) -> dict[str, int]:
    return {
        "now": tools.now_ms, "silent_since": tools.now_ms - tools.limits.case_after_ms,
        "idle_since": tools.now_ms - tools.limits.visit_idle_ms,
        "unheard_since": tools.now_ms - tools.limits.deposit_case_ms,
    }  # fmt: skip


def _first_ends(connection: Connection, tools: Tools) -> int | None:
    limits = tools.limits
    [row] = _FIRST_ENDS.rows(
        connection, case_after=limits.case_after_ms, idle=limits.visit_idle_ms, deposit_case=limits.deposit_case_ms
    )
    return min((int(at) for at in row if at is not None), default=None)


def _load(connection: Connection, tools: Tools) -> Books:
    books, times = Books(), _times(tools)
    for statement, kind in _DUE:
        for record in connection.execute(statement, times).mappings():
            books.load(row_from(kind, record))
    holds = list(books.all(Hold))
    load_accounts(connection, books, {hold.account for hold in holds})
    load_usage(connection, books, holds)
    return books
