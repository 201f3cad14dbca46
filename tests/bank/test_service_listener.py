"""Slow, half-open, strange and too many connections on a real port: the others never notice."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from support.bank_port import Caller, Keys, listening, post
from support.bank_ring import real_ring, terminal_files

from bank.api import message_app
from bank.http_connection import ConnectionLimits
from bank.keys.tls import server_context
from bank.listener import Listener, ListenerLimits, ServiceError

QUICK = ListenerLimits(
    handshake_s=0.3,
    shutdown_s=0.3,
    sweep_s=0.05,
    connection=ConnectionLimits(head_s=0.3, body_s=0.3, write_s=0.3, idle_s=0.6),
)
FEW = ListenerLimits(connections=4, handshakes=4, sweep_s=0.05)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys.make(tmp_path_factory.mktemp("port"))


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(None, id="no handshake"),
        pytest.param(b"", id="no byte"),
        pytest.param(b"POST /v1/mess", id="half a head"),
        pytest.param(post(b"", length="100"), id="no body"),
        pytest.param(post(b"x" * 50, length="100"), id="half a body"),
        pytest.param(post(b"done"), id="idle after an answer"),
    ],
)
def test_whoever_is_too_slow_is_cut_off_while_others_are_served(keys: Keys, sent: bytes | None) -> None:
    """Each phase has its time; meanwhile a quick caller is answered at once."""

    async def main() -> None:
        async with listening(keys, limits=QUICK) as listener:
            slow = await Caller.plain(listener) if sent is None else await Caller.connect(listener, keys.caller())
            if sent:
                await slow.send(sent)
            quick = await Caller.connect(listener, keys.caller())
            async with asyncio.timeout(5):
                assert await quick.ask(b"quick") == b"127.0.0.1:quick"
            assert await slow.is_cut(within_s=3)
            for caller in (slow, quick):
                await caller.close()

    asyncio.run(main())


def test_a_dripping_caller_gains_no_time(keys: Keys) -> None:
    """One byte at a time does not push the deadline on: head and body each end in their time."""

    async def main() -> None:
        async with listening(keys, limits=QUICK) as listener:
            slow = await Caller.connect(listener, keys.caller())
            with pytest.raises((OSError, TimeoutError)):
                await drip(slow)
            await slow.close()

    async def drip(slow: Caller) -> None:
        async with asyncio.timeout(5):
            await slow.send(b"POST /v1/message HTTP/1.1\r\n")
            for number in range(10_000):
                await slow.send(b"X%d: y\r\n" % number)
                await asyncio.sleep(0.02)

    asyncio.run(main())


def test_a_caller_that_never_reads_is_cut_off(keys: Keys) -> None:
    """Answers that nobody takes do not pile up, and the connection does not stay."""

    async def large(body: bytes, *, peer: str) -> bytes:
        return body if body == b"hello" else b"x" * 1_000_000

    async def main() -> None:
        async with listening(keys, large, QUICK) as listener:
            deaf = await Caller.connect(listener, keys.caller())
            assert await deaf.ask(b"hello") == b"hello"
            transport = deaf.writer.transport
            transport.pause_reading()  # type: ignore[attr-defined]
            for _ in range(40):
                deaf.writer.write(post(b"x"))
            assert listener._connections
            await listener._until_empty(5)
            assert not listener._connections
            transport.abort()

    asyncio.run(main())


def test_an_idle_line_lives_as_long_as_echoes_come(keys: Keys) -> None:
    """The idle limit starts anew with each answer."""

    async def main() -> None:
        async with listening(keys, limits=QUICK) as listener:
            caller = await Caller.connect(listener, keys.caller())
            for _ in range(4):
                assert await caller.ask(b"echo") == b"127.0.0.1:echo"
                await asyncio.sleep(0.3)
            await caller.close()

    asyncio.run(main())


def test_a_slow_answer_of_the_bank_is_not_the_callers_fault(keys: Keys) -> None:
    """No limit of the line runs while the bank decides."""

    async def slow(body: bytes, *, peer: str) -> bytes:
        await asyncio.sleep(1.2)
        return body

    async def main() -> None:
        async with listening(keys, slow, QUICK) as listener:
            caller = await Caller.connect(listener, keys.caller())
            assert await caller.ask(b"slow") == b"slow"
            await caller.close()

    asyncio.run(main())


def test_a_flood_of_half_open_connections_does_not_keep_a_terminal_out(keys: Keys) -> None:
    """More sockets than handshakes are allowed, none of which says a word: the oldest make room."""

    async def main() -> None:
        async with listening(keys, limits=FEW) as listener:
            flood = [await Caller.plain(listener) for _ in range(40)]
            caller = await Caller.connect(listener, keys.caller())
            assert await caller.ask(b"in") == b"127.0.0.1:in"
            assert await flood[0].is_cut(within_s=2)
            for one in [*flood, caller]:
                await one.close()

    asyncio.run(main())


def test_where_all_places_are_taken_the_idlest_makes_room(keys: Keys) -> None:
    """A terminal with open but idle lines cannot keep the others out; one that is being answered keeps its line."""

    async def main() -> None:
        go_on = asyncio.Event()

        async def handle(body: bytes, *, peer: str) -> bytes:
            if body == b"busy":
                await go_on.wait()
            return body

        async with listening(keys, handle, FEW) as listener:
            busy = await Caller.connect(listener, keys.caller())
            await busy.send(post(b"busy"))
            idle = [await Caller.connect(listener, keys.caller()) for _ in range(12)]
            assert await idle[-1].ask(b"in") == b"in"
            assert await idle[0].is_cut(within_s=2)
            go_on.set()
            assert (await busy.answer())[2] == b"busy"
            for one in [*idle, busy]:
                await one.close()

    asyncio.run(main())


def test_strangers_are_refused_logged_and_take_nobodys_place(
    keys: Keys, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No certificate, another bank's, no TLS at all: each leaves a line that says why; an admitted line stays."""
    other = real_ring(tmp_path / "other", "other")
    foreign = keys.caller(own=False)
    foreign.load_cert_chain(terminal_files(tmp_path, other, "T-foreign"))

    async def main() -> None:
        async with listening(keys, limits=FEW) as listener:
            caller = await Caller.connect(listener, keys.caller())
            for context in (keys.caller(own=False), foreign):
                for _ in range(4):
                    stranger = await Caller.connect(listener, context)
                    assert await stranger.is_cut()
                    await stranger.close()
            plain = await Caller.plain(listener)
            await plain.send(b"GET / HTTP/1.1\r\n\r\n")
            assert await plain.is_cut()
            await plain.close()
            assert await caller.ask(b"still in") == b"127.0.0.1:still in"
            await caller.close()

    asyncio.run(main())
    assert "main: 127.0.0.1 was not admitted: peer did not return a certificate" in caplog.text
    assert "was not admitted: its certificate does not hold (unable to get local issuer certificate)" in caplog.text
    assert "was not admitted: http request" in caplog.text


def test_a_flood_of_strangers_does_not_flood_the_log(keys: Keys, caplog: pytest.LogCaptureFixture) -> None:
    """At most a few lines a second."""

    async def main() -> None:
        async with listening(keys) as listener:
            for _ in range(100):
                plain = await Caller.plain(listener)
                await plain.send(b"x" * 20)
                assert await plain.is_cut()
                await plain.close()

    asyncio.run(main())
    assert 1 <= caplog.text.count("was not admitted") <= 60


def test_stopping_answers_what_was_asked_and_refuses_what_is_new(keys: Keys) -> None:
    """In good order: the answer under way arrives, idle lines close, the port is free for the next bank."""

    async def main() -> None:
        begun = asyncio.Event()

        async def slow(body: bytes, *, peer: str) -> bytes:
            begun.set()
            await asyncio.sleep(0.3)
            return body

        async with listening(keys, slow) as listener:
            busy, idle = [await Caller.connect(listener, keys.caller()) for _ in range(2)]
            await busy.send(post(b"last words"))
            await begun.wait()
            stopping = asyncio.create_task(listener.stop(grace_s=3))
            assert await idle.is_cut()
            status, headers, body = await busy.answer()
            assert (status, headers["connection"], body) == (200, "close", b"last words")
            for caller in (busy, idle):
                await caller.close()
            await stopping
            with pytest.raises(OSError, match="Connect call failed"):
                await Caller.plain(listener)
            again = Listener(
                "main", "127.0.0.1", listener.port,
                context=server_context(keys.ring, enrolment=False), app=message_app(slow),
            )  # fmt: skip
            await again.start()
            await again.stop(grace_s=0)

    asyncio.run(main())


def refused(keys: Keys, host: str, port: int) -> str:
    async def main() -> str:
        listener = Listener("main", host, port, context=server_context(keys.ring, enrolment=False), app=None)  # type: ignore[arg-type]
        with pytest.raises(ServiceError) as caught:
            await listener.start()
        return str(caught.value)

    return asyncio.run(main())


def test_a_port_that_cannot_be_opened_is_one_sentence(keys: Keys) -> None:
    """In use, not on this machine, out of range: named, with the way out."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert refused(keys, "127.0.0.1", port) == (
            f"the main listener cannot open 127.0.0.1:{port}: the port is in use by another program; "
            "stop that one, or configure another port"
        )
    assert "this machine has no such address" in refused(keys, "192.0.2.1", 8443)
    assert "this machine has no such address" in refused(keys, "no.such.host.invalid", 8443)
    assert "65535" in refused(keys, "127.0.0.1", 70_000)
