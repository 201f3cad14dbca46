"""The counts of an exchange that is not booked yet. They are in the journal, so a power cut costs no counting."""

from __future__ import annotations

from collections.abc import Mapping

from kiosk.journal import records as r
from kiosk.journal.store import Journal
from kiosk.operator.exchange import Count


def draft(journal: Journal) -> dict[str, r.Counted]:
    """By cassette, what was counted since the last exchange; nothing where notes have moved or were left alone since."""
    counted: dict[str, r.Counted] = {}
    for line in journal.since("counts-set"):
        record = line.record
        if isinstance(record, r.Counted):
            counted[record.cassette] = record
        elif isinstance(record, r.NoteMoved | r.TestBegun) or (isinstance(record, r.ServiceSet) and record.open):
            counted = {}
    return counted


def loaded(counted: Mapping[str, r.Counted]) -> dict[str, Count]:
    return {name: Count(record.left) for name, record in counted.items()}


def found(counted: Mapping[str, r.Counted]) -> dict[str, Count]:
    return {name: Count(record.found, record.rejected) for name, record in counted.items()}
