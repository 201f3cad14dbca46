"""The screens of a receipt: being printed, not printed, and as a code to photograph."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from kiosk.screens.common import PAPER, PHONE, keys, made, watching
from kiosk.screens.model import Choice, Code, Fact, Notice, NoticeScreen, Tone, Wait
from kiosk.screens.words.load import Words


def receipt_ways(words: Words, *, paper: bool) -> tuple[Choice, ...]:
    """Cards for a receipt on paper (where it can be printed) and on the customer's phone."""
    ways = (*((PAPER,) if paper else ()), PHONE)
    icons = {PAPER: "bill", PHONE: "phone"}
    return tuple(Choice(key=way, label=words.say("receipt.ways", way), icon=icons[way]) for way in ways)


def with_receipt(words: Words, screen: NoticeScreen, *, paper: bool) -> NoticeScreen:
    """`screen`, and that a receipt of it can be had; in another language, too."""

    def make() -> NoticeScreen:
        again = words.again(screen)
        assert isinstance(again, NoticeScreen)
        offered = replace(again, choices=(*again.choices, *receipt_ways(words, paper=paper)))
        words.keep(offered, make)
        return offered

    return make()


@made
def receipt_printing(words: Words, *, slow: bool = False) -> Wait:
    """The printer works."""
    return Wait(
        id="receipt.printing",
        title=words.say("receipt.printing", "title"),
        line=words.say("general", "still") if slow else "",
        keys=watching(words),
    )


@made
def receipt_failed(words: Words, reference: str = "") -> NoticeScreen:
    """No receipt came; what it was to prove is done all the same."""
    return NoticeScreen(
        id="e.receipt",
        title=words.say("e.receipt", "title"),
        notice=Notice(Tone.WARNING, words.say("e.receipt", "bold"), words.say("e.receipt", "plain")),
        reference=reference,
        reference_label=words.say("general", "reference") if reference else "",
        keys=keys(words, cancel="", back="", main="ok"),
    )


@made
def receipt_qr(words: Words, rows: tuple[str, ...], facts: Sequence[tuple[str, str]]) -> Code:
    """A code whose modules are `rows`, and what is in it: label and value."""
    return Code(
        id="receipt.qr",
        title=words.say("receipt.qr", "title"),
        line=words.say("receipt.qr", "line"),
        rows=rows,
        facts=tuple(Fact(label, value) for label, value in facts),
        keys=keys(words, cancel="", back="", main="done"),
        private=True,
    )
