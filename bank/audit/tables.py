"""The audit log's two tables: what happened, and the sealed blocks over it."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)

from bank.schema import metadata

audit_events = Table(
    "audit_events", metadata,
    # Never deleted from, and a rollback gives its id back: so the ids have no gaps.
    Column("event_id", Integer, primary_key=True, autoincrement=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("terminal", String(64), nullable=False, default=""),
    Column("number", BigInteger, nullable=False, default=0),
    Column("detail", Text, nullable=False, default=""),
    sqlite_autoincrement=True,
)  # fmt: skip

audit_blocks = Table(
    "audit_blocks", metadata,
    Column("block_id", Integer, primary_key=True, autoincrement=False),
    Column("first_event", BigInteger, nullable=False),
    Column("last_event", BigInteger, nullable=False),
    Column("sealed_at_ms", BigInteger, nullable=False),
    Column("previous", LargeBinary(32), nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("seal", LargeBinary(32), nullable=False),
    CheckConstraint("block_id > 0 AND first_event > 0 AND last_event >= first_event", name="audit_block_range"),
)  # fmt: skip
