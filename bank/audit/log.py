"""The chain in the database: the head for sign-ons, the next block, and the verification of all of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import DBAPIError

from bank.audit.chain import Block, Event, Finding, Sealing, Verifier, head_of, make_block
from bank.audit.events import AuditEvent
from bank.audit.tables import audit_blocks, audit_events

#: A block holds at most so many events: what is sealed or verified at once stays small.
MOST_EVENTS = 512


@dataclass(frozen=True)
class Report:
    """What a verification saw. `sound` where nothing was found."""

    events: int
    blocks: int
    unsealed: int
    head: str
    findings: tuple[Finding, ...]

    @property
    def sound(self) -> bool:
        return not self.findings


def append_events(connection: Connection, events: Sequence[AuditEvent]) -> None:
    """Write `events` within the caller's transaction, in their order; the sealer chains them after it."""
    rows = ({name: getattr(event, name) for name in AuditEvent.__struct_fields__} for event in events)
    connection.execute(insert(audit_events), list(rows))


def seal(connection: Connection, sealing: Sealing, *, now_ms: int) -> tuple[int, str]:
    """Make the next block, within the caller's transaction: how many events it holds (0 where none waited), the head."""
    before = _last_block(connection)
    waiting = select(audit_events).order_by(audit_events.c.event_id).limit(MOST_EVENTS)
    if before:
        waiting = waiting.where(audit_events.c.event_id > before.last_event)
    events = [Event(*row) for row in connection.execute(waiting)]
    if not events:
        return 0, head_of(before)
    block = make_block(before, events, sealed_at_ms=now_ms, sealing=sealing)
    connection.execute(insert(audit_blocks).values(msgspec.structs.asdict(block)))
    return len(events), head_of(block)


def verify(connection: Connection, sealing: Sealing, *, heads: Sequence[str] = ()) -> Report:
    """Read the whole log, block by block, and say everything that does not fit; `heads` is what terminals remember."""
    verifier = Verifier(sealing, heads)
    counted = blocks = last = 0
    end: Block | None = None
    for block in _blocks(connection, verifier.findings):
        events = _events(connection, None if not blocks else last, block.last_event, verifier.findings)
        verifier.block(block, events)
        counted, blocks, last, end = counted + len(events), blocks + 1, max(last, block.last_event), block
    unsealed = _events(connection, last if blocks else None, None, verifier.findings)
    findings = verifier.end(unsealed)
    return Report(counted + len(unsealed), blocks, len(unsealed), head_of(end), tuple(findings))


def _last_block(connection: Connection) -> Block | None:
    row = connection.execute(select(audit_blocks).order_by(audit_blocks.c.block_id.desc()).limit(1)).first()
    return Block(*row) if row else None


def _blocks(connection: Connection, findings: list[Finding]) -> Iterator[Block]:
    numbers = connection.execute(select(audit_blocks.c.block_id).order_by(audit_blocks.c.block_id)).scalars().all()
    for number in numbers:
        yield from _read(connection, select(audit_blocks).where(audit_blocks.c.block_id == number), Block, findings)


def _events(connection: Connection, after: int | None, to: int | None, findings: list[Finding]) -> list[Event]:
    rows = select(audit_events).order_by(audit_events.c.event_id)
    if after is not None:
        rows = rows.where(audit_events.c.event_id > after)
    if to is not None:
        rows = rows.where(audit_events.c.event_id <= to)
    return list(_read(connection, rows, Event, findings))


def _read(connection: Connection, rows: Any, kind: Any, findings: list[Finding]) -> Iterator[Any]:
    """Rows as structs. SQLite lets a forger store any type in any column: what is not of its own is a finding."""
    what = kind.__name__.lower()
    try:
        found = connection.execute(rows).all()
    except (DBAPIError, TypeError) as error:
        if isinstance(error, DBAPIError) and getattr(error.orig, "result", None):
            raise
        findings.append(Finding("altered", f"a row of the audit {what}s cannot be read"))
        return
    for row in found:
        try:
            yield msgspec.convert(tuple(row), kind)
        except msgspec.ValidationError:
            findings.append(Finding("altered", f"{what} {row[0]!r} holds what was never written there"))
