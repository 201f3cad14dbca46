"""What child processes cost: the processor time of a command, up to its end or to something that it prints, and at rest."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parents[1]


class MeasuringError(Exception):
    """A measured program did not do its part; `str()` is one sentence."""


@dataclass(frozen=True)
class Command:
    """A command line; with `until`, only up to the moment when it has printed that."""

    line: Sequence[str]
    until: bytes = b""

    @classmethod
    def python(cls, code: str) -> Command:
        return cls((sys.executable, "-c", code))


def environment() -> dict[str, str]:
    """Children find the sources and the tests' helpers; the sources first, since folders of tests have their names."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "tests", BENCH)))}


def spent_s(command: Command) -> float:
    """Processor seconds of one run. Raises MeasuringError where it fails, or never prints what it should."""
    before = children_s()
    with subprocess.Popen(
        command.line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        said = _read(process, command.until)
        if command.until in said and command.until:
            process.kill()
        elif process.wait() or command.until:
            raise MeasuringError(f"{' '.join(command.line)} ended with {process.wait()}: {said.decode()[-500:]}")
    return children_s() - before


def _read(process: subprocess.Popen[bytes], until: bytes) -> bytes:
    """What it has printed when `until` was there, or at its end."""
    assert process.stdout is not None
    said = b""
    while not until or until not in said:
        part = os.read(process.stdout.fileno(), 65_536)
        if not part:
            break
        said += part
    return said


def children_s() -> float:
    """Processor seconds of all children that have ended and were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def medians_s(commands: Mapping[str, Command], rounds: int) -> dict[str, float]:
    """Each command's median, all of them in turn so that a busy minute falls on every one; one more run before fills caches."""
    spent: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(rounds + 1):
        for name, command in commands.items():
            seconds = spent_s(command)
            if turn:
                spent[name].append(seconds)
    return {name: statistics.median(found) for name, found in spent.items()}


@dataclass(frozen=True)
class Share:
    """Of one core. A second in which the machine was busy otherwise costs everybody more: the median leaves it out."""

    mean: float
    median: float


def shares_of_a_core(processes: Mapping[str, Sequence[int]], seconds: int) -> dict[str, Share]:
    """What each running program (the ids of its processes) uses, watched over the same seconds, one by one."""
    spent: dict[str, list[float]] = {name: [] for name in processes}
    for _ in range(seconds):
        before = {name: running_s(ids) for name, ids in processes.items()}
        begun = time.monotonic()
        time.sleep(1)
        took = time.monotonic() - begun
        for name, ids in processes.items():
            spent[name].append((running_s(ids) - before[name]) / took)
    return {name: Share(statistics.fmean(found), statistics.median(found)) for name, found in spent.items()}


def running_s(processes: Sequence[int]) -> float:
    """Processor seconds of all their threads so far, to the nanosecond."""
    tasks = [task for process in processes for task in Path(f"/proc/{process}/task").glob("*/schedstat")]
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


@dataclass(frozen=True)
class Memory:
    """Bytes. `resident` counts a page once a process that has it, `proportional` once in all."""

    resident: int
    proportional: int


def memory(processes: Sequence[int]) -> Memory:
    """Of running processes together."""
    sums = {"Rss": 0, "Pss": 0}
    for process in processes:
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            name, _, value = line.partition(":")
            if name in sums:
                sums[name] += int(value.split()[0]) * 1024
    return Memory(sums["Rss"], sums["Pss"])
