"""The sign-on: who this is, whether its journal and ours tell the same story, and the session that follows."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from bank.audit.events import AuditEvent
from bank.authoriser.context import Tools
from bank.ledger import numbers
from bank.ledger.rows import SessionRow, Terminal, Visit
from bank.ledger.view import View
from bank_link.errors import MessageRefused
from bank_link.messages import NumberRange, Reason, Refused, Rest, SignedOn, SignOn, SignOnClaims
from bank_link.money import Money
from bank_link.ranges import count, spread
from bank_link.sign_on import challenge_time, read_claims, verify_claims

_OTHER_JOURNAL = "its journal is another one than the bank knows: the disk was changed, lost or cloned"
_LOST_BOOT = "its journal does not know its own last start: the disk was rolled back or cloned"
_LOST_NUMBERS = "the bank has seen numbers that its journal never took: the disk was rolled back"
_USED_TWICE = "its journal gave one number to two things: the disk was rolled back or cloned"
#: Why a terminal is suspended by its own sign-on, or its own word; until a person resumes it, the first reason stands.
CONTRADICTIONS = frozenset({_OTHER_JOURNAL, _LOST_BOOT, _LOST_NUMBERS, _USED_TWICE})


@dataclass(frozen=True)
class Missing:
    """What a sign-on names and this bank does not have, and what the next one has to name."""

    ranges: tuple[NumberRange, ...] = ()
    rest: Rest = Rest.NONE


def sign_on(view: View, message: SignOn, tools: Tools, *, missing: Missing) -> SignedOn | Refused:
    """Open a session, and end the terminal's older ones. A journal that does not fit suspends the terminal."""
    try:
        claims = read_claims(message)
    except MessageRefused as error:
        return Refused(reason=Reason.MALFORMED, sentence=str(error)[:200])
    terminal = view.get(Terminal, claims.terminal)
    try:
        _check(message, claims, terminal, tools)
    except MessageRefused as error:
        _note(view, tools, claims, "sign-on-refused", str(error))
        return Refused(reason=Reason.MALFORMED, sentence=str(error)[:200])
    assert terminal is not None
    if claims.boot != terminal.claimed_boot:
        _end_visits(view, terminal)
    if terminal.state == "pending":
        return Refused(reason=Reason.PENDING, sentence="the bank's staff has not confirmed this terminal yet")
    terminal = _standing(view, terminal, claims, tools)
    _count(view, claims, missing, tools)
    return _open(view, message, terminal, missing, tools)


def _check(message: SignOn, claims: SignOnClaims, terminal: Terminal | None, tools: Tools) -> None:
    if terminal is None:
        raise MessageRefused("the bank knows no such terminal")
    if claims.generation != terminal.generation:
        raise MessageRefused("this terminal was enrolled anew since: use its newest auth file")
    verify_claims(message, terminal.public_key)
    tools.keys.check_challenge(claims, tools.now_ms)
    if challenge_time(claims.bank_nonce) <= terminal.last_challenge:
        raise MessageRefused("this sign-on was used before")


def _standing(view: View, terminal: Terminal, claims: SignOnClaims, tools: Tools) -> Terminal:
    """Keep what the journal says of itself; suspend where it contradicts what the bank has seen."""
    why = _contradiction(view, terminal, claims)
    terminal = replace(
        terminal, exchange_needed=int(terminal.exchange_needed or _changed_disk(terminal, claims)),
        claimed_journal=claims.journal, claimed_boot=claims.boot, last_seen=tools.now_ms,
        last_challenge=challenge_time(claims.bank_nonce),
    )  # fmt: skip
    if why and terminal.why not in CONTRADICTIONS:
        terminal = replace(terminal, state="suspended", why=why, exchange_needed=1)
        _note(view, tools, claims, "suspended", why)
    if terminal.state == "active":
        terminal = replace(terminal, journal=claims.journal, last_boot=claims.boot)
    view.put(terminal)
    return terminal


def used_twice(view: View, terminal: Terminal, number: int) -> str:
    """A number that was another message's before: its journal has forgotten that one. Why the terminal is suspended now; ""
    where it is already, or where a person has taken the journal as it is since.
    """
    if terminal.state != "active" or number <= numbers.counting(view, terminal.terminal, terminal.generation).adopted:
        return ""
    view.put(replace(terminal, state="suspended", why=_USED_TWICE, exchange_needed=1))
    return _USED_TWICE


def _contradiction(view: View, terminal: Terminal, claims: SignOnClaims) -> str:
    counted = numbers.counting(view, terminal.terminal, terminal.generation)
    if terminal.journal and terminal.journal != claims.journal:
        return _OTHER_JOURNAL
    if terminal.last_boot and not claims.knows_last_boot:
        return _LOST_BOOT
    if counted.highest_seen > max(claims.highest_taken, counted.adopted):
        return _LOST_NUMBERS
    return ""


def _changed_disk(terminal: Terminal, claims: SignOnClaims) -> bool:
    """Enrolled anew (no journal is known), and this is another one than before: what is in the machine must be counted."""
    return not terminal.journal and terminal.claimed_journal not in {"", claims.journal}


def _count(view: View, claims: SignOnClaims, missing: Missing, tools: Tools) -> None:
    for generation, number in spread(missing.ranges):
        numbers.lose(view, (claims.terminal, generation, number), tools.now_ms)
    numbers.see(view, (claims.terminal, claims.generation, claims.highest_taken))


def _open(
    view: View, message: SignOn, terminal: Terminal, missing: Missing, tools: Tools
) -> SignedOn:  # fmt: skip
    claims = read_claims(message)
    for older in list(view.all(SessionRow)):
        if older.terminal == terminal.terminal and not older.ended:
            view.put(replace(older, ended=1))
    limits = tools.limits
    session_id = "s" + tools.random.token_bytes(16).hex()
    answer, keys = tools.keys.open_session(
        message, tools.random, session=session_id, time=tools.now_ms, state=terminal.state, state_sentence=terminal.why,
        missing=missing.ranges, rest=missing.rest,
        next_number=numbers.counting(view, terminal.terminal, terminal.generation).highest_seen + 1,
        exchange_needed=bool(terminal.exchange_needed), currency=limits.currency,
        most_per_withdrawal=Money(limits.most_per_withdrawal_minor, limits.currency), hold_ms=limits.hold_ms,
        echo_ms=limits.echo_ms, audit_head=tools.audit_head, products=limits.products,
        open_to_all=limits.open_to_all,
    )  # fmt: skip
    view.put(
        SessionRow(
            session=session_id, terminal=terminal.terminal, generation=terminal.generation, boot=claims.boot,
            journal=claims.journal, partial=int(missing.rest is not Rest.NONE), keys=tools.keys.wrap_session_keys(keys), opened_at=tools.now_ms,
        )
    )  # fmt: skip
    missed = f", {count(missing.ranges)} numbers missing here" if missing.ranges else ""
    _note(view, tools, claims, "signed-on", f"boot {claims.boot}{missed}")
    return answer


def _end_visits(view: View, terminal: Terminal) -> None:
    """A session may be renewed within a visit; a new start of the firmware has no visit any more."""
    for visit in list(view.all(Visit)):
        if visit.terminal == terminal.terminal and visit.state == "open":
            view.put(replace(visit, state="closed"))


def _note(view: View, tools: Tools, claims: SignOnClaims, kind: str, detail: str) -> None:
    view.note(AuditEvent(kind=kind, terminal=claims.terminal, detail=detail[:300], at_ms=tools.now_ms))
