"""The sign-on: who can open a session, and every way in which somebody else tries to."""

import dataclasses
from datetime import timedelta

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from support.link_authority import Authority, SeededRandom
from support.link_bank import BANK_TIME, session_fields

from bank_link import ranges, sign_on
from bank_link.errors import MessageRefused
from bank_link.keys import Purpose, agree, agreement_public, derive, sign, signature_holds, signing_public
from bank_link.messages import Answered, HelloBack, SignedOn, SignOn
from bank_link.sign_on import SessionKeys

CHALLENGE_KEY = b"c" * 32
TERMINAL_KEY = b"t" * 32
AUTHORITY = Authority()
SLIP = AUTHORITY.slip()
NOW_MS = int(AUTHORITY.now.timestamp() * 1000)


def kiosk_claim(*, random=None, at: int = BANK_TIME, **changes) -> sign_on.Claim:
    random = random or SeededRandom("kiosk")
    hello = sign_on.new_hello(random)
    back = HelloBack(nonce=sign_on.challenge(CHALLENGE_KEY, at, "T1", hello.nonce), time=at)
    fields = {
        "terminal": "T1",
        "generation": 2,
        "signing_key": TERMINAL_KEY,
        "random": random,
        "journal": "J1",
        "boot": "B1",
        "knows_last_boot": True,
        "answered": Answered(ranges=((2, 1, 5), (2, 7, 9))),
        "highest_taken": 9,
        "outbox": 1,
        "counts": (),
    }
    return sign_on.claim(hello, back, **(fields | changes))


def bank_answer(claim: sign_on.Claim, slip=SLIP, **changes) -> tuple[SignedOn, SessionKeys]:
    return sign_on.open_session(
        claim.sign_on,
        random=SeededRandom("bank"),
        slip_private_key=slip.private,
        slip_certificate=slip.pem,
        **session_fields(slip.public, **changes),
    )


def finish(claim: sign_on.Claim, answer: SignedOn, *, cas=None, now_ms: int = NOW_MS):
    return sign_on.finish(claim, answer, cas=cas or (AUTHORITY.pem,), now_ms=now_ms)


def test_both_ends_come_to_the_same_keys() -> None:
    """An honest sign-on ends with the same two keys at both ends, different from one another and at each time."""
    claim = kiosk_claim()
    claims = sign_on.read_claims(claim.sign_on)
    sign_on.check_challenge(CHALLENGE_KEY, BANK_TIME + 30, claims)
    sign_on.verify_claims(claim.sign_on, signing_public(TERMINAL_KEY))
    answer, bank_keys = bank_answer(claim, session="S7", missing=((1, 4, 6), (2, 8, 8)))
    session, kiosk_keys = finish(claim, answer)
    assert kiosk_keys == bank_keys
    assert (session.session, session.missing) == ("S7", ((1, 4, 6), (2, 8, 8)))
    assert claims.answered == Answered(ranges=((2, 1, 5), (2, 7, 9)))
    other = kiosk_claim(random=SeededRandom("another time"))
    assert len({bank_keys.to_bank, bank_keys.to_kiosk, *dataclasses.astuple(bank_answer(other)[1])}) == 4


def test_agreement_and_derivation_are_those_of_the_standards() -> None:
    """RFC 7748, 6.1 (X25519) and RFC 5869, A.3 (HKDF-SHA256 with neither salt nor info)."""
    alice = bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
    assert agreement_public(alice).hex() == "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
    bob = bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
    shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
    assert agree(alice, agreement_public(bob)).hex() == shared
    okm = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
    assert derive(b"\x0b" * 22, b"", 42).hex() == okm


def test_a_claim_of_another_terminal_is_refused() -> None:
    """Whoever has a terminal's certificate on the line still needs that terminal's key for its sign-on."""
    claim = kiosk_claim(signing_key=b"x" * 32)
    with pytest.raises(MessageRefused, match="not signed by this terminal"):
        sign_on.verify_claims(claim.sign_on, signing_public(TERMINAL_KEY))


def test_a_signature_for_one_purpose_holds_for_no_other() -> None:
    """What the bank signs as a slip cannot be shown as a session, nor a claim as a slip."""
    for purpose in Purpose:
        signature = sign(TERMINAL_KEY, purpose, b"data")
        holds = [other for other in Purpose if signature_holds(signing_public(TERMINAL_KEY), other, b"data", signature)]
        assert holds == [purpose]


@pytest.mark.parametrize("late_ms", [60_001, -5_001])
def test_a_challenge_is_good_for_a_minute(late_ms: int) -> None:
    """A sign-on recorded and sent later is refused, and one from a time to come."""
    claims = sign_on.read_claims(kiosk_claim().sign_on)
    with pytest.raises(MessageRefused, match="too old"):
        sign_on.check_challenge(CHALLENGE_KEY, BANK_TIME + late_ms, claims)
    sign_on.check_challenge(CHALLENGE_KEY, BANK_TIME + late_ms + (-1 if late_ms > 0 else 1), claims)


def test_a_challenge_belongs_to_one_terminal_and_one_nonce() -> None:
    """Made by another key, for another terminal, for another hello, altered or cut: refused."""
    claims = sign_on.read_claims(kiosk_claim().sign_on)
    for changes in (
        {"terminal": "T2"},
        {"kiosk_nonce": b"n" * 32},
        {"bank_nonce": b""},
        {"bank_nonce": claims.bank_nonce[:-1]},
        {"bank_nonce": (BANK_TIME + 1).to_bytes(8, "big") + claims.bank_nonce[8:]},
    ):
        with pytest.raises(MessageRefused, match="no challenge"):
            sign_on.check_challenge(CHALLENGE_KEY, BANK_TIME, replace(claims, **changes))
    with pytest.raises(MessageRefused, match="no challenge"):
        sign_on.check_challenge(b"d" * 32, BANK_TIME, claims)


def test_a_replayed_sign_on_shows_by_its_challenge_time() -> None:
    """The bank keeps one time a terminal: a sign-on that was used names no later one, a fresh one does."""
    first, again = (sign_on.read_claims(kiosk_claim(at=at).sign_on) for at in (BANK_TIME, BANK_TIME + 1))
    assert sign_on.challenge_time(first.bank_nonce) == BANK_TIME
    assert sign_on.challenge_time(again.bank_nonce) > sign_on.challenge_time(first.bank_nonce)


def test_the_answer_is_for_this_claim_alone() -> None:
    """A recorded answer to an earlier sign-on of the same terminal is refused."""
    old, new = kiosk_claim(random=SeededRandom("old")), kiosk_claim(random=SeededRandom("new"))
    answer, _ = bank_answer(old)
    with pytest.raises(MessageRefused, match="another sign-on"):
        finish(new, answer)


def test_an_altered_answer_is_refused() -> None:
    """Signature and signed bytes belong together; the session's key is under the signature."""
    claim = kiosk_claim()
    answer, _ = bank_answer(claim)
    altered = answer.signed.replace(b'"state":"active"', b'"state":"closed"')
    assert altered != answer.signed
    for wrong in (replace(answer, signed=altered), replace(answer, signature=bytes(64))):
        with pytest.raises(MessageRefused, match="not signed by its slip key"):
            finish(claim, wrong)


def test_only_a_slip_certificate_of_a_pinned_ca_opens_a_session() -> None:
    """A terminal's, a web server's, a CA's or a self-made certificate does not pass for the one that signs slips."""
    claim = kiosk_claim()
    stranger = Authority("Bank CA")
    slip_name = x509.UniformResourceIdentifier("atm:slip")
    for made, why in (
        (AUTHORITY.terminal(), "not one for slips"),
        (AUTHORITY.server(), "not one for slips"),
        (AUTHORITY.make(), "not one for slips"),
        (AUTHORITY.make(names=(slip_name, x509.DNSName("bank.example"))), "not one for slips"),
        (stranger.slip(), "not signed by a CA"),
    ):
        answer, _ = bank_answer(claim, slip=made)
        with pytest.raises(MessageRefused, match=why):
            finish(claim, answer)
    good, _ = bank_answer(claim)
    with pytest.raises(MessageRefused, match="not a certificate"):
        finish(claim, replace(good, slip_certificate="nothing"))


def test_a_leaf_cannot_sign_certificates() -> None:
    """A certificate that is no CA's signs no slip certificate, even where it is among those trusted."""
    leaf = AUTHORITY.terminal()
    claim = kiosk_claim()
    answer, _ = bank_answer(claim, slip=Authority("leaf", key=leaf.private).slip())
    with pytest.raises(MessageRefused, match="not signed by a CA"):
        finish(claim, answer, cas=(leaf.pem,))


def test_a_ca_that_expired_signs_nothing_any_more() -> None:
    """Though what it signed would still hold by its own dates."""
    old = Authority("Old CA", ends=timedelta(hours=1))
    claim = kiosk_claim()
    answer, _ = bank_answer(claim, slip=old.slip())
    later = NOW_MS + 2 * 3_600_000
    with pytest.raises(MessageRefused, match="CA of the bank's slip certificate expired"):
        finish(claim, answer, cas=(old.pem,), now_ms=later)
    assert finish(claim, answer, cas=(old.pem,))[0].session == "S1"


def test_the_keys_hang_on_every_word_of_the_exchange() -> None:
    """With the very same agreement keys, another session field or another signature gives other keys."""
    claim = kiosk_claim()
    keys = {bank_answer(claim, session=name)[1].to_bank for name in ("S7", "S8")}
    assert len(keys) == 2
    assert bank_answer(claim, session="S7")[1].to_bank in keys
    unsigned = replace(claim.sign_on, signature=bytes(64))
    assert bank_answer(dataclasses.replace(claim, sign_on=unsigned), session="S7")[1].to_bank not in keys


@pytest.mark.parametrize(("at", "why"), [(timedelta(days=2), "expired on"), (timedelta(days=-2), "not valid before")])
def test_certificates_hold_only_in_their_time(at: timedelta, why: str) -> None:
    """An expired slip certificate opens no session, and neither does a clock that stands before its start."""
    claim = kiosk_claim()
    answer, _ = bank_answer(claim)
    with pytest.raises(MessageRefused, match=why):
        finish(claim, answer, now_ms=NOW_MS + int(at.total_seconds() * 1000))


def test_the_next_ca_is_trusted_beside_the_present_one() -> None:
    """A set of CAs: the certificate of either opens a session."""
    following = Authority("Next CA")
    claim = kiosk_claim()
    for authority in (AUTHORITY, following):
        session, _ = finish(claim, bank_answer(claim, slip=authority.slip())[0], cas=(AUTHORITY.pem, following.pem))
        assert session.session == "S1"


def test_the_session_lists_the_key_that_signed_it() -> None:
    """Slips are checked against the session's list: one that leaves out its own signer is a mistake, told at once."""
    claim = kiosk_claim()
    answer, _ = sign_on.open_session(
        claim.sign_on,
        random=SeededRandom(),
        slip_private_key=SLIP.private,
        slip_certificate=SLIP.pem,
        **session_fields(b"other key, not the one that signs"[:32]),
    )
    with pytest.raises(MessageRefused, match="does not list"):
        finish(claim, answer)


def test_an_agreement_key_of_low_order_is_refused() -> None:
    """An all-zero X25519 key would make the session's keys known to anyone."""
    with pytest.raises(MessageRefused, match="agreement key"):
        agree(b"a" * 32, bytes(32))


def test_the_bank_never_sends_a_session_that_a_kiosk_must_refuse() -> None:
    """Fields outside their limits, too many missing numbers and too long sessions are found where they are made."""
    claim = kiosk_claim()
    for changes in (
        {"state": "no such/state"},
        {"missing": tuple((1, number, number) for number in range(1, 402))},
        {"next_cas": ("x" * 16_000,)},
    ):
        with pytest.raises(ValueError, match=r"cannot be read|at most"):
            bank_answer(claim, **changes)


def test_as_much_as_may_be_named_fits() -> None:
    """The most ranges, of the largest numbers that a machine could ever come to, fit a sign-on and a session."""
    most = tuple((99, number, number + 1) for number in range(9_000_000, 9_000_000 + 3 * sign_on.MOST_RANGES, 3))
    claim = kiosk_claim(answered=Answered(ranges=most[::2], walk=most[1::2], more=True, walk_more=True))
    assert len(claim.sign_on.signed) <= sign_on.MOST_SIGNED
    answer, _ = bank_answer(claim, missing=most[: sign_on.MOST_MISSING], rest="same")
    session, _ = finish(claim, answer)
    assert len(session.missing) == sign_on.MOST_MISSING


@given(st.sets(st.tuples(st.integers(1, 3), st.integers(1, 40))))
def test_ranges_hold_exactly_the_numbers(numbers: set[tuple[int, int]]) -> None:
    """Grouped and spread again, nothing is lost, and no two ranges touch."""
    grouped = ranges.group(numbers)
    assert list(ranges.spread(grouped)) == sorted(numbers)
    assert ranges.count(grouped) == len(numbers)
    ends = {(generation, last + 1) for generation, _, last in grouped}
    assert not ends & {(generation, first) for generation, first, _ in grouped}


@given(st.binary(max_size=300))
def test_hostile_claims_raise_one_error(data: bytes) -> None:
    """Any bytes as claims, as a challenge or as a session are refused by the one named error."""
    claim = kiosk_claim()
    claims = sign_on.read_claims(claim.sign_on)
    with pytest.raises(MessageRefused):
        sign_on.read_claims(SignOn(signed=data, signature=bytes(64)))
    with pytest.raises(MessageRefused):
        sign_on.check_challenge(CHALLENGE_KEY, BANK_TIME, replace(claims, bank_nonce=data))
    signed = SignedOn(signed=data, signature=sign(SLIP.private, Purpose.SESSION, data), slip_certificate=SLIP.pem)
    with pytest.raises(MessageRefused):
        finish(claim, signed)
    with pytest.raises(MessageRefused):
        finish(claim, replace(signed, slip_certificate=data.decode("latin-1")))
