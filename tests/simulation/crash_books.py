"""What lies on the disks that crash: the kiosk's journal and the bank's database, each with plausible work to write."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import msgspec
import sqlalchemy
from simulation.disk import Disk
from support.virtual_time import InlineExecutor, run_virtual

from bank.audit import tables as _audit_tables  # noqa: F401 - the audit log's tables join the schema on import
from bank.schema import metadata
from bank.store.errors import StoreError
from bank.store.store import Store
from bank_link.messages import Accuracy, CassetteCount, NoteCount, Outcome, Signed
from bank_link.money import Money
from kiosk.journal import records as r
from kiosk.journal.store import Journal, JournalError

NOW = 1_790_000_000_000
#: What was kept, row by row, in its order.
Rows = list[tuple[Any, ...]]


class Refused(Exception):
    """It does not open; `str()` is the sentence."""


class OnDisk(Protocol):
    """Something that keeps rows. `keep` returns when they are durable; `flaw` says where the rest does not fit them."""

    def open(self, disk: Disk, spill: int | None = None) -> None:
        """Raises Refused. `spill`: pages of WAL after which it is folded into the file, where not SQLite's 1,000."""

    def work(self, chance: random.Random) -> Iterator[Any]:
        """Without end: what one `keep` after the other is given."""

    def boot(self, place: str) -> Any:
        """What `keep` is given first after a start."""

    def as_rows(self, piece: Any) -> Rows:
        """What `rows` will show of it."""

    def keep(self, piece: Any) -> None: ...
    def rows(self) -> Rows: ...
    def flaw(self) -> str: ...
    def close(self) -> None: ...


# ── The journal ─────────────────────────────────────────────────────────────────────────────────────────────────────


class _Fixed:
    def token_bytes(self, count: int) -> bytes:
        return bytes(count)


class JournalOnDisk:
    """The kiosk's journal. A piece is the records of one write."""

    def __init__(self) -> None:
        self._boot = ""

    def open(self, disk: Disk, spill: int | None = None) -> None:
        try:
            self._journal = Journal.open(
                Path("/kiosk-1/journal.sqlite"), random=_Fixed(), now=lambda: NOW, vfs=disk.vfs
            )
        except JournalError as error:
            raise Refused(str(error)) from error
        if spill is not None:
            self._journal._connection.execute(f"PRAGMA wal_autocheckpoint = {spill}")

    def work(self, chance: random.Random) -> Iterator[tuple[r.AnyRecord, ...]]:
        return Days(chance).writes()

    def boot(self, place: str) -> tuple[r.AnyRecord, ...]:
        return (r.Booted(boot=f"b{place}", version="1", terminal="T1", generation=1),)

    def as_rows(self, piece: tuple[r.AnyRecord, ...]) -> Rows:
        rows: Rows = []
        for record in piece:
            if isinstance(record, r.Booted):
                self._boot = record.boot
            body = msgspec.json.encode(record).decode()
            rows.append((self._boot, NOW, record.__struct_config__.tag, body))
        return rows

    def keep(self, piece: tuple[r.AnyRecord, ...]) -> None:
        self._journal.write(*piece)

    def rows(self) -> Rows:
        return self._ask("SELECT boot, at_ms, kind, body FROM records ORDER BY sequence")

    def flaw(self) -> str:
        """Each fact that was made is in the outbox as it was made; the journal itself compares the other tables."""
        made = [msgspec.json.decode(body) for (body,) in self._ask("SELECT body FROM records WHERE kind = 'fact-made'")]
        facts = [(one["transaction"]["generation"], one["number"], one["body"]) for one in made]
        kept = self._ask("SELECT generation, number, body FROM outbox ORDER BY sequence")
        return "" if kept == facts else f"{len(facts)} facts were made, the outbox has {len(kept)} or others"

    def close(self) -> None:
        self._journal.close()

    def _ask(self, statement: str) -> Rows:
        return self._journal._connection.execute(statement).fetchall()


class Days:
    """What happens at a kiosk, as the records of one write after the other."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._number = 0
        self._unsent: list[int] = []
        self._sent: list[int] = []

    def writes(self) -> Iterator[tuple[r.AnyRecord, ...]]:
        yield self._exchange()
        while True:
            match self._chance.randrange(12):
                case 0:
                    yield self._exchange()
                case 1:
                    yield (r.Event(what="card", detail="in" * self._chance.randrange(400)),)
                case 2:
                    yield self._signed_on()
                case 3 | 4 | 5 | 6 if self._unsent:
                    yield self._answered_fact()
                case _:
                    yield from self._visit()

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _exchange(self) -> tuple[r.AnyRecord, ...]:
        after = tuple(
            CassetteCount(cassette=name, value=Money(minor, "USD"), count=100, accuracy=Accuracy.ACCURATE_SET)
            for name, minor in (("top", 20_00), ("middle", 10_00), ("bottom", 5_00))
        )
        number = self._next()
        return r.CountsSet(after=after, by="operator"), self._fact(r.Transaction(1, number), number, "exchange")

    def _fact(self, name: r.Transaction, number: int, kind: str) -> r.FactMade:
        self._unsent.append(number)
        body = f'{{"number":{number},"what":"{"x" * self._chance.randrange(500)}"}}'
        return r.FactMade(transaction=name, number=number, kind=kind, body=body)

    def _answered_fact(self) -> tuple[r.AnyRecord, ...]:
        number = self._unsent.pop(0)
        self._sent.append(number)
        if self._chance.random() < 0.1:
            return (r.Parked(generation=1, number=number, sentence="cannot be read"),)
        return (r.Acknowledged(generation=1, number=number),)

    def _signed_on(self) -> tuple[r.AnyRecord, ...]:
        signed_on = r.SignedOn(
            generation=1,
            session=f"s{self._chance.getrandbits(60):x}",
            audit_head="0" * 64,
            next_number=self._number + 1,
        )
        lost = self._sent[-2:] if self._chance.random() < 0.3 else []
        self._unsent += lost
        self._sent = self._sent[: len(self._sent) - len(lost)]
        return (signed_on, r.Resent(generation=1, numbers=tuple(lost))) if lost else (signed_on,)

    def _taken(self, name: r.Transaction, number: int, kind: str) -> tuple[r.AnyRecord, ...]:
        return (r.Taken(transaction=name, number=number, kind=kind),)

    def _visit(self) -> Iterator[tuple[r.AnyRecord, ...]]:
        opening = r.Transaction(1, self._next())
        yield self._taken(opening, opening.number, "open-visit")
        yield (r.Answered(transaction=opening, number=opening.number, kind="open-visit", answer="opened"),)
        yield (r.Ended(transaction=opening, why="visit-opened"),)
        if self._chance.random() < 0.7:
            yield from self._withdrawal(r.Transaction(1, self._next()))

    def _withdrawal(self, name: r.Transaction) -> Iterator[tuple[r.AnyRecord, ...]]:
        yield self._taken(name, name.number, "authorise")
        mix = (NoteCount(cassette="top", value=Money(20_00, "USD"), count=self._chance.randint(1, 4)),)
        yield (
            r.Answered(transaction=name, number=name.number, kind="authorise", answer="held"),
            r.Held(
                transaction=name, hold=f"h{name.number}", card="c1", account="a1",
                amount=Money(mix[0].count * 20_00, "USD"), mix=mix, claim=f"CL{name.number}",
            ),
        )  # fmt: skip
        if self._chance.random() < 0.2:
            yield self._fact(name, self._next(), "reversal"), r.Ended(transaction=name, why="cancelled")
            return
        yield (r.CardTaken(transaction=name),)
        yield from self._payment(name, mix)

    def _payment(self, name: r.Transaction, mix: tuple[NoteCount, ...]) -> Iterator[tuple[r.AnyRecord, ...]]:
        nonce, release = self._chance.randbytes(32), self._next()
        yield (r.NonceMade(transaction=name, nonce=nonce, boot="b"),)
        yield self._taken(name, release, "release")
        yield (r.Answered(transaction=name, number=release, kind="release", answer="authority"),)
        slip = Signed(signed=self._chance.randbytes(200), signature=self._chance.randbytes(64))
        yield r.AuthorityHeld(transaction=name, authority=slip), r.NonceBurnt(transaction=name, nonce=nonce, plan=mix)
        for _ in range(mix[0].count):
            yield (self._note(name),)
        yield (r.Presented(transaction=name, outcome=Outcome.PRESENTED),)
        yield self._fact(name, self._next(), "completion"), r.Ended(transaction=name, why="paid")

    def _note(self, name: r.Transaction) -> r.NoteMoved:
        where = self._chance.choices(("dispensed", "rejected", "in_doubt"), (8, 1, 1))[0]
        return r.NoteMoved(
            transaction=name, cassette="top", value=Money(20_00, "USD"), outcome=where.replace("_", "-"), **{where: 1}
        )


# ── The bank's database ─────────────────────────────────────────────────────────────────────────────────────────────

_ACCOUNTS = tuple(f"cash.T{place}.USD" for place in range(6))


class BankOnDisk:
    """The bank's database. A piece is one transfer: a posting, two balances and an audit event in one transaction."""

    def open(self, disk: Disk, spill: int | None = None) -> None:
        try:
            self._store = run_virtual(
                Store.open("/bank/books.sqlite", executor=InlineExecutor(), vfs=disk.vfs, create=True)
            )
            if not self._ask("PRAGMA application_id")[0][0]:
                run_virtual(self._store.create_all(metadata))
        except StoreError as error:
            raise Refused(str(error)) from error
        if spill is not None:
            self._ask(f"PRAGMA wal_autocheckpoint = {spill}")

    def work(self, chance: random.Random) -> Iterator[tuple[int, str, str, int, str]]:
        number = 0
        while True:
            number += 1
            debit, credit = chance.sample(_ACCOUNTS, 2)
            yield number, debit, credit, chance.randint(1, 500_00), "x" * chance.randrange(200)

    def boot(self, place: str) -> tuple[int, str, str, int, str]:
        return 0, _ACCOUNTS[0], _ACCOUNTS[1], 1, f"start {place}"

    def as_rows(self, piece: tuple[int, str, str, int, str]) -> Rows:
        return [piece]

    def keep(self, piece: tuple[int, str, str, int, str]) -> None:
        run_virtual(self._keep(piece))

    async def _keep(self, piece: tuple[int, str, str, int, str]) -> None:
        async with self._store.transaction() as tx:
            await tx.run(_transfer, *piece)

    def rows(self) -> Rows:
        return self._ask(
            "SELECT number, debit_account, credit_account, amount_minor, text FROM postings ORDER BY posting"
        )

    def flaw(self) -> str:
        """Balances are what was posted, each posting has its audit event, and SQLite finds the file sound."""
        wrong = self._ask(
            "SELECT account, balance_minor FROM accounts AS a WHERE balance_minor <>"
            " (SELECT COALESCE(SUM(amount_minor), 0) FROM entries AS e WHERE e.account = a.account)"
        )
        if wrong:
            return f"the balance of {wrong[0][0]} is not what was posted"
        [(postings, events)] = self._ask("SELECT (SELECT count(*) FROM postings), (SELECT count(*) FROM audit_events)")
        if postings != events:
            return f"{postings} postings have {events} audit events"
        [(found,)] = self._ask("PRAGMA quick_check(1)")
        return "" if found == "ok" else str(found)

    def close(self) -> None:
        run_virtual(self._store.close())

    def _ask(self, statement: str) -> Rows:
        driver = self._store._driver
        assert driver is not None
        return driver.apsw_connection.execute(statement).fetchall()


def _transfer(
    connection: sqlalchemy.Connection, number: int, debit: str, credit: str, amount: int, text: str
) -> None:  # fmt: skip
    """In plain statements: SQLAlchemy would compile its own anew for each of the many stores that a history opens."""
    for account, change in ((debit, -amount), (credit, amount)):
        connection.exec_driver_sql(
            "INSERT INTO accounts VALUES (?, 'cash', ?, ?, 'USD', ?, 0, 0, '', '', 0)"
            " ON CONFLICT (account) DO UPDATE SET balance_minor = balance_minor + excluded.balance_minor",
            (account, account, account, change),
        )
    connection.exec_driver_sql(
        "INSERT INTO postings (debit_account, credit_account, amount_minor, currency, kind, terminal, generation,"
        " number, case_id, text, at_ms) VALUES (?, ?, ?, 'USD', 'test', '', 0, ?, '', ?, ?)",
        (debit, credit, amount, number, text, NOW),
    )
    connection.exec_driver_sql(
        "INSERT INTO audit_events (at_ms, kind, terminal, number, detail) VALUES (?, 'transfer', '', ?, ?)",
        (NOW, number, text),
    )
