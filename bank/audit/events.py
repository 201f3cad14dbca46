"""What the audit log is told: one line about something that happened."""

from __future__ import annotations

import msgspec


class AuditEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One line for the audit chain; `detail` holds no secret."""

    kind: str
    terminal: str = ""
    number: int = 0
    detail: str = ""
    at_ms: int
