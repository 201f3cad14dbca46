"""The chain in the database: the head for sign-ons, the next block, and the verification of all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, insert, select
from sqlalchemy.exc import DBAPIError

from bank.audit.chain import Block, Event, Finding, Sealing, Verifier, head_of, make_block
from bank.audit.events import AuditEvent
from bank.audit.tables import audit_blocks, audit_events
from bank.store.prepared import Prepared

#: A forged row may have any number; SQLite's have 64 bits.
_FIRST, _LAST = -(1 << 63), (1 << 63) - 1
#: A block holds at most so many events: what is sealed or verified at once stays small.
MOST_EVENTS = 512

_APPEND = Prepared(insert(audit_events).values({name: bindparam(name) for name in AuditEvent.__struct_fields__}))
_ADD_BLOCK = Prepared(insert(audit_blocks).values({name: bindparam(name) for name in Block.__struct_fields__}))
_LAST_BLOCK = Prepared(select(audit_blocks).order_by(audit_blocks.c.block_id.desc()).limit(1))
_WAITING = Prepared(
    select(audit_events)
    .where(audit_events.c.event_id >= bindparam("first"))
    .order_by(audit_events.c.event_id)
    .limit(MOST_EVENTS)
)
_BLOCK_IDS = Prepared(select(audit_blocks.c.block_id).order_by(audit_blocks.c.block_id))
_BLOCK = Prepared(select(audit_blocks).where(audit_blocks.c.block_id == bindparam("block_id")))
_EVENTS = Prepared(
    select(audit_events)
    .where(audit_events.c.event_id.between(bindparam("first"), bindparam("last")))
    .order_by(audit_events.c.event_id)
)


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
    _APPEND.many(connection, [msgspec.structs.asdict(event) for event in events])


def seal(connection: Connection, sealing: Sealing, *, now_ms: int) -> tuple[int, str]:
    """Make the next block, within the caller's transaction: how many events it holds (0 where none waited), the head."""
    before = _last_block(connection)
    first = _after(before.last_event) if before else _FIRST
    events = [Event(*row) for row in _WAITING.rows(connection, first=first)]
    if not events:
        return 0, head_of(before)
    block = make_block(before, events, sealed_at_ms=now_ms, sealing=sealing)
    _ADD_BLOCK.many(connection, [msgspec.structs.asdict(block)])
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
    rows = _LAST_BLOCK.rows(connection)
    return Block(*rows[0]) if rows else None


def _blocks(connection: Connection, findings: list[Finding]) -> Iterator[Block]:
    for (number,) in _BLOCK_IDS.rows(connection):
        yield from _read(lambda number=number: _BLOCK.rows(connection, block_id=number), Block, findings)  # type: ignore[misc]  # bound now


def _events(connection: Connection, after: int | None, to: int | None, findings: list[Finding]) -> list[Event]:
    between = {"first": _FIRST if after is None else _after(after), "last": _LAST if to is None else to}
    return list(_read(lambda: _EVENTS.rows(connection, **between), Event, findings))


def _after(event_id: int) -> int:
    """The next id; a forged block may end with the last that there is."""
    return min(event_id, _LAST - 1) + 1


def _read(ask: Callable[[], list[tuple[Any, ...]]], kind: Any, findings: list[Finding]) -> Iterator[Any]:
    """Rows as structs. SQLite lets a forger store any type in any column: what is not of its own is a finding."""
    what = kind.__name__.lower()
    try:
        found = ask()
    except (DBAPIError, TypeError) as error:
        if isinstance(error, DBAPIError) and getattr(error.orig, "result", None):
            raise
        findings.append(Finding("altered", f"a row of the audit {what}s cannot be read"))
        return
    for row in found:
        try:
            # Else text where bytes belong would be read as base64.
            yield msgspec.convert(row, kind, builtin_types=(bytes,))
        except msgspec.ValidationError:
            findings.append(Finding("altered", f"{what} {row[0]!r} holds what was never written there"))
