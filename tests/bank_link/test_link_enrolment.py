"""Enrolment over real TLS on loopback: the token leaves only for the bank that the string names."""

import hashlib
import re
import socket
import ssl
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st
from support.link_authority import Authority, SeededRandom
from support.tls_server import Hangup, Request, TlsServer, server_context

from bank_link.enrolment import EnrolmentString, compose, enrol, fingerprint, parse, token_text
from bank_link.envelope import CA_PATH, ENROL_PATH, NO_MAC, answering, decode_request, seal, unseal
from bank_link.errors import EnrolmentError
from bank_link.keys import signing_public
from bank_link.messages import Acknowledged, Enrol, Enrolled, Message, Reason, Refused

AUTHORITY = Authority()
TOKEN = bytes(range(1, 21))
HASH = hashlib.sha256(AUTHORITY.der).digest()
NOW_MS = int(AUTHORITY.now.timestamp() * 1000)


class Bank:
    """The enrolment listener: shows its CA, signs what is asked for. Attributes are what a test changes."""

    def __init__(self, authority: Authority = AUTHORITY, server: Any = None) -> None:
        self.authority = authority
        self.ca = authority.pem
        self.changes: dict[str, Any] = {}
        self.answer: Any = self.enrolled
        self.asked: list[Enrol] = []
        self.server = TlsServer(server_context(server or authority.server()), self.handle)

    def handle(self, request: Request) -> None:
        if (request.method, request.path) == ("GET", CA_PATH):
            request.answer(self.ca.encode(), kind="application/x-pem-file")
            return
        assert (request.method, request.path) == ("POST", ENROL_PATH)
        frame = unseal(request.body)
        assert frame.mac == NO_MAC
        message = decode_request("enrol", frame.envelope.body)
        assert isinstance(message, Enrol)
        self.asked.append(message)
        request.answer(seal(answering(frame.envelope, self.answer(message), time=NOW_MS), None))

    def enrolled(self, message: Enrol) -> Message:
        csr = x509.load_der_x509_csr(message.csr)
        assert csr.is_signature_valid
        fields = {
            "terminal": "T7",
            "generation": 1,
            "certificate": self.authority.certify(csr.public_key()),
            "cas": (self.authority.pem,),
            "address": "bank.example:8443",
            "bank": "Harbour Bank",
        }
        return Enrolled(**(fields | self.changes))

    def string(self, ca_hash: bytes = HASH) -> str:
        return compose(ca_hash, TOKEN, self.server.address)


def enrolled(string: str, seed: str = "terminal"):
    return enrol(string, random=SeededRandom(seed), now_ms=NOW_MS)


def test_one_string_makes_a_terminal() -> None:
    """From the string alone to an identity whose key never left; both ends see the same fingerprint."""
    bank = Bank()
    with bank.server:
        identity = enrolled(bank.string())
    assert (identity.terminal, identity.generation, identity.bank) == ("T7", 1, "Harbour Bank")
    assert (identity.address, identity.cas) == ("bank.example:8443", (AUTHORITY.pem,))
    (asked,) = bank.asked
    assert asked.token == token_text(TOKEN)
    public = x509.load_der_x509_csr(asked.csr).public_key().public_bytes_raw()
    assert public == signing_public(identity.signing_key)
    assert asked.fingerprint == fingerprint(public)
    assert identity.signing_key not in b"".join(request.body for request in bank.server.requests)


def test_another_ca_is_noticed_before_the_token_is_sent() -> None:
    """An attacker answers at the bank's address with a CA of his own: no request with the token ever left."""
    stranger = Bank(Authority("Bank CA"))
    with stranger.server, pytest.raises(EnrolmentError, match="shows another CA than the enrolment string names"):
        enrolled(stranger.string())
    assert [request.path for request in stranger.server.requests] == [CA_PATH]
    assert not any(token_text(TOKEN).encode() in request.body for request in stranger.server.requests)


def test_showing_the_right_ca_is_not_enough() -> None:
    """The attacker shows the bank's CA, which is public, but his server has no certificate of it: no token."""
    stranger = Bank(server=Authority("Bank CA").server())
    why = r"does not prove that it is the bank.*the token was not sent"
    with stranger.server, pytest.raises(EnrolmentError, match=why):
        enrolled(stranger.string())
    assert [request.path for request in stranger.server.requests] == [CA_PATH]


@pytest.mark.parametrize("made", [AUTHORITY.terminal(), AUTHORITY.server(names=(x509.DNSName("other.example"),))])
def test_a_certificate_of_the_bank_for_somebody_else_is_not_enough(made: Any) -> None:
    """Another terminal of the bank, or another of its servers, does not get the token."""
    stranger = Bank(server=made)
    with stranger.server, pytest.raises(EnrolmentError, match="the token was not sent"):
        enrolled(stranger.string())
    assert stranger.asked == []


@pytest.mark.parametrize(("shown", "why"), [("<html>", "is not a certificate"), ("x" * 20_000, "does not show a CA")])
def test_a_server_that_shows_no_ca_is_told(shown: str, why: str) -> None:
    """Another web server at that address."""
    bank = Bank()
    bank.ca = shown
    with bank.server, pytest.raises(EnrolmentError, match=why):
        enrolled(bank.string())


def test_an_unreachable_bank_is_told() -> None:
    """Nobody listens, or hangs up: the address is named."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(EnrolmentError, match=f"{address} cannot be reached: connection refused"):
        enrolled(compose(HASH, TOKEN, address))
    with pytest.raises(EnrolmentError, match="cannot be reached"):
        enrolled(compose(HASH, TOKEN, "bank.invalid:8444"))


def test_an_old_tls_is_not_spoken() -> None:
    """TLS 1.2 is refused even for fetching the CA."""
    context = server_context(AUTHORITY.server())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with TlsServer(context, lambda request: None) as server, pytest.raises(EnrolmentError, match="cannot be reached"):
        enrolled(compose(HASH, TOKEN, server.address))


def test_a_spent_token_is_told_in_the_banks_words() -> None:
    """Used, too old, or never given out."""
    bank = Bank()
    bank.answer = lambda message: Refused(reason=Reason.ENDED, sentence="this token was used at 10:15")
    with bank.server, pytest.raises(EnrolmentError, match="refuses this enrolment: this token was used at 10:15"):
        enrolled(bank.string())


def test_a_lost_answer_says_that_the_token_may_be_spent() -> None:
    """The bank took it and the line broke: a new string is the way out."""
    bank = Bank()

    def broken(message: Enrol) -> Message:
        raise Hangup

    bank.answer = broken
    with bank.server, pytest.raises(EnrolmentError, match="was lost, and the token may be spent"):
        enrolled(bank.string())


def test_a_lost_answer_can_be_asked_for_again_with_the_same_key() -> None:
    """The repeated request is the same to the byte, so the bank can tell it from somebody else's use of the token."""
    bank = Bank()
    with bank.server:
        first = enrol(bank.string(), random=SeededRandom("one"), now_ms=NOW_MS, signing_key=b"s" * 32)
        again = enrol(bank.string(), random=SeededRandom("two"), now_ms=NOW_MS, signing_key=b"s" * 32)
    assert first.signing_key == again.signing_key == b"s" * 32
    assert bank.asked[0] == bank.asked[1]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"certificate": AUTHORITY.terminal().pem}, "for another key"),
        ({"certificate": "nothing"}, "is not a certificate"),
        ({"cas": ()}, "not signed by a CA of this bank"),
        ({"cas": (Authority("Bank CA").pem,)}, "not signed by a CA of this bank"),
        ({"address": "no address"}, "no address of the form"),
    ],
)
def test_an_answer_that_does_not_hold_together_is_refused(changes: dict[str, Any], why: str) -> None:
    """A certificate for another key, of another CA, or an address that is none: told now, not at the first visit."""
    bank = Bank()
    bank.changes = changes
    with bank.server, pytest.raises(EnrolmentError, match=why):
        enrolled(bank.string())


def test_the_pinned_ca_is_among_those_handed_out() -> None:
    """The certificate may be of the next CA, but the one that the string names must stay in the set."""
    following = Authority("Next CA")
    bank = Bank()

    def by_the_next(message: Enrol) -> Message:
        key = x509.load_der_x509_csr(message.csr).public_key()
        bank.changes |= {"certificate": following.certify(key)}
        return bank.enrolled(message)

    bank.answer = by_the_next
    with bank.server:
        bank.changes = {"cas": (following.pem,)}
        with pytest.raises(EnrolmentError, match="leaves out the CA"):
            enrolled(bank.string())
        bank.changes = {"cas": (AUTHORITY.pem, following.pem)}
        assert enrolled(bank.string()).cas == (AUTHORITY.pem, following.pem)


def test_a_certificate_that_does_not_hold_yet_asks_about_the_clock() -> None:
    """A machine whose clock stands wrong is told so at once."""
    bank = Bank()

    def tomorrow(message: Enrol) -> Message:
        key = x509.load_der_x509_csr(message.csr).public_key()
        bank.changes = {"certificate": AUTHORITY.certify(key, starts=timedelta(hours=1))}
        return bank.enrolled(message)

    bank.answer = tomorrow
    with bank.server, pytest.raises(EnrolmentError, match="is the clock right"):
        enrolled(bank.string())


def test_an_answer_of_another_kind_is_refused() -> None:
    """What is no enrolment enrols nobody."""
    bank = Bank()
    bank.answer = lambda message: Acknowledged()
    with bank.server, pytest.raises(EnrolmentError, match="of kind acknowledged"):
        enrolled(bank.string())


hosts = st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,40}[a-z0-9])?", fullmatch=True)


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=20, max_size=20), hosts, st.integers(1, 65535))
def test_a_string_survives_copying(ca_hash: bytes, token: bytes, host: str, port: int) -> None:
    """Broken over lines, in capitals, with blanks around it: it says the same."""
    text = compose(ca_hash, token, f"{host}:{port}")
    expected = EnrolmentString(ca_hash, token, f"{host}:{port}")
    assert parse(text) == expected
    broken = "\n ".join(text[place : place + 20] for place in range(0, len(text), 20))
    assert parse(f"  {broken.upper()}\n") == expected


def test_an_ipv6_address_fits_too() -> None:
    """In its brackets, as in a URL."""
    assert parse(compose(HASH, TOKEN, "[fd00::1]:8444")).address == "[fd00::1]:8444"


@given(st.integers(0, 400), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_a_typo_is_told(place: int, letter: str) -> None:
    """Any wrong letter, and any missing one, is noticed; the token is not repeated."""
    text = compose(HASH, TOKEN, "bank.example:8444")
    place = 5 + place % (len(text) - 5)
    for wrong in (text[:place] + letter + text[place + 1 :], text[:place] + text[place + 1 :], text[:place]):
        if wrong != text:
            with pytest.raises(EnrolmentError, match="incomplete or mistyped") as error:
                parse(wrong)
            assert token_text(TOKEN) not in str(error.value)


def test_the_last_letters_spare_bits_are_no_second_spelling() -> None:
    """A string has one spelling: a typo in bits that carry nothing is a typo too."""
    text = compose(HASH, TOKEN, "bank.example:8444")
    letters = "abcdefghijklmnopqrstuvwxyz234567"
    spare = text[:-1] + letters[letters.index(text[-1]) ^ 1]
    with pytest.raises(EnrolmentError, match="incomplete or mistyped"):
        parse(spare)


@given(st.one_of(st.text(max_size=300), st.text("abcdefg234567", max_size=300).map(lambda text: "atm1:" + text)))
def test_hostile_strings_raise_one_error(text: str) -> None:
    """Anything a person might paste."""
    with pytest.raises(EnrolmentError):
        parse(text)


@pytest.mark.parametrize(
    ("text", "why"), [("", "begins with atm1:"), ("https://bank", "begins with atm1:"), ("atm2:abc", "newer version")]
)
def test_what_is_no_string_is_told(text: str, why: str) -> None:
    """Nothing, something else, or one of a newer program."""
    with pytest.raises(EnrolmentError, match=why):
        parse(text)


@pytest.mark.parametrize("address", ["", "bank", "bank:0", "bank:99999", "http://bank:1", "bank:1/x"])
def test_no_string_is_made_with_an_address_that_is_none(address: str) -> None:
    """Found at the bank, not at the machine."""
    with pytest.raises(EnrolmentError, match="no usable address"):
        compose(HASH, TOKEN, address)


def test_a_fingerprint_is_short_and_its_own() -> None:
    """Four groups of four, another for every key."""
    one, two = fingerprint(b"k" * 32), fingerprint(b"l" * 32)
    assert re.fullmatch(r"([A-Z2-7]{4}-){3}[A-Z2-7]{4}", one)
    assert one != two
