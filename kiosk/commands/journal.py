"""`atm-kiosk journal show`: the electronic journal, masked."""

from __future__ import annotations

import argparse

import msgspec

from kiosk.commands.asking import ask
from kiosk.exit_codes import Code
from kiosk.operator.journal_text import ShownLine
from kiosk.telling import out
from kiosk.where import where


def show(options: argparse.Namespace) -> Code:
    """Print the newest records, oldest first."""
    lines = ask(
        where(options),
        "journal-show",
        {"last": options.last, "contains": options.filter},
        lambda desk: desk.lines(last=options.last, contains=options.filter),
        list[ShownLine],
    )
    for line in lines:
        out(msgspec.json.encode(line).decode() if options.json else str(line))
    return Code.DONE
