"""The machine itself: versions, why it is out of service, and in and out of service by the operator's word."""

from __future__ import annotations

from kiosk.ask import BACK
from kiosk.operator.bench import Bench
from kiosk.operator.journal_view import show_text
from kiosk.screens import operator as screens
from kiosk.service_state import Cause
from kiosk.version import VERSION


async def run(bench: Bench) -> None:
    """Back to the menu by Back."""
    parts = bench.parts
    while True:
        closed = Cause.CLOSED in parts.service.causes
        key = await parts.ask.choose(screens.op_machine(parts.words, closed=closed))
        if key == BACK:
            return
        if key == "switch":
            bench.set_service(is_open=closed)
        elif key == "versions":
            await show_text(bench, "op.versions", _versions(bench))
        else:
            reasons = parts.service.reasons_at_the_machine
            await show_text(bench, "op.reasons", [(cause.value, sentence) for cause, sentence in reasons.items()])


def _versions(bench: Bench) -> list[tuple[str, str]]:
    journal = bench.parts.journal
    session = bench.parts.host.session
    return [
        ("firmware", VERSION), ("generation", str(bench.desk.generation)), ("journal", journal.journal_id),
        ("start", journal.boot_id), ("audit head", session.audit_head if session is not None else "unknown"),
    ]  # fmt: skip
