"""What the screens of every theme share: the words at the keys, numbered cards, and being made again in another language."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Concatenate, ParamSpec, TypeVar

from msgspec.structs import replace

from bank_link.money import Money
from kiosk.screens.model import Choice, Keys, Screen
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

P = ParamSpec("P")
S = TypeVar("S", bound=Screen)


def made(function: Callable[Concatenate[Words, P], S]) -> Callable[Concatenate[Words, P], S]:
    """Every function of the catalogue is one of these: its screen has the language in its header, and can be made again
    when that changes.
    """
    return _kept(function, with_language=True)


def made_at_rest(function: Callable[Concatenate[Words, P], S]) -> Callable[Concatenate[Words, P], S]:
    """Likewise, without the language: nobody is there to choose one, or the screen itself has them to choose from."""
    return _kept(function, with_language=False)


def _kept(function: Callable[Concatenate[Words, P], S], *, with_language: bool) -> Callable[Concatenate[Words, P], S]:
    @functools.wraps(function)
    def make(words: Words, /, *args: P.args, **kwargs: P.kwargs) -> S:
        screen = function(words, *args, **kwargs)
        if with_language:
            screen = replace(screen, language=words.header_language)
        words.keep(screen, lambda: make(words, *args, **kwargs))
        return screen

    return make


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


def amount_key(amount: Money) -> str:
    """The choice key that stands for an amount, in minor units: `amount:2000`."""
    return f"amount:{amount.minor}"


def amount_choices(words: Words, possible: Sequence[Money], *, other: bool = True) -> tuple[Choice, ...]:
    """A card for each amount, and one for another amount."""
    cards = tuple(Choice(key=amount_key(amount), label=words.whole(amount)) for amount in possible)
    return (*cards, Choice(key=OTHER, label=words.say("cash", "other"))) if other else cards


def mixed(words: Words, mix: Sequence[tuple[int, Money]]) -> str:
    """How many of which note, with the language's own comma between: another one turns round in a line read from the right."""
    return words.say("cash.mix", "between").join(
        words.say("cash.mix", "notes", count=str(count), note=words.whole(note)) for count, note in mix
    )


def short(name: str, most: int = NAME) -> str:
    """As much of a name as fits."""
    return name if len(name) <= most else f"{name[: most - 1].rstrip()}…"
