"""The parts of the simulator's page by themselves: requests as bytes, pictures as PNG, what a view has not seen, the line."""

from __future__ import annotations

import asyncio
import contextlib
import io
from pathlib import Path
from random import Random

import msgspec
import pygame
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.virtual_time import run_virtual

from bank_link import envelope
from bank_link.errors import NotSent, OutcomeUnknown
from config.load import load_kiosk
from kiosk.display.face import Look
from kiosk.display.pygame.brand import Brand
from kiosk.display.pygame.geometry import Box
from kiosk.display.pygame.panel import panel_for
from kiosk.display.pygame.render import Studio, render
from kiosk.screens import catalogue
from kiosk.screens.model import Screen
from kiosk.screens.words.load import load_words
from kiosk.simulator.overheard import REMEMBERED, Overheard
from kiosk.simulator.page.gate import Gate
from kiosk.simulator.page.glass import Glass
from kiosk.simulator.page.http import MOST_BODY, MOST_HEAD, BadRequest, Request, read_request
from kiosk.simulator.page.png import png
from kiosk.simulator.page.view import MOST_BOXES, View
from kiosk.where import laptop

WORDS = load_words()

# ── Requests ────────────────────────────────────────────────────────────────────────────────────────────────────────


def request_of(data: bytes) -> Request | None:
    async def read() -> Request | None:
        reader = asyncio.StreamReader(limit=MOST_HEAD)
        reader.feed_data(data)
        reader.feed_eof()
        return await read_request(reader)

    return asyncio.run(read())


@given(st.binary(max_size=300) | st.lists(st.sampled_from([
    b"GET / HTTP/1.1", b"POST /x HTTP/1.1", b"\r\n", b"\r\n\r\n", b"Host: a", b"Content-Length: 5", b"Content-Length: -1",
    b"Transfer-Encoding: chunked", b"hello", b":", b"\n", b"\0", b" folded", b"Content-Length: 99999999999999999999",
])).map(b"".join))  # fmt: skip
def test_any_bytes_are_a_request_or_refused(data: bytes) -> None:
    """Nothing else comes of them, and what is read is within its bounds."""
    with contextlib.suppress(BadRequest):
        request = request_of(data)
        assert request is None or len(request.body) <= MOST_BODY


def test_a_request_as_a_browser_sends_it() -> None:
    """Line, headers by their names in small letters, and a body of the length that was said."""
    request = request_of(b"POST /t/do HTTP/1.1\r\nHOST: here\r\nContent-Length: 3\r\n\r\nabcdef")
    assert request is not None
    assert (request.method, request.path, request.body) == ("POST", "/t/do", b"abc")
    assert request.headers == {"host": "here", "content-length": "3"}
    assert "/t/" not in repr(request)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"PUT / HTTP/1.1\r\n\r\n", 400),
        (b"GET http://evil/ HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: +3\r\n\r\nabc", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 4097\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nA: " + b"b" * MOST_HEAD + b"\r\n\r\n", 431),
    ],
)
def test_what_is_plainly_none_is_refused(data: bytes, status: int) -> None:
    """What two readers could read in two ways is read in none."""
    with pytest.raises(BadRequest) as refused:
        request_of(data)
    assert refused.value.status == status


def test_a_gate_shows_no_token() -> None:
    """Not where it is printed by mistake."""
    gate = Gate(1234, "s3cret")
    assert "s3cret" not in repr(gate)
    asked = Request("GET", "/s3cret/page.js", {"host": "127.0.0.1:1234"})
    assert gate.enter(asked) == "page.js"


# ── Pictures ────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.integers(1, 9), st.integers(1, 9), st.randoms(use_true_random=False))
def test_a_png_holds_every_pixel(width: int, height: int, random: Random) -> None:
    """Another program's reader finds what was put in."""
    pixels = bytes(random.randrange(256) for _ in range(3 * width * height))
    read = pygame.image.load(io.BytesIO(png(width, height, pixels)), "x.png")
    assert read.get_size() == (width, height)
    assert pygame.image.tobytes(read, "RGB") == pixels


class Board:
    """Stands for the glass: a surface that is painted on, and who looks at it."""

    def __init__(self) -> None:
        self.surface = pygame.Surface((40, 30))
        self.whole = Box(0, 0, 40, 30)
        self.watchers: list[object] = []

    def watch(self, watcher: object) -> None:
        self.watchers.append(watcher)

    def leave(self, watcher: object) -> None:
        self.watchers.remove(watcher)

    def pixels(self, box: Box) -> bytes:
        return pygame.image.tobytes(self.surface.subsurface(pygame.Rect(box)), "RGB")

    def paint(self, box: Box, shade: int) -> None:
        self.surface.fill((shade, 255 - shade, shade // 2), pygame.Rect(box))
        for watcher in list(self.watchers):
            watcher([box])


BOXES = st.builds(Box, st.integers(0, 30), st.integers(0, 20), st.integers(1, 10), st.integers(1, 10))


@given(st.lists(st.tuples(BOXES, st.integers(0, 255), st.booleans()), max_size=30))
def test_a_browser_sees_what_is_there(changes: list[tuple[Box, int, bool]]) -> None:
    """However often it looks, after its last look its picture is the machine's; no look brings more places than a few."""
    board, seen = Board(), pygame.Surface((40, 30))
    view = View(board, lambda: None)
    for box, shade, looks in [*changes, (Box(0, 0, 1, 1), 1, True)]:
        board.paint(box, shade)
        if looks:
            places = view.take()
            assert len(places) <= MOST_BOXES
            for place, pixels in places:
                seen.blit(pygame.image.frombytes(pixels, (place.w, place.h), "RGB"), (place.x, place.y))
    assert pygame.image.tobytes(seen, "RGB") == board.pixels(board.whole)
    assert view.take() == []
    view.close()
    assert board.watchers == []


# ── The glass ───────────────────────────────────────────────────────────────────────────────────────────────────────


def glass_of(tmp_path: Path) -> Glass:
    return Glass(laptop(tmp_path).config.display, Brand())


def test_a_touch_on_the_picture_is_a_touch(tmp_path: Path) -> None:
    """It hits what a finger on the panel would hit, is heard at once, and is seen as pressed; beside a target it is nothing."""
    glass, keys, changes = glass_of(tmp_path), list[str](), list[list[Box]]()
    menu = catalogue.menu(WORDS, ["cash", "balance"])

    async def story() -> None:
        glass.listen(keys.append)
        glass.watch(changes.append)
        glass.touch(5, 5)
        glass.show(menu)
        drawing = asyncio.create_task(glass.run())
        await asyncio.sleep(1)
        assert glass.pixels(glass.whole) == painted(menu)
        changes.clear()
        plan = Studio(Brand()).plan(menu, Look(), panel_for(1024, 600))
        x, y = next(target.box.centre for target in plan.targets if target.key == "2")
        glass.touch(x, y)
        assert keys == ["2"]
        assert changes
        assert glass.pixels(glass.whole) != painted(menu)
        await asyncio.sleep(1)
        glass.touch(1023, 3)
        glass.touch(9_000, 9_000)
        assert keys == ["2"]
        drawing.cancel()
        await asyncio.gather(drawing, return_exceptions=True)

    run_virtual(story())
    assert set(glass.pixels(Box(0, 0, 3, 3))) == {0}


def painted(screen: Screen) -> bytes:
    return pygame.image.tobytes(render(screen, Look(), panel_for(1024, 600), Brand()), "RGB")


def test_a_turned_panel_is_upright_on_the_page(tmp_path: Path) -> None:
    """The page shows what the customer sees, not how the glass is mounted; and the contrast theme as configured."""
    file = laptop(tmp_path).config.terminal.state / "kiosk.toml"
    file.write_text(file.read_text() + '\n[display]\nrotation = 90\ntheme = "contrast"\n')
    glass = Glass(load_kiosk(file).display, Brand())
    assert glass.size == (1024, 600)
    assert glass.contrast


# ── The line ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Clock:
    def now_ms(self) -> int:
        return 1_000


def frame(kind: str, body: bytes = b'{"secret":"0123456789"}') -> bytes:
    made = envelope.Envelope(
        terminal="T1", generation=1, session="s", transmission=1, time=0, kind=kind, body=msgspec.Raw(body)
    )
    return envelope.seal(made, None)


def test_what_is_overheard_is_kinds_alone() -> None:
    """The kind of what went and of what came, and how long it took; nothing of either body."""

    async def story() -> Overheard:
        heard = Overheard(Clock())

        async def answer() -> bytes:
            await asyncio.sleep(0.25)
            return frame("echo-back")

        assert await heard.heard(frame("echo"), answer()) == frame("echo-back")
        return heard

    (said,) = run_virtual(story()).said
    assert (said.number, said.at_ms, said.kind, said.answer, said.lost, said.took_ms) == (
        1,
        1_000,
        "echo",
        "echo-back",
        "",
        250,
    )
    assert "0123456789" not in repr(said)


@pytest.mark.parametrize("error", [NotSent("no cable"), OutcomeUnknown("no answer")])
def test_a_lost_message_is_told_as_lost(error: Exception) -> None:
    """With the line's own sentence; and the error goes where it belongs."""

    async def story() -> Overheard:
        heard = Overheard(Clock())

        async def answer() -> bytes:
            raise error

        with pytest.raises(type(error)):
            await heard.heard(b"no frame", answer())
        return heard

    (said,) = run_virtual(story()).said
    assert (said.kind, said.answer, said.lost) == ("unreadable", "", str(error))


def test_a_message_that_is_given_up_is_told_too() -> None:
    """The power went, or nobody waited any more."""

    async def story() -> Overheard:
        heard = Overheard(Clock())
        asking = asyncio.create_task(heard.heard(frame("authorise"), asyncio.Event().wait()))
        await asyncio.sleep(1)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        return heard

    (said,) = run_virtual(story()).said
    assert (said.kind, said.lost) == ("authorise", "given up")


def test_only_the_newest_are_remembered() -> None:
    """A kiosk that runs for a year keeps a few; numbers go on."""

    async def story() -> Overheard:
        heard = Overheard(Clock())

        async def answer() -> bytes:
            return frame("echo-back")

        for _ in range(REMEMBERED + 5):
            await heard.heard(frame("echo"), answer())
        return heard

    heard = run_virtual(story())
    assert len(heard.said) == REMEMBERED
    assert [one.number for one in heard.since(heard.count - 2)] == [heard.count - 1, heard.count]
