"""The echo: what a terminal says of itself every half minute, and what the bank asks of it."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from bank.authoriser.context import Context
from bank.ledger.rows import NumberRow, Terminal
from bank.ledger.view import View
from bank_link.messages import Command, Echo, EchoBack


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A terminal's newest echo, and when the terminal sent it (bank time, ms)."""

    at: int
    echo: Echo


def echo(view: View, context: Context, message: Echo) -> EchoBack:
    """Keep the report; a terminal that may not work is told to stay out of service."""
    terminal = replace(view.need(Terminal, context.terminal.terminal), last_seen=context.now_ms)
    known, sent_at = read_report(terminal), min(context.sent_at or context.now_ms, context.now_ms)
    if known is None or known.at <= sent_at:
        # One that was long under way says what was, not what is.
        terminal = replace(terminal, report=msgspec.json.encode(Report(at=sent_at, echo=message)).decode())
    view.put(terminal)
    # One that was said before this session's sign-on does not count what that has made wait again.
    told_all = not message.outbox and message.session == context.session.session
    again = (Command.SIGN_ON,) if told_all and _close_lost(view, context) else ()
    if terminal.state != "active":
        return EchoBack(commands=(Command.OUT_OF_SERVICE, *again), why=terminal.why or "not confirmed by the bank yet")
    return EchoBack(commands=again)


def _close_lost(view: View, context: Context) -> bool:
    """Nothing waits at the kiosk any more: for what this bank had lost there were no more facts than have come.

    True where the sign-on could not name all of it: the next one names the rest.
    """
    for row in list(view.all(NumberRow)):
        if (row.terminal, row.state) == (context.terminal.terminal, "lost"):
            view.put(replace(row, state="ended"))
    return bool(context.session.partial)


def read_report(terminal: Terminal) -> Report | None:
    """What the terminal said last; None before its first echo."""
    return msgspec.json.decode(terminal.report, type=Report) if terminal.report else None
