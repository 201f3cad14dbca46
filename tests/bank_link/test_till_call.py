"""A till's call against real TLS servers: what is done or refused comes back, and everything else is one named fault in time."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from support.link_authority import Authority
from support.till_bank import CARD, CARD_SECRET, HOST, TillBank, card_bytes, done
from support.tls_server import Hangup, Request, TlsServer, server_context

from bank_link import card_file
from bank_link.envelope import MESSAGE_PATH
from bank_link.errors import MessageRefused
from bank_link.messages import Reason, Refused
from bank_link.till.call import Faulty, _answer, ask, call_of
from bank_link.till.grammar import read_atm
from bank_link.till.messages import (
    FRAME,
    TillAnswer,
    TillCall,
    TillDone,
    What,
    answer_envelope,
    call_envelope,
    pack,
    unpack,
)

AUTHORITY = Authority()
OTHER = Authority("Another bank")
IDENTITY = AUTHORITY.identity(address=f"{HOST}:3000")
CARD_FILE = card_file.parse(card_bytes())
HEAD = f"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {FRAME}\r\n\r\n".encode()
#: For whatever must not be waited for: far more than an answer takes, far less than a test may.
SHORT_S = 0.3


def call(*words: str, card: card_file.CardFile | None = CARD_FILE) -> TillCall:
    line = read_atm(["-a", "bob", *(words or ("-g",))])
    return call_of(line, IDENTITY, None if line.what is What.OPEN else card)


def asked(port: int, one: TillCall | None = None, *, longest_s: float = 10.0, identity=IDENTITY) -> TillAnswer:
    return ask(one or call(), identity, "127.0.0.1", port, longest_s=longest_s)


def fault(port: int, one: TillCall | None = None, *, longest_s: float = 10.0, identity=IDENTITY) -> str:
    """The sentence of a call that must fail; it names neither account nor amount."""
    begun = time.monotonic()
    with pytest.raises(Faulty) as error:
        asked(port, one, longest_s=longest_s, identity=identity)
    assert time.monotonic() - begun < longest_s + 2
    assert "bob" not in str(error.value)
    assert "\n" not in str(error.value)
    return str(error.value)


# ── What is asked ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("words", "what", "amount"),
    [
        (("-n", "10.00"), What.OPEN, 10_00), (("-d", "0.01"), What.DEPOSIT, 1),
        (("-w", "4294967295.99"), What.WITHDRAW, 4_294_967_295_99), (("-g",), What.BALANCE, 0),
    ],
)  # fmt: skip
def test_each_mode_reaches_the_bank_as_it_was_meant(words: tuple[str, ...], what: What, amount: int) -> None:
    """And the bank's answer comes back; an opening shows no card, everything else proves one without sending its secret."""
    with TillBank(AUTHORITY) as bank:
        answer = asked(bank.port, call(*words))
    (heard,) = bank.calls
    assert (heard.what, heard.account, heard.amount) == (what, "bob", amount)
    assert answer == done(heard)
    (request,) = bank.server.requests
    assert CARD_SECRET not in request.body
    if what is What.OPEN:
        assert (heard.card, heard.epoch, heard.n, heard.proof) == ("", 0, 0, b"")
    else:
        assert (heard.card, heard.epoch, heard.n) == (CARD, 1, 0)
        assert heard.proof == card_file.proof(CARD_SECRET, "T1", 1, heard.number)


def test_calls_have_numbers_of_their_own() -> None:
    """Random ones: the same command line is another call each time, with another proof."""
    calls = [call("-w", "1.00") for _ in range(1_000)]
    assert len({one.number for one in calls}) == len({one.proof for one in calls}) == 1_000
    assert all(1 <= one.number < 2**53 for one in calls)
    assert max(one.number for one in calls) > 2**52


def test_a_request_is_of_one_size() -> None:
    """Over TLS 1.3; the length tells neither mode, name nor amount."""
    with TillBank(AUTHORITY) as bank:
        for words in (("-g",), ("-n", "4294967295.99"), ("-w", "0.01")):
            asked(bank.port, call(*words))
        asked(bank.port, call_of(read_atm(["-a", "b" * 122, "-g"]), IDENTITY, CARD_FILE))
    assert {(r.method, r.path, r.tls, len(r.body)) for r in bank.server.requests} == {
        ("POST", MESSAGE_PATH, "TLSv1.3", FRAME)
    }
    assert len({str(r.headers) for r in bank.server.requests}) == 1


def test_a_good_call_ends_without_a_reset() -> None:
    """The bank sees a connection that was closed in good order, which it can tell from one that broke."""
    errors: list[OSError] = []
    over = threading.Event()

    def handler(request: Request) -> None:
        request.answer(bank.frame(request.body))
        try:
            request.sock.unwrap()  # TLS's farewell
            while socket.socket.recv(request.sock, 1):
                pass
        except OSError as error:
            errors.append(error)
        over.set()

    bank = TillBank(AUTHORITY, handler=handler)
    with bank:
        asked(bank.port)
        assert over.wait(10)
    assert not any(isinstance(error, ConnectionError) for error in errors)


def test_a_bank_that_does_not_close() -> None:
    """Has answered all the same."""
    with TillBank(AUTHORITY) as bank:
        bank.server.handler = lambda request: request.answer(bank.frame(request.body))
        assert isinstance(asked(bank.port), TillDone)


def test_a_refusal_is_an_answer() -> None:
    """No fault: the bank has decided."""
    with TillBank(AUTHORITY, lambda _call: Refused(reason=Reason.FUNDS)) as bank:
        assert asked(bank.port) == Refused(reason=Reason.FUNDS)


def test_the_key_is_in_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A till writes nothing but cards, not even for a moment; where the system has no files in memory it still calls."""
    with TillBank(AUTHORITY) as bank:
        with monkeypatch.context() as watched:
            watched.setattr("tempfile.TemporaryDirectory", lambda **_named: pytest.fail("a file was made"))
            asked(bank.port)
        monkeypatch.delattr(os, "memfd_create")
        asked(bank.port)


# ── Who answers ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "shows",
    [OTHER.server(), AUTHORITY.terminal(), AUTHORITY.slip(), AUTHORITY.make(ca=True), AUTHORITY.server(names=())],
    ids=["another bank's", "a terminal's", "for slips", "a CA's", "without a name"],
)
def test_a_server_that_does_not_prove_that_it_is_the_bank(shows) -> None:
    """It hears nothing at all. A terminal of the same bank, and so another till, is none either."""
    with TillBank(AUTHORITY, shows=shows) as bank:
        assert "prove" in fault(bank.port)
    assert bank.server.requests == []


def test_the_server_is_known_by_the_name_in_the_auth_file() -> None:
    """Not by the address that was called, which anybody may answer at."""
    with TillBank(AUTHORITY) as bank:
        assert "prove" in fault(bank.port, identity=AUTHORITY.identity(address="elsewhere.example:3000"))
    assert bank.server.requests == []


def test_another_banks_till_is_not_let_in() -> None:
    """Its own side says so, whichever of the two finds it out first."""
    with TillBank(AUTHORITY) as bank:
        fault(bank.port, identity=OTHER.identity(address=f"{HOST}:3000"))
        fault(bank.port, identity=OTHER.identity(address=f"{HOST}:3000", cas=(AUTHORITY.pem,)))
    assert bank.server.requests == []


def test_older_tls_is_refused() -> None:
    """1.3 or nothing."""
    context = server_context(AUTHORITY.server(), client_ca=AUTHORITY.pem)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    with TlsServer(context, lambda _request: None) as server:
        fault(server.port)
    assert server.requests == []


# ── What comes back ─────────────────────────────────────────────────────────────────────────────────────────────────


def answering(change: Callable[[TillBank, Request], None], one: TillCall | None = None) -> str:
    """The fault that a call meets whose answer `change` sends in place of the bank's."""
    bank = TillBank(AUTHORITY)
    bank.server.handler = lambda request: change(bank, request)
    with bank:
        return fault(bank.port, one)


@pytest.mark.parametrize(
    "status", ["500 Internal Server Error", "404 Not Found", "204 No Content", "100 Continue", "2000 OK"]
)
def test_a_status_other_than_200(status: str) -> None:
    """Whatever is in its body."""
    answering(lambda bank, request: request.answer(bank.frame(request.body), status=status))


@pytest.mark.parametrize("more", [b"", b"x", b" " * 100])
def test_a_frame_of_another_length(more: bytes) -> None:
    """Shorter or longer, and with a head that says so."""
    answering(lambda bank, request: request.answer(bank.frame(request.body)[:-1] + more * 2))


def test_another_content_type() -> None:
    """As of a web server that happens to be there."""
    answering(lambda bank, request: request.answer(bank.frame(request.body), kind="text/html"))


@pytest.mark.parametrize(
    "more", ["Transfer-Encoding: chunked\r\n", "Content-Length: 2048\r\n", "Content-Length: 1\r\n", "no colon\r\n"]
)
def test_heads_that_can_be_read_in_two_ways(more: str) -> None:
    """Are not read at all."""
    answering(lambda bank, request: request.answer(bank.frame(request.body), more=more))


def test_two_answers() -> None:
    """A second one behind the first makes both worthless."""

    def twice(bank: TillBank, request: Request) -> None:
        frame = bank.frame(request.body)
        request.sock.sendall((HEAD + frame) * 2)

    answering(twice)


def test_a_head_without_an_end() -> None:
    """Is given up after a few thousand bytes, not after ten seconds."""
    answering(lambda _bank, request: request.sock.sendall(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 4_000))


@pytest.mark.parametrize("sent", [0, 1, 60, FRAME])
def test_an_answer_that_is_cut_off(sent: int) -> None:
    """Before, in and behind its head."""

    def cut(bank: TillBank, request: Request) -> None:
        request.sock.sendall((HEAD + bank.frame(request.body))[:sent])
        raise Hangup

    assert "hung up" in answering(cut)


@pytest.mark.parametrize(
    "change",
    [
        {"terminal": "T2"}, {"generation": 2}, {"version": 2}, {"kind": "refused"}, {"kind": "till"},
    ],
)  # fmt: skip
def test_an_envelope_for_somebody_else(change: dict) -> None:
    """Another till's answer, another generation's, another version's, or one whose kind is not its body's."""
    answering(lambda bank, request: request.answer(pack(replace(unpack(bank.frame(request.body)), **change))))


@pytest.mark.parametrize(
    "change",
    [
        {"number": 7}, {"account": "eve"}, {"what": What.DEPOSIT}, {"amount": 99}, {"file": card_bytes()}, {"file": b"x"},
    ],
)  # fmt: skip
def test_an_answer_about_something_else(change: dict) -> None:
    """Another call's number, account, mode or amount; and a card that nobody asked for."""

    def decide(one: TillCall) -> TillDone:
        return replace(done(one), **change)

    with TillBank(AUTHORITY, decide) as bank:
        fault(bank.port, call("-w", "1.00"))


def test_an_old_answer() -> None:
    """What was recorded of the same command says nothing about this one."""
    kept: list[bytes] = []

    def replayed(bank: TillBank, request: Request) -> None:
        kept.append(bank.frame(request.body))
        request.answer(kept[0])
        raise Hangup

    with TillBank(AUTHORITY) as bank:
        bank.server.handler = lambda request: replayed(bank, request)
        asked(bank.port, call("-w", "1.00"))
        assert "another call" in fault(bank.port, call("-w", "1.00"))


@pytest.mark.parametrize("file", [b"", b"x" * 144, card_bytes()[:-1]])
def test_an_opening_without_a_card(file: bytes) -> None:
    """Is no answer: without its card the account is of no use."""
    with TillBank(AUTHORITY, lambda one: replace(done(one), file=file)) as bank:
        fault(bank.port, call("-n", "10.00"))


class Wire:
    """Stands for the line: gives these bytes in pieces, and then the end of the stream."""

    def __init__(self, data: bytes, piece: int) -> None:
        self._data, self._piece = data, piece

    def receive(self) -> bytes:
        if not self._data:
            raise Faulty("hung up")
        piece, self._data = self._data[: self._piece], self._data[self._piece :]
        return piece


GOOD = HEAD + pack(answer_envelope(call_envelope(call(), "T1", 1), done(call())))


@given(st.data(), st.integers(1, 5_000))
def test_any_bytes_are_an_answer_or_are_refused(data: st.DataObject, piece: int) -> None:
    """No other error, however they arrive; and a good answer is taken in any pieces."""
    assert _answer(Wire(GOOD, piece)) == GOOD[len(HEAD) :]
    start = data.draw(st.integers(0, len(HEAD) + 50))
    changed = GOOD[:start] + data.draw(st.binary(max_size=40)) + GOOD[data.draw(st.integers(start, len(GOOD))) :]
    for hostile in (changed, data.draw(st.binary(max_size=4_000))):
        with contextlib.suppress(MessageRefused, Faulty):
            assert len(_answer(Wire(hostile, piece))) == FRAME


# ── In time ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_nobody_listens() -> None:
    """Told at once."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert "refused" in fault(port)


def test_addresses_at_which_nobody_can_be() -> None:
    """Fit the rules' pattern, and are a fault of the line."""
    for ip in ("255.255.255.255", "0.0.0.0"):
        with pytest.raises(Faulty):
            ask(call(), IDENTITY, ip, 1, longest_s=SHORT_S)


def test_a_server_that_never_speaks() -> None:
    """Takes the connection, and is silent in place of a handshake."""
    with TlsServer(None, lambda _request: None) as server:
        assert "in time" in fault(server.port, longest_s=SHORT_S)


def test_a_bank_that_never_answers() -> None:
    """Takes the call and is silent."""
    with TillBank(AUTHORITY) as bank:
        bank.server.handler = lambda _request: bank.server.ended.wait(10)
        assert "in time" in fault(bank.port, longest_s=SHORT_S)


@pytest.mark.parametrize("of", [HEAD, b"HTTP/1.1 200 OK\r\n" + b"x: y" * 4_000], ids=["a whole one", "no end"])
def test_an_answer_that_trickles_in(of: bytes) -> None:
    """The time is for all of the call: a byte now and then buys no more of it."""

    def trickle(bank: TillBank, request: Request) -> None:
        for byte in of + bank.frame(request.body):
            request.sock.sendall(bytes([byte]))
            bank.server.ended.wait(0.01)

    with TillBank(AUTHORITY) as bank:
        bank.server.handler = lambda request: trickle(bank, request)
        assert "in time" in fault(bank.port, longest_s=SHORT_S)
