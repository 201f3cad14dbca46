"""The sign-on, both ends: fresh keys for a session between a terminal and a bank that each know who the other is.

kiosk                                                bank
Hello(nonce)                                  ─►
                                              ◄─     HelloBack(challenge: its time and a MAC over both)
SignOn(claims: both nonces, X25519 key, …;
       signed by the terminal's key)          ─►     checks challenge, terminal, signature
                                              ◄─     SignedOn(session: SHA-256 of the claims, X25519 key, …;
                                                              signed by the slip key, certificate of a pinned CA)
checks certificate, signature, claims                both derive the session's two keys over the whole exchange
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bank_link import coding
from bank_link.certificates import slip_key
from bank_link.errors import MessageRefused
from bank_link.keys import KEY_BYTES, AgreementKey, Purpose, agreement_public, derive, framed, sign, signature_holds
from bank_link.messages import Answered, CassetteCount, Hello, HelloBack, Session, SignedOn, SignOn, SignOnClaims
from bank_link.seams import Randomness

#: A challenge is good for so long; a node's clock may be ahead of another's by so much.
CHALLENGE_MS = 60_000
SKEW_MS = 5_000
#: So many ranges of answered numbers fit a sign-on, and so many of missing ones a session.
MOST_RANGES = 400
MOST_MISSING = 400
MOST_SIGNED = 16_384  # what `messages.Blob` takes

_TIME_BYTES = 8


@dataclass(frozen=True, slots=True)
class SessionKeys:
    """The session's MAC keys, one a direction, 32 bytes each."""

    to_bank: bytes = field(repr=False)
    to_kiosk: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Claim:
    """A sign-on under way at the kiosk: what is sent, and the private key of its X25519 key."""

    sign_on: SignOn
    ephemeral: bytes = field(repr=False)


# ── At the kiosk ────────────────────────────────────────────────────────────────────────────────────────────────────


def new_hello(random: Randomness) -> Hello:
    """The first message, with a fresh nonce."""
    return Hello(nonce=random.token_bytes(KEY_BYTES))


def claim(
    hello: Hello,
    back: HelloBack,
    *,
    terminal: str,
    generation: int,
    signing_key: bytes,
    random: Randomness,
    journal: str,
    boot: str,
    knows_last_boot: bool,
    answered: Answered,
    highest_taken: int,
    outbox: int,
    counts: Sequence[CassetteCount],
) -> Claim:
    """The signed sign-on that answers the bank's challenge `back`. `answered` names at most MOST_RANGES ranges."""
    private = random.token_bytes(KEY_BYTES)
    claims = SignOnClaims(
        terminal=terminal,
        generation=generation,
        kiosk_nonce=hello.nonce,
        bank_nonce=back.nonce,
        ephemeral=agreement_public(private),
        journal=journal,
        boot=boot,
        knows_last_boot=knows_last_boot,
        answered=answered,
        highest_taken=highest_taken,
        outbox=outbox,
        counts=tuple(counts),
    )
    signed = coding.encode(claims)
    return Claim(SignOn(signed=signed, signature=sign(signing_key, Purpose.SIGN_ON, signed)), private)


def finish(claim: Claim, answer: SignedOn, *, cas: Iterable[str], now_ms: int) -> tuple[Session, SessionKeys]:
    """The session that the bank opened for this very claim, and its keys; `now_ms` is the wall clock, for certificates.

    Raises MessageRefused where the slip certificate is not of a CA in `cas` (PEM), not valid now or of another role,
    where the signature does not hold, or where the answer is for another claim.
    """
    bank_key = slip_key(answer.slip_certificate, cas, now_ms)
    if not signature_holds(bank_key, Purpose.SESSION, answer.signed, answer.signature):
        raise MessageRefused("the bank's answer to the sign-on is not signed by its slip key")
    session: Session = coding.decode(Session, answer.signed, "the session")
    if not hmac.compare_digest(session.claims, claims_digest(claim.sign_on)):
        raise MessageRefused("the bank's answer is for another sign-on than this one")
    if bank_key not in session.slip_keys:
        raise MessageRefused("the bank's answer does not list the slip key that it is signed with")
    return session, _session_keys(AgreementKey(claim.ephemeral), session.ephemeral, claim.sign_on, answer)


# ── At the bank ─────────────────────────────────────────────────────────────────────────────────────────────────────


def challenge(key: bytes, now_ms: int, terminal: str, kiosk_nonce: bytes) -> bytes:
    """The bank's nonce: its time and a MAC over it, the terminal and the kiosk's nonce. Nothing is to be kept."""
    time = now_ms.to_bytes(_TIME_BYTES, "big")
    return time + hmac.digest(key, b"atm/1 challenge\n" + framed(time, terminal.encode(), kiosk_nonce), "sha256")


def challenge_time(bank_nonce: bytes) -> int:
    """The bank time (ms) at which a challenge was made.

    Keep it with the terminal's session, and refuse a sign-on whose challenge is not later: then no sign-on counts
    twice, though challenges are not kept.
    """
    return int.from_bytes(bank_nonce[:_TIME_BYTES], "big")


def check_challenge(key: bytes, now_ms: int, claims: SignOnClaims) -> None:
    """Raises MessageRefused unless the claims answer a challenge of this bank, for this terminal, of the last minute."""
    made = challenge_time(claims.bank_nonce)
    wanted = challenge(key, made, claims.terminal, claims.kiosk_nonce)
    if not hmac.compare_digest(wanted, claims.bank_nonce):
        raise MessageRefused("the sign-on answers no challenge of this bank")
    if not -SKEW_MS <= now_ms - made <= CHALLENGE_MS:
        raise MessageRefused("the sign-on answers a challenge that is too old")


def read_claims(sign_on: SignOn) -> SignOnClaims:
    """What the sign-on claims, not yet to be believed. Raises MessageRefused for bytes that are no claims."""
    claims: SignOnClaims = coding.decode(SignOnClaims, sign_on.signed, "the sign-on")
    return claims


def verify_claims(sign_on: SignOn, public_key: bytes) -> None:
    """Raises MessageRefused unless the terminal whose raw Ed25519 key is `public_key` signed these claims."""
    if not signature_holds(public_key, Purpose.SIGN_ON, sign_on.signed, sign_on.signature):
        raise MessageRefused("the sign-on is not signed by this terminal")


def open_session(
    sign_on: SignOn, *, random: Randomness, slip_private_key: bytes, slip_certificate: str, **fields: Any
) -> tuple[SignedOn, SessionKeys]:
    """The signed session for a sign-on that was checked, and its keys.

    `fields` are those of `messages.Session`, all but `claims` and `ephemeral`, which are made here. Raises
    MessageRefused where the kiosk's agreement key cannot be used, ValueError where a field is outside its limits.
    """
    key = AgreementKey(random.token_bytes(KEY_BYTES))
    session = Session(claims=claims_digest(sign_on), ephemeral=key.public, **fields)
    signed = coding.encode(session)
    _check_session(session, signed)
    signature = sign(slip_private_key, Purpose.SESSION, signed)
    answer = SignedOn(signed=signed, signature=signature, slip_certificate=slip_certificate)
    return answer, _session_keys(key, read_claims(sign_on).ephemeral, sign_on, answer)


def claims_digest(sign_on: SignOn) -> bytes:
    """SHA-256 of what was signed: the sign-on's name in the bank's answer."""
    return hashlib.sha256(sign_on.signed).digest()


def _check_session(session: Session, signed: bytes) -> None:
    if len(session.missing) > MOST_MISSING:
        raise ValueError(
            f"a session names at most {MOST_MISSING} ranges of missing numbers; the next one names the rest"
        )
    if len(signed) > MOST_SIGNED:
        raise ValueError(f"a session of {len(signed)} bytes cannot be sent: at most {MOST_SIGNED}")
    try:
        coding.decode(Session, signed, "the session")
    except MessageRefused as error:
        raise ValueError(str(error)) from None


def _session_keys(own: AgreementKey, public: bytes, sign_on: SignOn, answer: SignedOn) -> SessionKeys:
    transcript = hashlib.sha256(framed(sign_on.signed, sign_on.signature, answer.signed, answer.signature)).digest()
    keys = derive(own.agree(public), b"atm/1 session keys\n" + transcript, 2 * KEY_BYTES)
    return SessionKeys(to_bank=keys[:KEY_BYTES], to_kiosk=keys[KEY_BYTES:])
