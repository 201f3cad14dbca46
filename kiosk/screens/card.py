"""Screens about the card and its PIN, and what a card in is good for: account and menu."""

from __future__ import annotations

from collections.abc import Sequence

from bank_link.money import Money
from kiosk.screens.common import SILENT, keys, made, made_at_rest, watching
from kiosk.screens.model import Choice, Choose, Notice, NoticeScreen, Pin, Slot, Take, Tone, Wait
from kiosk.screens.words.load import Words

#: Menu entries that there are words for, with their icons; the visit passes those that the machine offers now.
MENU = {"cash": "cash", "balance": "eye", "pay_in": "pay-in", "send": "send", "bill": "bill", "more": "more"}

MORE = {"list": "bill", "newpin": "card", "details": "person", "open": "ok"}


@made
def reading(words: Words, *, slow: bool = False) -> Wait:
    """The card is being read."""
    return _wait(words, "reading", slow=slow)


@made
def working(words: Words, *, slow: bool = False, card_out: bool = False, code: bool = False) -> Wait:
    """The bank is asked; `slow` after eight seconds. `card_out`: the customer has the card already. `code`: there is none."""
    return _wait(words, "working", slow=slow, line="card_out" if card_out else "code" if code else "line")


def _wait(words: Words, screen: str, *, slow: bool, line: str = "line") -> Wait:
    return Wait(
        id=screen,
        title=words.say(screen, "title"),
        line=words.say("general", "still") if slow else words.say(screen, line),
        keys=SILENT,
    )


@made
def pin(words: Words, *, tries_left: int | None = None, count: int = 0) -> Pin:
    """Asks for the PIN, of which `count` digits are in; `tries_left` after a wrong one."""
    screen = "pin" if tries_left is None else "pin.wrong"
    return Pin(
        id=screen,
        title=words.say(screen, "title"),
        line=words.say("pin", "line"),
        count=count,
        notice=None if tries_left is None else _wrong(words, tries_left),
        keys=keys(words, back="clear", main="ok"),
    )


def _wrong(words: Words, tries_left: int) -> Notice:
    return Notice(Tone.DANGER, words.say("pin.wrong", "bold"), words.count("pin.wrong", "plain", tries_left, "tries"))


@made
def pin_locked(words: Words, until: str, *, today: bool = True) -> NoticeScreen:
    """Too many wrong PINs. `until` is the time of day ("14:30"), or with `today` false the day too."""
    bold = words.say("pin.locked", "bold_today" if today else "bold", time=until)
    return NoticeScreen(
        id="pin.locked",
        title=words.say("pin.locked", "title"),
        notice=Notice(Tone.DANGER, bold),
        keys=keys(words, cancel="", back="", main="take_card"),
    )


@made
def choose_account(words: Words, accounts: Sequence[tuple[str, str]]) -> Choose:
    """Which account? Each is its label and the last digits of its number; keys `account:0`, `account:1`, …"""
    choices = tuple(
        Choice(key=f"account:{place}", label=label, second=words.say("general", "ends", digits=digits))
        for place, (label, digits) in enumerate(accounts)
    )
    return Choose(
        id="account",
        title=words.say("account", "title"),
        choices=choices,
        private=True,
        keys=keys(words),
        more=words.say("keys", "more"),
    )


@made
def menu(words: Words, offered: Sequence[str], *, wanted: Money | None = None) -> Choose:
    """What would you like to do? `offered` are keys of `MENU`, in the order of their digits. `wanted`: cash that the
    customer wants at last.
    """
    said = {"cash": words.say("menu", "cash_wanted", amount=words.whole(wanted))} if wanted is not None else {}
    choices = tuple(Choice(key=key, label=said.get(key) or words.say("menu", key), icon=MENU[key]) for key in offered)
    return Choose(
        id="menu",
        title=words.say("menu", "title"),
        choices=choices,
        keys=keys(words, back=""),
        more=words.say("keys", "more"),
    )


@made
def more(words: Words, offered: Sequence[str]) -> Choose:
    """What else? `offered` are keys of `MORE`."""
    choices = tuple(Choice(key=key, label=words.say("more", key), icon=MORE[key]) for key in offered)
    return Choose(
        id="more",
        title=words.say("more", "title"),
        choices=choices,
        keys=keys(words),
        more=words.say("keys", "more"),
    )


@made
def newpin(words: Words, *, different: bool = False, count: int = 0) -> Pin:
    """A new PIN; `different` where the two that were typed were not the same."""
    notice = Notice(Tone.WARNING, words.say("newpin.again", "different")) if different else None
    return _newpin(words, "newpin", words.say("newpin", "line"), count, notice)


@made
def newpin_again(words: Words, *, count: int = 0) -> Pin:
    """The same PIN once more."""
    return _newpin(words, "newpin.again", words.say("pin", "line"), count, None)


def _newpin(words: Words, screen: str, line: str, count: int, notice: Notice | None) -> Pin:
    return Pin(
        id=screen,
        title=words.say(screen, "title"),
        line=line,
        count=count,
        notice=notice,
        keys=keys(words, back="clear", main="ok"),
    )


@made
def newpin_done(words: Words) -> NoticeScreen:
    """The new PIN holds."""
    return NoticeScreen(
        id="newpin.done",
        title=words.say("newpin.done", "title"),
        notice=Notice(Tone.OK, words.say("newpin.done", "bold")),
        keys=keys(words, cancel="", back="", main="done"),
    )


@made
def take_card(words: Words, *, cash_next: bool) -> Take:
    """The card is released: take it. `cash_next` where taking it is what the cash waits for."""
    return Take(
        id="take.card",
        title=words.say("take.card", "title"),
        line=words.say("take.card", "cash") if cash_next else "",
        left=words.say("general", "seconds_left"),
        slot=Slot.CARD,
        keys=watching(words),
    )


@made_at_rest
def thanks(words: Words) -> Take:
    """The visit is over."""
    return Take(id="thanks", title=words.say("thanks", "title"), slot=Slot.NONE, keys=SILENT)
