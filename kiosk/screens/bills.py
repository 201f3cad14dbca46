"""Screens of a bill: whose, its number, how much, and all of it before anything moves."""

from __future__ import annotations

from collections.abc import Sequence

from bank_link.money import MINOR_DIGITS, SYMBOLS, Money
from kiosk.screens.common import keys, made, short
from kiosk.screens.model import Amount, Choice, Choose, Confirm, Fact, Notice, NoticeScreen, Tone
from kiosk.screens.words.load import Words

#: What billers are found under, as the bank names it.
CATEGORIES = ("water", "electricity", "school", "other")
#: As many on one screen of billers, beside the way to the next ones.
BILLERS = 3
#: A title, and a label of a card in two lines, have room for so much of a name.
_NAME = 20


@made
def bills(words: Words, offered: Sequence[str]) -> Choose:
    """Which bill? `offered` are those of `CATEGORIES` that somebody can be paid under."""
    return Choose(
        id="bills",
        title=words.say("bills", "title"),
        choices=tuple(Choice(key=key, label=words.say("bills", key), icon="bill") for key in offered),
        keys=keys(words),
        more=words.say("keys", "more"),
    )


@made
def bills_who(words: Words, names: Sequence[str], *, more: bool = False) -> Choose:
    """Whose bill? Keys `biller:0`, `biller:1`, …; and `more`, where there are others."""
    choices = [Choice(key=f"biller:{place}", label=short(name, _NAME)) for place, name in enumerate(names)]
    if more:
        choices.append(Choice(key="more", label=words.say("keys", "more"), icon="more"))
    return Choose(
        id="bills.who",
        title=words.say("bills.who", "title"),
        choices=tuple(choices),
        keys=keys(words),
        more=words.say("keys", "more"),
    )


@made
def bill_number(words: Words, digits: int, *, entered: str = "", wrong: bool = False) -> Amount:
    """The number that is printed on the bill; `wrong` where the biller has none like it."""
    notice = Notice(Tone.WARNING, words.say("bill.number", "bold"), words.say("bill.number", "plain"))
    return Amount(
        id="bill.number",
        title=words.say("bill.number", "title"),
        symbol="",
        limits=words.say("bill.number", "limits", digits=str(digits)),
        most_digits=digits,
        entered=entered,
        grouped=False,
        notice=notice if wrong else None,
        keys=keys(words, back="clear", main="ok"),
    )


@made
def bill_amount(words: Words, most: Money, *, entered: str = "", over: bool = False) -> Amount:
    """How much, to the cent; at most `most`. `over`: it was more."""
    limits = words.say("bill.amount", "limits", most=words.whole(most))
    return Amount(
        id="bill.amount",
        title=words.say("bill.amount", "title"),
        symbol=SYMBOLS.get(most.currency, f"{most.currency} "),
        limits=limits,
        most_digits=len(str(most.minor)) + 1,
        entered=entered,
        decimals=MINOR_DIGITS[most.currency],
        locale=words.locale(most.currency),
        notice=Notice(Tone.WARNING, limits) if over else None,
        private=True,
        keys=keys(words, back="clear", main="ok"),
    )


@made
def bill_ok(words: Words, name: str, amount: Money, bill: str, source: str) -> Confirm:
    """Whose bill, how much, its number and what it is paid from."""
    facts = (("amount", words.money(amount)), ("bill", bill), ("from", short(source)))
    return Confirm(
        id="bill.ok",
        title=words.say("bill.ok", "title", name=short(name, _NAME)),
        facts=tuple(Fact(words.say("bill.ok", what), value) for what, value in facts),
        private=True,
        keys=keys(words, main="pay"),
    )


@made
def bill_done(words: Words, name: str, amount: Money, reference: str) -> NoticeScreen:
    """It is paid."""
    return NoticeScreen(
        id="bill.done",
        title=words.say("bill.done", "title"),
        notice=Notice(Tone.OK, words.say("bill.done", "bold", amount=words.money(amount), name=short(name))),
        reference=reference,
        reference_label=words.say("general", "reference"),
        private=True,
        keys=keys(words, cancel="", back="", main="done"),
    )


@made
def bill_none(words: Words, *, earlier: bool = False) -> NoticeScreen:
    """The bank does not take this bill (any more). `earlier`: money was sent before, in this visit."""
    bold = words.say("general", "earlier") if earlier else words.say("bill.none", "bold")
    return NoticeScreen(
        id="bill.none",
        title=words.say("bill.none", "title"),
        notice=Notice(Tone.WARNING, bold),
        keys=keys(words, cancel="", back="", main="ok"),
    )
