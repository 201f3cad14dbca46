"""The bank's process is killed with SIGKILL at commits of a withdrawal, alone or together with the kiosk's.

At which: `support.real_reckoning.STEP`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from support.at_once import at_once
from support.real_processes import Keeper, RealBank
from support.real_reckoning import STEP, Expected, Lane, expected

#: A busy machine takes its time for so many processes.
pytestmark = pytest.mark.timeout(400)

AMOUNT = 30
#: More commits than any withdrawal has.
MOST = 60


class Fuse:
    """What the bank's probe looks for: at which commit from now on the bank is to die."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.probe = ("support.commit_probe", "--fuse", str(path))

    def light(self, when: str, commit: int) -> None:
        new = self._path.with_suffix(".new")
        new.write_text(f"{when} {commit}", encoding="utf-8")
        new.replace(self._path)

    def put_out(self) -> None:
        self.light("off", 0)


@contextmanager
def _bank(folder: Path) -> Iterator[tuple[RealBank, Fuse]]:
    """A bank that can be told when to die."""
    folder.mkdir()
    fuse = Fuse(folder / "fuse")
    bank = RealBank.found(folder / "bank", logs=folder / "logs")
    bank.probe = fuse.probe
    with bank:
        yield bank, fuse


def _killed_at_commits(folder: Path, when: str) -> None:
    with _bank(folder) as (bank, fuse):
        lane = Lane(bank, folder / "lane")
        plan = lane.plan(AMOUNT)
        with Keeper(bank) as keeper:
            for commit in range(1 if when == "before" or STEP == 1 else 2, MOST, STEP):
                before, deaths = lane.state(), keeper.deaths
                fuse.light(when, commit)
                done, trace = lane.withdraw(AMOUNT)
                fuse.put_out()
                if keeper.deaths == deaths:
                    break
                if done.code == 4 and "taken:open-visit" not in trace:
                    # It died before the bank had taken part in anything: the machine was closed, and is open again.
                    wanted = Expected()
                else:
                    assert (done.code, done.json["outcome"], done.json["delivered"]) == (0, "paid", True), (
                        commit,
                        done,
                    )
                    wanted = Expected(given=plan, counted=plan)
                lane.agrees(before, wanted, (when, commit, trace))
            assert 8 <= commit < MOST - STEP, "the end was reached"
        assert lane.plan(AMOUNT) == plan
        bank.sound_by_command()


def test_sigkill_at_commits_of_a_withdrawal(tmp_path: Path) -> None:
    """Killed before and after one commit after another and started again, it pays once and debits once; there is a pause at most."""
    at_once(*(partial(_killed_at_commits, tmp_path / when, when) for when in ("before", "after")))


#: At which record of the kiosk, before or after it, and at which commit of the bank since the withdrawal began.
PAIRS = [
    ("before", "taken:authorise", "before", 4), ("after", "taken:authorise", "before", 6),
    ("before", "held", "after", 5), ("after", "held", "after", 6), ("after", "taken:release", "before", 6),
    ("before", "answered:release", "before", 7), ("before", "answered:release", "after", 6),
    ("after", "nonce-burnt", "before", 8), ("before", "note-moved:bottom", "after", 7),
    ("after", "note-moved:middle", "before", 7), ("before", "presented", "after", 3),
    ("after", "fact-made:completion", "before", 7), ("after", "fact-made:completion", "after", 8),
    ("before", "acknowledged", "after", 8),
]  # fmt: skip


def _both_killed(folder: Path, pairs: list[tuple[str, str, str, int]]) -> None:
    with _bank(folder) as (bank, fuse):
        lane = Lane(bank, folder / "lane")
        plan = lane.plan(AMOUNT)
        with Keeper(bank) as keeper:
            for kiosk_when, record, bank_when, commit in pairs:
                before, deaths = lane.state(), keeper.deaths
                fuse.light(bank_when, commit)
                done, trace = lane.withdraw(AMOUNT, "--kill", kiosk_when, "--at", record)
                assert done.killed, (record, commit, done, trace)
                said = (kiosk_when, record, bank_when, commit, trace)
                lane.crash_is_over(before, expected(trace, kiosk_when, plan), said, tries=3)
                fuse.put_out()
                assert keeper.deaths > deaths, (said, "the bank was not killed")
        assert lane.plan(AMOUNT) == plan
        bank.sound()


def test_both_are_killed(tmp_path: Path) -> None:
    """Kiosk and bank die in the same withdrawal, in either order; started again they agree, to the note."""
    at_once(*(partial(_both_killed, tmp_path / str(half), PAIRS[half * STEP :: 2 * STEP]) for half in (0, 1)))
