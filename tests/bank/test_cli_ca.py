"""`atm-bank ca` beside a running bank and without one: the next CA takes over, and no terminal is enrolled anew for it."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from cryptography import x509
from support.bank_program import BankProgram
from support.hall import Journal

from bank_link.client import BankClient
from bank_link.enrolment import enrol
from bank_link.enrolment_string import fingerprint
from bank_link.errors import LinkError
from bank_link.identity import Identity
from bank_link.keys import signing_public
from bank_link.line import HttpsLine
from bank_link.messages import Echo, EchoBack, Session
from bank_link.seams import SystemClock, SystemRandomness


@pytest.fixture
def bank(tmp_path: Path) -> BankProgram:
    program = BankProgram(tmp_path / "bank", tmp_path / "home")
    program.found()
    return program


class Terminal(Journal):
    """A kiosk as far as its line goes: it keeps the CAs that a sign-on hands out, and goes on without being restarted."""

    def __init__(self, identity: Identity) -> None:
        super().__init__()
        self.identity = identity
        self.line = HttpsLine(identity, SystemRandomness())
        self.client = BankClient(
            line=self.line, identity=identity, random=SystemRandomness(), clock=SystemClock(), standing=self
        )

    def opened(self, session: Session) -> None:
        super().opened(session)
        self.identity = self.identity.with_cas(session.next_cas)
        if session.next_cas:
            self.line.trust(session.next_cas)

    async def echo(self) -> None:
        assert await self.client.ask(Echo(), until=SystemClock().now_ms() + 20_000) == EchoBack()


def enrolled(bank: BankProgram) -> Identity:
    string = bank.ok("enrol")["string"]
    identity = enrol(string, random=SystemRandomness(), now_ms=SystemClock().now_ms())
    bank.ok(
        "terminal", "confirm", identity.terminal, "--fingerprint", fingerprint(signing_public(identity.signing_key))
    )
    return identity


def with_terminal(identity: Identity, story: Callable[[Terminal], Awaitable[None]]) -> None:
    async def whole() -> None:
        terminal = Terminal(identity)
        try:
            await terminal.client.sign_on()
            await story(terminal)
        finally:
            terminal.line.close()

    asyncio.run(whole())


def presented(port: int, identity: Identity) -> tuple[str, ...]:
    """SHA-256 of what signs the certificate that a new connection sees, of those that the terminal trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port)) as line, context.wrap_socket(line) as secured:
        der = secured.getpeercert(binary_form=True)
    assert der is not None
    server = x509.load_der_x509_certificate(der)
    cas = [x509.load_pem_x509_certificate(pem.encode()) for pem in identity.cas]
    return tuple(hex_of(ca) for ca in cas if ca.subject == server.issuer)


def hex_of(ca: x509.Certificate) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return hashlib.sha256(ca.public_bytes(Encoding.DER)).digest().hex(":").upper()


async def told(bank: BankProgram, terminal: Terminal) -> None:
    """Until the bank counts the terminal as told: what happens within a second of the making does not count."""
    for _ in range(50):
        await terminal.client.sign_on()
        if not (await asyncio.to_thread(bank.ok, "ca", "show"))["untold"]:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the terminal signed on, and the bank does not count it")


def test_a_terminal_that_signed_on_outlives_the_change_of_the_ca(bank: BankProgram) -> None:
    """The running bank shows the next CA's certificate at both ports at once; the terminal goes on with what it has."""

    async def story(terminal: Terminal) -> None:
        made = await asyncio.to_thread(bank.ok, "ca", "next")
        refused = await asyncio.to_thread(bank.sentence, "ca", "promote")
        assert "would have to be enrolled anew: T1" in refused
        await told(bank, terminal)
        assert len(terminal.identity.cas) == 2
        promoted = await asyncio.to_thread(bank.ok, "ca", "promote")
        assert [one["state"] for one in promoted["cas"]] == ["former", "signs"]
        for port in bank.ports:
            assert presented(port, terminal.identity) == (made["cas"][1]["fingerprint"],)
        await terminal.line.reset()
        await terminal.echo()
        kept.append(terminal.identity)

    kept: list[Identity] = []
    with bank.serving():
        with_terminal(enrolled(bank), story)
        with_terminal(enrolled(bank), Terminal.echo)
    with bank.serving():
        with_terminal(kept[0], Terminal.echo)
    assert bank.ok("audit", "verify")["sound"]


def test_a_terminal_that_did_not_sign_on_must_be_enrolled_anew(bank: BankProgram) -> None:
    """What `--anyway` costs, with no bank running at any of the commands: it does not trust the bank any more."""
    with bank.serving():
        identity = enrolled(bank)
    bank.ok("ca", "next")
    assert "T1" in bank.sentence("ca", "promote")
    bank.ok("ca", "promote", "--anyway")
    assert "will follow" not in bank.run("ca", "show").out
    with bank.serving(), pytest.raises(LinkError):
        with_terminal(identity, Terminal.echo)
