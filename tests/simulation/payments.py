"""What the world knows of a payment, and of the visit that it belongs to."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

Name = tuple[str, int, int]

_AMOUNT = re.compile(r"\$([0-9,]+)")


@dataclass(eq=False)
class Payment:
    """What the world knows of one authorise. Minor units."""

    name: Name
    visit: Visit
    account: str
    given: int = 0
    doubled: int = 0  # came out unseen together with counted notes
    hidden: int = 0  # lay under the exit sensor as it went blind
    told_paid: int | None = None
    told_doubt: bool = False
    told_nothing: bool = False
    loose: bool = False  # a note came that no journal had let out
    at: float = 0.0
    released_at: float = 0.0  # when the bank let it be paid
    journal_gone: bool = False  # the machine's disk was lost or turned back after it
    decayed: bool = False  # bits of the journal flipped after it, just where a power cut leaves its marks as well
    bank_forgot: bool = False  # and so was the bank's database
    taken_back: int = 0  # of what was given: moved out of the tray into the machine again
    told_back: bool = False
    unseen: bool = False  # the tray's sensor or motor failed while its notes lay there

    @property
    def nobody_knows(self) -> bool:
        """Both memories of it are gone, or what a disk forgot nobody can see: only counting the cassettes finds it."""
        return self.decayed or (self.journal_gone and self.bank_forgot)


@dataclass(eq=False)
class Visit:
    """One customer before one machine."""

    kiosk: str
    card: str
    stick: int
    payments: list[Payment] = field(default_factory=list)


def may_differ(payment: Payment | None, difference: int) -> bool:
    """More given than any sensor saw; less, where one let go of a note, or a tray could not see what was moved back."""
    if payment is None:
        return False
    less = payment.hidden + (payment.taken_back if payment.unseen else 0)
    return 0 < difference <= payment.doubled or 0 < -difference <= less


def amount_of(text: str) -> int | None:
    found = _AMOUNT.search(text)
    return int(found[1].replace(",", "")) * 100 if found else None
