"""Reads a TOML file whatever may be wrong with it, and writes values as TOML."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path
from typing import Any

from config.reading import ConfigError, quoted

LARGEST_BYTES = 256 * 1024


def read_toml(path: Path) -> dict[str, Any]:
    """The file's tables. Raises ConfigError with one sentence that names the file and what to do."""
    return parse_toml(read_bytes(path), str(path))


def read_bytes(path: Path) -> bytes:
    """The file, if it is one and not larger than a configuration can be. Raises ConfigError."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ConfigError([f"{path}: this is no file; name the configuration file itself"])
        with path.open("rb") as file:
            data = file.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError([f"{path}: there is no such file; atm-provision and atm-bank init write one"]) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it has no name that a file can have"
        raise ConfigError([f"{str(path)[:200]}: cannot be read ({why}); look at its rights and its disk"]) from None
    if len(data) > LARGEST_BYTES:
        raise ConfigError([f"{path}: larger than {LARGEST_BYTES // 1024} KiB; this is no configuration"])
    return data


def parse_toml(data: bytes, name: str) -> dict[str, Any]:
    """The tables in `data`; `name` is how a mistake calls the file. Raises ConfigError."""
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError([f"{name}: line {line} is not UTF-8; save the file as UTF-8 text"]) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{name}: not TOML: {error}; put that place right"]) from None
    except (ValueError, RecursionError):
        raise ConfigError([f"{name}: not TOML: a number too long or lists too deep; put that right"]) from None


def toml_value(value: Any) -> str:
    """A text, number, flag or list of those as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    return quoted(value) if isinstance(value, str) else str(value)
