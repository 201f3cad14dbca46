"""Screens of an account that is opened at the machine."""

from __future__ import annotations

from collections.abc import Sequence

from kiosk.screens.common import keys, made, short
from kiosk.screens.model import Choice, Choose, Notice, NoticeScreen, Tone
from kiosk.screens.words.load import Words


@made
def open_account(words: Words, products: Sequence[str]) -> Choose:
    """Which account? `products` are the bank's names for them; keys `product:0`, `product:1`, …"""
    return Choose(
        id="open",
        title=words.say("open", "title"),
        choices=tuple(Choice(key=f"product:{place}", label=name) for place, name in enumerate(products)),
        keys=keys(words),
        more=words.say("keys", "more"),
        language=words.header_language,
    )


@made
def open_done(words: Words, name: str, number: str) -> NoticeScreen:
    """It is open, and this is its number."""
    return NoticeScreen(
        id="open.done",
        title=words.say("open.done", "title"),
        notice=Notice(Tone.OK, words.say("open.done", "bold", name=short(name))),
        reference=" ".join((number[:2], number[2:6], number[6:])) if len(number) == 10 else number,
        reference_label=words.say("open.done", "reference"),
        private=True,
        keys=keys(words, cancel="", back="", main="done"),
        language=words.header_language,
    )


@made
def open_enough(words: Words, count: int) -> NoticeScreen:
    """The card has so many accounts, and no more can be opened at machines."""
    return NoticeScreen(
        id="open.enough",
        title=words.say("open.enough", "title"),
        notice=Notice(
            Tone.WARNING, words.count("open.enough", "bold", count, "count"), words.say("open.enough", "plain")
        ),
        private=True,
        keys=keys(words, cancel="", back="", main="ok"),
        language=words.header_language,
    )
