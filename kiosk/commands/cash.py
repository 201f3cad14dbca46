"""`atm-kiosk cash load` and `cash totals`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import msgspec

from kiosk.commands.asking import ask
from kiosk.control import Loaded
from kiosk.exit_codes import Code, CommandError
from kiosk.operator.exchange import Count, parse_count
from kiosk.operator.totals import Totals, table
from kiosk.telling import out
from kiosk.where import where


def load(options: argparse.Namespace) -> Code:
    """Tell the machine what is in its cassettes now."""
    loaded, found = _counts(options.count), _counts(options.found)
    arguments = {
        "loaded": {name: count.notes for name, count in loaded.items()},
        "found": {name: (count.notes, count.rejected) for name, count in found.items()},
        "by": options.by,
    }
    for name, count in loaded.items():
        if count.rejected:
            raise CommandError(f"{name}: rejects are what was found, not what was loaded; give them with --found")
    answer = ask(
        where(options), "cash-load", arguments,
        lambda desk: Loaded(totals=desk.load(loaded, found, options.by)), Loaded, changes=True,
    )  # fmt: skip
    _print(answer.totals, options)
    if answer.still:
        raise CommandError(f"loaded, but out of service: {answer.still}", Code.DEVICE)
    return Code.DONE


def totals(options: argparse.Namespace) -> Code:
    """Counts, rejects and what was paid since the last exchange."""
    _print(ask(where(options), "cash-totals", {}, lambda desk: desk.totals(), Totals), options)
    return Code.DONE


def _counts(texts: Sequence[str]) -> dict[str, Count]:
    counts: dict[str, Count] = {}
    for text in texts:
        name, count = parse_count(text)
        if name in counts:
            raise CommandError(f"cassette {name} is named twice")
        counts[name] = count
    return counts


def _print(found: Totals, options: argparse.Namespace) -> None:
    out(msgspec.json.encode(found).decode() if options.json else table(found))
