"""`atm-kiosk config check / show / diff`."""

from __future__ import annotations

import argparse

from config.load import diff_kiosk, load_kiosk, show_kiosk
from kiosk.exit_codes import Code
from kiosk.telling import out


def check(options: argparse.Namespace) -> Code:
    """Every mistake, one line each; or one line that there is none."""
    config = load_kiosk(options.file)
    profile = f"profile {config.terminal.profile}" if config.terminal.profile else "no profile"
    out(f"{options.file} is in order ({profile}, {len(config.cassettes)} cassettes)")
    return Code.DONE


def show(options: argparse.Namespace) -> Code:
    """Each value in force with its origin."""
    out(show_kiosk(options.file), end="")
    return Code.DONE


def diff(options: argparse.Namespace) -> Code:
    """What the file sets otherwise than its profile."""
    out(diff_kiosk(options.file), end="")
    return Code.DONE
