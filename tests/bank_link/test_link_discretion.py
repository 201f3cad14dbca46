"""No secret shows in anything that a log, a traceback or a failed assertion would print of these modules."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from support.link_authority import Authority, FixedClock, SeededRandom
from support.link_bank import Journal, MemoryBank, MemoryLine
from support.virtual_time import run_virtual

from bank_link import auth_file, card_file, messages, sign_on
from bank_link.auth_secret import Secret
from bank_link.client import BankClient
from bank_link.enrolment import compose, parse, token_text
from bank_link.envelope import Envelope, decode_request, encode, seal, unseal, verify
from bank_link.errors import LinkError
from bank_link.keys import agreement_public
from bank_link.line import HttpsLine
from bank_link.messages import Answered, Enrol, OpenVisit, VisitOpened
from bank_link.pin_block import Pin, open_pin, seal_pin

CARD = "4539578763621486"
PIN = "80415"
KEY = bytes(range(0x60, 0x80))
TOKEN = bytes(range(0x41, 0x55))
PASSPHRASE = "correct horse battery"
AUTHORITY = Authority()

#: Each secret in every spelling that text of it could have.
SECRETS = [
    CARD,
    PIN,
    PASSPHRASE,
    *(text for raw in (KEY, TOKEN) for text in (raw.hex(), raw.decode(), repr(raw)[2:-1], str(list(raw))[1:-1])),
]


def shown(*things: Any) -> str:
    return "\n".join(f"{thing}\n{thing!r}\n{thing!s}\n{[thing]}" for thing in things)


def assert_discreet(text: str) -> None:
    found = [secret for secret in SECRETS if secret in text]
    assert not found, text


def envelope(message: messages.Message) -> Envelope:
    return Envelope(
        terminal="T1", generation=1, session="S1", transmission=1, time=1, sequence=0,
        kind=messages.kind(message), body=encode(message),
    )  # fmt: skip


def test_what_holds_a_secret_does_not_show_it() -> None:
    """Every object of this package that a secret is kept in, printed in every way."""
    identity = dataclasses.replace(AUTHORITY.identity(), signing_key=KEY)
    hello = sign_on.new_hello(SeededRandom())
    back = messages.HelloBack(nonce=KEY, time=1)
    claim = sign_on.claim(
        hello, back, terminal="T1", generation=1, signing_key=KEY, random=SeededRandom(), journal="J", boot="B",
        knows_last_boot=True, answered=Answered(), highest_taken=0, outbox=0, counts=(),
    )  # fmt: skip
    opened = VisitOpened(visit="v", card="c-1", next_epoch=1, next_n=2, next_secret=KEY, accounts=())
    visit = OpenVisit(
        number=1, deadline=2, card=CARD, epoch=1, n=1, proof=card_file.proof(KEY, "T1", 1, 1), pin_block=b"", pin_key_id="k"
    )  # fmt: skip
    secret = Secret("key-file", KEY)
    card = card_file.parse(card_file.compose(CARD, "harbour", 203_012, 1, 1, KEY))
    assert_discreet(
        shown(
            Pin(PIN), identity, claim, opened, visit, secret, secret.keys(KEY[:16]), Secret.from_passphrase(PASSPHRASE),
            card, card.newest, sign_on.SessionKeys(KEY, KEY), parse(compose(KEY, TOKEN, "bank.example:1")).address,
            Enrol(token=token_text(TOKEN), csr=KEY, fingerprint="f"), unseal(seal(envelope(visit), KEY)),
            parse(compose(bytes(32), TOKEN, "bank.example:1")), envelope(opened),
        )
    )  # fmt: skip


def test_line_and_client_do_not_show_what_they_hold() -> None:
    """They name the bank's address and the session, nothing else."""

    async def scene() -> str:
        identity = AUTHORITY.identity()
        line = MemoryLine(MemoryBank(AUTHORITY, identity.signing_key))
        client = BankClient(
            line=line, identity=identity, random=SeededRandom(), clock=FixedClock(AUTHORITY.now), standing=Journal()
        )  # fmt: skip
        before = repr(client)
        await client.sign_on()
        return before + repr(client)

    assert run_virtual(scene()) == "<BankClient of T1: no session><BankClient of T1: session S1>"
    with HttpsLine(AUTHORITY.identity(), SeededRandom()) as line:
        assert repr(line) == "<HttpsLine to 127.0.0.1:8443>"


WRONG_KEY = agreement_public(b"w" * 32)
TOO_LONG = OpenVisit(
    number=1, deadline=2, card=CARD, epoch=1, n=1, proof=KEY, pin_block=b"x" * 20_000, pin_key_id="k"
)  # fmt: skip


def wrong_passphrase(folder: Path) -> None:
    auth_file.write(folder / "auth", AUTHORITY.identity(), Secret.from_passphrase(PASSPHRASE), SeededRandom())
    auth_file.read(folder / "auth", Secret.from_passphrase(PASSPHRASE + "!"), 0)


#: Things that go wrong while a secret is at hand; each is given a folder.
FAILURES = {
    "a PIN for a card that is none": lambda _: seal_pin(Pin(PIN), CARD + "0", WRONG_KEY, SeededRandom()),
    "a PIN under a key that is none": lambda _: seal_pin(Pin(PIN), CARD, bytes(32), SeededRandom()),
    "a PIN with a letter": lambda _: Pin(PIN + "x"),
    "a PIN block of another issuer": lambda _: open_pin(seal_pin(Pin(PIN), CARD, WRONG_KEY, SeededRandom()), CARD, KEY),
    "a card with a wrong check digit": lambda _: card_file.compose(CARD[:-1] + "7", "b", 203_012, 1, 1, KEY),
    "a card with a secret too long": lambda _: card_file.compose(CARD, "b", 203_012, 1, 1, KEY + b"x"),
    "a card file cut off": lambda _: card_file.parse(card_file.compose(CARD, "b", 203_012, 1, 1, KEY)[:-1]),
    "a string with a typo": lambda _: parse(compose(KEY, TOKEN, "bank.example:1")[:-1]),
    "a token too long": lambda _: compose(KEY, TOKEN + b"x", "bank.example:1"),
    "a wrong passphrase": wrong_passphrase,
    "a body beyond its limits": lambda _: decode_request("open-visit", encode(TOO_LONG)),
    "a wrong MAC": lambda _: verify(unseal(seal(envelope(messages.Echo()), KEY)), KEY[::-1]),
}


@pytest.mark.parametrize("name", FAILURES)
def test_no_error_shows_the_secret_it_met(name: str, tmp_path: Path) -> None:
    """Neither the sentence nor the whole chain of causes, as a traceback would print it."""
    with pytest.raises(LinkError) as error:
        FAILURES[name](tmp_path)
    chain, sentences = error.value, []
    while chain is not None:
        sentences.append(f"{chain} {chain!r}")
        chain = chain.__cause__ or chain.__context__
    assert_discreet("\n".join(sentences))


def test_the_walk_would_notice_a_secret() -> None:
    """The search itself finds each secret where it does show."""
    for secret in SECRETS:
        with pytest.raises(AssertionError):
            assert_discreet(f"oh no: {secret}!")
