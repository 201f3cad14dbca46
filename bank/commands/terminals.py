"""Terminals: an enrolment string, a confirmed fingerprint, suspension and its end."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec.structs import replace
from sqlalchemy import bindparam, select

from bank import schema
from bank.cases.kinds import POST_UNHEARD
from bank.commands import requests as r
from bank.commands.answers import CassetteShown, EnrolmentOpened, TerminalShown, TerminalsListed, amount, time
from bank.commands.desk import Desk
from bank.control import CommandRefused
from bank.decision.sweep import file_silent, file_unheard
from bank.ledger import numbers
from bank.ledger.moves import open_case
from bank.ledger.rows import Case, DepositRow, Hold, PostRow, Terminal, Token
from bank.store.prepared import Prepared
from bank.terminals.echo import read_report
from bank.terminals.enrolment import ca_hash, end_sessions, load_open, new_token
from bank.terminals.sign_on import CONTRADICTIONS
from bank_link.enrolment_string import compose
from bank_link.errors import EnrolmentError
from bank_link.messages import CassetteCount

#: Posts longer ago than this (ms) were told to their customers by statements since.
UNHEARD_MS = 30 * 86_400_000


def open_enrolment(desk: Desk, command: r.EnrolmentOpen) -> EnrolmentOpened:
    """A string with a fresh token. Of one terminal only the newest is good."""
    again = bool(command.terminal)
    name = desk.find(Terminal, command.terminal, "terminal").terminal if again else _next_id(desk)
    token, row = new_token(desk.tools.random, terminal=name, now_ms=desk.now_ms)
    for older in _live_tokens(desk):
        if older.terminal == name:
            desk.view.put(replace(older, expires_at=desk.now_ms))
    desk.view.put(row)
    address = desk.house.enrolment_address
    try:
        string = compose(ca_hash(desk.house.ring.ca_pem()), token, address)
    except EnrolmentError as error:
        raise CommandRefused(str(error)) from None
    desk.note("enrolment-opened", "again" if again else "first", terminal=name)
    return EnrolmentOpened(
        terminal=name, again=again, string=string, address=address, expires_at=time(row.expires_at)
    )  # fmt: skip


def list_all(desk: Desk, _command: r.TerminalList) -> TerminalsListed:
    desk.note("terminals-listed", "")
    found = desk.rows(Terminal, select(schema.terminals))
    return TerminalsListed(terminals=tuple(_shown(desk, one) for one in sorted(found, key=_place)))


def confirm(desk: Desk, command: r.TerminalConfirm) -> TerminalShown:
    """A person has read the fingerprint at the machine: from now on this key is the terminal."""
    terminal = desk.find(Terminal, command.terminal, "terminal")
    if terminal.state != "pending":
        raise CommandRefused(f"{terminal.terminal} is {terminal.state}: there is nothing to confirm")
    if _plain(command.fingerprint) != _plain(terminal.fingerprint):
        raise CommandRefused(
            f"that is not {terminal.terminal}'s fingerprint; read it once more at the machine, and if it differs again "
            "do not confirm: somebody else has used the enrolment string"
        )
    terminal = replace(terminal, state="active", why="")
    desk.view.put(terminal)
    desk.note(
        "terminal-confirmed", f"generation {terminal.generation}, fingerprint {terminal.fingerprint}",
        terminal=terminal.terminal,
    )  # fmt: skip
    return _shown(desk, terminal)


def suspend(desk: Desk, command: r.TerminalSuspend) -> TerminalShown:
    """Facts only, no money; the machine learns it with its next echo."""
    terminal = desk.find(Terminal, command.terminal, "terminal")
    if terminal.state != "active":
        raise CommandRefused(f"{terminal.terminal} is {terminal.state} already: it moves no money")
    terminal = replace(terminal, state="suspended", why=command.why)
    desk.view.put(terminal)
    desk.note("terminal-suspended", command.why, terminal=terminal.terminal)
    return _shown(desk, terminal)


def resume(desk: Desk, command: r.TerminalResume) -> TerminalShown:
    """Active again; it has to sign on anew, so that its journal is looked at before any money moves."""
    load_open(desk.connection, desk.books, command.terminal)
    terminal = desk.find(Terminal, command.terminal, "terminal")
    if terminal.state != "suspended":
        raise CommandRefused(f"{terminal.terminal} is {terminal.state}, not suspended")
    adopted = terminal.why in CONTRADICTIONS
    desk.view.put(_adopted(desk, terminal) if adopted else replace(terminal, state="active", why=""))
    end_sessions(desk.view, terminal.terminal)
    desk.note("terminal-resumed", "its journal adopted" if adopted else "", terminal=terminal.terminal)
    return _shown(desk, desk.view.need(Terminal, terminal.terminal))


def _adopted(desk: Desk, terminal: Terminal) -> Terminal:
    """The journal at hand is the machine's from now on. What it may have paid unseen is for a person: a case each."""
    released = select(schema.holds).where(
        schema.holds.c.terminal == terminal.terminal, schema.holds.c.state == "released"
    )
    for hold in desk.rows(Hold, released):
        file_silent(desk.view, desk.tools, hold)
    begun = select(schema.deposits).where(
        schema.deposits.c.terminal == terminal.terminal, schema.deposits.c.state == "open"
    )
    for deposit in desk.rows(DepositRow, begun):
        file_unheard(desk.view, desk.tools, deposit)
    for done in desk.rows(PostRow, _UNHEARD.params(terminal=terminal.terminal, since=desk.now_ms - UNHEARD_MS)):
        _file_post(desk, done)
    counted = numbers.counting(desk.view, terminal.terminal, terminal.generation)
    desk.view.put(replace(counted, adopted=counted.highest_seen))
    return replace(
        terminal, state="active", why="", journal=terminal.claimed_journal or terminal.journal,
        last_boot=terminal.claimed_boot or terminal.last_boot,
    )  # fmt: skip


def _file_post(desk: Desk, done: PostRow) -> None:
    """Its answer may never have been kept: then the customer was told that nothing happened, and nobody knows of it."""
    claim = f"{done.terminal}-{done.number}"
    case = Case(
        case_id=f"{claim}.{done.generation}.{POST_UNHEARD}", kind=POST_UNHEARD, terminal=done.terminal,
        generation=done.generation, number=done.number, claim=claim, account=done.account, card=done.card,
        amount_minor=done.amount_minor, currency=done.currency, opened_at=desk.now_ms,
    )  # fmt: skip
    open_case(desk.view, case)
    desk.note("case-opened", case.case_id, terminal=done.terminal, number=done.number)


#: What a machine has not followed by anything: its next number was never heard of.
_POSTS, _NUMBERS = schema.posts.c, schema.numbers.c
_UNHEARD = select(schema.posts).where(
    _POSTS.terminal == bindparam("terminal"), _POSTS.state == "posted", _POSTS.at_ms > bindparam("since"),
    ~select(_NUMBERS.number).where(
        _NUMBERS.terminal == _POSTS.terminal, _NUMBERS.generation == _POSTS.generation,
        _NUMBERS.number == _POSTS.number + 1,
    ).exists(),
)  # fmt: skip


def _next_id(desk: Desk) -> str:
    """T1, T2 …: above every terminal, and above every string that may still be used."""
    names = [one.terminal for one in desk.rows(Terminal, select(schema.terminals))]
    names += [one.terminal for one in _live_tokens(desk)]
    taken = [int(name[1:]) for name in names if re.fullmatch(r"T[0-9]{1,9}", name)]
    return f"T{max(taken, default=0) + 1}"


def _live_tokens(desk: Desk) -> list[Token]:
    tokens = schema.tokens.c
    return desk.rows(
        Token, select(schema.tokens).where(tokens.expires_at > desk.now_ms, tokens.fingerprint == "")
    )  # fmt: skip


def _place(terminal: Terminal) -> tuple[int, str]:
    return (len(terminal.terminal), terminal.terminal)


def _plain(fingerprint: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", fingerprint.upper())


def _shown(desk: Desk, terminal: Terminal) -> TerminalShown:
    report = read_report(terminal)
    echo = report.echo if report else None
    return TerminalShown(
        terminal=terminal.terminal, generation=terminal.generation, state=terminal.state, why=terminal.why,
        # Whoever confirms reads it at the machine: shown here, it would only be copied.
        fingerprint="" if terminal.state == "pending" else terminal.fingerprint, enrolled_at=time(terminal.enrolled_at), last_seen=time(terminal.last_seen),
        last_exchange=time(terminal.last_exchange), exchange_needed=bool(terminal.exchange_needed),
        in_service=bool(echo and echo.in_service), reported_why=echo.why if echo else "",
        outbox=echo.outbox if echo else 0, parked=echo.parked if echo else 0,
        cassettes=_cassettes(echo.counts if echo else ()),
        cases=_open_cases(desk, terminal.terminal),
    )  # fmt: skip


def _cassettes(counts: Iterable[CassetteCount]) -> tuple[CassetteShown, ...]:
    return tuple(
        CassetteShown(
            cassette=count.cassette, value=amount(count.value.minor, count.value.currency), count=count.count,
            rejected=count.rejected, accuracy=count.accuracy.value,
        )
        for count in counts
    )  # fmt: skip


def _open_cases(desk: Desk, terminal: str) -> tuple[str, ...]:
    return tuple(case_id for (case_id,) in _OPEN_CASES.rows(desk.connection, terminal=terminal))


_OPEN_CASES = Prepared(
    select(schema.cases.c.case_id)
    .where(schema.cases.c.terminal == bindparam("terminal"), schema.cases.c.state == "open")
    .order_by(schema.cases.c.opened_at)
)
