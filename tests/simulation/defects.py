"""Deliberate defects in the code that ships, each planted in memory for as long as a block lasts.

    with planted("journal-not-synced"):
        result = simulate(Plan(seed))       # must not be clean

Each is one mistake that a programmer could make, in the place where it would be made. That the simulator finds them all
is the proof that its silence means something; `hunt.py` searches for the seeds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from simulation.defects_bank import BANK
from simulation.defects_codes import CODES
from simulation.defects_deposits import DEPOSITS
from simulation.defects_doors import DOORS
from simulation.defects_errands import BILLS, DETAILS, OPENINGS, SERVICE
from simulation.defects_inquiries import BALANCES, PINS, STATEMENTS
from simulation.defects_kiosk import CARD, JOURNAL, OUTBOX, PAYMENT
from simulation.defects_posts import POSTS
from simulation.defects_receipts import RECEIPTS
from simulation.defects_trays import TRAYS
from simulation.planting import Defect

_ALL = (
    *JOURNAL, *OUTBOX, *PAYMENT, *BANK, *CARD, *POSTS, *CODES, *DEPOSITS, *BILLS, *DETAILS, *OPENINGS, *SERVICE,
    *TRAYS, *DOORS, *RECEIPTS,
    *BALANCES, *STATEMENTS, *PINS,
)  # fmt: skip
DEFECTS = {defect.name: defect for defect in _ALL}


@contextmanager
def planted(name: str) -> Iterator[Defect]:
    """The defect of that name is in the code. Raises KeyError for a name that is none."""
    defect = DEFECTS[name]
    with ExitStack() as stack:
        for change in defect.changes:
            stack.enter_context(change.made())
        yield defect
