"""Screens as framed text: pure functions from a screen to lines, for the terminal display and for transcripts.

Lines are in the order of reading in every language. A terminal that can show Arabic arranges it by itself, and would turn
round what was turned before; so would whoever copies a transcript.
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterator
from functools import singledispatch

from kiosk.display.face import Look
from kiosk.screens.model import (
    Amount,
    Attract,
    Choice,
    Choose,
    Code,
    Confirm,
    Keys,
    ListScreen,
    Notice,
    NoticeScreen,
    Out,
    Pin,
    Screen,
    Take,
    Tone,
    Wait,
)

#: Marks in front of a notice's bold sentence.
_TONE = {Tone.INFO: "(i)", Tone.OK: "(ok)", Tone.WARNING: "(!)", Tone.DANGER: "(!!)"}
_LEAST_RINGS = 4

#: corner, line, corner; side; corner, line, corner. Single lines are the customer's turn, double the machine's.
_PAPER = "┌─┐│└─┘"
_DEEP = "╔═╗║╚═╝"
_ASCII_PAPER = "+-+|+-+"
_ASCII_DEEP = "*=*|*=*"


def block(screen: Screen, look: Look, *, name: str, columns: int = 80, plain: bool = False) -> list[str]:
    """`screen` in a frame of `columns` columns under the bank's `name`; `plain` keeps to ASCII."""
    inner = columns - 4
    deep = isinstance(screen, Attract | Wait | Take | Out)
    frame = (_ASCII_DEEP if deep else _ASCII_PAPER) if plain else (_DEEP if deep else _PAPER)
    lines = [line for text in _lines(screen, look) for line in wrapped(text, inner)]
    if isinstance(screen, Code) and not plain:
        lines += ["", *(f"  {row}" for row in half_blocks(screen.rows) if len(row) + 2 <= inner)]
    head = f" {_clean(name)} "[:inner]
    return [
        f"{frame[0]}{frame[1]}{head}{frame[1] * (columns - 3 - len(head))}{frame[2]}",
        *(f"{frame[3]} {_padded(_ascii(line, plain), inner)} {frame[3]}" for line in lines),
        f"{frame[4]}{frame[5] * (columns - 2)}{frame[6]}",
    ]


#: Upper and lower module dark or light. A terminal is dark where nothing is drawn, so the light ones are drawn.
_HALVES = {"11": " ", "10": "▄", "01": "▀", "00": "█"}
_QUIET = 2


def half_blocks(rows: tuple[str, ...]) -> list[str]:
    """A QR code as lines of block characters, two rows of modules in each, with a light margin."""
    wide = len(rows[0]) + 2 * _QUIET if rows else 0
    light = "0" * wide
    framed = [light] * _QUIET + ["0" * _QUIET + row + "0" * _QUIET for row in rows] + [light] * (_QUIET + len(rows) % 2)
    pairs = zip(framed[::2], framed[1::2], strict=True)
    return ["".join(_HALVES[upper + lower] for upper, lower in zip(*pair, strict=True)) for pair in pairs]


def told(screen: Screen) -> list[str]:
    """What `screen` says, a line each, without frame and seconds: for a reader who cannot see it."""
    return [line.strip() for line in _lines(screen, Look()) if line.strip()]


def change(old: Screen, new: Screen) -> str | None:
    """One line for what changed where only a count, an entry or a line did; None where the block is due again."""
    if isinstance(old, Pin) and isinstance(new, Pin) and _same_but(old, new, "count"):
        return f"  {rings(new)}"
    if isinstance(old, Amount) and isinstance(new, Amount) and _same_but(old, new, "entered"):
        return f"  {new.shown}"
    if isinstance(old, Wait) and isinstance(new, Wait) and _same_but(old, new, "line"):
        return f"  {_clean(new.line)}"
    return None


def _same_but(old: Screen, new: Screen, field: str) -> bool:
    return all(getattr(old, name) == getattr(new, name) for name in old.__struct_fields__ if name != field)


def wrapped(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width`; continued lines keep the indent of the first."""
    indent = " " * (len(text) - len(text.lstrip()))
    lines = textwrap.wrap(text, width, subsequent_indent=indent, break_long_words=True, drop_whitespace=True)
    return lines or [""]


def _clean(text: str) -> str:
    """Without control characters: no words file moves the cursor."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _ascii(text: str, plain: bool) -> str:
    if not plain:
        return text
    letters = unicodedata.normalize("NFKD", text.replace("●", "*").replace("○", "o"))
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return bare.encode("ascii", "replace").decode("ascii")


def _padded(text: str, width: int) -> str:
    """With spaces to `width` columns; signs over and under letters, and marks of direction, take none."""
    taken = sum(unicodedata.category(letter) not in {"Mn", "Me", "Cf"} for letter in text)
    return text + " " * (width - taken)


def _lines(screen: Screen, look: Look) -> Iterator[str]:
    """What is inside the frame, unwrapped; empty strings are blank lines."""
    yield _clean(screen.title)
    yield from _body(screen)
    choices: tuple[Choice, ...] = getattr(screen, "choices", ())
    if choices:
        yield ""
        yield from (_choice(digit, choice) for digit, choice in enumerate(choices, start=1))
    if look.left_s is not None:
        yield f"  {seconds(screen, look.left_s)}"
    if any((screen.keys.cancel, screen.keys.back, screen.keys.main, screen.keys.help)):
        yield ""
        yield "   ".join(_keys(screen.keys))


def seconds(screen: Screen, left_s: int) -> str:
    """The time-left ring in words."""
    words = screen.left if isinstance(screen, Take) and screen.left else "s"
    return f"{left_s} {words}"


def _choice(digit: int, choice: Choice) -> str:
    mark = "-" if not choice.enabled else "*" if choice.chosen else " "
    second = f"  ({_clean(choice.second)})" if choice.second else ""
    return f" {mark}{digit}  {_clean(choice.label)}{second}"


def _keys(keys: Keys) -> Iterator[str]:
    for letter, word in (("A", keys.cancel), ("B", keys.back), ("C", keys.help), ("D", keys.main)):
        if word:
            yield f"[{letter}] {_clean(word)}"


def _notice(notice: Notice | None) -> Iterator[str]:
    if notice is not None:
        yield f"  {_TONE[notice.tone]} {_clean(notice.bold)}"
        if notice.plain:
            yield f"      {_clean(notice.plain)}"


def rings(screen: Pin) -> str:
    """The PIN's rings: how many digits are in, never which."""
    return " ".join("●" * screen.count + "○" * max(0, _LEAST_RINGS - screen.count))


@singledispatch
def _body(screen: Screen) -> Iterator[str]:
    """The template's own lines between title and choices."""
    raise TypeError(f"{type(screen).__name__} is no template that a terminal knows")


@_body.register
def _(screen: Attract) -> Iterator[str]:
    yield from (f"  {_clean(line)}" for line in screen.lines)


@_body.register
def _(screen: Choose) -> Iterator[str]:
    yield from _notice(screen.notice)


@_body.register
def _(screen: Amount) -> Iterator[str]:
    yield f"  {screen.shown}"
    yield f"  {_clean(screen.limits)}"
    yield from _notice(screen.notice)


@_body.register
def _(screen: Pin) -> Iterator[str]:
    yield f"  {rings(screen)}"
    yield f"  {_clean(screen.line)}"
    yield from _notice(screen.notice)


@_body.register
def _(screen: Confirm) -> Iterator[str]:
    widest = max((len(fact.label) for fact in screen.facts), default=0)
    yield from (f"  {_padded(_clean(fact.label), widest)}  {_clean(fact.value)}" for fact in screen.facts)
    yield from _notice(screen.notice)


@_body.register
def _(screen: Wait) -> Iterator[str]:
    if screen.line:
        yield f"  {_clean(screen.line)}"


@_body.register
def _(screen: Take) -> Iterator[str]:
    if screen.value:
        yield f"  {_clean(screen.value)}"
    if screen.notes:
        yield "  " + " ".join(f"[{value}]" for value in screen.notes.values)
    if screen.line:
        yield f"  {_clean(screen.line)}"


@_body.register
def _(screen: NoticeScreen) -> Iterator[str]:
    yield from _notice(screen.notice)
    if screen.reference:
        yield f"  {_clean(screen.reference_label)} {_clean(screen.reference)}".rstrip()


@_body.register
def _(screen: Out) -> Iterator[str]:
    yield from (f"  {_clean(line)}" for line in screen.lines)


@_body.register
def _(screen: ListScreen) -> Iterator[str]:
    widest = max((len(row.amount) for row in screen.rows), default=0)
    dates = max((len(row.date) for row in screen.rows), default=0) + 2
    yield from (
        f"  {_padded(_clean(row.date), dates)}{_clean(row.amount):>{widest}}  {_clean(row.words)}"
        for row in screen.rows
    )
    if screen.pages > 1:
        yield f"  {screen.page} / {screen.pages}"


@_body.register
def _(screen: Code) -> Iterator[str]:
    yield f"  {_clean(screen.line)}"
    widest = max((len(fact.label) for fact in screen.facts), default=0)
    yield from (f"  {_padded(_clean(fact.label), widest)}  {_clean(fact.value)}" for fact in screen.facts)
