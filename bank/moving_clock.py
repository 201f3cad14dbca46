"""A demonstration's clock: moved forward over the control socket, where the bank was started for it and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from bank.audit.events import AuditEvent
from bank.control import CommandRefused
from bank_link.control_socket import Execute
from bank_link.seams import MovedClock

if TYPE_CHECKING:
    from bank.assembly import Bank

COMMAND = "clock-forward"
#: At once. What is wanted beyond is asked for again.
MOST_MS = 31 * 86_400_000


class Forward(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    by: Annotated[str, msgspec.Meta(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f]+\Z")]
    by_ms: Annotated[int, msgspec.Meta(ge=1, le=MOST_MS)]


def moved_by_command(execute: Execute, bank: Bank, clock: MovedClock) -> Execute:
    """`execute`, and one command more, answered once everything that is over by then has been ended."""

    async def executed(command: str, arguments: dict[str, Any]) -> Any:
        if command != COMMAND:
            return await execute(command, arguments)
        asked = _read(arguments)
        clock.forward_to(clock.ahead_ms + asked.by_ms)
        detail = f"{asked.by_ms // 1000} s, by {asked.by}; {clock.ahead_ms // 1000} s ahead"
        await bank.note(AuditEvent(kind=COMMAND, detail=detail, at_ms=clock.now_ms()))
        await bank.sweep()
        return {"ahead_ms": clock.ahead_ms}

    return executed


def _read(arguments: dict[str, Any]) -> Forward:
    """Raises CommandRefused."""
    try:
        return msgspec.convert(arguments, Forward)
    except msgspec.ValidationError:
        raise CommandRefused(f"a clock is moved forward by 1 to {MOST_MS} ms, by somebody with a name") from None
