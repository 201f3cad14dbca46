"""The display in a terminal: each new screen once as a framed block, keys typed are keypad presses.

Standard library only. Piped, it is a transcript that a person can read.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import termios
import tty
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from kiosk.display.face import DisplayError, Look
from kiosk.display.terminal_text import block, change, seconds
from kiosk.screens.model import Screen

_COLUMNS = 80
BLANK = "  (nothing is to be seen)"
_LEAST_COLUMNS = 40
_PAD = {letter: letter for letter in "0123456789*#"}
_PAD |= {"a": "A", "b": "B", "c": "C", "d": "D", "A": "A", "B": "B", "C": "C", "D": "D"}
_PAD |= {"\r": "D", "\n": "D", "\x7f": "B", "\x08": "B", "\x1b": "A"}


class TerminalDisplay:
    """Implements `kiosk.display.face.Display` on text streams.

    `out` gets the screens. `keys` is read where it is a terminal, which is put back as it was by `close`. `other` hears
    every typed letter that is no key of the pad (a simulator's commands). `columns`: the terminal's own, at most 80.
    """

    def __init__(
        self,
        out: TextIO,
        keys: TextIO | None = None,
        *,
        name: str = "",
        columns: int | None = None,
        other: Callable[[str], None] | None = None,
    ) -> None:
        self._out = out
        self._keys = keys
        self._name = name
        self._columns = columns or max(_LEAST_COLUMNS, min(_COLUMNS, shutil.get_terminal_size((_COLUMNS, 24)).columns))
        self._plain = not (getattr(out, "encoding", None) or "utf-8").lower().startswith("utf")
        self._other = other
        self._pressed: Callable[[str], None] | None = None
        self._screen: Screen | None = None
        self._look = Look()
        self._before: list[Any] | None = None
        self._reading: asyncio.AbstractEventLoop | None = None
        self._gone: asyncio.Event = asyncio.Event()

    def show(self, screen: Screen, look: Look = Look()) -> None:
        """Print what is new: the block, or one line where only a count or an entry changed."""
        old, old_look = self._screen, self._look
        self._screen, self._look = screen, look
        if look.blank:
            if not old_look.blank:
                self._print([BLANK])
        elif old is None or screen != old or old_look.blank:
            line = change(old, screen) if old is not None and not old_look.blank else None
            self._print([line] if line else self._block(screen, look))
        elif look.left_s is not None and look.left_s != old_look.left_s and _worth_telling(look.left_s):
            self._print([f"  {seconds(screen, look.left_s)}"])

    def _block(self, screen: Screen, look: Look) -> list[str]:
        return block(screen, look, name=self._name, columns=self._columns, plain=self._plain)

    def listen(self, pressed: Callable[[str], None]) -> None:
        """`pressed` hears the pad's keys as they are typed."""
        self._pressed = pressed

    async def run(self) -> None:
        """Read keys until cancelled. Raises DisplayError when the terminal went away."""
        self._start_reading()
        try:
            await self._gone.wait()
        finally:
            self.close()
        raise DisplayError("The terminal went away; start the program again in a terminal that stays open.")

    def close(self) -> None:
        """Stop reading and put the terminal back as it was."""
        if self._reading is not None and self._keys is not None:
            self._reading.remove_reader(self._keys.fileno())
            self._reading = None
        if self._before is not None and self._keys is not None:
            with contextlib.suppress(termios.error, ValueError):  # a terminal that is gone cannot be put back
                termios.tcsetattr(self._keys.fileno(), termios.TCSADRAIN, self._before)
            self._before = None

    def _start_reading(self) -> None:
        if self._keys is None or not self._keys.isatty():
            return
        descriptor = self._keys.fileno()
        self._before = termios.tcgetattr(descriptor)
        tty.setcbreak(descriptor)  # not raw: Ctrl-C must still end the program
        self._reading = asyncio.get_running_loop()
        self._reading.add_reader(descriptor, self._read, descriptor)

    def _read(self, descriptor: int) -> None:
        try:
            data = os.read(descriptor, 256)
        except OSError:
            data = b""
        if not data:
            self._gone.set()
            return
        for letter in typed(data.decode("utf-8", "ignore")):
            self._hear(letter)

    def _hear(self, letter: str) -> None:
        key = _PAD.get(letter)
        if key is None:
            if self._other is not None:
                self._other(letter)
        elif self._pressed is not None:
            self._pressed(key)

    def _print(self, lines: list[str]) -> None:
        try:
            self._out.write("\n".join(lines) + "\n")
            self._out.flush()
        except (OSError, ValueError):  # ValueError: the stream was closed
            self._gone.set()


def _worth_telling(left_s: int) -> bool:
    """A transcript needs no line a second."""
    return left_s % 5 == 0 or left_s <= 3


def typed(text: str) -> Iterator[str]:
    """The letters of `text`, without the escape sequences that arrow and function keys send; a lone Escape stays."""
    rest = text
    while rest:
        if rest[0] == "\x1b" and rest[1:2] in ("[", "O"):
            rest = _after_sequence(rest)
            continue
        if rest[0].isprintable() or rest[0] in _PAD:
            yield rest[0]
        rest = rest[1:]


def _after_sequence(text: str) -> str:
    """What follows a control sequence: it ends with its first byte from @ to ~ (ECMA-48, 5.4)."""
    for place in range(2, len(text)):
        if "@" <= text[place] <= "~":
            return text[place + 1 :]
    return ""
