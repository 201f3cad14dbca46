"""What the machine says: the sentences of each of its languages, and which of them is spoken now."""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from bank_link.money import Money
from kiosk.screens.model import Amount, Pin, Screen
from kiosk.screens.words import local

Tables = Mapping[str, Mapping[str, str]]
#: Screens that can be made again; more are never held by anybody who shows one.
_MOST_KEPT = 32


@dataclass(frozen=True)
class Language:
    """One language's sentences by screen id and name.

    `forms` has the sentences that change with a number: `rule` says which of them a number takes.
    """

    code: str
    tables: Tables
    forms: Mapping[tuple[str, str], Sequence[str]] = field(default_factory=dict)
    rule: Callable[[int], int] = lambda number: int(number != 1)

    @property
    def name(self) -> str:
        """By its own name."""
        return self.tables["about"]["language"]


class Words:
    """The sentences, handed to every function of the catalogue. The first of `languages` is the machine's own.

    One customer's choice (`choose`), or what the card says (`follow`), holds until `next_customer`. Screens that were
    made before it are made anew by `again`.
    """

    def __init__(self, *languages: Language) -> None:
        self._languages = {language.code: language for language in languages}
        self._own = self._now = languages[0]
        self._made: OrderedDict[Screen, tuple[str, Callable[[], Screen]]] = OrderedDict()
        self.chosen = ""

    # ── Which language ──────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def code(self) -> str:
        """The language that is spoken now."""
        return self._now.code

    @property
    def language(self) -> str:
        """Its own name for itself."""
        return self._now.name

    @property
    def header_language(self) -> str:
        """What the header shows: the language, where there is another one to choose."""
        return self._now.name if len(self._languages) > 1 else ""

    @property
    def languages(self) -> Mapping[str, str]:
        """All that the machine speaks, by code, each by its own name; the machine's own first."""
        return {code: language.name for code, language in self._languages.items()}

    def choose(self, code: str) -> None:
        """The customer wants this one. KeyError: the machine does not speak it."""
        self._now = self._languages[code]
        self.chosen = code

    def follow(self, code: str) -> None:
        """The card's language, where the customer has not chosen one and the machine speaks it (`de-CH` as `de`)."""
        meant = next((one for one in (code, code.partition("-")[0]) if one in self._languages), "")
        if meant and not self.chosen:
            self._now = self._languages[meant]

    def next_customer(self) -> None:
        """The machine's own language again, and nothing left of what was shown."""
        self._now, self.chosen = self._own, ""
        self._made.clear()

    # ── Sentences ───────────────────────────────────────────────────────────────────────────────────────────────────

    def say(self, screen: str, name: str, /, **values: str) -> str:
        """The sentence `name` of `screen` with its placeholders filled. KeyError: no such sentence (ours to mend)."""
        return self._now.tables[screen][name].format_map(values)

    def count(self, screen: str, name: str, number: int, placeholder: str) -> str:
        """Like `say`, in the form that `number` takes in this language."""
        forms = self._now.forms.get((screen, name))
        if forms is not None:
            return forms[self._now.rule(number)].format_map({placeholder: str(number)})
        exact = f"{name}_{number}"
        chosen = exact if exact in self._now.tables[screen] else name
        return self.say(screen, chosen, **{placeholder: str(number)})

    def table(self, screen: str) -> Mapping[str, str]:
        """All sentences of a table."""
        return self._now.tables[screen]

    # ── Amounts and times ───────────────────────────────────────────────────────────────────────────────────────────

    def money(self, amount: Money) -> str:
        """To the last unit: `$1,250.00`."""
        return local.money(amount, self.code)

    def whole(self, amount: Money) -> str:
        """As notes are spoken of: `$40`, without decimals unless there are some to lose."""
        return local.money(amount, self.code, decimals=False)

    def locale(self, currency: str) -> str:
        """How a number of this currency is written as it is typed (`model.Amount.locale`)."""
        return local.locale_of(self.code, currency)

    def day(self, at: dt.datetime) -> str:
        """A day of this year: `24 Nov`."""
        return local.day(at, self.code)

    # ── The same screen in another language ─────────────────────────────────────────────────────────────────────────

    def keep(self, screen: Screen, make: Callable[[], Screen]) -> None:
        """`make` makes `screen` in whatever language is spoken then."""
        if len(self._languages) > 1:
            self._made[screen] = self.code, make
            self._made.move_to_end(screen)
            if len(self._made) > _MOST_KEPT:
                self._made.popitem(last=False)

    def again(self, screen: Screen) -> Screen:
        """`screen` in the language that is spoken now, with what was entered in it; itself where it is in it already."""
        if not self._made:
            return screen
        plain = _with_entered(screen, None)
        for kept, (code, make) in reversed(self._made.items()):
            if kept == screen or _with_entered(kept, None) == plain:
                return screen if code == self.code else _with_entered(make(), screen)
        return screen


def _with_entered(screen: Screen, other: Screen | None) -> Screen:
    """`screen` with what was entered in `other`; None: with nothing entered."""
    if isinstance(screen, Amount):
        return replace(screen, entered=other.entered if isinstance(other, Amount) else "")
    if isinstance(screen, Pin):
        return replace(screen, count=other.count if isinstance(other, Pin) else 0)
    return screen
