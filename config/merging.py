"""Lays a kiosk's own file over its cabinet's profile, and keeps which of the two each value came from."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import Any

from config.reading import ConfigError, Document, Mistake, join, label, nearest, shown, words_or
from config.toml_file import parse_toml, read_toml


def profile_names() -> tuple[str, ...]:
    """The cabinet models that there are profiles for."""
    files = resources.files("config").joinpath("profiles").iterdir()
    return tuple(sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml")))


def profile_text(name: str) -> str:
    """The profile's file as it is shipped. Raises ConfigError for a name that is none."""
    if name not in profile_names():
        near = nearest(name, profile_names())
        hint = f"; did you mean {near}?" if near else ""
        raise ConfigError([f"{shown('', name)} is no profile; there are {', '.join(profile_names())}{hint}"])
    return resources.files("config").joinpath("profiles", f"{name}.toml").read_text(encoding="utf-8")


def profile_document(name: str) -> Document:
    """A profile alone, as if it were a whole configuration."""
    origin = f"profile {name}"
    values = parse_toml(profile_text(name).encode(), origin)
    return Document(file=origin, base=Path(), values=values, origins=_origins(values, origin))


def document_of(path: Path) -> Document:
    """A file that names no profile. Raises ConfigError if it is no TOML."""
    values = read_toml(path)
    return Document(file=str(path), base=path.absolute().parent, values=values, origins=_origins(values, str(path)))


def kiosk_document(path: Path) -> Document:
    """The kiosk's file over the profile that it names, if it does. Raises ConfigError if either is no TOML."""
    values = read_toml(path)
    file, mistakes = str(path), _named_twice(values, str(path))
    name = _profile_name(values)
    origins = _origins(values, file)
    if isinstance(name, str) and name in profile_names():
        base = profile_document(name)
        origins = _still_true(base.origins, origins) | origins
        values = merge(base.values, values)
    elif name != "":
        mistakes.append(_no_profile(name, file))
    return Document(
        file=file,
        base=path.absolute().parent,
        values=values,
        origins=origins,
        mistakes=tuple(mistakes),
        incomplete=name not in ("", *profile_names()),
    )


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`over` laid over `base`: tables key by key, lists of named tables name by name, anything else as a whole."""
    merged = dict(base)
    for key, value in over.items():
        below = base.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            merged[key] = merge(below, value)
        elif below is not None and _named(below) and _named(value):
            merged[key] = _merge_named(below, value)
        else:
            merged[key] = value
    return merged


def _named(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) and "name" in each for each in value)


def _merge_named(base: list[dict[str, Any]], over: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept = [merge(each, next((own for own in over if own["name"] == each["name"]), {})) for each in base]
    names = [each["name"] for each in base]
    return kept + [each for each in over if each["name"] not in names]


def _profile_name(values: dict[str, Any]) -> Any:
    terminal = values.get("terminal")
    return terminal.get("profile", "") if isinstance(terminal, dict) else ""


def _no_profile(name: Any, file: str) -> Mistake:
    near = nearest(name, profile_names()) if isinstance(name, str) else ""
    allowed = words_or(profile_names()) + ', or "" for none'
    return Mistake(file=file, key="terminal.profile", found=shown("", name), allowed=allowed, nearest=near)


def _still_true(below: dict[str, str], above: dict[str, str]) -> dict[str, str]:
    """The profile's origins but for lists without names that the kiosk's own file replaces as a whole."""
    return {key: file for key, file in below.items() if re.split(r"\[\d+\]", key)[0] not in above or "[" not in key}


def _named_twice(values: dict[str, Any], file: str) -> list[Mistake]:
    """Two tables of one name in one list: laid over a profile, one would vanish without a word."""
    mistakes = []
    for key, value in values.items():
        names = [str(each["name"]) for each in value] if _named(value) else []
        mistakes += [
            Mistake(file=file, key=f"{join('', key)}.name", found=shown("", name), allowed="each name once")
            for name in sorted({name for name in names if names.count(name) > 1})
        ]
    return mistakes


def _origins(values: dict[str, Any], file: str, path: str = "") -> dict[str, str]:
    found = {}
    for name, value in values.items():
        key = join(path, name)
        found[key] = file
        if isinstance(value, dict):
            found |= _origins(value, file, key)
        elif isinstance(value, list):
            for at, each in enumerate(value, 1):
                if isinstance(each, dict):
                    found |= _origins(each, file, f"{key}[{label(each, at)}]")
    return found
