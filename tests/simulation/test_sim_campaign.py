"""A few hundred short seeds must be clean; and what runs, repeats, shrinks and reports them can be relied on."""

from __future__ import annotations

import os
import shlex
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulation import simulate as program
from simulation.campaign import Done, Tally, Task, tried
from simulation.model import Model
from simulation.reached import LEAST, NOT_EVENTS, FileReached, events
from simulation.report import WIDTH, Report, picture, text, write
from simulation.run import Plan, Result, simulate
from simulation.shrink import kind_of, least, shrink
from simulation.weather import Weather
from simulation.world import Chance

ROOT = Path(__file__).resolve().parents[2]
SEEDS, CHUNK, VISITS = 125, 5, 6
#: Seeds that are known to fail, each with the reason why it may wait.
KNOWN: dict[int, str] = {}


@pytest.mark.parametrize("first", range(1, SEEDS + 1, CHUNK))
def test_short_seeds_are_clean(first: int) -> None:
    """Whatever goes wrong, cash and books agree in the end, and everything has ended."""
    seeds = [seed for seed in range(first, first + CHUNK) if seed not in KNOWN]
    failed = [result for seed in seeds if (result := simulate(Plan(seed, VISITS))).failed]
    assert not failed, [(program.command(result.plan), result.violations) for result in failed]


# ── Repeating ───────────────────────────────────────────────────────────────────────────────────────────────────────


def run(*arguments: str, hash_seed: str = "random", script: str = "") -> subprocess.CompletedProcess[str]:
    """The program in a process of its own; `script`: code that stands in its place."""
    begin = f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'tests')!r}]\n"
    code = ["-c", begin + script] if script else ["tests/simulation/simulate.py"]
    return subprocess.run(
        [sys.executable, *code, *arguments], cwd=ROOT, env=os.environ | {"PYTHONHASHSEED": hash_seed},
        capture_output=True, text=True, check=False, timeout=110,
    )  # fmt: skip


def test_a_seed_has_one_history() -> None:
    """The same seed gives byte for byte the same history, in another process and under another hash seed."""
    seed = next(seed for seed in range(1, 100) if len(weather_of(seed)) > 20)
    stories = [run("--seed", str(seed), "--visits", "8", hash_seed=hashed).stdout for hashed in ("1", "2")]
    assert stories[0] == stories[1]
    history = simulate(Plan(seed, 8), keep_history=True).history
    assert len(history) > 10
    shown = stories[0].partition("What happened\n")[2].splitlines()[: len(history)]
    assert [line.split()[-3:] for line in shown] == [line.split()[-3:] for line in history]


def weather_of(seed: int) -> dict[str, float]:
    return Weather.drawn(Chance(seed, "weather")).on()


def test_a_story_says_what_was_and_what_became_of_it() -> None:
    """One seed is told from its weather to the verdict, each payment with what was given, debited and told."""
    told = run("--seed", "1", "--visits", "4", "--only", "nothing")
    assert told.returncode == 0, told.stdout
    assert "Nothing goes wrong in this seed" in told.stdout
    assert "60 notes of $50" in told.stdout
    assert "is yours" in told.stdout
    assert told.stderr == ""


def test_a_fault_that_the_seed_has_not_is_refused_with_a_sentence() -> None:
    """A mistyped fault is named, beside those that there are; it is never taken for none."""
    told = run("--seed", "1", "--only", "line.lots")
    assert told.returncode == 1
    assert "has no line.lots" in told.stderr
    assert "Traceback" not in told.stderr


# ── Shrinking ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def planted() -> Iterator[str]:
    """A defect that shows wherever a customer cancels; the fault that it takes."""
    ended = Model.ended

    async def ended_badly(model: Model) -> None:
        await ended(model)
        if times := model._world.counts["customer: cancels"]:
            model.wrong(f"planted: somebody cancelled {times} times")

    with patch.object(Model, "ended", ended_badly):
        yield "manners.cancels"


def test_the_shrinker_finds_the_fault_that_matters(planted: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Of all that goes wrong in a failing seed, what it takes to fail is left; the printed command repeats it."""
    stormy = (seed for seed in range(1, 1000) if weather_of(seed).get(planted, 0) > 0.08 and len(weather_of(seed)) > 9)
    failing = next(result for seed in stormy if (result := simulate(Plan(seed, 8))).failed)
    shrunk = shrink(failing)
    assert shrunk.faults == (planted,)
    assert shrunk.plan.visits < 8
    assert shrunk.result.history
    lines = program.shortest(failing.plan.seed, shrunk)
    capsys.readouterr()
    words = shlex.split(lines[-1].partition("repeat: ")[2])
    assert program.main(words[words.index("tests/simulation/simulate.py") + 1 :]) == 1
    assert shrunk.result.violations[0] in capsys.readouterr().out


@given(st.sets(st.integers(0, 19), max_size=4))
def test_the_least_is_found_where_each_fault_is_needed_or_not(needed: set[int]) -> None:
    """Where a failure takes certain faults together, exactly those are found."""
    names = tuple(f"fault {number:02}" for number in range(20))
    takes = {names[number] for number in needed}
    assert set(least(names, lambda on: takes <= set(on))) == takes


def result_of(plan: Plan, *violations: str, weather: Sequence[str] = ("a", "b", "c", "d")) -> Result:
    on = {name: 1.0 for name in weather if name not in plan.without}
    return Result(plan, list(violations), Counter(), [], "", 0.0, 0, on)


def test_the_shrinker_keeps_to_its_limit_and_to_the_kind_of_failure() -> None:
    """It runs no more often than it may, and does not take another failure for the one it was given."""
    ran: list[Plan] = []

    def runs(plan: Plan, *, keep_history: bool = False) -> Result:
        ran.append(plan)
        on = set("abcd") - set(plan.without)
        wrong = ["T1: 70 too much"] if {"b", "c"} <= on else ["the bank ended"] if "d" in on else []
        return result_of(plan, *wrong)

    shrunk = shrink(result_of(Plan(1, 8), "T2: 9000 too much"), run=runs)
    assert (shrunk.faults, shrunk.plan.visits) == (("b", "c"), 1)
    assert shrunk.runs == len(ran)
    ran.clear()
    assert shrink(result_of(Plan(1, 8), "T2: 9000 too much"), run=runs, most_runs=3).result.failed
    assert len(ran) <= 3


def test_two_seeds_with_one_cause_are_of_one_kind() -> None:
    """Figures, amounts and names of payments do not make another kind of failure."""
    one, other = "('T1', 1, 12): -2000 more given than debited", "('T2', 3, 4): 70 more given than debited"
    assert kind_of(one) == kind_of(other) != kind_of("hold 7 is still held")


# ── Many ────────────────────────────────────────────────────────────────────────────────────────────────────────────

PLANTED = """
from simulation import simulate
from simulation.model import Model

async def ended(model):
    model.wrong("planted in all")

Model.ended = ended
sys.exit(simulate.main(["--seeds", "2", "--visits", "2", "--jobs", "2", "--shrink", "1"]))
"""


def test_a_failing_seed_is_printed_with_its_shortest_history_and_the_command() -> None:
    """Whoever runs many seeds learns which failed, of what, the shortest way there, and how to see it again."""
    told = run(script=PLANTED)
    assert told.returncode == 1
    assert "SEED 1 FAILED" in told.stdout
    assert "SEED 2 FAILED" in told.stdout
    assert told.stdout.count("planted in all") == 2 + 2
    assert told.stdout.count("the shortest that fails") == 1
    assert "--visits 1 --only nothing" in told.stdout
    assert "2 failed" in told.stdout.splitlines()[-1]
    assert told.stderr == ""


LOST = """
import os, tempfile
from collections import Counter
from pathlib import Path
from simulation import campaign
from simulation.run import Plan, Result

def simulate(plan, *, keep_history=False):
    if plan.seed == 1:
        os._exit(9)
    while plan.seed == 2:
        pass
    if plan.seed == 3:
        raise ValueError("not so")
    return Result(plan, [], Counter(visits=1), [], "", 0.0, 0)

campaign.simulate = simulate
with tempfile.TemporaryDirectory() as folder, campaign.Crew(2, Path(folder), limit_s=3) as crew:
    tasks = (campaign.Task(Plan(seed)) for seed in range(1, 7))
    for done in sorted(crew.run(tasks), key=lambda done: done.task.plan.seed):
        print(done.task.plan.seed, *done.violations)
"""


def test_a_seed_that_takes_its_process_with_it_has_failed() -> None:
    """A run that dies, hangs or breaks the simulator is a failure of that seed; the others are run all the same."""
    told = run(script=LOST)
    assert told.stdout.splitlines() == [
        "1 the process that ran it ended (exit code 9)",
        "2 the process that ran it had not ended in time and was killed (exit code -9)",
        "3 the simulator broke: ValueError: not so",
        "4", "5", "6",
    ], told.stderr  # fmt: skip


# ── The report ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_campaign_leaves_its_report(tmp_path: Path) -> None:
    """Text and picture of what was reached; nothing was counted that is not known, and lines were watched."""
    size = ("--visits-total", "12", "--visits", "3", "--jobs", "2", "--watch-every", "2")
    told = run("--campaign", *size, "--report", str(tmp_path))
    assert told.returncode == 0, told.stdout + told.stderr
    written = (tmp_path / "report.txt").read_text()
    assert written.startswith("No seed failed")
    assert [event for event in events() if f"  {event}\n" not in written] == []
    assert "bank/ledger/write.py" in written
    assert "   0 of" not in next(line for line in written.splitlines() if line.endswith("kiosk/journal/store.py"))
    assert size_of(tmp_path / "report.png")[0] == WIDTH


def size_of(png: Path) -> tuple[int, int]:
    data = png.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    return width, height


@pytest.fixture
def report() -> Report:
    tally = Tally()
    counts = Counter({event: 10 ** (number % 5) for number, event in enumerate(events())})
    tally.add(Done(Task(Plan(1)), (), counts + Counter(visits=24), cpu_s=2.0))
    tally.add(Done(Task(Plan(2), watched=True), ("money is gone",), Counter(visits=24), cpu_s=9.0))
    reached = [FileReached("bank/ledger/read.py", 20, (3, 5, 6, 7), 6, ((1, 5), (2, 4)))]
    return Report(tally, events(), reached, 60.0, 2)


def test_the_report_says_what_was_not_reached(report: Report) -> None:
    """Rare events, lines that never ran and seeds that failed stand in the report; speed is that of unwatched seeds."""
    told = text(report)
    assert "1 seed failed: 2" in told
    assert "money is gone" in told
    assert "12.0  visits a second on one core" in told
    assert "bank/ledger/read.py: 3, 5-7\n" in told
    assert "bank/ledger/read.py, branches: 2→4\n" in told
    for event in events():
        assert (f"! {report.tally.counts[event]:>9,}  {event}\n" in told) == (report.tally.counts[event] < LEAST)


def test_the_picture_is_as_large_as_what_it_shows(report: Report, tmp_path: Path) -> None:
    """The PNG opens, has the width that is promised, and grows with the rows."""
    write(report, tmp_path)
    drawn = picture(report)
    assert size_of(tmp_path / "report.png") == drawn.get_size()
    assert drawn.get_width() == WIDTH
    file = report.reached[0]
    longer = replace(report, reached=[replace(file, path=f"bank/ledger/{number}.py") for number in range(99)])
    assert picture(longer).get_height() > drawn.get_height()
    assert len({tuple(drawn.get_at((x, 300))) for x in range(WIDTH)}) > 2


def test_all_that_is_counted_is_on_the_list_or_no_event() -> None:
    """What a savage seed counts is known: an event to reach, the consequence of one, or how far the run came."""
    seed = max(range(1, 60), key=lambda seed: len(weather_of(seed)))
    counts = tried(Plan(seed, 12)).counts
    strange = [
        name for name in counts if name not in events() and not name.startswith((*NOT_EVENTS, "crash: ", "cut: "))
    ]
    assert strange == []
    assert len(events()) > 40
