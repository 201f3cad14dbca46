"""What the sensors' accounts of a pick prove, by themselves."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.virtual_time import run_virtual

from drivers.debounce import Edge
from drivers.devices import Pick, PickOutcome
from drivers.passage import Observation, Passage, Way, judge

COVERED = {"covered_since": 1.0}


def judged(exit_: Passage, reject: Passage) -> Pick:
    return judge(exit_, reject, double_note_ms=130, cassette="A")


@pytest.mark.parametrize(
    ("exit_", "reject", "pick"),
    [
        (Passage(), Passage(), Pick(PickOutcome.TIMEOUT, in_doubt=1)),
        (Passage([80]), Passage(), Pick(PickOutcome.DISPENSED, dispensed=1)),
        (Passage([150]), Passage(), Pick(PickOutcome.DISPENSED, dispensed=1, surplus=1)),
        (Passage([80, 80]), Passage(), Pick(PickOutcome.DISPENSED, dispensed=1, surplus=1)),
        (Passage([80, 150]), Passage(), Pick(PickOutcome.DISPENSED, dispensed=1, surplus=2)),
        (Passage([], **COVERED), Passage(), Pick(PickOutcome.JAM, in_doubt=1)),
        (Passage([80], **COVERED), Passage(), Pick(PickOutcome.JAM, in_doubt=1)),
        (Passage([150], **COVERED), Passage(), Pick(PickOutcome.JAM, in_doubt=2)),
        (Passage([80, 80], **COVERED), Passage(), Pick(PickOutcome.JAM, dispensed=1, in_doubt=1)),
        (Passage([80, 80, 80], **COVERED), Passage(), Pick(PickOutcome.JAM, dispensed=1, surplus=1, in_doubt=1)),
        (Passage(), Passage([80]), Pick(PickOutcome.REJECTED, rejected=1)),
        (Passage(), Passage([150]), Pick(PickOutcome.REJECTED, rejected=2)),
        (Passage([80]), Passage([80]), Pick(PickOutcome.DISPENSED, dispensed=1, rejected=1)),
        (Passage(), Passage([], **COVERED), Pick(PickOutcome.JAM, in_doubt=1)),
        (Passage([80]), Passage([], **COVERED), Pick(PickOutcome.JAM, dispensed=1, in_doubt=1)),
        (Passage([], **COVERED), Passage([80]), Pick(PickOutcome.JAM, rejected=1, in_doubt=1)),
    ],
)
def test_only_what_is_proven_is_counted(exit_: Passage, reject: Passage, pick: Pick) -> None:
    """Each combination of pulses and of a sensor that stays covered, with what follows from it."""
    found = judged(exit_, reject)
    assert (found.outcome, found.dispensed, found.surplus, found.rejected, found.in_doubt) == (
        pick.outcome,
        pick.dispensed,
        pick.surplus,
        pick.rejected,
        pick.in_doubt,
    )
    assert bool(found.sentence) is (found != Pick(PickOutcome.DISPENSED, dispensed=1, rejected=found.rejected))


lengths = st.lists(st.integers(15, 400).map(float), max_size=5)
accounts = st.builds(Passage, lengths, st.none() | st.just(1.0))


@given(accounts, accounts)
def test_no_account_counts_more_than_one_note(exit_: Passage, reject: Passage) -> None:
    """At most one note is the customer's; it needs a whole pulse; a note is always accounted for somewhere."""
    pick = judged(exit_, reject)
    assert pick.dispensed <= min(1, exit_.proven())
    assert pick.dispensed + pick.surplus + pick.rejected + pick.in_doubt >= 1
    if exit_.covered or reject.covered:
        assert pick.in_doubt >= 1


def test_a_change_that_came_in_time_is_not_lost_to_the_deadline() -> None:
    """Deadline and change in the same turn of the loop: the change counts."""

    async def go() -> None:
        loop = asyncio.get_running_loop()
        seen = Observation()
        loop.call_at(1.0, seen.saw, Way.EXIT, Edge(on=True, at=1.0))
        change = await seen.next(1.0)
        assert change is not None
        assert change.covered
        assert await seen.next(2.0) is None
        assert loop.time() == 2.0
        assert seen.exit.covered
        assert not seen.passed

    run_virtual(go())
