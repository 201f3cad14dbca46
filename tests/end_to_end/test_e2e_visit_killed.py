"""A person's visit at the simulated machine, played from a scenario file, and killed in the middle of it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from support.at_once import at_once
from support.real_processes import Done, RealBank
from support.real_reckoning import Expected, Lane, expected

from drivers.simulated.card_slot import CardSlot

#: A busy machine takes its time for so many processes.
pytestmark = pytest.mark.timeout(400)

AMOUNT = 30
#: The cassettes that its notes come out of, in their order.
PLAN = ("middle", "bottom")

SCENARIO = """
title = "A withdrawal of 30 dollars"
steps = [
    {{ expect = "welcome", within_s = 60 }},
    {{ insert = "{card}" }},
    {{ expect = "pin" }},
    {{ pin = "{card}" }},
    {{ expect = "menu" }},
    {{ keys = "1" }},
    {{ expect = "cash" }},
    {{ touch = "other" }},
    {{ expect = "cash.other" }},
    {{ keys = "30 D" }},
    {{ expect = "cash.mix" }},
    {{ touch = "fewest" }},
    {{ expect = "cash.receipt" }},
    {{ touch = "no" }},
    {{ expect = "take.card" }},
    {{ take_card = true }},
    {{ expect = "take.cash" }},
    {{ expect_notes = {{ middle = 1, bottom = 1 }} }},
    {{ take_cash = true }},
    {{ expect = "welcome" }},
]
"""


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[RealBank]:
    with RealBank.found(tmp_path / "bank", logs=tmp_path / "logs") as bank:
        yield bank


def _play(lane: Lane, scenario: Path, trace: Path, *probe: str) -> Done:
    line = ["support.journal_probe", "--trace", str(trace), *probe]
    return lane.kiosk.run(
        "simulate", "--quiet", "--scenario", str(scenario), "--card", str(lane.card.file), probe=line
    )  # fmt: skip


def _killed(lane: Lane, scenario: Path, when: str, record: str) -> None:
    before = lane.state()
    trace = lane.folder / f"{when}-{record.replace(':', '-')}.trace"
    done = _play(lane, scenario, trace, "--kill", when, "--at", record)
    assert done.killed, (record, done)
    # A card that is in stays in; the customer pulls it out of the dead machine.
    CardSlot(lane.kiosk.directory / "slot").pull()
    written = trace.read_text(encoding="utf-8").splitlines()
    lane.crash_is_over(before, expected(written, when, PLAN), (when, record, written))


def _visit(bank: RealBank, folder: Path, kill: tuple[str, str] | None) -> None:
    lane = Lane(bank, folder)
    scenario = folder / "visit.toml"
    scenario.write_text(SCENARIO.format(card=lane.card.file.stem))
    if kill is not None:
        _killed(lane, scenario, *kill)
        assert lane.plan(AMOUNT) == PLAN
        return
    before = lane.state()
    done = _play(lane, scenario, folder / "whole.trace")
    assert done.code == 0, done
    assert "as the file says" in done.out
    lane.crash_is_over(before, Expected(given=PLAN, counted=PLAN), "nothing happened to it")


def test_sigkill_within_a_persons_visit(bank: RealBank, tmp_path: Path) -> None:
    """Undisturbed it goes as its file says; killed in the middle of it, the next start puts it right."""
    kills = None, ("after", "held"), ("before", "answered:release"), ("after", f"note-moved:{PLAN[0]}")
    at_once(*(partial(_visit, bank, tmp_path / str(number), kill) for number, kill in enumerate(kills)))
    bank.sound()
