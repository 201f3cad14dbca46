"""The catalogues of the translators: what English sentences there are, and what became of each translation.

    python -m kiosk.screens.words.messages            writes kiosk.pot and brings every kiosk.po up to date
    python -m kiosk.screens.words.messages --check    says what is missing, unsure, obsolete or wrong; exit code 1

A sentence that is new is empty, one that changed keeps its translation and is marked fuzzy, one that is gone is dropped.
"""

from __future__ import annotations

import argparse
import io
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

from kiosk.screens.words import catalogues
from kiosk.screens.words.catalogues import Entry, entries, forms_of, mistakes, path_of, translated

SOURCE = Path(__file__).parent / "en.toml"
TEMPLATE = catalogues.FOLDER / "kiosk.pot"


def toml_sentences(
    file: io.BytesIO,
    keywords: object,  # noqa: ARG001  # Babel names them
    comment_tags: object,  # noqa: ARG001
    options: object,  # noqa: ARG001
) -> Iterator[tuple[int, str, str | tuple[str, ...], list[str]]]:
    """A Babel extractor. There are no line numbers: they would change a catalogue where no sentence did."""
    for entry in entries(tomllib.loads(file.read().decode("utf-8"))):
        said = (entry.singular, entry.text) if entry.singular else (entry.text,)
        yield 0, "npgettext" if entry.singular else "pgettext", (entry.context, *said), []


_KEYWORDS = {"pgettext": ((1, "c"), 2), "npgettext": ((1, "c"), 2, 3)}


def template(source: Path = SOURCE) -> Catalog:
    """All English sentences as an empty catalogue."""
    catalog = Catalog(charset="utf-8", domain="kiosk")
    with source.open("rb") as file:
        for _, said, _, context in extract(toml_sentences, file, keywords=_KEYWORDS):  # type: ignore[arg-type]
            catalog.add(said, context=context)
    return catalog


def brought_up_to_date(old: Catalog, fresh: Catalog) -> Catalog:
    """`fresh` with the translations of `old`."""
    before = {message.context: message for message in old if message.id}
    new = Catalog(
        locale=old.locale, domain="kiosk", charset="utf-8", header_comment=old.header_comment,
        creation_date=old.creation_date, revision_date=old.revision_date, fuzzy=False,
    )  # fmt: skip
    for message in fresh:
        if message.id:
            known = before.get(message.context)
            if known is None or isinstance(known.id, tuple) != isinstance(message.id, tuple):
                new.add(message.id, context=message.context)
                continue
            unsure = known.fuzzy or (known.id != message.id and any(forms_of(known)))
            new.add(message.id, known.string, context=message.context, flags=["fuzzy"] if unsure else [])
    return new


def as_text(catalog: Catalog, *, header: bool = True) -> bytes:
    """The catalogue as a file."""
    made = io.BytesIO()
    write_po(made, catalog, width=118, no_location=True, omit_header=not header)
    return made.getvalue()


def all_mistakes(folder_languages: Iterable[str], source: Path = SOURCE) -> Iterator[str]:
    """Every mistake of the template and of each language's catalogue, a line each."""
    if not TEMPLATE.exists() or TEMPLATE.read_bytes() != as_text(template(source), header=False):
        yield f"{TEMPLATE.name}: is not what {source.name} says now: run make messages"
    wanted = _wanted(source)
    for language in folder_languages:
        path = path_of(language)
        for mistake in mistakes(catalogues.read_catalogue(path), wanted):
            yield f"{language}: {mistake}"


def _wanted(source: Path) -> Mapping[str, Entry]:
    return {entry.context: entry for entry in entries(tomllib.loads(source.read_text(encoding="utf-8")))}


def write_all(languages: Iterable[str]) -> None:
    """The template, and each language brought up to date with it."""
    fresh = template()
    TEMPLATE.write_bytes(as_text(fresh, header=False))
    for language in languages:
        with path_of(language).open("rb") as file:
            old = read_po(file, locale=language)
        path_of(language).write_bytes(as_text(brought_up_to_date(old, fresh)))


def main(arguments: list[str]) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="make messages", description="Brings the translators' catalogues up to date.")
    parser.add_argument("--check", action="store_true", help="only say what is missing or wrong")
    if not parser.parse_args(arguments).check:
        write_all(translated())
    found = list(all_mistakes(translated()))
    for mistake in found:
        sys.stdout.write(f"{mistake}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
