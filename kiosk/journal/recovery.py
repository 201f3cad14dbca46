"""What a transaction's last word in the journal means: the fact that the bank must learn. The table of `docs/protocol.md`.

Used by the visit itself when it cannot go on, and at the start of the firmware for whatever a crash left open: so that
what is rarely needed is the code that runs every day.
"""

from __future__ import annotations

from collections import Counter

import msgspec

from bank_link.messages import Completion, Credit, Maker, NoteCount, Outcome, Reversal, kind
from kiosk.journal import records as r
from kiosk.journal.progress import Progress, box, fold, notes
from kiosk.journal.store import Journal


def recover(journal: Journal, now: int) -> tuple[r.Transaction, ...]:
    """At the start: conclude every transaction that was left open; returns their names."""
    begun = journal.testing()
    if begun is not None:
        # The motor may have run: where its note is, the next exchange finds.
        journal.write(
            r.TestMoved(
                cassette=begun.cassette, value=begun.value, outcome="broken-off", in_doubt=1, by=begun.by,
                sentence="the machine stopped in the middle of it",
            )
        )  # fmt: skip
    left = journal.open_transactions()
    for name in left:
        conclude(journal, name, now, why="restarted")
    return left


def conclude(journal: Journal, name: r.Transaction, now: int, *, why: str) -> Progress:
    """End the transaction: its fact (if it needs one) goes into the outbox in the same write that ends it."""
    progress = fold(name, (line.record for line in journal.story(name)))
    if progress.ended:
        return progress
    records: list[r.AnyRecord] = []
    if not progress.fact_made:
        same_boot = _began_in(journal, name) == journal.boot_id
        if progress.deposit is not None:
            records = _credit(journal, progress, progress.deposit, now)
        else:
            records = _last_word(journal, progress, now, why, same_boot=same_boot)
    journal.write(*records, r.Ended(transaction=name, why=why))
    return progress


def _began_in(journal: Journal, name: r.Transaction) -> str:
    """The boot that counts is the one that asked for the release, or else the one of the newest record."""
    lines = journal.story(name)
    nonces = [line.record.boot for line in lines if isinstance(line.record, r.NonceMade)]
    return nonces[-1] if nonces else lines[-1].boot


def _last_word(
    journal: Journal, progress: Progress, now: int, why: str, *, same_boot: bool
) -> list[r.AnyRecord]:  # fmt: skip
    if progress.held is None:
        return [] if progress.answered else _reversal(journal, progress, now, why)
    if not progress.release_sent:
        return _reversal(journal, progress, now, why)
    if progress.moved:
        return _completion(journal, progress, now, doubt=None if same_boot else _next_note(progress))
    if not same_boot:
        return _completion(journal, progress, now, outcome=Outcome.UNKNOWN)
    if progress.burnt:
        return _completion(journal, progress, now, outcome=Outcome.NOT_PRESENTED)
    assert progress.nonce is not None
    burn = r.NonceBurnt(transaction=progress.name, nonce=progress.nonce.nonce)
    return [burn, *_reversal(journal, progress, now, why, not_presented=True)]


def _next_note(progress: Progress) -> Counter[tuple[str, r.Money]] | None:
    """After a restart the note after the last counted one may have been moving."""
    if progress.presented is not None or progress.resting or any(progress.in_doubt.values()) or not progress.plan:
        return None
    return Counter({progress.plan[0]: 1})


def _reversal(
    journal: Journal, progress: Progress, now: int, why: str, *, not_presented: bool = False
) -> list[r.AnyRecord]:  # fmt: skip
    message = Reversal(
        number=journal.next_number(progress.name.generation),
        made_by=Maker(generation=progress.name.generation, boot=journal.boot_id),
        transaction=progress.name.number, why=why, not_presented=not_presented,
        release_boot=progress.nonce.boot if progress.nonce is not None else "", at=now,
    )  # fmt: skip
    return [made(progress.name, message)]


def _completion(
    journal: Journal, progress: Progress, now: int, *, outcome: Outcome | None = None,
    doubt: Counter[tuple[str, r.Money]] | None = None,
) -> list[r.AnyRecord]:  # fmt: skip
    held = progress.held
    assert held is not None
    in_doubt = progress.in_doubt + (doubt or Counter())
    if outcome is None:
        outcome = _outcome(progress, in_doubt)
    message = Completion(
        number=journal.next_number(progress.name.generation),
        made_by=Maker(generation=progress.name.generation, boot=journal.boot_id),
        transaction=progress.name.number, hold=held.hold, card=held.card, account=held.account, amount=held.amount,
        authority=progress.authority, outcome=outcome, taken=progress.taken, presented=notes(progress.dispensed),
        in_doubt=notes(in_doubt), surplus=notes(progress.surplus), counts=journal.counts(), claim=held.claim, at=now,
    )  # fmt: skip
    return [made(progress.name, message)]


def _credit(journal: Journal, progress: Progress, deposit: r.DepositBegun, now: int) -> list[r.AnyRecord]:
    """What is stacked is the customer's; what was in escrow when all went dark, or may have been on its way in, is in
    doubt.
    """
    escrow = tuple(
        NoteCount(cassette=box(value), value=value, count=count)
        for value, count in sorted(progress.escrow.items(), key=lambda one: one[0].minor)
        if count > 0
    )
    message = Credit(
        number=journal.next_number(progress.name.generation),
        made_by=Maker(generation=progress.name.generation, boot=journal.boot_id), slip=deposit.slip,
        notes=notes(progress.stacked), in_doubt=escrow,
        unread=progress.unread + progress.accepting, claim=deposit.claim, at=now,
    )  # fmt: skip
    return [made(progress.name, message)]


def _outcome(progress: Progress, in_doubt: Counter[tuple[str, r.Money]]) -> Outcome:
    if any(progress.dispensed.values()):
        return Outcome.PRESENTED
    return Outcome.UNKNOWN if any(in_doubt.values()) else Outcome.NOT_PRESENTED


def made(name: r.Transaction, message: Completion | Reversal | Credit) -> r.FactMade:
    """The record that puts a fact into the outbox."""
    body = msgspec.json.encode(message).decode()
    return r.FactMade(transaction=name, number=message.number, kind=kind(message), body=body)
