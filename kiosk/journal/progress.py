"""How far a transaction got, folded from its records: what the recovery table of `docs/protocol.md` is read with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from bank_link.messages import NoteCount, Signed, TakenState
from bank_link.money import MINOR_DIGITS, Money
from kiosk.journal import records as r

#: The acceptor's box among the cassettes.
BOX = "in"


@dataclass
class Progress:
    """One transaction. Note counts are keyed by (cassette, face value)."""

    name: r.Transaction
    kind: str = ""
    answered: bool = False
    refused: str = ""
    held: r.Held | None = None
    nonce: r.NonceMade | None = None
    release_sent: bool = False
    release_number: int = 0
    authority: Signed | None = None
    burnt: bool = False
    plan: list[tuple[str, Money]] = field(default_factory=list)
    dispensed: Counter[tuple[str, Money]] = field(default_factory=Counter)
    surplus: Counter[tuple[str, Money]] = field(default_factory=Counter)
    in_doubt: Counter[tuple[str, Money]] = field(default_factory=Counter)
    moved: bool = False
    resting: bool = False
    presented: r.Presented | None = None
    in_tray: bool = False
    taken: TakenState = TakenState.UNKNOWN
    deposit: r.DepositBegun | None = None
    accepting: bool = False
    escrow: Counter[Money] = field(default_factory=Counter)
    stacked: Counter[tuple[str, Money]] = field(default_factory=Counter)
    unread: int = 0
    fact_made: bool = False
    ended: bool = False

    @property
    def paid(self) -> Money:
        """What is counted and clear of the exit sensor."""
        assert self.held is not None
        total = Money(0, self.held.amount.currency)
        for (_, value), count in self.dispensed.items():
            total += value.times(count)
        return total


def notes(counted: Counter[tuple[str, Money]]) -> tuple[NoteCount, ...]:
    """Counts as a message carries them, in a fixed order."""
    return tuple(
        NoteCount(cassette=cassette, value=value, count=count)
        for (cassette, value), count in sorted(counted.items())
        if count
    )


def box(value: Money) -> str:
    """What the notes of one value in the acceptor's box are counted under: "in.20"."""
    whole, part = divmod(value.minor, 10 ** MINOR_DIGITS[value.currency])
    return f"{BOX}.{whole}" if not part else f"{BOX}.{whole}.{part:0{MINOR_DIGITS[value.currency]}}"


def in_box(name: str) -> bool:
    """Whether what is counted under this name is in the acceptor's box."""
    return name == BOX or name.startswith(f"{BOX}.")


def spread(plan: Iterable[NoteCount]) -> list[tuple[str, Money]]:
    """Counts as single notes, in the order in which they move."""
    return [(note.cassette, note.value) for note in plan for _ in range(note.count)]


def fold(name: r.Transaction, story: Iterable[r.AnyRecord]) -> Progress:
    """Where the transaction stands after all its records."""
    progress = Progress(name)
    for record in story:
        _step(progress, record)
    return progress


def _step(progress: Progress, record: r.AnyRecord) -> None:  # noqa: C901, PLR0912, PLR0915 - one case a record kind
    match record:
        case r.Taken():
            progress.kind = progress.kind or record.kind
            if record.kind == "release":
                progress.release_sent, progress.release_number = True, record.number
        case r.Answered():
            if record.number == progress.name.number:
                progress.answered, progress.refused = True, record.reason
        case r.Held():
            progress.held = record
        case r.NonceMade():
            progress.nonce = record
        case r.AuthorityHeld():
            progress.authority = record.authority
        case r.NonceBurnt():
            progress.burnt, progress.plan = True, spread(record.plan)
        case r.Replanned():
            progress.plan = spread(record.plan)
        case r.NoteMoved():
            _move(progress, record)
        case r.BunchOut():
            progress.resting = True
        case r.BunchTaken():
            progress.resting = False
        case r.Presented():
            progress.presented = record
        case r.InTray():
            progress.in_tray = True
        case r.RetractBegun():
            # Until its end is known: what is in the bin is counted, and what is not cannot be credited by that count.
            progress.taken = TakenState.RETRACTED
        case r.HandedOver():
            progress.taken = record.taken
        case r.DepositBegun():
            progress.deposit = record
        case r.Accepting():
            progress.accepting = record.on
        case r.NoteRead():
            progress.escrow[record.value] += 1
        case r.NoteStacked():
            progress.stacked[record.cassette, record.value] += 1
            progress.escrow[record.value] -= 1
        case r.NoteReturned():
            progress.escrow[record.value] -= 1
        case r.NoteUnread():
            progress.unread += 1
        case r.FactMade():
            progress.fact_made = True
        case r.Ended():
            progress.ended = True
        case _:
            pass


def _move(progress: Progress, record: r.NoteMoved) -> None:
    note = (record.cassette, record.value)
    progress.moved, progress.resting = True, False
    progress.dispensed[note] += record.dispensed
    progress.surplus[note] += record.surplus
    progress.in_doubt[note] += record.in_doubt
    if record.dispensed and note in progress.plan:
        progress.plan.remove(note)
