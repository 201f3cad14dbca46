"""From a screen to what is said of it: title, body, choices with their digits, then the lettered keys. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import singledispatch

from bank_link.pin_block import SHORTEST
from kiosk.screens.model import (
    Amount,
    Attract,
    Choice,
    Choose,
    Code,
    Confirm,
    Keys,
    ListScreen,
    Notice,
    NoticeScreen,
    Out,
    Pin,
    Screen,
    Take,
    Wait,
)
from kiosk.screens.words.load import Words
from kiosk.voice.plain import said, spelled

#: FACE, section 10.
BETWEEN_CHOICES_S = 0.6
#: The screen that counts its own seconds: they are not said one by one.
COUNTING = "time"


@dataclass(frozen=True, slots=True)
class Phrase:
    """Something that is said in one breath, after `before_s` of silence. Without text it is the tick of a key."""

    text: str
    before_s: float = 0.0


#: A key was heard; every key sounds like this.
TICK = Phrase("")


def speech(screen: Screen, words: Words, *, headphones: bool) -> tuple[Phrase, ...]:
    """All of `screen`. Without headphones nothing is said of a private one, and nothing of what was entered."""
    if screen.private and not headphones:
        return (Phrase(said(words.say("voice", "withheld"), words)), *_keys(screen.keys, words))
    lines = [screen.title, *_body(screen), *_page(screen, words)]
    if headphones:
        lines += _entered(screen, words)
    told = [Phrase(text) for text in (said(line, words) for line in lines) if text]
    return (*told, *_choices(screen, words), *_keys(screen.keys, words))


def change(old: Screen, new: Screen, words: Words, *, headphones: bool) -> tuple[Phrase, ...] | None:
    """What is said where only a count, an entry or a line is another one; None where all of `new` is due."""
    if isinstance(old, Pin) and isinstance(new, Pin) and _same_but(old, new, "count"):
        return (TICK, *_phrases(_count(new, words), words))
    if isinstance(old, Amount) and isinstance(new, Amount) and _same_but(old, new, "entered"):
        return (TICK, *(_phrases(_entry(new, words, old.entered), words) if headphones else ()))
    if isinstance(old, Wait) and isinstance(new, Wait) and _same_but(old, new, "line"):
        return _phrases(new.line, words)
    if isinstance(old, NoticeScreen) and isinstance(new, NoticeScreen) and new.id == old.id == COUNTING:
        return ()
    return None


def _same_but(old: Screen, new: Screen, field: str) -> bool:
    return all(getattr(old, name) == getattr(new, name) for name in old.__struct_fields__ if name != field)


def _phrases(line: str, words: Words) -> tuple[Phrase, ...]:
    text = said(line, words)
    return (Phrase(text),) if text else ()


def _page(screen: Screen, words: Words) -> Iterator[str]:
    if isinstance(screen, ListScreen) and screen.pages > 1:
        yield words.say("voice", "page", page=str(screen.page), pages=str(screen.pages))


# ── What is entered ─────────────────────────────────────────────────────────────────────────────────────────────────


def _entered(screen: Screen, words: Words) -> Iterator[str]:
    """What is in a screen already when it comes."""
    if isinstance(screen, Pin) and screen.count:
        yield _count(screen, words)
    if isinstance(screen, Amount) and screen.entered:
        yield _entry(screen, words, "")


def _count(screen: Pin, words: Words) -> str:
    """How many digits are in, never which."""
    if not screen.count:
        return words.say("voice", "cleared")
    name = "entered" if screen.count <= SHORTEST else "entered_more"
    return words.say("voice", name, count=str(screen.count), least=str(SHORTEST))


def _entry(screen: Amount, words: Words, before: str) -> str:
    """Money as an amount; of another number the last digit, or all of it where it did not just grow by one."""
    if not screen.entered:
        return words.say("voice", "cleared")
    if screen.symbol:
        return screen.shown
    return screen.entered[-1] if before and screen.entered[:-1] == before else spelled(screen.entered)


# ── Choices and keys ────────────────────────────────────────────────────────────────────────────────────────────────


def _choices(screen: Screen, words: Words) -> Iterator[Phrase]:
    choices: tuple[Choice, ...] = getattr(screen, "choices", ())
    for digit, choice in enumerate(choices, start=1):
        yield Phrase(said(_choice(str(digit), choice, words), words), BETWEEN_CHOICES_S)


def _choice(digit: str, choice: Choice, words: Words) -> str:
    """A choice that is closed names no key, but why."""
    if not choice.enabled:
        return words.say("voice", "closed", label=choice.label, why=choice.second)
    label = words.say("voice", "chosen", label=choice.label) if choice.chosen else choice.label
    pressed = words.say("voice", "choice", digit=digit, label=label)
    return f"{pressed}, {choice.second}" if choice.second else pressed


def _keys(keys: Keys, words: Words) -> Iterator[Phrase]:
    """The lettered keys that work: what goes on first, then the ways out."""
    for text in (_main(keys, words), _cancel(keys, words), _back(keys, words), _help(keys, words)):
        if text:
            yield Phrase(said(text, words), BETWEEN_CHOICES_S)


def _main(keys: Keys, words: Words) -> str:
    return words.say("voice", "main", word=keys.main) if keys.main else ""


def _cancel(keys: Keys, words: Words) -> str:
    usual = keys.cancel == words.say("keys", "cancel")
    return words.say("voice", "cancel" if usual else "cancel_other", word=keys.cancel) if keys.cancel else ""


def _back(keys: Keys, words: Words) -> str:
    clears = keys.back == words.say("keys", "clear")
    return words.say("voice", "clear" if clears else "back") if keys.back else ""


def _help(keys: Keys, words: Words) -> str:
    return words.say("voice", "help") if keys.help else ""


# ── Bodies ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _notice(notice: Notice | None) -> Iterator[str]:
    if notice is not None:
        yield notice.bold
        yield notice.plain


@singledispatch
def _body(screen: Screen) -> Iterator[str]:
    """The template's own lines between title and choices."""
    raise TypeError(f"{type(screen).__name__} is no template that has a voice")


@_body.register
def _(screen: Attract) -> Iterator[str]:
    yield from screen.lines


@_body.register
def _(screen: Choose) -> Iterator[str]:
    yield from _notice(screen.notice)


@_body.register
def _(screen: Amount) -> Iterator[str]:
    yield from _notice(screen.notice)
    if screen.notice is None or not screen.notice.plain:  # which says the limits again
        yield screen.limits


@_body.register
def _(screen: Pin) -> Iterator[str]:
    yield from _notice(screen.notice)
    yield screen.line


@_body.register
def _(screen: Confirm) -> Iterator[str]:
    yield from (f"{fact.label}: {fact.value}" for fact in screen.facts)
    yield from _notice(screen.notice)


@_body.register
def _(screen: Wait) -> Iterator[str]:
    yield screen.line


@_body.register
def _(screen: Take) -> Iterator[str]:
    yield screen.value
    yield screen.line


@_body.register
def _(screen: NoticeScreen) -> Iterator[str]:
    yield from _notice(screen.notice)
    if screen.reference:
        yield f"{screen.reference_label}: {spelled(screen.reference)}"


@_body.register
def _(screen: Out) -> Iterator[str]:
    yield from screen.lines


@_body.register
def _(screen: ListScreen) -> Iterator[str]:
    yield from (f"{row.date}, {row.words}, {row.amount}" for row in screen.rows)


@_body.register
def _(screen: Code) -> Iterator[str]:
    """Who cannot photograph it hears what is in it."""
    yield from (f"{fact.label}: {fact.value}" for fact in screen.facts)
