"""Writes the values in force as TOML that could be loaded again, each with where it came from."""

from __future__ import annotations

from typing import Any

from config.toml_file import toml_value

Effective = dict[str, tuple[Any, str]]


def as_toml(effective: Effective) -> str:
    """Sections in the order they were read; a pin is one line. A password in a URL is not shown."""
    return "\n".join(_section(name, values) for name, values in _grouped(effective, ".").items())


def _section(name: str, values: Effective) -> str:
    title = f"[[{name.partition('[')[0]}]]" if "[" in name else f"[{name}]"
    lines = [title]
    for field, inner in _grouped(values, ".[").items():
        lines += _field(field, inner)
    return "".join(f"{line}\n" for line in lines)


def _field(name: str, inner: Effective) -> list[str]:
    if "" in inner:
        value, origin = inner[""]
        return [f"{name} = {toml_value(_public(name, value))}  # {origin}"]
    if not any(key.startswith("[") for key in inner):
        values = {key.lstrip("."): each for key, each in inner.items()}
        return [f"{name} = {_inline(values)}  # {_origins(values)}"]
    rows = _grouped({key[1:].replace("].", ".", 1): each for key, each in inner.items()}, ".").values()
    return [f"{name} = [", *(f"    {_inline(row)},  # {_origins(row)}" for row in rows), "]"]


def _inline(values: Effective) -> str:
    """A small table on one line; what was left at an empty default is left out."""
    said = (f"{key} = {toml_value(value)}" for key, (value, _) in values.items() if value != "")
    return "{ " + ", ".join(said) + " }"


def _origins(values: Effective) -> str:
    files: dict[str, list[str]] = {}
    for key, (value, origin) in values.items():
        if value != "":
            files.setdefault(origin, []).append(key)
    if len(files) == 1:
        return next(iter(files))
    return "; ".join(f"{', '.join(keys)}: {origin}" for origin, keys in files.items())


def _grouped(effective: Effective, ends: str) -> dict[str, Effective]:
    """By what stands before the first of `ends`; what follows it is the inner key ("" where nothing does)."""
    groups: dict[str, Effective] = {}
    for key, value in effective.items():
        at = min((key.find(end) for end in ends if end in key), default=len(key))
        inner = key[at + 1 :] if ends == "." else key[at:]
        groups.setdefault(key[:at], {})[inner] = value
    return groups


def _public(name: str, value: Any) -> Any:
    """The value, but a URL without its user and password."""
    if name == "url" and "@" in str(value):
        scheme, _, rest = str(value).partition("://")
        return f"{scheme}://…@{rest.rpartition('@')[2]}"
    return value
