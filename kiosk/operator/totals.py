"""Totals as an operator prints them: what is in the cassettes, and what went out since the last exchange."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from bank_link.messages import CassetteCount, Outcome
from bank_link.money import Money, plain
from config.kiosk import KioskConfig
from kiosk.cabinet import note_value
from kiosk.journal import records as r
from kiosk.journal.progress import in_box
from kiosk.journal.store import Journal


class CassetteTotal(msgspec.Struct, frozen=True, kw_only=True):
    """One cassette. Amounts are decimal text with their currency; `low`: it is time to refill.

    `dispensed`, `in_doubt` and `surplus` are notes since the last exchange; `rejected` lie in the reject bin.
    """

    cassette: str
    note: str
    count: int
    rejected: int
    accuracy: str
    value: str
    low: bool
    dispensed: int
    in_doubt: int
    surplus: int


class BoxTotal(msgspec.Struct, frozen=True, kw_only=True):
    """Notes of one value in the note acceptor's box."""

    note: str
    count: int


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """`paid`: what went to customers since the last exchange, in `payments`; `waiting`, `parked`: facts for the bank.

    `box`, worth `box_value`: what was paid in and has not been taken out; nothing where the machine takes no notes.
    """

    cassettes: tuple[CassetteTotal, ...]
    value: str
    paid: str
    payments: int
    waiting: int
    parked: int
    exchanged_by: str
    exchanged_at: int
    box: tuple[BoxTotal, ...] = ()
    box_value: str = ""


def totals(journal: Journal, config: KioskConfig) -> Totals:
    """From the journal alone. A cassette that nobody has counted yet is empty and its count unknown."""
    currency = config.terminal.currency
    moved, paid, payments = _moved(journal.since("counts-set"), currency)
    counts = {count.cassette: count for count in journal.counts()}
    rows, value = [], Money(0, currency)
    for cassette in config.cassettes:
        count = counts.get(cassette.name)
        note = count.value if count else note_value(config, cassette)
        worth = note.times(count.count if count else 0)
        value += worth
        rows.append(
            CassetteTotal(
                cassette=cassette.name, note=plain(note), count=count.count if count else 0,
                rejected=count.rejected if count else 0, accuracy=count.accuracy.value if count else "unknown",
                value=plain(worth), low=(count.count if count else 0) <= cassette.low,
                dispensed=moved[cassette.name, "dispensed"], in_doubt=moved[cassette.name, "in_doubt"],
                surplus=moved[cassette.name, "surplus"],
            )
        )  # fmt: skip
    box = _box(counts.values())
    taken = sum((count.value.times(count.count) for count in box), Money(0, currency))
    exchange = journal.newest("counts-set")
    by = exchange.record.by if exchange and isinstance(exchange.record, r.CountsSet) else ""
    return Totals(
        cassettes=tuple(rows), value=plain(value), paid=plain(paid), payments=payments,
        waiting=journal.outbox_length(), parked=journal.parked_length(), exchanged_by=by, exchanged_at=exchange.at if exchange else 0,
        box=tuple(BoxTotal(note=plain(count.value), count=count.count) for count in box),
        box_value=plain(taken) if box or config.note_acceptor is not None else "",
    )  # fmt: skip


def _box(counts: Iterable[CassetteCount]) -> list[CassetteCount]:
    """What is in the note acceptor's box, largest value first."""
    found = [count for count in counts if in_box(count.cassette) and count.count]
    return sorted(found, key=lambda count: -count.value.minor)


def box_line(found: Totals) -> str:
    """As a person reads it; "" where the machine takes no notes."""
    if not found.box_value:
        return ""
    notes = ", ".join(f"{row.count} x {row.note}" for row in found.box)
    return f"{found.box_value}: {notes}" if notes else "empty"


def _moved(lines: tuple[r.Line, ...], currency: str) -> tuple[Counter[tuple[str, str]], Money, int]:
    """Notes by cassette and where they went, their worth, and in how many payments."""
    moved: Counter[tuple[str, str]] = Counter()
    paid, payments = Money(0, currency), 0
    for line in lines:
        record = line.record
        if isinstance(record, r.NoteMoved):
            for where in ("dispensed", "in_doubt", "surplus"):
                moved[record.cassette, where] += getattr(record, where)
            paid += record.value.times(record.dispensed)
        elif isinstance(record, r.TestMoved):
            moved[record.cassette, "in_doubt"] += record.in_doubt
        elif isinstance(record, r.Presented):
            payments += record.outcome is Outcome.PRESENTED
    return moved, paid, payments


def table(found: Totals) -> str:
    """As a person reads it."""
    lines = [
        f"{'cassette':<12}{'note':>12}{'count':>8}{'rejects':>9}{'value':>16}  {'accuracy':<14}{'out':>5}{'doubt':>7}{'extra':>7}"
    ]
    lines += [
        f"{row.cassette:<12}{row.note:>12}{row.count:>8}{row.rejected:>9}{row.value:>16}  {row.accuracy:<14}"
        f"{row.dispensed:>5}{row.in_doubt:>7}{row.surplus:>7}{'  refill' if row.low else ''}"
        for row in found.cassettes
    ]
    since = f"since the exchange by {found.exchanged_by}" if found.exchanged_by else "so far; nothing was loaded yet"
    lines += [
        f"in the cassettes: {found.value}",
        *((f"in the note acceptor's box: {said}",) if (said := box_line(found)) else ()),
        f"paid: {found.paid} in {found.payments} payments {since}",
        f"facts for the bank: {found.waiting} waiting, {found.parked} set aside",
    ]
    return "\n".join(lines)
