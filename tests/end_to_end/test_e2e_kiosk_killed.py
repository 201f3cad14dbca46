"""The kiosk's process is killed with SIGKILL at writes of its journal, and started again: all agrees, to the note.

Which writes: `support.real_reckoning.STEP`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from support.at_once import at_once
from support.real_processes import VALUES, RealBank
from support.real_reckoning import STEP, Lane, expected, is_stuck, worth

#: A busy machine takes its time for so many processes.
pytestmark = pytest.mark.timeout(400)

AMOUNT = 30
LANES = 3
#: More writes than any withdrawal has.
MOST = 60


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[RealBank]:
    with RealBank.found(tmp_path / "bank", logs=tmp_path / "logs") as bank:
        yield bank


@pytest.mark.parametrize("when", ["before", "after"])
def test_sigkill_at_writes_of_a_withdrawal(bank: RealBank, tmp_path: Path, when: str) -> None:
    """Killed at one write after another and started again: notes, counts, debit, hold and cases are right."""

    def killed_at(lane: Lane, at: int, plan: tuple[str, ...]) -> bool:
        """Whether the withdrawal had so many writes."""
        before = lane.state()
        done, trace = lane.withdraw(AMOUNT, "--kill", when, "--at", str(at))
        if not done.killed:
            assert done.code == 0, done
            return False
        lane.crash_is_over(before, expected(trace, when, plan), (when, at, trace))
        return True

    def through(lane: Lane) -> int:
        plan = lane.plan(AMOUNT)
        kills = 0
        for at in places:
            if not killed_at(lane, at, plan):
                break
            kills += 1
        assert lane.plan(AMOUNT) == plan
        return kills

    lanes = [Lane(bank, tmp_path / f"{number}") for number in range(LANES)]
    places = _Shared(range(1 if when == "before" or STEP == 1 else 2, MOST, STEP))
    with ThreadPoolExecutor(LANES) as pool:
        kills = sum(pool.map(through, lanes))
    assert 20 // STEP <= kills < MOST // STEP - LANES, "every write was reached, and the end too"
    bank.sound_by_command()


def test_the_start_after_it_is_killed_as_well(bank: RealBank, tmp_path: Path) -> None:
    """What a crash left open is concluded once, however often the start after it is killed."""

    def through(lane: Lane, place: str) -> None:
        before = lane.state()
        done, trace = lane.withdraw(AMOUNT, "--kill", "after", "--at", place)
        assert done.killed
        at = 1
        while _start_is_killed(lane, at):
            at += STEP
        assert at >= 6, "the start was killed at its writes, to the last"
        lane.crash_is_over(before, expected(trace, "after", plan), trace)

    one, other = Lane(bank, tmp_path / "one"), Lane(bank, tmp_path / "other")
    plan = one.plan(AMOUNT)
    at_once(partial(through, one, f"note-moved:{plan[0]}"), partial(through, other, "nonce-burnt"))
    bank.sound()


def test_sigkill_while_a_note_is_moving(bank: RealBank, tmp_path: Path) -> None:
    """Wherever the note is then: it alone is in doubt, a case says so, and after an exchange the machine works again."""
    lane = Lane(bank, tmp_path / "lane")
    plan = lane.plan(AMOUNT)
    for after_ms in (60, 200, 330):
        before = lane.state()
        done, trace = lane.withdraw(
            AMOUNT, "--kill", "after", "--at", f"note-moved:{plan[0]}", "--later", str(after_ms)
        )
        assert done.killed
        wanted = expected(trace, "after", plan)
        assert wanted.cases == {"doubt": worth(plan[1:])}
        for name, places in lane.kiosk.notes.items():
            assert sum(places.values()) == sum(before.notes[name].values())
        assert is_stuck(lane.restart())
        now = lane.state()
        given = {name: place["out"] - before.notes[name]["out"] for name, place in now.notes.items()}
        assert given in ({"top": 0, plan[0]: 1, plan[1]: 0}, {"top": 0, plan[0]: 1, plan[1]: 1})
        assert before.account.balance - now.account.balance == worth(plan[:1])
        new = {case.kind: case.amount for name, case in now.cases.items() if name not in before.cases}
        assert new == wanted.cases
        assert now.account.held == 0
        lane.mend()
    assert lane.plan(AMOUNT) == plan
    bank.sound()


def test_sigkill_with_notes_in_a_tray_that_takes_them_back(bank: RealBank, tmp_path: Path) -> None:
    """Killed after a note, and after the last: the next start finds them in the tray and moves them into the bin."""
    lane = Lane(bank, tmp_path / "lane")
    lane.kiosk.set("cash_tray", fitted="true")
    plan = lane.plan(AMOUNT)
    for place, notes in ((f"note-moved:{plan[0]}", 1), ("presented", 2)):
        before = lane.state()
        done, _ = lane.withdraw(AMOUNT, "--kill", "after", "--at", place)
        assert done.killed
        assert worth(plan[:notes]) == lane.kiosk.given - sum(
            VALUES[name] * where["out"] for name, where in before.notes.items()
        )
        lane.restart()
        now = lane.state()
        assert {name: where["out"] for name, where in now.notes.items()} == {
            name: where["out"] for name, where in before.notes.items()
        }
        assert (
            sum(where["reject"] for where in now.notes.values())
            - sum(where["reject"] for where in before.notes.values())
            == notes
        )
        assert before.account.balance - now.account.balance == worth(plan[:notes])
        new = {case.kind: case.amount for name, case in now.cases.items() if name not in before.cases}
        assert new["retracted"] == worth(plan[:notes])
        assert set(new) <= {"retracted", "doubt"}
        lane.mend()
    assert lane.plan(AMOUNT) == plan
    bank.sound()


def _start_is_killed(lane: Lane, at: int) -> bool:
    """Whether the start had so many writes."""
    probe = ["support.journal_probe", "--kill", "before", "--at", str(at)]
    done = lane.kiosk.once(lane.card, "--balance", probe=probe)
    assert done.killed or done.code == 0 or is_stuck(done), done
    return done.killed


class _Shared:
    """One sequence for several threads: each item goes to one of them."""

    def __init__(self, items: range) -> None:
        self._items = itertools.count(items.start, items.step)

    def __iter__(self) -> Iterator[int]:
        return self._items
