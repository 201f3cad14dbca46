"""Screens outside a visit: starting, welcome, closed."""

from __future__ import annotations

from collections.abc import Sequence

from kiosk.screens.common import SILENT, watching
from kiosk.screens.model import Attract, Choice, Out, Wait
from kiosk.screens.words.load import Words

#: Reasons that `out` has words for.
OUT_REASONS = ("cash", "service", "line")


def starting(words: Words) -> Wait:
    """The first picture after power-on."""
    return Wait(id="starting", title=words.say("starting", "title"), keys=SILENT)


def welcome(words: Words, offers: Sequence[Choice] = ()) -> Attract:
    """Waits for a card. `offers` are the strip's cards: languages by their own names, then `code` for cash by code, `open`."""
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
        language="" if any(choice.key.startswith("language:") for choice in offers) else words.header_language,
    )


def welcome_open(words: Words) -> Choice:
    """For the strip of `welcome`: an account for who has no card. Key `open`."""
    return Choice(key="open", label=words.say("welcome", "open"))


def by_code(words: Words) -> Choice:
    """The strip's card for whoever has a cash code."""
    return Choice(key="code", label=words.say("welcome", "by_code"))


def out(words: Words, reason: str, nearest: str = "") -> Out:
    """Out of service. `reason` is one of `OUT_REASONS`; `nearest` says where else ("Market Street, 300 m")."""
    elsewhere = (words.say("out", "nearest"), nearest) if nearest else ()
    return Out(
        id="out",
        title=words.say("out", "title"),
        lines=(words.say("out", reason), *elsewhere),
        keys=watching(words),
        language=words.header_language,
    )
