"""Screens outside a visit: starting, welcome, closed; and the choice of a language."""

from __future__ import annotations

from collections.abc import Sequence

from kiosk.screens.common import SILENT, keys, made, made_at_rest, watching
from kiosk.screens.model import Attract, Choice, Choose, Out, Wait
from kiosk.screens.words.load import Words

#: Reasons that `out` has words for.
OUT_REASONS = ("cash", "service", "line")


@made_at_rest
def starting(words: Words) -> Wait:
    """The first picture after power-on."""
    return Wait(id="starting", title=words.say("starting", "title"), keys=SILENT)


@made_at_rest
def welcome(words: Words, offers: Sequence[Choice] = ()) -> Attract:
    """Waits for a card. The strip has the languages by their own names, then `offers`: `code` for cash by code, `open`."""
    offers = (*_strip(words), *(_OFFERS[offer.key](words) if offer.key in _OFFERS else offer for offer in offers))
    lines = [words.say("welcome", "line")]
    digits = {choice.key: str(place) for place, choice in enumerate(offers, start=1)}
    if "code" in digits:
        lines.append(words.say("welcome", "code", digit=digits["code"]))
    return Attract(
        id="welcome",
        title=words.say("welcome", "title"),
        lines=tuple(lines),
        choices=tuple(offers),
        keys=watching(words),
    )


def welcome_open(words: Words) -> Choice:
    """For the strip of `welcome`: an account for who has no card. Key `open`."""
    return Choice(key="open", label=words.say("welcome", "open"))


def by_code(words: Words) -> Choice:
    """The strip's card for whoever has a cash code."""
    return Choice(key="code", label=words.say("welcome", "by_code"))


#: Said anew with the screen, when another language is chosen.
_OFFERS = {"open": welcome_open, "code": by_code}

#: Keys of the choices of a language: `language:es`; and the one that leads to all of them.
LANGUAGE, LANGUAGES = "language:", "languages"
#: As many as the welcome's strip has room for.
_ON_STRIP = 3


def _strip(words: Words) -> tuple[Choice, ...]:
    """All languages where there is room for them, else the machine's first (with it the chosen one) and a way to all."""
    every = words.languages
    if len(every) <= _ON_STRIP:
        return _cards(words, tuple(every)) if len(every) > 1 else ()
    first, second, *_ = every
    beside = second if words.code in {first, second} else words.code
    more = Choice(key=LANGUAGES, label=words.say("welcome", "more"), icon="language")
    return (*_cards(words, (first, beside)), more)


def _cards(words: Words, codes: Sequence[str]) -> tuple[Choice, ...]:
    return tuple(
        Choice(key=f"{LANGUAGE}{code}", label=words.languages[code], chosen=code == words.code) for code in codes
    )


@made_at_rest
def languages(words: Words) -> Choose:
    """Every language of the machine, by its own name."""
    return Choose(
        id="languages",
        title=words.say("languages", "title"),
        choices=_cards(words, tuple(words.languages)),
        keys=keys(words),
        more=words.say("keys", "more"),
    )


@made
def out(words: Words, reason: str, nearest: str = "") -> Out:
    """Out of service. `reason` is one of `OUT_REASONS`; `nearest` says where else ("Market Street, 300 m")."""
    elsewhere = (words.say("out", "nearest"), nearest) if nearest else ()
    return Out(
        id="out",
        title=words.say("out", "title"),
        lines=(words.say("out", reason), *elsewhere),
        keys=watching(words),
    )
