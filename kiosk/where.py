"""Which kiosk a command is about: a machine by its configuration, or a laptop's directory."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

from config.kiosk import KioskConfig, StickReaderConfig
from config.load import example_kiosk, load_kiosk
from kiosk.exit_codes import StateError

MACHINE = Path("/etc/atm/kiosk.toml")
CONFIG = "kiosk.toml"
#: In a laptop's directory, as `atm-provision --state` lays it out, too.
AUTH, KEY, SLOT, CARDS = "terminal.auth", "terminal.key", "slot", "cards"


@dataclass(frozen=True)
class Where:
    """`folder`: the laptop's directory, None for a machine with real devices."""

    config: KioskConfig
    folder: Path | None = None


def add_where(parser: argparse.ArgumentParser) -> None:
    """`--config FILE` or `--state DIR`."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--config", type=Path, metavar="FILE", help=f"the kiosk's configuration (default: {MACHINE})")
    which.add_argument("--state", type=Path, metavar="DIR", help="a simulated kiosk's directory instead")


def add_sealed(parser: argparse.ArgumentParser) -> None:
    """`--auth FILE` and what it is sealed under."""
    parser.add_argument("--auth", type=Path, metavar="FILE", help=f"the auth file (default: {AUTH} in the directory)")
    sealed = parser.add_mutually_exclusive_group()
    sealed.add_argument("--key-file", type=Path, metavar="FILE", help="its key file (default: beside it, .key)")
    sealed.add_argument("--passphrase-file", type=Path, metavar="FILE", help="or a file whose first line opens it")


def where(options: argparse.Namespace) -> Where:
    """What the options name. Raises ConfigError, StateError."""
    if options.state is None:
        return Where(load_kiosk(options.config or MACHINE))
    folder = options.state.absolute()
    if not (folder / CONFIG).exists():
        raise StateError(f"there is no {CONFIG} in {folder}; set one up: atm-provision --state {folder}")
    return laptop(folder)


def laptop(folder: Path, file: Path | None = None) -> Where:
    """The kiosk in `folder`; with `file`, one of that configuration whose own files are all in `folder`.

    Where there is no configuration yet, the laptop's profile is written there. Raises ConfigError, StateError.
    """
    own = folder / CONFIG
    if file is None and not own.exists():
        _write(own, example_kiosk("laptop", state=".", auth_file=AUTH, key_file=KEY))
    config = load_kiosk(file or own)
    if file is not None:
        terminal = replace(
            config.terminal, state=folder, auth_file=folder / AUTH, key_file=folder / KEY, passphrase_file=None
        )
        config = replace(config, terminal=terminal)
    if isinstance(config.card_reader, StickReaderConfig):
        config = replace(config, card_reader=replace(config.card_reader, mount=folder / SLOT))
    return Where(config, folder)


def sealed(config: KioskConfig, options: argparse.Namespace) -> KioskConfig:
    """The configuration with the auth file and secret of the options."""
    terminal = config.terminal
    if options.auth is not None:
        beside = options.auth.with_suffix(".key")
        terminal = replace(terminal, auth_file=options.auth)
        if beside.exists():
            terminal = replace(terminal, key_file=beside, passphrase_file=None)
    if options.key_file is not None:
        terminal = replace(terminal, key_file=options.key_file, passphrase_file=None)
    if options.passphrase_file is not None:
        terminal = replace(terminal, key_file=None, passphrase_file=options.passphrase_file)
    return replace(config, terminal=terminal)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StateError(f"{path} cannot be written: {error.strerror}") from error
