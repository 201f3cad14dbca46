"""Deliberate defects in deposits: notes that are credited too early, twice, or to nobody."""

from __future__ import annotations

from simulation.planting import Defect, Text

from kiosk.cash_in import CashIn
from kiosk.journal import progress, recovery

DEPOSITS = (
    Defect(
        "deposit-credit-before-stacking",
        "A note counts as stacked once it is read: what is given back is credited all the same.",
        (
            Text(
                CashIn._keep, "self._journal.write(r.NoteRead(transaction=name, value=value))\n",
                "self._journal.write(r.NoteStacked(transaction=name, cassette=box(value), value=value))\n",
            ),
        ),
    ),
    Defect(
        "deposit-note-counted-twice",
        "A note counts as it goes into the escrow, and again as it leaves it for the box.",
        (
            Text(
                progress._step, "            progress.escrow[record.value] += 1\n",
                "            progress.escrow[record.value] += 1\n"
                "            progress.stacked[box(record.value), record.value] += 1\n",
            ),
        ),
    ),
    Defect(
        "deposit-half-train-forgotten",
        "What went in and could not be read, or was on its way in when the power went, is nobody's.",
        (Text(recovery._credit, "unread=progress.unread + progress.accepting", "unread=0"),),
    ),
    Defect(
        "deposit-escrow-forgotten",
        "Notes that were in the escrow when the power went are neither credited nor named.",
        (Text(recovery._credit, "in_doubt=escrow", "in_doubt=()"),),
    ),
)  # fmt: skip
