"""Reads translations: a gettext catalogue laid over the English sentences, which stand where one is missing.

An entry's context is the sentence's place (`pin.wrong.bold`), its msgid the English sentence. A pair like `tries` and
`tries_1` is one entry with as many forms as the language's numbers take.

CatalogueError
└── a catalogue that is missing or cannot be read
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kiosk.screens.words.spoken import Language, Tables

if TYPE_CHECKING:
    from babel.messages import Catalog, Message

FOLDER = Path(__file__).parent / "locale"
_ONE = "_1"
#: A number that stands for those that are said without one ("seconds left" beside a ring that counts).
_SOME = 20


class CatalogueError(ValueError):
    """A catalogue that cannot be used; the sentence names the file."""


class Entry(NamedTuple):
    """A sentence to be translated. `singular` is the English one for exactly 1, where the number changes it."""

    screen: str
    name: str
    text: str
    singular: str = ""

    @property
    def context(self) -> str:
        return f"{self.screen}.{self.name}"

    @property
    def msgid(self) -> str | tuple[str, str]:
        return (self.singular, self.text) if self.singular else self.text


def entries(source: Tables) -> Iterator[Entry]:
    """All that there is to translate, in the source's order."""
    for screen, table in source.items():
        for name, text in table.items():
            if not (name.endswith(_ONE) and name.removesuffix(_ONE) in table):
                yield Entry(screen, name, text, table.get(name + _ONE, ""))


def path_of(language: str) -> Path:
    return FOLDER / language / "LC_MESSAGES" / "kiosk.po"


def translated() -> tuple[str, ...]:
    """Codes of the languages that there is a catalogue of."""
    return tuple(sorted(path.parents[1].name for path in FOLDER.glob("*/LC_MESSAGES/kiosk.po")))


def read_catalogue(path: Path) -> Catalog:
    """The file as it is. Raises CatalogueError."""
    # Here, since a machine that only speaks English needs none of it.
    from babel.messages.pofile import PoFileError, read_po

    try:
        with path.open("rb") as file:
            return read_po(file, abort_invalid=True)
    except (OSError, UnicodeDecodeError, PoFileError) as error:
        raise CatalogueError(f"{path}: cannot be read as a gettext catalogue in UTF-8: {error}") from None


def read_language(code: str, source: Tables) -> Language:
    """The sentences of `code`. Raises CatalogueError."""
    catalog = read_catalogue(path_of(code))
    rule = _rule(catalog)
    tables = {screen: dict(table) for screen, table in source.items()}
    forms: dict[tuple[str, str], tuple[str, ...]] = {}
    for entry in entries(source):
        said = _usable(catalog, entry)
        if not said:
            continue
        if entry.singular:
            forms[entry.screen, entry.name] = said
            tables[entry.screen][entry.name + _ONE] = said[rule(1)]
            tables[entry.screen][entry.name] = said[rule(_SOME)]
        else:
            tables[entry.screen][entry.name] = said[0]
    return Language(code, tables, forms, rule)


def _rule(catalog: Catalog) -> Callable[[int], int]:
    """From a number to its form, by the catalogue's own header."""
    from gettext import c2py

    rule: Callable[[int], int] = c2py(catalog.plural_expr)
    return rule


def _usable(catalog: Catalog, entry: Entry) -> tuple[str, ...]:
    """The translation's forms; none where a word is missing, unsure, or would fail before a customer."""
    message = catalog.get(entry.msgid, entry.context)
    if message is None or message.fuzzy:
        return ()
    said = forms_of(message)
    whole = len(said) == (catalog.num_plurals if entry.singular else 1)
    return said if whole and all(text and _can_be_said(text, entry.text) for text in said) else ()


def forms_of(message: Message) -> tuple[str, ...]:
    """The translation, in as many forms as it has; "" is none."""
    string = message.string
    return tuple(form or "" for form in (string if isinstance(string, tuple | list) else (string,)))


def _can_be_said(text: str, english: str) -> bool:
    try:
        return placeholders(text) <= placeholders(english)
    except ValueError:
        return False


def mistakes(catalog: Catalog, template: Mapping[str, Entry]) -> Iterator[str]:
    """What is wrong with a catalogue, entry by entry."""
    known = {str(message.context): message for message in catalog if message.id}
    for context, entry in template.items():
        message = known.get(context)
        if message is None or message.id != entry.msgid:
            yield f"{context}: missing, or of another English sentence than {entry.text!r}: run make messages"
            continue
        said = forms_of(message)
        if message.fuzzy:
            yield f"{context}: fuzzy: the English sentence has changed to {entry.text!r}; look at it, then unmark it"
        if not all(said) or len(said) != (catalog.num_plurals if entry.singular else 1):
            yield f"{context}: not translated: {entry.text!r}"
        yield from _wrong_placeholders(catalog, entry, said)
    yield from (f"{context}: obsolete: run make messages" for context in known if context not in template)
    yield from (f"{message.context}: obsolete: run make messages" for message in catalog.obsolete.values())


def _wrong_placeholders(catalog: Catalog, entry: Entry, said: tuple[str, ...]) -> Iterator[str]:
    """A form of one number only may leave the figure out; every other one has what the English sentence has."""
    rule, wanted = _rule(catalog), placeholders(entry.text)
    for place, text in enumerate(said):
        try:
            found = placeholders(text)
        except ValueError:
            yield f"{entry.context}: a brace without its partner: {text!r}"
            continue
        one_number = bool(entry.singular) and sum(rule(number) == place for number in range(200)) <= 1
        if text and (found - wanted or (wanted - found and not one_number)):
            names = ", ".join(sorted(f"{{{name}}}" for name in wanted)) or "none"
            yield f"{entry.context}: its placeholders must be {names}: {text!r}"


def placeholders(text: str) -> frozenset[str]:
    """The names between braces in `text`, whole (`a.b` and `a[0]` are names of their own, so never allowed ones).

    Raises ValueError for an unbalanced brace. A conversion or format (`{a!r}`, `{a:>9}`) counts as part of the name.
    """
    found = set()
    for _, name, spec, conversion in string.Formatter().parse(text):
        if name is not None:
            found.add(name + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else ""))
    return frozenset(found)
