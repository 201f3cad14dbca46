"""The terminal display: readable when piped, keys from a real terminal, which is left as it was found."""

from __future__ import annotations

import asyncio
import io
import os
import pty
import subprocess
import sys
import termios
import unicodedata
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.every_screen import every_screen, usd

from config.kiosk import LANGUAGES
from kiosk.display.face import DisplayError, Look
from kiosk.display.terminal import TerminalDisplay, typed
from kiosk.display.terminal_text import block
from kiosk.screens import catalogue
from kiosk.screens.words.load import load_words

WORDS = load_words()
SCREENS = every_screen(WORDS)


def _shown(*screens: str, columns: int = 72) -> str:
    out = io.StringIO()
    display = TerminalDisplay(out, name="Harbour Credit Union", columns=columns)
    for name in screens:
        display.show(SCREENS[name])
    return out.getvalue()


@pytest.mark.parametrize("columns", [40, 72, 80])
@pytest.mark.parametrize("name", SCREENS)
def test_every_screen_is_a_whole_frame(name: str, columns: int) -> None:
    """Each line is exactly as wide as the frame, however long the words are, and the title is in it."""
    lines = block(SCREENS[name], Look(left_s=12), name="Harbour Credit Union", columns=columns)
    assert {len(line) for line in lines} == {columns}
    assert SCREENS[name].title.split()[0] in lines[1]


@pytest.mark.parametrize("name", SCREENS)
def test_a_terminal_without_unicode_still_reads(name: str) -> None:
    """The ASCII form holds no other letters, and has the same frame."""
    lines = block(SCREENS[name], Look(), name="Harbour Credit Union", columns=60, plain=True)
    assert all(line.isascii() and len(line) == 60 for line in lines)


def test_choices_and_keys_are_named_by_what_to_press() -> None:
    """A reader sees the digit of each card, why one is closed, and the letters of the pad."""
    text = _shown("cash, closed")
    assert " 1  $20" in text
    assert "-2  $50  (not here now)" in text
    assert "[A] Cancel   [B] Back   [C] Help" in text


def test_the_machines_turn_looks_different() -> None:
    """Deep screens have a double frame, paper screens a single one."""
    assert _shown("cash.count").startswith("╔")
    assert _shown("pin").startswith("┌")


def test_counts_and_entries_take_one_line() -> None:
    """A digit more of a PIN or an amount, or a counted note, does not print the screen again."""
    out = io.StringIO()
    display = TerminalDisplay(out, columns=72)
    display.show(catalogue.cash_count(WORDS, 1, 9))
    before = len(out.getvalue())
    display.show(catalogue.cash_count(WORDS, 2, 9))
    assert out.getvalue()[before:] == "  2 of 9 notes\n"
    display.show(catalogue.pin(WORDS))
    before = len(out.getvalue())
    display.show(catalogue.pin(WORDS, count=5))
    assert out.getvalue()[before:] == "  ● ● ● ● ●\n"
    display.show(catalogue.cash_other(WORDS, usd(10), usd(4000)))
    before = len(out.getvalue())
    display.show(catalogue.cash_other(WORDS, usd(10), usd(4000), entered="1240"))
    assert out.getvalue()[before:] == "  $1,240\n"


def test_the_same_screen_is_printed_once() -> None:
    """Showing what is shown prints nothing, and time is told every five seconds and at the very end."""
    out = io.StringIO()
    display = TerminalDisplay(out, columns=72)
    display.show(SCREENS["take.card"], Look(left_s=20))
    before = len(out.getvalue())
    for left in range(20, 0, -1):
        display.show(SCREENS["take.card"], Look(left_s=left))
    told = out.getvalue()[before:].split("\n")
    assert told == [f"  {left} seconds left" for left in (15, 10, 5, 3, 2, 1)] + [""]


def test_words_cannot_move_the_cursor() -> None:
    """Control characters in a bank's words or an account's label reach no terminal."""
    out = io.StringIO()
    TerminalDisplay(out, columns=72).show(catalogue.choose_account(WORDS, [("Ever\x1b[2Jyday\x07", "\x9b0")]))
    assert all(letter.isprintable() or letter == "\n" for letter in out.getvalue())


def test_arrow_keys_press_nothing() -> None:
    """A lone Escape is a key; the sequences that begin with one are none."""
    assert list(typed("\x1b[A1\x1bOP\x1b[15~2")) == ["1", "2"]
    assert list(typed("\x1b")) == ["\x1b"]
    assert list(typed("\x1b[")) == []


@given(st.text(max_size=30))
def test_any_typing_is_survived(text: str) -> None:
    """Whatever arrives becomes printable letters or the keys that stand for pad keys, and nothing else."""
    assert all(letter.isprintable() or letter in "\r\n\x7f\x08\x1b" for letter in typed(text))


@pytest.fixture
def terminal() -> Iterator[tuple[int, io.TextIOWrapper]]:
    """A real pseudo-terminal: what a person types goes into the first, the display reads the second."""
    master, slave = pty.openpty()
    keys = os.fdopen(slave, "r", closefd=True)
    yield master, keys
    keys.close()
    try:
        os.close(master)
    except OSError:
        assert True  # the test closed it


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.001)


def test_typed_keys_are_keypad_presses(terminal: tuple[int, io.TextIOWrapper]) -> None:
    """Digits, letters, Enter, Escape and Backspace are the pad; other letters go to the simulator; then all is undone."""
    master, keys = terminal
    before = termios.tcgetattr(keys.fileno())
    pressed: list[str] = []
    other: list[str] = []

    async def visit() -> None:
        display = TerminalDisplay(io.StringIO(), keys, columns=72, other=other.append)
        display.listen(pressed.append)
        task = asyncio.create_task(display.run())
        await _until(lambda: termios.tcgetattr(keys.fileno()) != before)
        heard = 0
        for data, keys_in_it in ((b"10*#", 4), (b"abcD", 4), (b"\r", 1), (b"\x7f", 1), (b"\x1b", 1), (b"i\x1b[At", 2)):
            heard += keys_in_it
            os.write(master, data)
            await _until(lambda heard=heard: len(pressed) + len(other) == heard)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        display.close()

    asyncio.run(visit())
    assert "".join(pressed) == "10*#ABCDDBA"
    assert other == ["i", "t"]
    assert termios.tcgetattr(keys.fileno()) == before


def test_a_terminal_that_goes_away_is_one_sentence(terminal: tuple[int, io.TextIOWrapper]) -> None:
    """When the window is closed, run() ends with the display's error, not with a traceback of the system's."""
    master, keys = terminal

    async def visit() -> None:
        display = TerminalDisplay(io.StringIO(), keys, columns=72)
        task = asyncio.create_task(display.run())
        await asyncio.sleep(0.01)
        os.close(master)
        with pytest.raises(DisplayError, match="terminal"):
            await task

    asyncio.run(visit())


def test_a_closed_pipe_is_one_sentence() -> None:
    """Where the reader of the transcript has gone, showing goes on quietly and run() says so."""
    out = io.StringIO()
    display = TerminalDisplay(out, columns=72)
    out.close()
    display.show(SCREENS["pin"])
    with pytest.raises(DisplayError):
        asyncio.run(display.run())


def test_the_terminal_display_needs_no_window_library() -> None:
    """Neither the interface nor the terminal display imports pygame: the first text is there at once."""
    code = "import sys, kiosk.display.face, kiosk.display.terminal; print('pygame' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_keeps_the_frame(language: str) -> None:
    """In each language every line ends under the one before it, and its letters stand in the order of reading."""
    words = load_words(language)
    for name, screen in every_screen(words).items():
        for line in block(screen, Look(), name="Harbour"):
            columns = sum(unicodedata.category(letter) not in {"Mn", "Me", "Cf"} for letter in line)
            assert columns == 80, (name, line)
    assert any(words.say("welcome", "line") in line for line in block(catalogue.welcome(words), Look(), name="Harbour"))


def test_a_terminal_of_ascii_shows_letters_without_their_accents() -> None:
    """Not a question mark in the place of each."""
    lines = block(catalogue.menu(load_words("es"), ["cash", "more"]), Look(), name="Harbour", plain=True)
    assert any("Mas" in line for line in lines)
