"""Screens of a balance: whether to show it, and the figures."""

from __future__ import annotations

from bank_link.money import Money
from kiosk.screens.common import keys, made
from kiosk.screens.model import Choice, Choose, Confirm, Fact, Notice, Tone
from kiosk.screens.words.load import Words


@made
def balance(words: Words, *, voice: bool = False, printer: bool = False) -> Choose:
    """How to tell the balance: keys `show`, `say` (where there is a `voice`), `print` (where there is a `printer`)."""
    ways = ("show", *(("say",) if voice else ()), *(("print",) if printer else ()))
    icons = {"show": "eye", "say": "ear", "print": "bill"}
    return Choose(
        id="balance",
        title=words.say("balance", "title"),
        notice=Notice(Tone.INFO, words.say("balance", "bold")),
        choices=tuple(Choice(key=way, label=words.say("balance", way), icon=icons[way]) for way in ways),
        keys=keys(words),
        more=words.say("keys", "more"),
    )


@made
def balance_shown(words: Words, available: Money, ledger: Money) -> Confirm:
    """What can be used, and what the books say (holds not taken off). Hide it after ten seconds."""
    facts = (("available", available), ("ledger", ledger))
    return Confirm(
        id="balance.shown",
        title=words.say("balance.shown", "title"),
        facts=tuple(Fact(words.say("balance.shown", name), words.money(money)) for name, money in facts),
        private=True,
        keys=keys(words, cancel="", back="", main="done"),
    )
