"""Reads keys out of TOML tables with their type, range and unit, and keeps every mistake until the end."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

E = TypeVar("E", bound=StrEnum)

_LONGEST_SHOWN = 40
_LARGEST_SHOWN = 10**30
_ALIKE = 0.6
#: Values under such names are never repeated: somebody may have put the secret itself where its file belongs.
_HIDDEN = re.compile(r"(key_file|passphrase_file|url)$")
_HIDDEN_IF_UNKNOWN = re.compile(
    r"pass|secret|token|credential|phrase|(^|[_.])(key|pin|url|puk)s?($|[_.])", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """One thing to put right: file, key, what was found there, what is allowed, the nearest known key."""

    file: str
    key: str
    found: str
    allowed: str
    nearest: str = ""

    def __str__(self) -> str:
        near = f"; nearest known key: {self.nearest}" if self.nearest else ""
        return f"{self.file}: {self.key}: found {self.found}; allowed: {self.allowed}{near}"


class ConfigError(Exception):
    """The configuration cannot be used. `mistakes` are all of them; `str()` is one line each."""

    def __init__(self, mistakes: Sequence[Mistake | str]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = tuple(mistakes)


@dataclass(frozen=True)
class Document:
    """Merged tables, and which file each value came from (by dotted key, `cassette[upper].value`).

    `base`: where relative paths start. `mistakes`: those of merging. `incomplete`: a profile that was named is not
    there, so a missing key is nobody's mistake.
    """

    file: str
    base: Path
    values: dict[str, Any]
    origins: dict[str, str] = field(default_factory=dict)
    mistakes: tuple[Mistake, ...] = ()
    incomplete: bool = False


class Reading:
    """One pass over a document: hands out tables, remembers what was read and every mistake."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.mistakes = list(document.mistakes)
        self.effective: dict[str, tuple[Any, str]] = {}
        self._known: set[str] = set()
        self._claimed: set[str] = set()
        self._given_up: set[str] = set()

    def top(self) -> Table:
        return Table(self, "", self.document.values, absent=self.document.incomplete)

    def origin(self, key: str) -> str:
        """The file that says `key`: its own origin, or that of the nearest table around it."""
        while key:
            if key in self.document.origins:
                return self.document.origins[key]
            key = key[: max(key.rfind("."), key.rfind("["), 0)]
        return self.document.file

    def wrong(self, key: str, value: Any, allowed: str) -> None:
        self.note(key, shown(key, value), allowed)

    def note(self, key: str, found: str, allowed: str, *, nearest: str = "") -> None:
        """Like `wrong`, with `found` in words."""
        self.mistakes.append(
            Mistake(file=self.origin(key), key=key, found=found, allowed=allowed, nearest=nearest),
        )

    def claim(self, key: str) -> None:
        """`key` is a known one: it was asked for."""
        self._claimed.add(key)
        self._known.add(generic(key))

    def give_up(self, key: str, value: Any, allowed: str) -> None:
        """`key` is wrong as a whole: what is inside it is no mistake of its own."""
        self._given_up.add(key)
        self.note(key, _counted(key, value), allowed)

    def finish(self) -> None:
        """Report every key that nobody asked for, then raise ConfigError if there is any mistake."""
        self._unknown("", self.document.values)
        if self.mistakes:
            raise ConfigError(self.mistakes)

    def _unknown(self, path: str, values: dict[str, Any]) -> None:
        for name, value in values.items():
            key = join(path, name)
            if key not in self._claimed:
                self._report_unknown(path, key, value)
                continue
            if key not in self._given_up:
                for inner, table in tables_in(key, value):
                    self._unknown(inner, table)

    def _report_unknown(self, path: str, key: str, value: Any) -> None:
        here = sorted(
            known[len(generic(path)) :].lstrip(".") for known in self._known if parent(known) == generic(path)
        )
        allowed = "one of " + ", ".join(here) if here else "nothing here"
        found = "a value that is not repeated here" if _HIDDEN_IF_UNKNOWN.search(key) else shown(key, value)
        self.note(key, found, allowed, nearest=nearest(generic(key), self._known))


@dataclass(frozen=True)
class Table:
    """One table of the document. Every method reads one key; a mistake is noted and a stand-in returned.

    `absent`: the table as a whole is the mistake, so its missing keys are none.
    """

    reading: Reading
    path: str
    values: dict[str, Any]
    absent: bool = False

    def has(self, name: str) -> bool:
        return name in self.values

    def sound(self, name: str) -> bool:
        """The key was read, and there was nothing wrong with it."""
        return self.key(name) in self.reading.effective

    def key(self, name: str) -> str:
        return join(self.path, name)

    def wrong(self, name: str, allowed: str) -> None:
        self.reading.wrong(self.key(name), self.values.get(name), allowed)

    def integer(self, name: str, default: int | None = None, *, least: int, most: int, unit: str = "") -> int:
        """A whole number from `least` to `most`; true and false are none."""
        allowed = f"a whole number{' of ' + unit if unit else ''} from {least} to {most}"
        value = self._value(name, default, allowed, lambda found: type(found) is int and least <= found <= most)
        return value if value is not None else least

    def decimal(self, name: str, default: float | None = None, *, least: float, most: float) -> float:
        allowed = f"a number from {least} to {most}"
        value = self._value(
            name,
            default,
            allowed,
            lambda found: type(found) in {int, float} and least <= found <= most,
        )
        return float(value) if value is not None else least

    def flag(self, name: str, default: bool | None = None) -> bool:
        value = self._value(name, default, "true or false", lambda found: isinstance(found, bool))
        return bool(value)

    def choice(self, name: str, kinds: type[E], default: E | None = None) -> E:
        """One of the enumeration's texts."""
        words = [kind.value for kind in kinds]
        allowed = words_or(words)
        value = self._value(
            name,
            None if default is None else default.value,
            allowed,
            lambda found: isinstance(found, str) and found in words,
        )
        return kinds(value) if value is not None else next(iter(kinds))

    def one_of(self, name: str, default: int | None, allowed: Sequence[int]) -> int:
        """One of a few whole numbers."""
        words = ", ".join(map(str, allowed[:-1])) + f" or {allowed[-1]}"
        value = self._value(name, default, words, lambda found: type(found) is int and found in allowed)
        return value if value is not None else allowed[0]

    def text(self, name: str, default: str | None = None, *, pattern: str, allowed: str) -> str:
        """Text that the whole of `pattern` matches; `allowed` says in words what that is."""
        value = self._value(
            name,
            default,
            allowed,
            lambda found: isinstance(found, str) and re.fullmatch(pattern, found) is not None,
        )
        return value if value is not None else ""

    def where(self, name: str, default: str | None = None) -> Path:
        """A path; a relative one starts at the configuration file's directory."""
        return self.reading.document.base / self.text(name, default, pattern=r"[^\0\r\n]{1,1000}", allowed="a path")

    def maybe_where(self, name: str) -> Path | None:
        """A path, or None where the key is not there."""
        self.reading.claim(self.key(name))
        return self.where(name) if self.has(name) else None

    def integers(self, name: str, default: tuple[int, ...] | None = None, *, most: int, count: int) -> tuple[int, ...]:
        """An ascending list of 1 to `count` different whole numbers from 1 to `most`."""
        allowed = f"a list of 1 to {count} whole numbers from 1 to {most}, ascending, none twice"

        def fits(found: Any) -> bool:
            return (
                isinstance(found, list)
                and 1 <= len(found) <= count
                and all(type(each) is int and 1 <= each <= most for each in found)
                and found == sorted(set(found))
            )

        value = self._value(name, None if default is None else list(default), allowed, fits)
        return tuple(value) if value is not None else (1,)

    def some_of(self, name: str, default: tuple[str, ...], known: Sequence[str]) -> tuple[str, ...]:
        """A list of at least one of `known`, in any order, none twice."""

        def fits(found: Any) -> bool:
            one_or_more = isinstance(found, list) and found and all(isinstance(each, str) for each in found)
            return bool(one_or_more) and set(found) <= set(known) and len(set(found)) == len(found)

        allowed = f"a list of some of {', '.join(known)}, none twice"
        return tuple(self._value(name, list(default), allowed, fits) or default)

    def table(self, name: str, *, required: bool = True) -> Table:
        """A table; an absent one that is not required reads as an empty one."""
        key = self.key(name)
        self.reading.claim(key)
        value = self.values.get(name, {})
        if not isinstance(value, dict):
            self.reading.give_up(key, value, f"a table, [{key}]")
        elif required and not self.has(name) and not self.absent:
            self.reading.note(key, "nothing", f"a table, [{key}]")
        found = value if isinstance(value, dict) else {}
        missing = (required and not self.has(name)) or found is not value
        return Table(self.reading, key, found, absent=self.absent or missing)

    def tables(self, name: str, *, least: int = 1, most: int) -> list[Table]:
        """`least` to `most` tables in a list; they are called by their `name`, or by their place from 1."""
        key = self.key(name)
        self.reading.claim(key)
        value = self.values.get(name)
        if isinstance(value, list) and least <= len(value) <= most and all(isinstance(each, dict) for each in value):
            return [Table(self.reading, path, table, self.absent) for path, table in tables_in(key, value)]
        if value is not None or not self.absent:
            number = str(most) if least == most else f"{least} to {most}"
            self.reading.give_up(key, value, f"a list of {number} tables")
        return []

    def _value(self, name: str, default: Any, allowed: str, fits: Callable[[Any], bool]) -> Any:
        """The value, the default, or None where a mistake was noted."""
        key = self.key(name)
        self.reading.claim(key)
        if name not in self.values:
            if default is None and not self.absent:
                self.reading.note(key, "nothing", allowed)
            elif default is not None:
                self.reading.effective[key] = (default, "default")
            return default
        value = self.values[name]
        if not fits(value):
            self.reading.wrong(key, value, allowed)
            return default
        self.reading.effective[key] = (value, self.reading.origin(key))
        return value


def join(path: str, name: str) -> str:
    """The dotted key of `name` in `path`; a name that is no bare TOML key is quoted, so it equals no known one."""
    bare = name if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) else quoted(name[:64])
    return f"{path}.{bare}" if path else bare


def generic(key: str) -> str:
    """The key without which of several tables it is in: `cassette[upper].value` → `cassette.value`."""
    return re.sub(r"\[[^\]]*\]", "", key)


def parent(key: str) -> str:
    return key.rpartition(".")[0]


def label(table: dict[str, Any], position: int) -> str:
    """How one of several tables is called: by its name, else by its place from 1."""
    name = table.get("name")
    return name if isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,32}", name) else str(position)


def _counted(key: str, value: Any) -> str:
    if isinstance(value, list) and all(isinstance(each, dict) for each in value):
        return f"a list of {len(value)}"
    return shown(key, value)


def tables_in(key: str, value: Any) -> list[tuple[str, dict[str, Any]]]:
    """The table that `value` is, or the tables in the list that it is, each with its dotted key."""
    if isinstance(value, dict):
        return [(key, value)]
    if not isinstance(value, list):
        return []
    return [(f"{key}[{label(each, at)}]", each) for at, each in enumerate(value, 1) if isinstance(each, dict)]


def nearest(key: str, known: Iterable[str]) -> str:
    """The known key that was most likely meant, "" where none is like it.

    The same name in another table comes before a similar name in this one.
    """
    last = key.rpartition(".")[2]
    keys = sorted(known)
    moved = [each for each in keys if each.rpartition(".")[2] == last]
    if moved:
        return max(moved, key=lambda each: difflib.SequenceMatcher(None, key, each).ratio())
    siblings = [each for each in keys if parent(each) == parent(key)]
    return _alike(last, siblings) or _alike(last, keys)


def _alike(name: str, keys: Sequence[str]) -> str:
    """The key whose last part is most like `name`, "" where none is."""
    lasts = {each.rpartition(".")[2]: each for each in reversed(keys)}
    close = difflib.get_close_matches(name, lasts, 1, _ALIKE)
    return lasts[close[0]] if close else ""


def shown(key: str, value: Any) -> str:
    """A value as a mistake's line repeats it: short, on one line, and never where it may be a secret."""
    if _HIDDEN.search(key) and isinstance(value, str | list):
        return "a value that is not repeated here"
    if isinstance(value, str):
        return "a private key" if "PRIVATE KEY" in value else _short(quoted(value))
    return _listed(value) if isinstance(value, list) else _in_words(value)


def _in_words(value: Any) -> str:
    """What is neither text nor list."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) > _LARGEST_SHOWN:
        return "a number of more than 30 digits"
    if isinstance(value, int | float):
        return str(value)
    return "nothing" if value is None else "a table" if isinstance(value, dict) else "a date or time"


def _listed(values: list[Any]) -> str:
    if any(isinstance(each, dict) for each in values):
        return "a list of tables"
    inner = ", ".join("a list" if isinstance(each, list) else shown("", each) for each in values[:_LONGEST_SHOWN])
    return _short(f"[{inner}]")


def quoted(text: str) -> str:
    """As TOML writes it, on one line; what cannot be printed is escaped."""
    body = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else _escaped(ord(c)) for c in body) + '"'


def _escaped(point: int) -> str:
    return f"\\u{point:04X}" if point < 0x10000 else f"\\U{point:08X}"


def words_or(words: Sequence[str]) -> str:
    """`"a", "b" or "c"`."""
    marked = [f'"{word}"' for word in words]
    return marked[0] if len(marked) == 1 else ", ".join(marked[:-1]) + f" or {marked[-1]}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"
