"""The line over real TLS on loopback: who is believed, what is proven about a failed send, what is kept alive."""

import asyncio
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.link_authority import Authority, SeededRandom
from support.tls_server import Hangup, Request, TlsServer, server_context

from bank_link.envelope import CONTENT_TYPE, MAX_FRAME, MESSAGE_PATH
from bank_link.errors import NotSent, OutcomeUnknown
from bank_link.line import HttpsLine
from bank_link.seams import SystemRandomness
from bank_link.tls import terminal_context

AUTHORITY = Authority()
SERVER = AUTHORITY.server()
TERMINAL = AUTHORITY.terminal()
REQUEST = b"request " * 64


def echo(request: Request) -> None:
    request.answer(b"answer to " + request.body)


@pytest.fixture
def bank() -> Iterator[TlsServer]:
    with TlsServer(server_context(SERVER, client_ca=AUTHORITY.pem), echo) as server:
        yield server


def line_to(address: str, **changes: Any) -> HttpsLine:
    identity = changes.pop("identity", None) or AUTHORITY.identity(TERMINAL, address=address)
    return HttpsLine(identity, SystemRandomness(), **changes)


def exchanged(line: HttpsLine, scene: Callable[[HttpsLine], Coroutine[Any, Any, Any]]) -> Any:
    """Run `scene(line)` on a loop and close the line."""
    with line:
        return asyncio.run(scene(line))


def once(timeout_ms: int = 5000) -> Callable[[HttpsLine], Coroutine[Any, Any, bytes]]:
    async def scene(line: HttpsLine) -> bytes:
        return await line.exchange(REQUEST, timeout_ms)

    return scene


def test_a_request_reaches_the_bank_and_its_answer_comes_back(bank: TlsServer) -> None:
    """Bytes for bytes, as a POST of octets, and nothing in it that names the machine."""
    assert exchanged(line_to(bank.address), once()) == b"answer to " + REQUEST
    (request,) = bank.requests
    assert (request.method, request.path, request.body) == ("POST", MESSAGE_PATH, REQUEST)
    assert request.headers["content-type"] == CONTENT_TYPE
    assert request.tls == "TLSv1.3"
    assert "cookie" not in request.headers


def test_the_connection_is_kept_alive(bank: TlsServer) -> None:
    """Ten messages, one handshake; after a reset a fresh one."""

    async def scene(line: HttpsLine) -> None:
        for _ in range(10):
            await line.exchange(REQUEST, 5000)
        assert bank.handshakes == 1
        await line.reset()
        await line.exchange(REQUEST, 5000)
        assert bank.handshakes == 2

    exchanged(line_to(bank.address), scene)


def test_a_connection_that_the_bank_closed_while_idle_costs_nothing(bank: TlsServer) -> None:
    """A restarted bank: the next message opens a fresh connection by itself."""

    async def scene(line: HttpsLine) -> None:
        await line.exchange(REQUEST, 5000)
        bank.drop()
        await asyncio.sleep(0.1)
        assert await line.exchange(REQUEST, 5000) == b"answer to " + REQUEST
        assert len(bank.requests) == 2

    exchanged(line_to(bank.address), scene)


def test_visit_and_outbox_talk_at_once(bank: TlsServer) -> None:
    """A slow message holds up no other one."""
    gate = threading.Event()

    def handler(request: Request) -> None:
        if request.body == b"slow":
            gate.wait(5)
        echo(request)

    bank.handler = handler

    async def scene(line: HttpsLine) -> None:
        slow = asyncio.create_task(line.exchange(b"slow", 5000))
        await asyncio.sleep(0.05)
        assert await line.exchange(b"fast", 5000) == b"answer to fast"
        assert not slow.done()
        await line.reset()
        gate.set()
        assert await slow == b"answer to slow"

    exchanged(line_to(bank.address), scene)


def test_a_refused_connection_is_proven_not_sent() -> None:
    """Nobody listens: no byte left, and the sentence names the address."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(NotSent, match=f"{address} cannot be reached: connection refused"):
        exchanged(line_to(address), once())


def test_an_unknown_name_is_proven_not_sent() -> None:
    """The name is not known: no byte left."""
    with pytest.raises(NotSent, match="not known on this network"):
        exchanged(line_to("bank.invalid:8443"), once())


def test_a_silent_server_is_proven_not_sent() -> None:
    """Accepts, but never shakes hands: given up within the time, nothing was sent."""
    with TlsServer(None, echo) as server:
        started = time.monotonic()
        with pytest.raises(NotSent):
            exchanged(line_to(server.address, connect_ms=300), once())
        with pytest.raises(NotSent):
            exchanged(line_to(server.address), once(timeout_ms=300))
        assert time.monotonic() - started < 4


@pytest.mark.parametrize(
    ("made", "client_ca"),
    [
        pytest.param(Authority("Bank CA").server(), None, id="self-made CA of the same name"),
        pytest.param(AUTHORITY.server(names=()), None, id="no name"),
        pytest.param(TERMINAL, None, id="a terminal's certificate"),
        pytest.param(AUTHORITY.slip(), None, id="the slip certificate"),
        pytest.param(
            AUTHORITY.server(starts=-Authority().now.resolution * 10, ends=Authority().now.resolution),
            None,
            id="expired",
        ),
    ],
)
def test_a_server_that_is_not_the_bank_gets_nothing(made: Any, client_ca: str | None) -> None:
    """Self-signed, of another name, role or time: proven not sent, and the sentence says what is wrong."""
    with TlsServer(server_context(made, client_ca=client_ca), echo) as server:
        with pytest.raises(NotSent, match="does not prove that it is the bank"):
            exchanged(line_to(server.address), once())
        assert server.requests == []


def test_a_server_of_an_older_tls_gets_nothing() -> None:
    """TLS 1.2 is refused though its certificate is the bank's."""
    context = server_context(SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with TlsServer(context, echo) as server:
        with pytest.raises(NotSent, match=r"TLS 1\.3"):
            exchanged(line_to(server.address), once())
        assert server.requests == []


@pytest.mark.parametrize("stranger", [True, False])
def test_a_terminal_that_the_bank_does_not_admit_is_told_something_useful(bank: TlsServer, stranger: bool) -> None:
    """A foreign or an expired certificate: TLS 1.3 shows it only after the request left, so the outcome is unknown."""
    other = Authority("Bank CA")
    made = other.terminal() if stranger else AUTHORITY.terminal(ends=-Authority().now.resolution)
    identity = AUTHORITY.identity(made, address=bank.address)
    for _ in range(5):
        with pytest.raises(OutcomeUnknown, match="does not accept this terminal's certificate"):
            exchanged(line_to("", identity=identity), once())
    assert bank.requests == []


def test_only_the_pinned_cas_are_trusted(bank: TlsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the public CAs that `requests` brings along nor any that the environment names get in."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    line = line_to(bank.address)
    assert exchanged(line, once()) == b"answer to " + REQUEST
    assert len(line._context.get_ca_certs()) == 1
    assert line._context.verify_mode == ssl.CERT_REQUIRED
    assert line._context.check_hostname


def test_no_password_of_the_machine_goes_along(
    bank: TlsServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A netrc file of the user this runs as adds nothing to the request."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password something\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    exchanged(line_to(bank.address), once())
    assert "authorization" not in bank.requests[0].headers


def test_a_next_ca_is_trusted_once_it_is_handed_over() -> None:
    """The bank's server moves to its next CA: refused before, accepted after."""
    following = Authority("Next CA")
    with TlsServer(server_context(following.server(), client_ca=AUTHORITY.pem), echo) as server:

        async def scene(line: HttpsLine) -> None:
            with pytest.raises(NotSent):
                await line.exchange(REQUEST, 5000)
            line.trust((following.pem,))
            assert await line.exchange(REQUEST, 5000) == b"answer to " + REQUEST

        exchanged(line_to(server.address), scene)


def hang_up(request: Request) -> None:
    raise Hangup


def half_an_answer(request: Request) -> None:
    request.sock.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 512\r\n\r\nhalf"
    )
    raise Hangup


def no_http(request: Request) -> None:
    request.sock.sendall(b"\x00\x01\x02 this is no HTTP\r\n\r\n")
    raise Hangup


@pytest.mark.parametrize("handler", [hang_up, half_an_answer, no_http])
def test_a_connection_lost_after_the_request_leaves_the_outcome_unknown(bank: TlsServer, handler: Any) -> None:
    """Cut before, within, or in place of the answer: the request may have been acted on."""
    bank.handler = handler
    with pytest.raises(OutcomeUnknown, match="ended without an answer"):
        exchanged(line_to(bank.address), once())
    assert len(bank.requests) == 1


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda r: r.answer(b"no", status="500 Internal Server Error"), "HTTP status 500"),
        (lambda r: r.answer(b"no", status="404 Not Found"), "HTTP status 404"),
        (lambda r: r.answer(b"<html>", kind="text/html"), "HTTP status 200"),
        (lambda r: r.answer(b"", status="302 Found", more="Location: https://127.0.0.1:1/\r\n"), "HTTP status 302"),
        (lambda r: r.answer(bytes(MAX_FRAME + 1)), "more than 65536 bytes"),
    ],
)
def test_what_is_no_answer_of_ours_leaves_the_outcome_unknown(bank: TlsServer, answer: Any, why: str) -> None:
    """Errors, pages, redirects and floods are none; nothing is followed and nothing is sent again."""
    bank.handler = answer
    with pytest.raises(OutcomeUnknown, match=why):
        exchanged(line_to(bank.address), once())
    assert len(bank.requests) == 1


def test_an_endless_answer_ends_in_time(bank: TlsServer) -> None:
    """A byte now and then keeps no message waiting past its time, and no thread after it."""

    def drip(request: Request) -> None:
        while not bank.ended.wait(0.02):
            request.sock.sendall(b"H")

    bank.handler = drip

    async def scene(line: HttpsLine) -> float:
        started = time.monotonic()
        for _ in range(3):
            with pytest.raises(OutcomeUnknown, match="did not answer in time"):
                await line.exchange(REQUEST, 200)
        bank.handler = echo
        assert await line.exchange(REQUEST, 5000) == b"answer to " + REQUEST
        return time.monotonic() - started

    assert exchanged(line_to(bank.address), scene) < 3


def test_a_silent_bank_leaves_the_outcome_unknown(bank: TlsServer) -> None:
    """It took the request and says nothing: given up in time."""
    bank.handler = lambda request: bank.ended.wait(10)
    with pytest.raises(OutcomeUnknown, match="did not answer in time"):
        exchanged(line_to(bank.address), once(timeout_ms=300))
    assert len(bank.requests) == 1


def test_what_was_given_up_before_it_left_never_leaves(bank: TlsServer) -> None:
    """All workers are busy: the fifth message is proven not sent, and does not go out later."""
    gate = threading.Event()

    def handler(request: Request) -> None:
        gate.wait(5)
        echo(request)

    bank.handler = handler

    async def scene(line: HttpsLine) -> None:
        busy = [asyncio.create_task(line.exchange(b"busy", 5000)) for _ in range(4)]
        await asyncio.sleep(0.3)
        with pytest.raises(NotSent):
            await line.exchange(b"given up", 200)
        gate.set()
        await asyncio.gather(*busy)
        assert await line.exchange(b"next", 5000) == b"answer to next"

    exchanged(line_to(bank.address), scene)
    assert b"given up" not in {request.body for request in bank.requests}


def test_a_cancelled_message_frees_its_worker(bank: TlsServer) -> None:
    """The kiosk stops in the middle of a call: the connection is cut, nothing waits for the bank."""
    bank.handler = lambda request: bank.ended.wait(10)

    async def scene(line: HttpsLine) -> None:
        task = asyncio.create_task(line.exchange(REQUEST, 9000))
        while not bank.requests:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    started = time.monotonic()
    line = line_to(bank.address)
    exchanged(line, scene)
    line._threads.shutdown(wait=True)
    assert time.monotonic() - started < 3


def test_a_closed_line_sends_nothing(bank: TlsServer) -> None:
    """After `close`, which may be called twice, every message is proven not sent."""
    line = line_to(bank.address)
    line.close()
    with pytest.raises(NotSent, match="is closed"):
        exchanged(line, once())
    assert bank.connections == 0


def test_the_key_never_lies_on_disk_in_the_clear(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What passes through a file is encrypted, in a folder of its own, and gone afterwards."""
    seen = []
    load = ssl.SSLContext.load_cert_chain

    def watch(self: ssl.SSLContext, path: Path, **how: Any) -> None:
        seen.append((path.read_text(), path.parent.stat().st_mode & 0o777))
        load(self, path, **how)

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", watch)
    terminal_context(AUTHORITY.identity(TERMINAL), SeededRandom())
    ((text, mode),) = seen
    assert "BEGIN ENCRYPTED PRIVATE KEY" in text
    assert "BEGIN PRIVATE KEY" not in text
    assert mode == 0o700
    assert list(tmp_path.iterdir()) == []


def test_an_address_that_is_none_is_told() -> None:
    """A mangled auth file's address is refused with a sentence."""
    for bad in ("", "bank", "bank:", "bank:0", "bank:65536", "http://bank:1", "ba nk:1", "[::1]", "bank:８"):
        with pytest.raises(ValueError, match="no address of the form host:port"):
            line_to(bad, identity=AUTHORITY.identity(TERMINAL, address=bad))
