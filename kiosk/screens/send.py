"""Screens of a transfer: to whom, how much, and the name before anything moves."""

from __future__ import annotations

from collections.abc import Sequence

from bank_link.money import MINOR_DIGITS, SYMBOLS, Money
from kiosk.screens.common import OTHER, amount_key, keys, made, short
from kiosk.screens.model import Amount, Choice, Choose, Confirm, Fact, Notice, NoticeScreen, Tone
from kiosk.screens.words.load import Words

#: Digits of this system's account numbers.
ACCOUNT_DIGITS = 10
#: More of a first name than this does not fit into a title of 26 letters, beside "How much to".
_FIRST_NAME = 12


@made
def send(words: Words, own: Sequence[tuple[str, str]]) -> Choose:
    """To whom? The card's own other accounts (label, last digits; keys `account:0`, …), and `other`."""
    accounts = (
        Choice(key=f"account:{place}", label=label, second=words.say("general", "ends", digits=digits))
        for place, (label, digits) in enumerate(own)
    )
    someone = Choice(key=OTHER, label=words.say("send", "someone"), icon="person")
    return Choose(
        id="send",
        title=words.say("send", "title"),
        choices=(*accounts, someone),
        private=True,
        keys=keys(words),
        more=words.say("keys", "more"),
    )


@made
def send_number(words: Words, *, entered: str = "") -> Amount:
    """The number of somebody's account."""
    return Amount(
        id="send.number",
        title=words.say("send.number", "title"),
        symbol="",
        limits=words.say("send.number", "limits", digits=str(ACCOUNT_DIGITS)),
        most_digits=ACCOUNT_DIGITS,
        entered=entered,
        grouped=False,
        keys=keys(words, back="clear", main="ok"),
    )


@made
def send_none(words: Words) -> NoticeScreen:
    """Nobody has that number. Key `again`, or back."""
    return NoticeScreen(
        id="send.none",
        title=words.say("send.none", "title"),
        notice=Notice(Tone.WARNING, words.say("send.none", "bold"), words.say("send.none", "plain")),
        choices=(Choice(key="again", label=words.say("send.none", "again"), icon="again"),),
        keys=keys(words),
    )


@made
def send_amount(words: Words, name: str, most: Money, *, today: bool, entered: str = "", over: bool = False) -> Amount:
    """How much to `name`? Whole units up to `most`; `today` where that is the day's limit. `over`: it was more."""
    limits = words.say("send.amount", "limits" if today else "limits_own", most=words.whole(most))
    return Amount(
        id="send.amount",
        title=words.say("send.amount", "title", name=short(name.partition(" ")[0], _FIRST_NAME)),
        symbol=SYMBOLS.get(most.currency, f"{most.currency} "),
        limits=limits,
        most_digits=len(str(most.minor // 10 ** MINOR_DIGITS[most.currency])) + 1,
        entered=entered,
        locale=words.locale(most.currency),
        notice=Notice(Tone.WARNING, limits) if over else None,
        private=True,
        keys=keys(words, back="clear", main="ok"),
    )


@made
def send_ok(words: Words, name: str, amount: Money, to: str, source: str) -> Confirm:
    """The name first: the amount, the account that gets it (its last digits) and the one that it leaves."""
    facts = (
        ("amount", words.money(amount)), ("to", words.say("general", "ends", digits=to)), ("from", short(source)),
    )  # fmt: skip
    return Confirm(
        id="send.ok",
        title=words.say("send.ok", "title", name=short(name)),
        facts=tuple(Fact(words.say("send.ok", what), value) for what, value in facts),
        private=True,
        keys=keys(words, main="send"),
    )


@made
def send_done(words: Words, name: str, amount: Money, reference: str) -> NoticeScreen:
    """It is done."""
    return NoticeScreen(
        id="send.done",
        title=words.say("send.done", "title"),
        notice=Notice(Tone.OK, words.say("send.done", "bold", amount=words.money(amount), name=short(name))),
        reference=reference,
        reference_label=words.say("general", "reference"),
        private=True,
        keys=keys(words, cancel="", back="", main="done"),
    )


@made
def send_limit(words: Words, possible: Money) -> Choose:
    """More than may be sent today; `possible` can."""
    return _instead(words, "send.limit", possible)


@made
def send_short(words: Words, possible: Money) -> Choose:
    """More than the account holds; `possible` is there."""
    return _instead(words, "send.short", possible)


def _instead(words: Words, screen: str, possible: Money) -> Choose:
    choices = (
        Choice(key=amount_key(possible), label=words.whole(possible)),
        Choice(key=OTHER, label=words.say("cash", "other")),
    )
    return Choose(
        id=screen,
        title=words.say(screen, "title"),
        notice=Notice(Tone.WARNING, words.say(screen, "bold", amount=words.whole(possible))),
        choices=choices,
        keys=keys(words),
        more=words.say("keys", "more"),
    )


@made
def send_nothing(words: Words, *, today: bool) -> NoticeScreen:
    """Not even one unit can be sent: `today` where the day's limit is the reason, else the account is."""
    return NoticeScreen(
        id="send.nothing",
        title=words.say("send.nothing", "title"),
        notice=Notice(Tone.WARNING, words.say("send.nothing", "bold_today" if today else "bold")),
        keys=keys(words, main="ok"),
    )
