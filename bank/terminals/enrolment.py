"""Enrolment, the bank's side: one-time tokens, and the listener that answers `enrol` and nothing else.

A token is 160 random bits, kept by its SHA-256: for one terminal, for one hour, for one key. Using it makes the
terminal's row anew under the next generation and ends its older sessions; it is pending until a person confirms its
fingerprint. Unknown, expired and spent tokens are told in one sentence, so that nobody learns which exist.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from msgspec.structs import replace
from sqlalchemy import Connection

from bank import schema
from bank.audit.events import AuditEvent
from bank.keys.certificates import requested_key
from bank.keys.errors import CertificateRefused
from bank.keys.keyring import KeyRing
from bank.ledger.read import Lookup
from bank.ledger.rows import Numbering, SessionRow, Terminal, Token, Visit
from bank.ledger.view import Books, View
from bank.ledger.write import write
from bank.store.store import Store
from bank.terminals.attempts import Attempts
from bank_link.enrolment_string import TOKEN_BYTES, fingerprint
from bank_link.envelope import NO_MAC, answering, decode_answer, decode_request, encode, seal, unseal
from bank_link.errors import MessageRefused
from bank_link.messages import Answer, Enrol, Enrolled, Reason, Refused
from bank_link.seams import Randomness, WallClock

TOKEN_LIFE_MS = 3_600_000

_NO_TOKEN = Refused(
    reason=Reason.MALFORMED, sentence="the enrolment string is not good, or not any more; ask the bank for a new one"
)
_TOO_MANY = Refused(
    reason=Reason.MALFORMED, sentence="too many enrolments failed from this address; wait a minute and try again"
)


def new_token(random: Randomness, *, terminal: str, now_ms: int) -> tuple[bytes, Token]:
    """The token for the enrolment string, and what the database keeps of it."""
    token = random.token_bytes(TOKEN_BYTES)
    return token, Token(token_hash=_hash(token), terminal=terminal, expires_at=now_ms + TOKEN_LIFE_MS)


def ca_hash(ca_pem: str) -> bytes:
    """How an enrolment string names the CA: SHA-256 of its DER."""
    return hashlib.sha256(x509.load_pem_x509_certificate(ca_pem.encode()).public_bytes(Encoding.DER)).digest()


@dataclass(frozen=True)
class _Asked:
    """An `enrol` whose request proves its key."""

    message: Enrol
    token: bytes
    public_key: bytes
    peer: str

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.public_key)


class EnrolmentHandler:
    """Answers what comes to the enrolment listener. `address`: the main listener's, as terminals reach it.

    Certificates are made by `dates`.
    """

    def __init__(
        self, *, store: Store, ring: KeyRing, clock: WallClock, dates: WallClock, bank: str, address: str,
        committed: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self._store = store
        self._ring = ring
        self._clock = clock
        self._dates = dates
        self._bank = bank
        self._address = address
        self._committed = committed
        self._attempts = Attempts()

    async def handle(self, body: bytes, *, peer: str) -> bytes:
        """The answer's bytes. Raises MessageRefused for what is no `enrol`."""
        frame = unseal(body)
        message = decode_request("enrol", frame.envelope.body)
        if frame.envelope.kind != "enrol" or frame.mac != NO_MAC or not isinstance(message, Enrol):
            raise MessageRefused("this listener knows enrolment and nothing else")
        answer = await self._answer(message, peer)
        return seal(answering(frame.envelope, answer, time=self._clock.now_ms()), None)

    async def _answer(self, message: Enrol, peer: str) -> Answer:
        now = asyncio.get_running_loop().time()
        if not self._attempts.allowed(peer, now):
            return _TOO_MANY
        answer = await self._decided(message, peer)
        if isinstance(answer, Refused):
            self._attempts.failed(peer, now)
        self._committed()
        return answer

    async def _decided(self, message: Enrol, peer: str) -> Answer:
        try:
            asked = _asked(message, peer)
        except CertificateRefused as error:
            return Refused(reason=Reason.MALFORMED, sentence=str(error))
        async with self._store.transaction() as tx:
            return await tx.run(self._decide, asked)

    def _decide(self, connection: Connection, asked: _Asked) -> Answer:
        books, now = Books(), self._clock.now_ms()
        token = _load_token(connection, books, asked.token)
        view = View(books)
        answer = _known(view, token, asked, now)
        if answer is None:
            assert token is not None
            answer = self._enrol(view, token, asked, now)
        write(connection, books, view)
        return answer

    def _enrol(self, view: View, token: Token, asked: _Asked, now_ms: int) -> Enrolled:
        terminal = _begin_again(view, token.terminal, asked, now_ms)
        enrolled = Enrolled(
            terminal=terminal.terminal, generation=terminal.generation,
            certificate=self._ring.sign_terminal_certificate(
                asked.message.csr, terminal=terminal.terminal, generation=terminal.generation, now_ms=self._dates.now_ms()
            ),
            cas=self._ring.ca_pems(), address=self._address, bank=self._bank,
        )  # fmt: skip
        view.put(
            replace(
                token, generation=terminal.generation, fingerprint=asked.fingerprint, answer=bytes(encode(enrolled))
            )
        )
        detail = f"generation {terminal.generation}, fingerprint {asked.fingerprint}, from {asked.peer[:64]}"
        view.note(AuditEvent(kind="enrolled", terminal=terminal.terminal, detail=detail, at_ms=now_ms))
        return enrolled


def _asked(message: Enrol, peer: str) -> _Asked:
    public = requested_key(message.csr).public_bytes_raw()
    if message.fingerprint != fingerprint(public):
        raise CertificateRefused("the fingerprint is not that of the key in the certificate request")
    try:
        token = bytes.fromhex(message.token)
    except ValueError:
        token = b""
    return _Asked(message, token, public, peer)


def _known(view: View, token: Token | None, asked: _Asked, now_ms: int) -> Answer | None:
    """The answer where the token is not there to be spent now; None where it is."""
    if token is None or now_ms >= token.expires_at:
        _note_refused(view, token, asked, now_ms, "unknown or expired token")
        return _NO_TOKEN
    if not token.fingerprint:
        return None
    if hmac.compare_digest(token.fingerprint, asked.fingerprint):
        return decode_answer(msgspec.Raw(token.answer))
    _note_refused(view, token, asked, now_ms, "a spent token came again with another key")
    return _NO_TOKEN


def _note_refused(view: View, token: Token | None, asked: _Asked, now_ms: int, why: str) -> None:
    view.note(
        AuditEvent(
            kind="enrolment-refused", terminal=token.terminal if token else "",
            detail=f"{why}, fingerprint {asked.fingerprint}, from {asked.peer[:64]}", at_ms=now_ms,
        )
    )  # fmt: skip


def _begin_again(view: View, name: str, asked: _Asked, now_ms: int) -> Terminal:
    """The terminal's row under its next generation. Its old journal is remembered as a claim: if the next sign-on
    brings another, `sign_on` asks for an exchange.
    """
    before = view.get(Terminal, name)
    # A bank that was restored may have heard of generations that it does not remember to have begun.
    counted = (row.generation for row in view.all(Numbering) if row.terminal == name)
    generation = 1 + max(counted, default=0)
    terminal = Terminal(
        terminal=name, generation=generation, public_key=asked.public_key, fingerprint=asked.fingerprint, state="pending",
        enrolled_at=now_ms,
    )  # fmt: skip
    if before is not None:
        terminal = replace(
            before, generation=max(generation, before.generation + 1), public_key=asked.public_key, fingerprint=asked.fingerprint,
            state="pending", why="", enrolled_at=now_ms, journal="", last_boot="", claimed_boot="",
            claimed_journal=before.journal or before.claimed_journal,
        )  # fmt: skip
    view.put(terminal)
    end_sessions(view, name)
    for visit in [visit for visit in view.all(Visit) if visit.terminal == name and visit.state == "open"]:
        view.put(replace(visit, state="closed"))
    return terminal


def end_sessions(view: View, terminal: str) -> None:
    """Of those that are loaded: whoever speaks for this terminal has to sign on anew."""
    for session in [one for one in view.all(SessionRow) if one.terminal == terminal and not one.ended]:
        view.put(replace(session, ended=1))


def load_open(connection: Connection, books: Books, terminal: str) -> None:
    """The terminal's row, its generations, its open sessions and visits."""
    for lookup in (_TERMINALS, _NUMBERINGS, _OPEN_SESSIONS, _OPEN_VISITS):
        lookup(connection, books, [terminal])


def _load_token(connection: Connection, books: Books, token: bytes) -> Token | None:
    for row in _TOKENS(connection, books, [_hash(token)]):
        load_open(connection, books, row.terminal)
        return row
    return None


def _hash(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()


_TERMINALS = Lookup(Terminal)
_NUMBERINGS = Lookup(Numbering, "terminal")
_OPEN_SESSIONS = Lookup(SessionRow, "terminal", where=[schema.sessions.c.ended == 0])
_OPEN_VISITS = Lookup(Visit, "terminal", where=[schema.visits.c.state == "open"])
_TOKENS = Lookup(Token)
