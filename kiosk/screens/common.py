"""What the screens of every theme share: the words at the keys, and numbered cards."""

from __future__ import annotations

from collections.abc import Sequence

from bank_link.money import Money, shown
from kiosk.screens.model import Choice, Keys
from kiosk.screens.words.load import Words

#: Choice keys that many screens have.
OTHER = "other"
YES, NO = "yes", "no"
#: How a receipt is wanted.
PAPER, PHONE = "paper", "phone"
#: Something else before the cash.
FIRST = "first"
#: More of a name than this does not fit into a title of 26 letters, beside its other words.
NAME = 16


def keys(words: Words, *, cancel: str = "cancel", back: str = "back", main: str = "") -> Keys:
    """The keys of a screen on which the customer decides, by the names of their words ("" where a key does nothing)."""
    return Keys(
        cancel=_word(words, cancel), back=_word(words, back), main=_word(words, main), help=words.say("keys", "help")
    )


def watching(words: Words) -> Keys:
    """The keys of a screen that asks nothing: only Help."""
    return keys(words, cancel="", back="")


#: A screen on which no key does anything.
SILENT = Keys(cancel="")


def _word(words: Words, name: str) -> str:
    return words.say("keys", name) if name else ""


def whole(amount: Money) -> str:
    """As notes are spoken of: `$40`, without decimals unless there are some to lose."""
    return shown(amount, decimals=False)


def amount_key(amount: Money) -> str:
    """The choice key that stands for an amount, in minor units: `amount:2000`."""
    return f"amount:{amount.minor}"


def amount_choices(words: Words, possible: Sequence[Money], *, other: bool = True) -> tuple[Choice, ...]:
    """A card for each amount, and one for another amount."""
    cards = tuple(Choice(key=amount_key(amount), label=whole(amount)) for amount in possible)
    return (*cards, Choice(key=OTHER, label=words.say("cash", "other"))) if other else cards


def short(name: str, most: int = NAME) -> str:
    """As much of a name as fits."""
    return name if len(name) <= most else f"{name[: most - 1].rstrip()}…"
