"""Loads a language's sentences, lays a bank's own over them, and fills in their placeholders.

WordsError
└── a words file that is missing, unreadable or names what no screen says; one line for each mistake
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from kiosk.screens.words.catalogues import CatalogueError, placeholders, read_language, translated
from kiosk.screens.words.spoken import Language, Tables, Words

__all__ = ["Words", "WordsError", "languages", "load_words", "placeholders"]

_HERE = Path(__file__).parent
ENGLISH = "en"


class WordsError(ValueError):
    """Words that cannot be used; the text has one line for each mistake, with file, table and name."""


def load_words(*codes: str, brand: Path | None = None) -> Words:
    """The words of these languages (English where none is named), the first of which is the machine's own.

    Sentences in `brand`/words/`code`.toml replace ours; `brand` is the bank's folder and need not hold words. Raises
    WordsError.
    """
    source = _read(_HERE / f"{ENGLISH}.toml")
    return Words(*(_branded(_language(code, source), brand) for code in codes or (ENGLISH,)))


def languages() -> tuple[str, ...]:
    """Codes of the languages that the machine has words for."""
    return tuple(sorted({ENGLISH, *translated()}))


def _language(code: str, source: Tables) -> Language:
    if code == ENGLISH:
        return Language(code, source)
    if code not in translated():
        raise WordsError(f"there are no words in the language {code!r}; languages here: {', '.join(languages())}")
    try:
        return read_language(code, source)
    except CatalogueError as error:
        raise WordsError(str(error)) from None


def _branded(language: Language, brand: Path | None) -> Language:
    """With the bank's own sentences. Of those that change with a number the bank has all or none."""
    path = brand / "words" / f"{language.code}.toml" if brand else None
    if path is None or not path.exists():
        return language
    own = _read(path)
    tables = _laid_over(language.tables, own, path)
    kept = {
        (screen, name): forms
        for (screen, name), forms in language.forms.items()
        if not {name, f"{name}_1"} & own.get(screen, {}).keys()
    }
    return replace(language, tables=tables, forms=kept)


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
