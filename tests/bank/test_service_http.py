"""What the main port answers over real mutual TLS, to what a caller sends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.bank_port import Caller, Keys, listening, post

from bank.decision.committer import Busy
from bank.http_connection import MOST_PIPELINED
from bank.listener import Listener
from bank_link.envelope import CONTENT_TYPE, MAX_FRAME
from bank_link.errors import MessageRefused


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys.make(tmp_path_factory.mktemp("port"))


def with_caller(keys: Keys, talk: Callable[[Caller], Awaitable[object]]) -> object:
    async def main() -> object:
        async with listening(keys) as listener:
            caller = await Caller.connect(listener, keys.caller())
            try:
                return await talk(caller)
            finally:
                await caller.close()

    return asyncio.run(main())


def test_a_frame_is_answered_with_a_frame_and_the_connection_stays(keys: Keys) -> None:
    """Message after message on one connection; the handler is told the caller's address."""

    async def talk(caller: Caller) -> None:
        await caller.send(post(b"one"))
        status, headers, body = await caller.answer()
        assert (status, headers["content-type"], body) == (200, CONTENT_TYPE, b"127.0.0.1:one")
        for number in range(20):
            assert await caller.ask(b"%d" % number) == b"127.0.0.1:%d" % number

    with_caller(keys, talk)


def test_the_largest_frame_passes_and_a_larger_one_does_not(keys: Keys) -> None:
    """64 KiB is the bound; above it 413 without a body, announced or chunked."""

    async def largest(caller: Caller) -> None:
        assert await caller.ask(b"x" * MAX_FRAME) == b"127.0.0.1:" + b"x" * MAX_FRAME

    async def announced(caller: Caller) -> None:
        await caller.send(post(b"x" * (MAX_FRAME + 1)))
        assert (await caller.answer())[0] == 413
        assert await caller.is_cut()

    async def chunked(caller: Caller) -> None:
        head = post(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        await caller.send(head + (b"8000\r\n" + b"x" * 0x8000 + b"\r\n") * 3)
        assert (await caller.answer())[0] == 413
        assert await caller.is_cut()

    for talk in (largest, announced, chunked):
        with_caller(keys, talk)


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (post(b"x", path="/"), 404),
        (post(b"x", path="/v1/enrol"), 404),
        (post(b"x", path="/v1/message/"), 404),
        (post(b"", method="GET"), 405),
        (post(b"", method="DELETE"), 405),
        (post(b"", method="HEAD"), 405),
        (post(b"x").replace(CONTENT_TYPE.encode(), b"text/plain"), 415),
        (b"no http at all\r\n\r\n", 400),
        (post(b"x", "Transfer-Encoding: chunked"), 400),
        (post(b"x", length="-1"), 400),
        (post(b"", length="99999999999999999999999999"), 400),
        (post(b"", "X-Long: " + "y" * 20_000), 431),
        (b"GET /" + b"y" * 20_000, 431),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5_000, 431),
    ],
)
def test_everything_else_gets_a_bare_status_and_the_line_is_closed(
    keys: Keys, request_bytes: bytes, status: int
) -> None:
    """No page, no text, nothing of what was sent comes back."""

    async def talk(caller: Caller) -> None:
        await caller.send(request_bytes)
        if b"HEAD " in request_bytes:
            assert (await caller.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 405")
        else:
            found, headers, body = await caller.answer()
            assert (found, body, headers["connection"]) == (status, b"", "close")
        assert await caller.is_cut()

    with_caller(keys, talk)


def test_a_body_in_many_pieces_arrives_whole(keys: Keys) -> None:
    """However the bytes are cut on the way, chunked or not."""

    async def talk(caller: Caller) -> None:
        for byte in post(b"piece by piece"):
            await caller.send(bytes([byte]))
        assert (await caller.answer())[2] == b"127.0.0.1:piece by piece"
        head = post(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        await caller.send(head + b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")
        assert (await caller.answer())[2] == b"127.0.0.1:onetwo"

    with_caller(keys, talk)


def test_requests_sent_at_once_are_answered_in_their_order(keys: Keys) -> None:
    """Pipelined requests wait for one another; too many of them end the connection."""

    async def few(caller: Caller) -> None:
        await caller.send(b"".join(post(b"%d" % number) for number in range(5)))
        assert [(await caller.answer())[2] for _ in range(5)] == [b"127.0.0.1:%d" % number for number in range(5)]

    async def many(caller: Caller) -> None:
        await caller.send(post(b"x") * (MOST_PIPELINED + 20))
        assert await caller.is_cut()

    with_caller(keys, few)
    with_caller(keys, many)


def test_a_caller_that_waits_for_a_go_ahead_gets_it(keys: Keys) -> None:
    """`Expect: 100-continue` (RFC 9110, 10.1.1)."""

    async def talk(caller: Caller) -> None:
        await caller.send(post(b"", "Expect: 100-continue", length="2"))
        assert await caller.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await caller.send(b"ok")
        assert (await caller.answer())[2] == b"127.0.0.1:ok"

    with_caller(keys, talk)


def test_http_1_0_and_connection_close_are_obeyed(keys: Keys) -> None:
    """The answer comes, then the line is closed."""
    for request in (post(b"x").replace(b"HTTP/1.1", b"HTTP/1.0"), post(b"x", "Connection: close")):

        async def talk(caller: Caller, request: bytes = request) -> None:
            await caller.send(request)
            assert (await caller.answer())[0] == 200
            assert await caller.is_cut()

        with_caller(keys, talk)


def test_a_handler_that_fails_harms_only_its_own_request(keys: Keys, caplog: pytest.LogCaptureFixture) -> None:
    """500 without a word to the caller, the reason in the log, and the next message is answered."""

    async def breaking(body: bytes, *, peer: str) -> bytes:
        if body == b"break":
            raise ZeroDivisionError("what went wrong")
        return body

    async def main() -> None:
        async with listening(keys, breaking) as listener:
            one, two = [await Caller.connect(listener, keys.caller()) for _ in range(2)]
            await one.send(post(b"break"))
            assert (await one.answer())[::2] == (500, b"")
            assert await two.ask(b"fine") == b"fine"
            for caller in (one, two):
                await caller.close()

    asyncio.run(main())
    assert "a message was not answered: ZeroDivisionError" in caplog.text


def test_a_message_that_proves_nothing_gets_a_bare_400_and_a_busy_bank_says_503(
    keys: Keys, caplog: pytest.LogCaptureFixture
) -> None:
    """A refused message is logged with its reason and no stack; the caller learns nothing."""

    async def refusing(body: bytes, *, peer: str) -> bytes:
        raise Busy("too many messages wait") if body == b"busy" else MessageRefused("the message's MAC does not hold")

    async def main() -> None:
        async with listening(keys, refusing) as listener:
            for body, status in ((b"altered", 400), (b"busy", 503)):
                caller = await Caller.connect(listener, keys.caller())
                await caller.send(post(body))
                assert (await caller.answer())[::2] == (status, b"")
                await caller.close()

    asyncio.run(main())
    assert "a message from 127.0.0.1 was refused: the message's MAC does not hold" in caplog.text
    assert "was turned away: too many messages wait" in caplog.text
    assert "Traceback" not in caplog.text


def test_a_request_whose_caller_left_is_still_decided(keys: Keys) -> None:
    """The bank does not stop in the middle because nobody listens any more."""
    decided = []

    async def main() -> None:
        begun, go_on, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def slow(body: bytes, *, peer: str) -> bytes:
            begun.set()
            await go_on.wait()
            decided.append(body)
            done.set()
            return body

        async with listening(keys, slow) as listener:
            caller = await Caller.connect(listener, keys.caller())
            await caller.send(post(b"withdraw"))
            await begun.wait()
            await caller.close()
            go_on.set()
            await asyncio.wait_for(done.wait(), 5)

    asyncio.run(main())
    assert decided == [b"withdraw"]


PIECES = st.lists(
    st.one_of(
        st.sampled_from([b"POST", b" ", b"/v1/message", b" HTTP/1.1", b"\r\n", b"\r\n\r\n", b"Content-Length: 5", b"Host: a",
                         b"Transfer-Encoding: chunked", b"0\r\n\r\n", b"Upgrade: websocket", b"Connection: upgrade", b"CONNECT a:1"]),
        st.binary(max_size=20),
    ),
    max_size=12,
)  # fmt: skip


def test_junk_never_disturbs_the_next_caller(keys: Keys) -> None:
    """Whatever bytes come over TLS, the port goes on and nothing is raised inside it."""

    async def throw(listener: Listener, pieces: Sequence[bytes]) -> None:
        caller = await Caller.connect(listener, keys.caller())
        with contextlib.suppress(OSError):
            await caller.send(b"".join(pieces))
        await caller.close()

    async def main() -> None:
        faults: list[object] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: faults.append(context))
        async with listening(keys) as listener:

            @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
            @given(PIECES)
            def examples(pieces: list[bytes]) -> None:
                thrown.append(pieces)

            thrown: list[list[bytes]] = []
            examples()
            for start in range(0, len(thrown), 10):
                await asyncio.gather(*(throw(listener, pieces) for pieces in thrown[start : start + 10]))
            caller = await Caller.connect(listener, keys.caller())
            assert await caller.ask(b"still here") == b"127.0.0.1:still here"
            await caller.close()
        assert not faults

    asyncio.run(main())
