"""Screens of an account that is opened at the machine."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from kiosk.screens.common import keys, made, short
from kiosk.screens.model import Choice, Choose, Notice, NoticeScreen, Tone, Wait
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
    )


@made
def open_done(words: Words, name: str, number: str) -> NoticeScreen:
    """It is open, and this is its number."""
    return NoticeScreen(
        id="open.done",
        title=words.say("open.done", "title"),
        notice=Notice(Tone.OK, words.say("open.done", "bold", name=short(name))),
        reference=_grouped(number),
        reference_label=words.say("open.done", "reference"),
        private=True,
        keys=keys(words, cancel="", back="", main="done"),
    )


@made
def open_first(words: Words) -> NoticeScreen:
    """Notes can be paid into the new account at once: D, or A for later."""
    return NoticeScreen(
        id="open.first",
        title=words.say("open.first", "title"),
        notice=Notice(Tone.INFO, words.say("open.first", "bold")),
        keys=keys(words, cancel="no", back="", main="pay_in"),
    )


@made
def open_enough(words: Words, count: int) -> NoticeScreen:
    """The card has so many accounts, and no more can be opened at machines."""
    bold = words.count("open.enough", "bold", count, "count")
    return _told(words, "open.enough", Notice(Tone.WARNING, bold, words.say("open.enough", "plain")))


@made
def open_stick(words: Words) -> Wait:
    """Whoever has no card puts in a stick of his own."""
    return Wait(
        id="open.stick",
        title=words.say("open.stick", "title"),
        line=words.say("open.stick", "line"),
        keys=keys(words, back=""),
    )


@made
def open_taken(words: Words) -> NoticeScreen:
    """The stick holds a card already."""
    return _told(words, "open.taken", Notice(Tone.WARNING, words.say("open.taken", "bold")))


@made
def open_unwritten(words: Words, number: str) -> NoticeScreen:
    """The account is there and its card is not: the staff makes one."""
    bold, plain = words.say("open.unwritten", "bold"), words.say("open.unwritten", "plain")
    return msgspec.structs.replace(
        _told(words, "open.unwritten", Notice(Tone.WARNING, bold, plain)),
        reference=_grouped(number),
        reference_label=words.say("open.done", "reference"),
    )


@made
def open_not_here(words: Words) -> NoticeScreen:
    """No more accounts are opened at this machine today, or not any more."""
    notice = Notice(Tone.INFO, words.say("open.not.here", "bold"), words.say("open.not.here", "plain"))
    return _told(words, "open.not.here", notice)


def _told(words: Words, screen: str, notice: Notice) -> NoticeScreen:
    return NoticeScreen(
        id=screen,
        title=words.say(screen, "title"),
        notice=notice,
        private=True,
        keys=keys(words, cancel="", back="", main="ok"),
    )


def _grouped(number: str) -> str:
    """An account's number, as it is read: 10 0000 0024."""
    return " ".join((number[:2], number[2:6], number[6:])) if len(number) == 10 else number
