"""Loads a language's sentences, lays a bank's own over them, and fills in their placeholders.

WordsError
└── a words file that is missing, unreadable or names what no screen says; one line for each mistake
"""

from __future__ import annotations

import string
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path

Tables = Mapping[str, Mapping[str, str]]

_HERE = Path(__file__).parent


class WordsError(ValueError):
    """Words that cannot be used; the text has one line for each mistake, with file, table and name."""


class Words:
    """One language's sentences by screen id and name. Loaded once, handed to every function of the catalogue.

    `several` says that the machine speaks more than this language, so the header names it.
    """

    def __init__(self, tables: Tables, *, several: bool = False) -> None:
        self._tables = tables
        self.language = tables["about"]["language"]
        self.header_language = self.language if several else ""

    def say(self, screen: str, name: str, /, **values: str) -> str:
        """The sentence `name` of `screen` with its placeholders filled. KeyError: no such sentence (ours to mend)."""
        return self._tables[screen][name].format_map(values)

    def count(self, screen: str, name: str, number: int, placeholder: str) -> str:
        """Like `say`, for a number: `name_1` stands for exactly 1 where the language has it, `name` for the rest."""
        exact = f"{name}_{number}"
        chosen = exact if exact in self._tables[screen] else name
        return self.say(screen, chosen, **{placeholder: str(number)})

    def table(self, screen: str) -> Mapping[str, str]:
        """All sentences of a table."""
        return self._tables[screen]


def load_words(language: str = "en", brand: Path | None = None, *, several: bool = False) -> Words:
    """The words of `language`; sentences in `brand`/words/`language`.toml replace ours.

    `brand` is the bank's folder (it need not hold words). Raises WordsError.
    """
    base = _read(_HERE / f"{language}.toml")
    own = brand / "words" / f"{language}.toml" if brand else None
    if own is None or not own.exists():
        return Words(base, several=several)
    return Words(_laid_over(base, _read(own), own), several=several)


def languages() -> tuple[str, ...]:
    """Codes of the languages that the machine has words for."""
    return tuple(sorted(path.stem for path in _HERE.glob("*.toml")))


def _read(path: Path) -> Tables:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WordsError(f"{path}: there is no such words file; languages here: {', '.join(languages())}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise WordsError(f"{path}: cannot be read as TOML in UTF-8: {error}") from None
    mistakes = [f"{path}: {place} must be text in quotes" for place in _not_text(found)]
    if mistakes:
        raise WordsError("\n".join(mistakes))
    return found


def _not_text(found: Mapping[str, object]) -> Iterable[str]:
    for screen, table in found.items():
        if not isinstance(table, dict):
            yield f"[{screen}]"
            continue
        yield from (f"[{screen}] {name}" for name, text in table.items() if not isinstance(text, str))


def _laid_over(base: Tables, own: Tables, path: Path) -> Tables:
    """`base` with the bank's sentences; every sentence that fits nowhere is a mistake."""
    mistakes = [
        f"{path}: {mistake}"
        for screen, table in own.items()
        for name, text in table.items()
        for mistake in _mistakes(base, screen, name, text)
    ]
    if mistakes:
        raise WordsError("\n".join(mistakes))
    return {screen: {**table, **own.get(screen, {})} for screen, table in base.items()}


def _mistakes(base: Tables, screen: str, name: str, text: str) -> Iterable[str]:
    if screen not in base:
        yield f"[{screen}] is no screen{_nearest(screen, base)}"
        return
    if name not in base[screen]:
        yield f"[{screen}] {name} is no sentence of it{_nearest(name, base[screen])}"
        return
    allowed = placeholders(base[screen][name]) | placeholders(base[screen].get(name.rstrip("_0123456789"), ""))
    try:
        unknown = placeholders(text) - allowed
    except ValueError:
        yield f"[{screen}] {name} has a brace without its partner"
        return
    if unknown:
        shown = ", ".join(sorted(f"{{{one}}}" for one in allowed)) or "none"
        yield f"[{screen}] {name} has {{{min(unknown)}}}; placeholders allowed there: {shown}"


def _nearest(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def placeholders(text: str) -> frozenset[str]:
    """The names between braces in `text`, whole (`a.b` and `a[0]` are names of their own, so never allowed ones).

    Raises ValueError for an unbalanced brace. A conversion or format (`{a!r}`, `{a:>9}`) counts as part of the name.
    """
    found = set()
    for _, name, spec, conversion in string.Formatter().parse(text):
        if name is not None:
            found.add(name + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else ""))
    return frozenset(found)
