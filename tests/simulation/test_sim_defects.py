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
    "books-not-synced": Plan(4, visits=12),
    "paid-before-journalled": Plan(1, visits=12),
    "nonce-not-burnt": Plan(1, visits=12),
    "no-recovery": Plan(3, visits=12),
    "restored-and-not-sent-again": Plan(7, visits=20),
    "doubt-is-certain": Plan(5, visits=20),
    "reject-is-paid": Plan(5, visits=20),
    "unseen-is-paid": Plan(5, visits=20),
    "numbers-decided-again": Plan(7, visits=12),
    "fact-refused-as-a-replay": Plan(4, visits=12),
    "stale-books": Plan(4, visits=12),
    "limit-not-given-back": Plan(3, visits=12),
    "reversal-touches-the-card": Plan(12, visits=12),
    "newest-secret-overwritten": Plan(3, visits=12),
    "card-not-synced": Plan(1, visits=12),
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
    """A seed whose defect has another name now would try nothing."""
    assert set(KNOWN) <= set(DEFECTS)


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
