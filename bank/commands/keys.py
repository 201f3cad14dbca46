"""The bank's CAs: shown, the next one made, and promoted once the terminals know it."""

from __future__ import annotations

import datetime as dt

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from sqlalchemy import func, select

from bank import schema
from bank.commands import requests as r
from bank.commands.answers import CaShown, CasShown, time
from bank.commands.desk import Desk
from bank.control import CommandRefused
from bank.keys.certificates import BACKDATE_MS
from bank.ledger.rows import SessionRow
from bank.terminals.enrolment import end_sessions

#: So many terminals are named in a refusal.
_NAMED = 10


def show(desk: Desk, _command: r.CaShow) -> CasShown:
    desk.note("cas-shown", "")
    return _shown(desk)


def make_next(desk: Desk, _command: r.CaNext) -> CasShown:
    """Ends every session, so that terminals sign on with their next message and learn of it. Raises CommandRefused."""
    ring = desk.house.ring
    if waiting := _next(desk):
        raise CommandRefused(f"CA {waiting} is the next one already; promote it before another one is made")
    desk.rows(SessionRow, select(schema.sessions).where(schema.sessions.c.ended == 0))
    for terminal in {session.terminal for session in desk.view.all(SessionRow)}:
        end_sessions(desk.view, terminal)
    ring.add_next_ca(now_ms=desk.house.dates.now_ms())
    made = _next(desk)
    desk.note("ca-made", f"CA {made}, SHA-256 {_fingerprint(ring.ca_certificates()[made])}")
    return _shown(desk)


def promote(desk: Desk, command: r.CaPromote) -> CasShown:
    """Raises CommandRefused where there is no next CA, or where a terminal does not know it (unless told `anyway`)."""
    following = _next(desk)
    if not following:
        raise CommandRefused("there is no next CA; make it with atm-bank ca next, and let every terminal sign on")
    untold = _untold(desk)
    if untold and not command.anyway:
        raise CommandRefused(_too_early(following, untold))
    desk.house.ring.promote_next_ca(now_ms=desk.house.dates.now_ms())
    desk.note("ca-promoted", f"CA {following}, {len(untold)} terminals not told")
    return _shown(desk)


def _too_early(following: int, untold: tuple[str, ...]) -> str:
    named = ", ".join(untold[:_NAMED]) + (", …" if len(untold) > _NAMED else "")
    have = "1 terminal has" if len(untold) == 1 else f"{len(untold)} terminals have"
    return (
        f"{have} not signed on since CA {following} was made and would have to be enrolled anew: {named}; "
        "wait until they have, or say --anyway"
    )


def _next(desk: Desk) -> int:
    """Its number, or 0."""
    ring = desk.house.ring
    return max((version for version in ring.ca_certificates() if version > ring.ca_version), default=0)


def _untold(desk: Desk) -> tuple[str, ...]:
    """Terminals that were neither enrolled nor signed on since the next CA was made."""
    following = _next(desk)
    if not following:
        return ()
    made_ms = _ms(desk.house.ring.ca_certificates()[following].not_valid_before_utc) + BACKDATE_MS
    # A certificate's dates are whole seconds: what happened within that second may have been before it.
    since_ms = made_ms + 1000
    terminals, sessions = schema.terminals.c, schema.sessions.c
    signed_on = (
        select(func.coalesce(func.max(sessions.opened_at), 0))
        .where(sessions.terminal == terminals.terminal, sessions.generation == terminals.generation)
        .scalar_subquery()
    )
    found = desk.connection.execute(
        select(terminals.terminal).where(terminals.enrolled_at < since_ms, signed_on < since_ms)
    )
    return tuple(sorted(found.scalars(), key=lambda name: (len(name), name)))


def _shown(desk: Desk) -> CasShown:
    ring = desk.house.ring
    return CasShown(
        cas=tuple(
            CaShown(
                ca=version, state=_state(version, ring.ca_version), fingerprint=_fingerprint(certificate),
                valid_from=time(_ms(certificate.not_valid_before_utc)),
                valid_until=time(_ms(certificate.not_valid_after_utc)),
            )
            for version, certificate in ring.ca_certificates().items()
        ),
        untold=_untold(desk),
    )  # fmt: skip


def _state(version: int, signing: int) -> str:
    return "signs" if version == signing else "next" if version > signing else "former"


def _fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(SHA256()).hex(":").upper()


def _ms(moment: dt.datetime) -> int:
    return int(moment.timestamp()) * 1000
