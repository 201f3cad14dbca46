"""A crowd of terminals at one real bank, each saying everything several times at once: one decision each."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from campaigns.crowd import Count, Speaker, Strange, is_end
from campaigns.crowd_reckoning import faults
from campaigns.crowd_visits import Customer, Visitor
from campaigns.evidence import Row, books, rows
from campaigns.tally import Line, table
from support.programs import no_bug_was_kept
from support.real_processes import RealBank

from bank_link.card_file import parse
from bank_link.enrolment import enrol, fingerprint
from bank_link.identity import Identity
from bank_link.keys import signing_public
from bank_link.seams import SystemClock, SystemRandomness

OPENING = 1_000_000
PIN = "90817263"
#: So many terminals open their connections together: the bank has room for 64 handshakes.
AT_ONCE = 16


@dataclass
class Outcome:
    """What a campaign came to; `took_s` is the submissions' time alone."""

    visitors: list[Visitor] = field(default_factory=list)
    count: Count = field(default_factory=lambda: Count(0))
    faults: list[str] = field(default_factory=list)
    took_s: float = 0.0


def campaign(folder: Path, wanted: int, *, seed: int, terminals: int) -> Outcome:
    """At least `wanted` submissions from `terminals` at once; the bank's files stay in `folder`."""
    outcome = Outcome(count=Count(wanted))
    try:
        with _bank(folder) as bank:
            outcome.visitors = _visitors(bank, outcome.count, seed, terminals)
            outcome.took_s = asyncio.run(_crowd(outcome))
            outcome.faults += _unsound(bank)
    except* (Strange, AssertionError) as group:
        outcome.faults += list(dict.fromkeys(f"{type(error).__name__}: {error}" for error in _leaves(group)))[:10]
    if not outcome.faults:
        outcome.faults += reckoned(folder, outcome.visitors)
    return outcome


def reckoned(folder: Path, visitors: Sequence[Visitor]) -> list[str]:
    """Every fault that is to be seen in the books as they lie there; the bank must have ended."""
    found, events = books(folder / "bank"), _events(folder / "bank")
    return faults(visitors, found, events, OPENING * 100)


def _events(directory: Path) -> Sequence[Row]:
    return rows(directory, "audit_events")


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


# ── Before ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def _bank(folder: Path) -> Iterator[RealBank]:
    """Stopped in good order; whatever it met without a sentence for it is an AssertionError."""
    folder.mkdir(parents=True)
    with RealBank.found(folder / "bank", logs=folder / "logs") as bank:
        yield bank
        assert bank.stop() == 0
    no_bug_was_kept(folder / "logs", folder / "bank")


def _visitors(bank: RealBank, count: Count, seed: int, terminals: int) -> list[Visitor]:
    """Enrolled over the real enrolment listener and confirmed; each with a customer, an account and a card."""

    def visitor(number: int) -> Visitor:
        chance = random.Random(f"{seed}/{number}")
        return Visitor(Speaker(_enrolled(bank), bank.port, count, chance), _customer(bank))

    # The control socket has few places.
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(visitor, range(terminals)))


def _enrolled(bank: RealBank) -> Identity:
    opened = bank.ask("enrol")
    identity = enrol(opened["string"], random=SystemRandomness(), now_ms=SystemClock().now_ms())
    shown = fingerprint(signing_public(identity.signing_key))
    bank.ask("terminal-confirm", terminal=identity.terminal, fingerprint=shown)
    return identity


def _customer(bank: RealBank) -> Customer:
    customer = bank.ask("customer-add", name="Ada Lovelace")["customer"]
    account = bank.ask("account-open", customer=customer, label="Everyday", opening=str(OPENING))["account"]
    made = bank.ask("card-issue", customer=customer, pin=PIN)
    return Customer(account, made["card"], PIN, parse(base64.b64decode(made["file"])))


# ── The crowd ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def _crowd(outcome: Outcome) -> float:
    """All of them at once until enough was said. Raises Strange, in a group."""
    line, count, visitors = Line(), outcome.count, outcome.visitors
    try:
        for first in range(0, len(visitors), AT_ONCE):
            async with asyncio.TaskGroup() as group:
                for visitor in visitors[first : first + AT_ONCE]:
                    group.create_task(visitor.begin())
        begun = time.monotonic()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_through(visitor, count)) for visitor in visitors]
            group.create_task(_watch(line, count, tasks))
        return time.monotonic() - begun
    finally:
        line.end()
        for visitor in visitors:
            await visitor.speaker.close()


async def _through(visitor: Visitor, count: Count) -> None:
    while not count.enough:
        await visitor.visit()
    await visitor.end()


async def _watch(line: Line, count: Count, tasks: Sequence[asyncio.Task[None]]) -> None:
    while not all(task.done() for task in tasks):
        line.say(f"submissions {count.sent:,} of {count.wanted:,}")
        await asyncio.sleep(0.5)


def _unsound(bank: RealBank) -> list[str]:
    """What the bank itself finds, every machine's cash among it."""
    ledger, audit = bank.ask("ledger-check"), bank.ask("audit-verify")
    found = [one["sentence"] for one in (*ledger["findings"], *audit["findings"])]
    return found + [
        f"{one['terminal']} was not compared: {one['compared']}" for one in ledger["machines"] if one["compared"]
    ]


# ── The report ──────────────────────────────────────────────────────────────────────────────────────────────────────


def report(outcome: Outcome) -> str:
    """What happened, in words and figures."""
    deeds = [deed for visitor in outcome.visitors for deed in visitor.speaker.deeds]
    count, fates = outcome.count, Counter(str(p.fate) for visitor in outcome.visitors for p in visitor.payments)
    kinds: dict[str, Counter[str]] = {}
    for deed in deeds:
        kind = kinds.setdefault(deed.kind, Counter())
        kind["numbers"] += 1
        kind["submissions"] += len(deed.heard) + deed.in_progress
        kind["decided"] += bool(deed.decisions)
        kind["in progress"] += deed.in_progress
        kind["other body"] += sum(deed.refuses(one.answer) for one in deed.heard)
        kind["ended"] += sum(is_end(one.answer) for one in deed.heard)
    columns = ("numbers", "submissions", "decided", "in progress", "other body", "ended")
    a_second = count.sent / max(outcome.took_s, 1e-9)
    return "\n".join([
        f"Duplicates: {count.sent:,} submissions of {len(deeds):,} numbers in {outcome.took_s:.0f} s, {a_second:.0f} a second",
        f"  {len(outcome.visitors)} terminals, {count.sign_ons:,} sign-ons, {count.broken:,} connections broken",
        f"  {count.beside:,} of them beside another copy of the same number; at most {count.most_flying:,} under way at once",
        "".join(f"{column:>13}" for column in columns),
        *("".join(f"{found[column]:13,}" for column in columns) + f"  {kind}" for kind, found in sorted(kinds.items())),
        "Withdrawals, by how they ended:", *table(fates),
        f"Beside it: {count.replays:,} transmissions replayed byte for byte, and not answered",
    ])  # fmt: skip
