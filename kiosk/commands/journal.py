"""`atm-kiosk journal show`: the electronic journal, masked."""

from __future__ import annotations

import argparse

import msgspec

from kiosk.commands.asking import ask
from kiosk.commands.telling import out
from kiosk.commands.where import where
from kiosk.exit_codes import Code
from kiosk.operator.journal_text import ShownLine


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
