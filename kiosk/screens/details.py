"""Screens of what customers change of their own: an account's name, the usual amount, the card frozen or not, an end."""

from __future__ import annotations

from bank_link.money import MINOR_DIGITS, SYMBOLS, Money
from kiosk.screens.common import keys, made, short
from kiosk.screens.model import Amount, Choice, Choose, Confirm, Fact, Notice, NoticeScreen, Tone
from kiosk.screens.words.load import Words

DETAILS = {"name": "person", "usual": "cash", "freeze": "card", "close": "cross"}
#: What an account can be called: a machine has no keys for letters.
NAMES = ("everyday", "savings", "household", "holiday", "school", "business")


@made
def details(words: Words, offered: list[str]) -> Choose:
    """My details. `offered` are keys of `DETAILS`."""
    return Choose(
        id="details",
        title=words.say("details", "title"),
        choices=tuple(Choice(key=key, label=words.say("details", key), icon=DETAILS[key]) for key in offered),
        keys=keys(words),
        more=words.say("keys", "more"),
    )


@made
def name(words: Words, now: str) -> Choose:
    """What the account is called from now on; the choice's key is that very name. `now`: what it is called today."""
    names = tuple(words.say("name", each) for each in NAMES)
    return Choose(
        id="name",
        title=words.say("name", "title"),
        choices=tuple(Choice(key=each, label=each, chosen=each == now) for each in names),
        private=True,
        keys=keys(words),
        more=words.say("keys", "more"),
    )


@made
def name_done(words: Words, called: str) -> NoticeScreen:
    """The account has its new name."""
    return _done(words, "name.done", name=short(called))


@made
def usual(words: Words, step: Money, most: Money, *, entered: str = "", refused: Money | None = None) -> Amount:
    """The usual amount, in steps of what a machine pays; `refused` was none."""
    notice = None
    if refused is not None:
        plain = words.say("cash.other", "plain", step=words.whole(step), most=words.whole(most))
        notice = Notice(Tone.WARNING, words.say("cash.other", "bold", amount=words.whole(refused)), plain)
    return Amount(
        id="usual",
        title=words.say("usual", "title"),
        symbol=SYMBOLS.get(most.currency, f"{most.currency} "),
        locale=words.locale(most.currency),
        limits=words.say("usual", "limits", step=words.whole(step), most=words.whole(most)),
        most_digits=len(str(most.minor // 10 ** MINOR_DIGITS[most.currency])) + 1,
        entered=entered,
        notice=notice,
        private=True,
        keys=keys(words, back="clear", main="ok"),
    )


@made
def usual_done(words: Words, amount: Money) -> NoticeScreen:
    """It is offered from now on."""
    return _done(words, "usual.done", amount=words.whole(amount))


@made
def freeze(words: Words, digits: str) -> Confirm:
    """Freeze the card that ends so?"""
    return _card(words, "freeze", digits, back="back")


@made
def freeze_done(words: Words) -> NoticeScreen:
    """Nobody can use the card."""
    return _done(words, "freeze.done")


@made
def unfreeze(words: Words, digits: str) -> Confirm:
    """All that a frozen card is good for."""
    return _card(words, "unfreeze", digits, back="")


@made
def unfreeze_done(words: Words) -> NoticeScreen:
    """The card can be used, from the next visit on."""
    return _done(words, "unfreeze.done")


def _card(words: Words, screen: str, digits: str, *, back: str) -> Confirm:
    return Confirm(
        id=screen,
        title=words.say(screen, "title"),
        facts=(Fact(words.say(screen, "card"), words.say("general", "ends", digits=digits)),),
        notice=Notice(Tone.INFO, words.say(screen, "bold")),
        private=True,
        keys=keys(words, back=back, main=screen),
    )


@made
def close(words: Words, label: str, digits: str, nothing: Money) -> Confirm:
    """Close the account of that label? `nothing` is how an empty one stands."""
    return Confirm(
        id="close",
        title=words.say("close", "title"),
        facts=(Fact(short(label), words.say("general", "ends", digits=digits)),),
        notice=Notice(Tone.WARNING, words.say("close", "bold", amount=words.money(nothing))),
        private=True,
        keys=keys(words, main="close"),
    )


@made
def close_full(words: Words, inside: Money) -> NoticeScreen:
    """It does not stand at nothing: `inside` is in it, or missing where that is negative."""
    missing = inside.minor < 0
    bold = words.say("close.full", "bold_missing" if missing else "bold", amount=words.money(_size(inside)))
    return _warning(words, "close.full", bold, "" if missing else words.say("close.full", "plain"))


@made
def close_open(words: Words) -> NoticeScreen:
    """Something about it is not settled yet."""
    return _warning(words, "close.open", words.say("close.open", "bold"), words.say("close.open", "plain"))


@made
def close_done(words: Words, label: str) -> NoticeScreen:
    """It is closed."""
    return _done(words, "close.done", name=short(label))


def _size(amount: Money) -> Money:
    return Money(abs(amount.minor), amount.currency)


def _done(words: Words, screen: str, **said: str) -> NoticeScreen:
    return NoticeScreen(
        id=screen,
        title=words.say(screen, "title"),
        notice=Notice(Tone.OK, words.say(screen, "bold", **said)),
        private=bool(said),
        keys=keys(words, cancel="", back="", main="done"),
    )


def _warning(words: Words, screen: str, bold: str, plain: str) -> NoticeScreen:
    return NoticeScreen(
        id=screen,
        title=words.say(screen, "title"),
        notice=Notice(Tone.WARNING, bold, plain),
        private=True,
        keys=keys(words, cancel="", back="", main="ok"),
    )
