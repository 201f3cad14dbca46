"""Worlds of their own: disks that say that they have written, storms that take line and power for days, errands, trays, doors and receipts."""

from __future__ import annotations

from collections import Counter

import pytest
from simulation.run import Plan, simulate
from simulation.world import Chance


@pytest.mark.parametrize("seed", [2, 7, 16, 21])
def test_what_a_lying_disk_loses_ends_as_cases(seed: int) -> None:
    """The journal's card ignores every sync: whatever a power cut takes with it, no money moves in silence."""
    result = simulate(Plan(seed, visits=24, lying=True))
    assert result.violations == []
    assert sum(count for what, count in result.counts.items() if what.startswith("crash: kiosk, power cut"))


def test_what_a_storm_holds_back_is_told_days_later() -> None:
    """Machines without power and line for more than a day: what waited on their disks arrives, and all of it ends."""
    seed = next(seed for seed in range(1, 1_000) if Chance(seed, "storm").strikes(0.02))
    result = simulate(Plan(seed, visits=20))
    assert result.violations == []
    assert result.counts["line: cut for days"]
    assert result.seconds > 86_400


def test_errands_end_as_their_customers_were_told() -> None:
    """Bills, changes, openings with a card and without one, what is shown of accounts, new PINs, and operators at their
    menu, in all weathers.
    """
    done: Counter[str] = Counter()
    for seed in range(1, 12):
        result = simulate(Plan(seed, visits=24, errands=0.6, deposits=0.2, codes=0.1))
        assert result.violations == [], seed
        done += result.counts
    wanted = {
        "customer: pays a bill", "customer: freeze is done", "customer: open is done", "newcomer: told open.done",
        "operator: exchange by keypad", "operator: moves a note", "operator: switches a cassette off",
        "customer: reads the balance", "customer: turns the page of a statement", "customer: changes the PIN",
        "customer: types two different new PINs",
    }  # fmt: skip
    assert wanted <= done.keys()


def test_cash_that_is_left_is_never_lost_nor_the_next_ones() -> None:
    """Trays whose sensor or motor fails, power that goes with notes in them, hands that take a part: all of it is found again."""
    done: Counter[str] = Counter()
    for seed in (6, 20, 22, 32):
        result = simulate(Plan(seed, visits=24, trays=1.0))
        assert result.violations == [], seed
        done += result.counts
    wanted = {
        "tray: cash is taken back", "tray: the customer is told", "tray: the power goes", "tray: retract-dead",
        "tray: sensor-stuck-covered", "tray: sensor-stuck-clear", "customer: takes some of the cash",
        "staff: closes a case of kind retracted",
    }  # fmt: skip
    assert wanted <= done.keys()


def test_nobody_is_served_beside_an_open_door() -> None:
    """Doors that are opened at any screen, beside notes that are paid, paid in, or left in a tray."""
    done: Counter[str] = Counter()
    for seed in (4, 6, 9, 10):
        result = simulate(Plan(seed, visits=24, trays=0.5, doors=1.0, deposits=0.3))
        assert result.violations == [], seed
        done += result.counts
    wanted = {"door: opened", "door: opened, and the cash is in reach", "door: a blow against the cabinet"}
    assert wanted <= done.keys()


def test_a_receipt_says_what_was_told_and_nobody_elses() -> None:
    """Printers that run out, jam, are pulled out or go silent, and kiosks that go dark in mid-receipt."""
    done: Counter[str] = Counter()
    for seed in (7, 20, 191, 249):
        result = simulate(Plan(seed, visits=24, receipts=0.8))
        assert result.violations == [], seed
        done += result.counts
    wanted = {
        "receipt: on paper", "receipt: on the phone", "receipt: the power goes", "printer: paper-ends", "printer: unplugged"
    }  # fmt: skip
    assert wanted <= done.keys()
