"""Loads, shows and compares configurations: what the commands `config check`, `show` and `diff` stand on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from config.bank import BankConfig
from config.bank_reading import read_bank
from config.kiosk import KioskConfig
from config.kiosk_reading import read_kiosk
from config.merging import document_of, kiosk_document, profile_document, profile_names, profile_text
from config.reading import ConfigError, Reading, join, tables_in
from config.showing import as_toml
from config.toml_file import toml_value

__all__ = [
    "ConfigError",
    "diff_kiosk",
    "example_bank",
    "example_kiosk",
    "load_bank",
    "load_kiosk",
    "profile_names",
    "profile_text",
    "show_bank",
    "show_kiosk",
]


def load_kiosk(path: Path) -> KioskConfig:
    """The kiosk's configuration over its profile. Raises ConfigError with every mistake, one line each."""
    return read_kiosk(Reading(kiosk_document(path)))


def load_bank(path: Path) -> BankConfig:
    """The bank's configuration. Raises ConfigError with every mistake, one line each."""
    return read_bank(Reading(document_of(path)))


def show_kiosk(path: Path) -> str:
    """Every value in force, as TOML, each with the file it came from. Raises ConfigError."""
    return _shown(Reading(kiosk_document(path)), read_kiosk)


def show_bank(path: Path) -> str:
    """Every value in force, as TOML, each with where it came from; a password is not shown. Raises ConfigError."""
    return _shown(Reading(document_of(path)), read_bank)


def diff_kiosk(path: Path) -> str:
    """What the kiosk's own file sets otherwise than its profile, one line a key. Raises ConfigError."""
    document = kiosk_document(path)
    reading = Reading(document)
    config = read_kiosk(reading)
    below: dict[str, Any] = {}
    if config.terminal.profile:
        below = _flat("", profile_document(config.terminal.profile).values)
    lines = [
        f"{key} = {toml_value(value)}  # {_instead(below, key, value)}"
        for key, (value, origin) in reading.effective.items()
        if origin == document.file and below.get(key) != value
    ]
    return "".join(f"{line}\n" for line in lines)


def example_kiosk(
    profile: str, *, state: str, auth_file: str, key_file: str | None = None, passphrase_file: str | None = None
) -> str:
    """A kiosk's own file: short, as the profile says the rest; name one of the last two.

    Raises ConfigError for a profile that is none.
    """
    profile_text(profile)
    sealed = f"key_file = {toml_value(key_file)}" if key_file else f"passphrase_file = {toml_value(passphrase_file)}"
    return f"""\
# This kiosk's own settings. The rest comes from its cabinet's profile; `atm-kiosk config show` prints all of it.
[terminal]
profile = {toml_value(profile)}
state = {toml_value(state)}
auth_file = {toml_value(auth_file)}
{sealed}
"""


def example_bank(
    *, name: str, data: str, currency: str, public_host: str = "localhost", host: str = "127.0.0.1", port: int = 8443,
    enrol_port: int = 8444, serves: str = "kiosks",
) -> str:  # fmt: skip
    """A bank's configuration with what must be said; everything else has a default that `show_bank` prints."""
    return f"""\
# This bank's settings. `atm-bank config show` prints every value in force, defaults too.
[bank]
name = {toml_value(name)}
data = {toml_value(data)}
currency = {toml_value(currency)}
serves = {toml_value(serves)}          # or "tills": see docs/till.md. A bank has terminals of one kind
zone = "UTC"               # a card's day ends at this zone's midnight

[listen]
host = {toml_value(host)}
port = {port}                # mutual TLS: enrolled terminals
enrol_port = {enrol_port}          # knows only enrolment
public_host = {toml_value(public_host)}

[limits]                   # amounts in whole units of the currency, for each card
day_amount = 500
day_count = 10
withdrawal_amount = 500
send_amount = 500          # to other customers, in a day
deposit_amount = 2000      # notes paid in at once; 0: no deposits
"""


def _flat(path: str, values: dict[str, Any]) -> dict[str, Any]:
    """Every value by its dotted key."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        key = join(path, name)
        found[key] = value
        for inner, table in tables_in(key, value):
            found |= _flat(inner, table)
    return found


def _shown(reading: Reading, read: Callable[[Reading], object]) -> str:
    read(reading)
    return as_toml(reading.effective)


def _instead(below: dict[str, Any], key: str, value: Any) -> str:
    return f"profile: {toml_value(below[key])}" if key in below and below[key] != value else "not in the profile"
