"""Attackers over real TLS: in the bank's place, at its doors, with another's papers, in crowds. Nothing changes."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from support.bad_wire import Moment
from support.hall import Journal as Standing
from support.hall import csr_of, other_key, public_of, sealed
from support.link_authority import LOCAL, Authority, Made
from support.real_books import audited, books
from support.real_processes import PIN, RealBank, RealCard, RealKiosk
from support.strangers import Flood, caller, identity_of, made_of, post, said, status
from support.tls_server import Request, TlsServer, server_context

from bank_link import messages as m
from bank_link.client import BankClient
from bank_link.enrolment import fingerprint, parse, token_text
from bank_link.envelope import CA_PATH, ENROL_PATH
from bank_link.errors import SignOnRefused
from bank_link.identity import Identity
from bank_link.line import HttpsLine
from bank_link.seams import SystemClock, SystemRandomness

pytestmark = pytest.mark.xdist_group("attackers")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("attackers")


@pytest.fixture(scope="module")
def bank(folder: Path) -> Iterator[RealBank]:
    with RealBank.found(folder / "bank", logs=folder / "logs") as bank:
        yield bank
        bank.sound()


@pytest.fixture(scope="module")
def kiosk(bank: RealBank, folder: Path) -> RealKiosk:
    return _kiosk(bank, folder / "kiosk")


@pytest.fixture(scope="module")
def other(bank: RealBank, folder: Path) -> RealKiosk:
    """Another terminal of this bank, whose auth file was stolen."""
    return _kiosk(bank, folder / "other")


def _kiosk(bank: RealBank, directory: Path) -> RealKiosk:
    kiosk = RealKiosk.enrolled(bank, directory)
    kiosk.load(top=50, middle=50, bottom=50)
    return kiosk


@pytest.fixture
def card(bank: RealBank, tmp_path: Path) -> RealCard:
    return bank.customer(tmp_path)


# ── In the bank's place ─────────────────────────────────────────────────────────────────────────────────────────────


def _nothing(request: Request) -> None:
    request.answer(b"x" * 512)


def _impostor(who: str, other: RealKiosk) -> Made:
    """Certificates for the bank's own name, and one that the bank's own CA made for somebody else."""
    if who == "stolen":
        return made_of(identity_of(other))
    ca = Authority("Harbour")
    return ca.make(names=LOCAL, usage=ExtendedKeyUsageOID.SERVER_AUTH)


@pytest.mark.parametrize("who", ["self-signed", "stolen"])
def test_a_server_that_is_not_the_bank_is_told_nothing(
    bank: RealBank, kiosk: RealKiosk, other: RealKiosk, card: RealCard, who: str
) -> None:
    """One sentence for the caller, exit 4, and not one byte of a message for the impostor; then the bank is back."""
    before = kiosk.notes
    bank.stop()
    try:
        with TlsServer(server_context(_impostor(who, other)), _nothing, port=bank.port) as impostor:
            done = kiosk.once(card, "--withdraw", "20")
    finally:
        bank.start()
    assert done.code == 4, done
    assert "does not prove that it is the bank: its certificate is not the bank's for this name" in done.sentence
    assert (impostor.requests, impostor.handshakes) == ([], 0)
    assert impostor.connections >= 1
    assert kiosk.notes == before
    assert kiosk.once(card, "--withdraw", "20").code == 0
    bank.sound()


def test_an_enrolment_does_not_tell_its_token_to_an_impostor(bank: RealBank, tmp_path: Path) -> None:
    """Neither to one with a CA of his own nor to one that shows the bank's: the same string is good at the bank then."""
    string = bank.ask("enrol")["string"]
    kiosk = RealKiosk(tmp_path / "kiosk", bank.programs)
    real_ca = (bank.directory / "keys" / "ca-1.pem").read_text()
    strange = Authority("Harbour")
    bank.stop()
    try:
        for shown in (strange.pem, real_ca):
            certificate = strange.make(names=LOCAL, usage=ExtendedKeyUsageOID.SERVER_AUTH)
            with TlsServer(
                server_context(certificate), lambda request, pem=shown: request.answer(pem.encode()),
                port=bank.enrol_port,
            ) as impostor:  # fmt: skip
                done = kiosk.provision(string)
            assert done.code == 1, done
            assert "Traceback" not in done.err
            assert [(request.method, request.path) for request in impostor.requests] == [("GET", CA_PATH)]
    finally:
        bank.start()
    assert kiosk.provision(string).code == 0


# ── At the bank's doors ─────────────────────────────────────────────────────────────────────────────────────────────


def _hello() -> bytes:
    return post(sealed(m.Hello(nonce=bytes(32))))


def test_whoever_is_not_enrolled_gets_no_word_out_of_the_bank(bank: RealBank, kiosk: RealKiosk) -> None:
    """No certificate, another CA's, a server's, an older TLS, no TLS: no answer, a line in the log, unchanged books."""
    good = made_of(identity_of(kiosk))
    assert status(said(bank.port, _hello(), caller(shows=good))) == 200
    stranger = Authority("Harbour").make(usage=ExtendedKeyUsageOID.CLIENT_AUTH)
    _next_second()
    before, lines = books(bank), _log_lines(bank)
    tries = {
        "no certificate": caller(),
        "another CA's": caller(shows=stranger),
        "TLS 1.2": caller(shows=good, version=ssl.TLSVersion.TLSv1_2),
    }
    for name, context in tries.items():
        assert said(bank.port, _hello(), context) == b"", name
    assert b"200" not in said(bank.port, _hello(), None)
    assert books(bank) == before
    new = _log_lines(bank)[len(lines) :]
    assert len(new) == len(tries) + 1, new
    assert all("was not admitted" in line for line in new), new


def _log_lines(bank: RealBank) -> list[str]:
    """Warnings about strangers, but for the line that says how many were left out."""
    lines = (bank.directory / "bank.log").read_text().splitlines()
    return [line for line in lines if "WARNING" in line and "left out" not in line]


def _next_second() -> None:
    """The log has so many lines for each second of the monotonic clock: what others did in this one is not counted."""
    now = time.monotonic()
    time.sleep(int(now) + 1 - now)


class Recorded(HttpsLine):
    """The real line; every frame is kept as it left."""

    def __init__(self, identity: Identity) -> None:
        super().__init__(identity, SystemRandomness())
        self.frames: list[bytes] = []

    async def exchange(self, request: bytes, timeout_ms: int) -> bytes:
        self.frames.append(request)
        return await super().exchange(request, timeout_ms)


def _client(line: HttpsLine, identity: Identity, standing: Standing) -> BankClient:
    return BankClient(line=line, identity=identity, random=SystemRandomness(), clock=SystemClock(), standing=standing)


def test_another_terminals_papers_do_not_make_one_this_terminal(
    bank: RealBank, kiosk: RealKiosk, other: RealKiosk, card: RealCard
) -> None:
    """A thief with one auth file claims to be another terminal: refused, audited, and that terminal works on."""
    thief = identity_of(other)
    claimed = dataclasses.replace(thief, terminal=kiosk.terminal)
    before = books(bank)

    async def sign_on() -> None:
        with (
            HttpsLine(thief, SystemRandomness()) as line,
            pytest.raises(SignOnRefused, match="does not sign this terminal on"),
        ):
            await _client(line, claimed, Standing()).sign_on()

    asyncio.run(sign_on())
    assert books(bank) == before
    assert audited(bank, "sign-on-refused")[-1].startswith(f"{kiosk.terminal}: ")
    assert kiosk.once(card, "--balance").code == 0


def test_what_a_terminal_said_is_of_no_use_to_another(bank: RealBank, other: RealKiosk, tmp_path: Path) -> None:
    """Replayed, altered or sealed with other keys, over a line that the bank admits: a bare 400, a log line, no effect."""
    victim = RealKiosk.enrolled(bank, tmp_path / "victim")
    theirs = caller(shows=made_of(identity_of(other)))

    async def story() -> None:
        identity = identity_of(victim)
        with Recorded(identity) as line:
            client = _client(line, identity, Standing())
            await client.sign_on()
            await client.ask(m.Echo(in_service=True), until=SystemClock().now_ms() + 10_000)
            _next_second()
            before, lines = books(bank), len(_log_lines(bank))
            sign_on, echo = line.frames[-2:]
            altered = echo[:200] + bytes([echo[200] ^ 1]) + echo[201:]
            for name, frame in (("echo", echo), ("altered", altered), ("no mac", bytes(32) + echo[32:])):
                assert status(said(bank.port, post(frame), theirs)) == 400, name
            # A sign-on is signed, not sealed: it is answered, and refused in words.
            assert b"used before" in said(bank.port, post(sign_on), theirs)
            assert books(bank) == before
            assert len(_log_lines(bank)) == lines + 3
            # The session that was listened to still holds.
            answer = await client.ask(m.Echo(in_service=True), until=SystemClock().now_ms() + 10_000)
            assert isinstance(answer, m.EchoBack)

    asyncio.run(story())


def test_a_message_that_nobody_signed_on_for_is_not_decided(bank: RealBank, kiosk: RealKiosk) -> None:
    """An unknown session is told to sign on, whatever the message asks for; the books do not change."""
    thief = caller(shows=made_of(identity_of(kiosk)))
    frame = sealed(
        m.Release(number=1, deadline=2**50, transaction=1, hold="h1", n=1, nonce=bytes(32), boot="b1")
    )  # fmt: skip
    before = books(bank)
    assert _tells_to_sign_on(said(bank.port, post(frame), thief))
    assert books(bank) == before


def _tells_to_sign_on(answer: bytes) -> bool:
    """The one answer that a stranger to the session gets: it bears no MAC, and says nothing."""
    return status(answer) == 200 and b'"kind":"sign-on-needed"' in answer


# ── The enrolment's door ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_token_enrols_one_machine(bank: RealBank, tmp_path: Path) -> None:
    """Another machine with the same string is refused in a sentence; no terminal comes of it, and the log says so."""
    string = bank.ask("enrol")["string"]
    first, second = (RealKiosk(tmp_path / name, bank.programs) for name in ("first", "second"))
    assert first.provision(string).code == 0
    before = books(bank)
    done = second.provision(string)
    assert done.code == 1, done
    assert "the bank refuses this enrolment" in done.err
    assert not (second.directory / "terminal.auth").exists()
    assert books(bank) == before
    assert "a spent token came again with another key" in audited(bank, "enrolment-refused")[-1]
    # The machine that had it goes on with the identity that it has.
    assert "enrolled already" in first.provision(string).out


def test_the_enrolment_listener_knows_nothing_but_enrolment(bank: RealBank, kiosk: RealKiosk) -> None:
    """Every other message and path is refused there, with a terminal's certificate or without; and no enrolment elsewhere."""
    anybody, terminal = caller(), caller(shows=made_of(identity_of(kiosk)))
    hello, echo = sealed(m.Hello(nonce=bytes(32))), sealed(m.Echo())
    key = other_key("nobody")
    token = parse(bank.ask("enrol")["string"]).token
    enrol = sealed(m.Enrol(token=token_text(token), csr=csr_of(key), fingerprint=fingerprint(public_of(key))))
    before = books(bank)
    for context in (anybody, terminal):
        for frame in (hello, echo):
            assert status(said(bank.enrol_port, post(frame, path=ENROL_PATH), context)) == 400
            assert status(said(bank.enrol_port, post(frame), context)) == 404
        assert status(said(bank.enrol_port, post(b"", path="/"), context)) == 404
        assert status(said(bank.enrol_port, post(b"", path=ENROL_PATH, method="GET"), context)) == 405
    assert status(said(bank.port, post(enrol, path=ENROL_PATH), terminal)) == 404
    assert status(said(bank.port, post(b"", path=CA_PATH, method="GET"), terminal)) == 404
    assert _tells_to_sign_on(said(bank.port, post(enrol), terminal))
    assert books(bank) == before


# ── Crowds and copies ───────────────────────────────────────────────────────────────────────────────────────────────


def test_junk_and_half_open_connections_do_not_keep_a_customer_waiting(
    bank: RealBank, kiosk: RealKiosk, card: RealCard
) -> None:
    """A flood on both ports begins within a withdrawal: it is paid; others get in too, and the log is not flooded."""
    before = len(_log_lines(bank))
    flood = Flood([bank.port, bank.enrol_port])
    with flood, Moment(flood.begin) as moment:
        probe = ["support.journal_probe", "--ask", moment.path, "--when", "taken:authorise"]
        done = kiosk.once(card, "--withdraw", "30", probe=probe)
        assert moment.came == 1
        assert (done.code, done.json["outcome"], done.json["delivered"]) == (0, "paid", True), done
        assert any(kiosk.once(card, "--balance").code == 0 for _ in range(5))
    assert flood.attacks > 50
    assert len(_log_lines(bank)) - before < 300
    bank.sound()


def test_two_copies_of_a_card_in_two_machines_at_once(
    bank: RealBank, kiosk: RealKiosk, other: RealKiosk, card: RealCard, tmp_path: Path
) -> None:
    """At most one of them is paid, every note given is debited, and what was used last is the card."""
    copy = RealCard(tmp_path / "copy.atm", card.pin_file, card.account, card.reference, card.customer)
    shutil.copy(card.file, copy.file)
    before, given = bank.account(card), kiosk.given + other.given
    with ThreadPoolExecutor(2) as pool:
        runs = [
            pool.submit(kiosk.once, card, "--withdraw", "20"), pool.submit(other.once, copy, "--withdraw", "20"),
        ]  # fmt: skip
        ends = sorted(run.result().code for run in runs)
    assert ends in ([0, 3], [3, 3]), [run.result() for run in runs]
    paid = ends.count(0) * 20_00
    assert kiosk.given + other.given - given == paid
    after = bank.account(card)
    assert (before.balance - after.balance, after.held) == (paid, 0)
    bank.sound()


def test_a_copy_that_comes_later_is_outdated(
    bank: RealBank, kiosk: RealKiosk, other: RealKiosk, card: RealCard, tmp_path: Path
) -> None:
    """The original was used since: the copy gets neither cash nor a try of the PIN, and the original works on."""
    copy = RealCard(tmp_path / "copy.atm", card.pin_file, card.account, card.reference, card.customer)
    shutil.copy(card.file, copy.file)
    assert kiosk.once(card, "--withdraw", "20").code == 0
    before = bank.account(card)
    wrong = tmp_path / "wrong.pin"
    wrong.write_text(PIN[::-1])
    for pin_file in (card.pin_file, wrong):
        done = other.once(copy, "--withdraw", "20", pin_file=pin_file)
        assert done.code == 3, done
        assert "card-outdated" in done.sentence
    assert bank.account(card) == before
    assert bank.ask("card-show", card=card.reference)["tries"] == 0
    assert kiosk.once(card, "--withdraw", "20").code == 0
