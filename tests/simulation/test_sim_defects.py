"""Planted defects, each on a seed that is known to find it; and the same runs without them, clean.

Where simulator or code have changed, seeds move: `python tests/simulation/hunt.py --write` prints `KNOWN` anew.
"""

from __future__ import annotations

import functools
import inspect

import pytest
from simulation.defects import DEFECTS, planted
from simulation.hunt import caught
from simulation.planting import Text, Value, with_text
from simulation.run import Plan, simulate

KNOWN: dict[str, Plan] = {
    "journal-not-synced": Plan(4, visits=4),
    "books-not-synced": Plan(7, visits=4),
    "answer-before-commit": Plan(17, visits=40),
    "sent-before-journalled": Plan(8, visits=40),
    "paid-before-journalled": Plan(4, visits=4),
    "nonce-not-burnt": Plan(4, visits=4),
    "next-note-before-commit": Plan(9, visits=24),
    "no-recovery": Plan(4, visits=4),
    "numbers-from-the-journal-alone": Plan(5, visits=4),
    "fact-forgotten-after-a-restart": Plan(9, visits=12),
    "fact-forgotten-where-nothing-came": Plan(1, visits=24),
    "sent-is-delivered": Plan(114, visits=8),
    "restored-and-not-sent-again": Plan(3, visits=12),
    "restore-noticed-only-at-sign-on": Plan(87, visits=8),
    "completion-without-authority": Plan(4, visits=24),
    "exchange-forgets-rejects": Plan(20, visits=24),
    "rejects-not-booked-at-exchange": Plan(20, visits=24),
    "unknown-is-not-presented": Plan(9, visits=4),
    "new-boot-speaks-for-the-old": Plan(9, visits=4),
    "restart-reverses-a-release": Plan(9, visits=4),
    "partial-rounded-up": Plan(9, visits=12),
    "doubt-is-certain": Plan(13, visits=8),
    "next-note-not-in-doubt": Plan(9, visits=12),
    "reject-is-paid": Plan(20, visits=40),
    "unseen-is-paid": Plan(36, visits=40),
    "rejects-stay-in-the-cassette": Plan(20, visits=40),
    "numbers-decided-again": Plan(5, visits=8),
    "transmission-replayed": Plan(5, visits=4),
    "fact-refused-as-a-replay": Plan(7, visits=4),
    "older-generation-refused": Plan(9, visits=24),
    "facts-keyed-by-session": Plan(92, visits=24),
    "stale-books": Plan(8, visits=24),
    "late-message-in-effect": Plan(5, visits=24),
    "completion-refused-after-expiry": Plan(173, visits=40),
    "late-completion-not-posted": Plan(173, visits=40),
    "hold-freed-twice": Plan(196, visits=4),
    "limit-not-given-back": Plan(2, visits=4),
    "rolled-back-disk-not-noticed": Plan(8, visits=40),
    "answer-of-another-request": Plan(26, visits=24),
    "secret-handed-out-twice": Plan(34, visits=40),
    "release-ignores-n": Plan(1, visits=24),
    "reversal-touches-the-card": Plan(3, visits=8),
    "open-visit-overtakes-a-hold": Plan(1, visits=12),
    "newest-secret-overwritten": Plan(3, visits=24),
    "card-not-synced": Plan(5, visits=8),
    "no-tombstone": Plan(57, visits=24),
    "release-voided-by-time": Plan(82, visits=12),
    "two-tries-counted-once": Plan(1, visits=4),
    "transfer-half-posted": Plan(6, visits=4),
    "post-without-its-row": Plan(6, visits=4),
    "post-not-taken-back": Plan(5, visits=8),
    "post-taken-back-half": Plan(5, visits=8),
    "slip-not-kept": Plan(9, visits=24),
    "post-answer-not-journalled": Plan(6, visits=4),
    "post-spends-nothing": Plan(25, visits=40),
    "post-ignores-n": Plan(34, visits=40),
    "deposit-credit-before-stacking": Plan(2, visits=4, deposits=0.5),
    "deposit-note-counted-twice": Plan(2, visits=4, deposits=0.5),
    "deposit-half-train-forgotten": Plan(7, visits=40, deposits=0.5),
    "deposit-escrow-forgotten": Plan(21, visits=4, deposits=0.5),
    "code-used-twice": Plan(6, visits=12, codes=0.5),
    "code-spent-by-the-completion": Plan(8, visits=24, codes=0.5),
    "bill-paid-twice": Plan(5, visits=4, errands=0.5),
    "bill-half-posted": Plan(5, visits=4, errands=0.5),
    "bill-undone-and-paid": Plan(5, visits=4, errands=0.5),
    "bill-of-another-number": Plan(5, visits=4, errands=0.5),
    "detail-frozen-card-is-paid": Plan(6, visits=24, errands=0.5),
    "service-test-note-still-inside": Plan(1, visits=12, errands=0.5),
    "service-by-the-card-file": Plan(7, visits=4, errands=0.5),
    "service-switched-off-is-paid": Plan(8, visits=24, errands=0.5),
    "opening-told-without-its-card": Plan(13, visits=40, errands=0.5),
    "opening-done-twice": Plan(5, visits=8, errands=0.5),
    "detail-not-undone": Plan(18, visits=40, errands=0.5),
    "opening-not-undone": Plan(19, visits=40, errands=0.5),
    "balance-without-holds": Plan(58, visits=24, errands=0.5),
    "balance-of-the-first-account": Plan(46, visits=40, errands=0.5),
    "balance-turned-round": Plan(58, visits=24, errands=0.5),
    "statement-sign-turned": Plan(4, visits=4, errands=0.5),
    "statement-oldest-first": Plan(4, visits=4, errands=0.5),
    "statement-page-repeated": Plan(4, visits=4, errands=0.5),
    "statement-row-left-out": Plan(4, visits=4, errands=0.5),
    "statement-of-another-account": Plan(62, visits=40, errands=0.5),
    "pin-told-and-not-changed": Plan(10, visits=12, errands=0.5),
    "pin-not-undone": Plan(36, visits=40, errands=0.5),
    "pin-typed-once": Plan(8, visits=40, errands=0.5),
    "pin-old-one-still-good": Plan(3, visits=8, errands=0.5),
    "pin-in-the-journal": Plan(6, visits=24, errands=0.5),
    "pin-beside-its-block": Plan(3, visits=8, errands=0.5),
    "tray-left-is-taken": Plan(4, visits=4, trays=0.5),
    "tray-moved-before-journalled": Plan(4, visits=4, trays=0.5),
    "tray-not-looked-at-at-the-start": Plan(47, visits=8, trays=0.5),
    "tray-not-told-to-the-bank": Plan(4, visits=4, trays=0.5),
    "tray-next-bunch-onto-the-first": Plan(9, visits=8, trays=0.5),
    "tray-paid-onto-what-lies-there": Plan(32, visits=8, trays=0.5),
    "tray-taken-back-at-once": Plan(4, visits=4, trays=0.5),
    "tray-customer-not-told": Plan(6, visits=4, trays=0.5),
    "tray-credited-uncounted": Plan(4, visits=4, trays=0.5),
    "tray-no-case-of-a-forgotten-payment": Plan(4, visits=8, trays=0.5),
    "door-cash-beside-it": Plan(6, visits=40, trays=0.5, doors=0.5),
    "door-open-in-service": Plan(9, visits=4, trays=0.5, doors=0.5),
    "door-nobody-counts": Plan(6, visits=24, trays=0.5, doors=0.5),
    "door-motor-beside-a-hand": Plan(10, visits=40, trays=0.5, doors=0.5),
    "receipt-of-what-was-asked": Plan(3, visits=24, receipts=0.5),
    "receipt-without-its-doubt": Plan(7, visits=24, receipts=0.5),
    "receipt-head-of-the-last-one": Plan(20, visits=40, receipts=0.5),
    "receipt-told-unproven": Plan(1, visits=8, receipts=0.5),
    "receipt-failure-not-told": Plan(20, visits=24, receipts=0.5),
}


@functools.cache
def _without(plan: Plan) -> tuple[str, ...]:
    return tuple(simulate(plan).violations)


def _state(change: Text | Value) -> object:
    return inspect.unwrap(change.function).__code__ if isinstance(change, Text) else getattr(change.owner, change.name)


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_a_planted_defect_is_found(name: str) -> None:
    """What breaks a promise does not stay unseen."""
    result = caught(name, KNOWN[name])
    assert result.violations, DEFECTS[name].breaks


@pytest.mark.parametrize("plan", list(dict.fromkeys(KNOWN.values())), ids=str)
def test_the_same_run_without_it_is_clean(plan: Plan) -> None:
    """It is the defect that was found, and nothing else."""
    assert not _without(plan)


def test_every_known_seed_is_a_defects() -> None:
    """Every defect has its seed, and no seed is of a defect that has another name now."""
    assert set(KNOWN) == set(DEFECTS)


@pytest.mark.parametrize("name", sorted(DEFECTS))
def test_a_defect_is_gone_after_its_block(name: str) -> None:
    """What one test plants does not grow in the next one."""
    changes = DEFECTS[name].changes
    before = [_state(change) for change in changes]
    with planted(name):
        assert all(_state(change) != was for change, was in zip(changes, before, strict=True))
    assert [_state(change) for change in changes] == before


def test_text_that_is_not_there_is_an_error() -> None:
    """A defect whose place in the code has moved says so, and is not silently without effect."""
    with pytest.raises(AssertionError, match="says 0 times"), with_text(caught, "no such text", ""):
        pass
