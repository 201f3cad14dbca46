"""What a call of a till costs, step by step, and many of them at once; beside an interpreter that does nothing."""

from __future__ import annotations

import contextlib
import json
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from processes import BENCH, Command, MeasuringError, children_s, medians_s, running_s
from support.programs import PROGRAMS, Ports

BASE = "python -c pass"
BALANCE = "atm -g"
AT_ONCE = 100
_ACCOUNT = "bench"
_ATM = str(PROGRAMS / "atm")
_PASS = Command.python("pass")
#: Of runs a round: they are short, and differ by little.
_TURNS = 4


@dataclass(frozen=True)
class Crowd:
    """Processes that were started together. `processor_s`: of all of them."""

    wall_s: float
    processor_s: float


@dataclass(frozen=True)
class Measured:
    """Medians. `spent_s`, `steps_s`: processor seconds of whole processes, and of a call's steps. `bank_s`: the bank's for a call."""

    spent_s: dict[str, float]
    steps_s: dict[str, float]
    bank_s: float
    wall_s: float
    base_wall_s: float
    crowd: Crowd
    base_crowd: Crowd


def measure(directory: Path, rounds: int) -> Measured:
    """Raises MeasuringError where a program does not do its part."""
    turns = rounds * _TURNS
    directory.mkdir()
    with contextlib.chdir(directory), _bank() as (bank, port):
        line = (_ATM, "-p", str(port), "-a", _ACCOUNT)
        balance = Command((*line, "-g"))
        _crowd(Command((*line, "-n", "1000.00")), 1)
        spent_s = medians_s({BASE: _PASS, BALANCE: balance}, turns)
        steps_s = _steps_s(port, turns)
        before_s = running_s([bank])
        walls_s = [_crowd(balance, 1).wall_s for _ in range(turns)]
        bank_s = (running_s([bank]) - before_s) / turns
        base_walls_s = [_crowd(_PASS, 1).wall_s for _ in range(turns)]
        return Measured(
            spent_s=spent_s,
            steps_s=steps_s,
            bank_s=bank_s,
            wall_s=statistics.median(walls_s),
            base_wall_s=statistics.median(base_walls_s),
            crowd=_crowd(balance, AT_ONCE),
            base_crowd=_crowd(_PASS, AT_ONCE),
        )


def _steps_s(port: int, turns: int) -> dict[str, float]:
    line = (sys.executable, str(BENCH / "till_steps.py"), str(port), _ACCOUNT)
    runs = [json.loads(subprocess.run(line, stdout=subprocess.PIPE, check=True).stdout) for _ in range(turns)]
    return {step: statistics.median(run[step] for run in runs) for step in runs[0]}


@contextlib.contextmanager
def _bank() -> Iterator[tuple[int, int]]:
    """The process and the port of a bank for tills whose books are in memory; its auth file is in the current directory."""
    ports = Ports(1)
    line = [str(PROGRAMS / "bank"), "-p", str(ports.numbers[0])]
    with subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as bank:
        try:
            assert bank.stdout is not None
            if bank.stdout.readline() != b"created\n":
                raise MeasuringError(f"the bank for tills has ended with {bank.wait()}")
            yield bank.pid, ports.numbers[0]
        finally:
            bank.send_signal(signal.SIGTERM)
            said, _ = bank.communicate(timeout=60)
            ports.release()
    if bank.returncode or b"balance" not in said:
        raise MeasuringError(f"the bank for tills has ended with {bank.returncode}")


def _crowd(command: Command, count: int) -> Crowd:
    """So many at once, up to the end of the last. Raises MeasuringError where one fails."""
    before_s, begun = children_s(), time.monotonic()
    processes = [
        subprocess.Popen(command.line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) for _ in range(count)
    ]
    codes = [process.wait() for process in processes]
    if any(codes):
        raise MeasuringError(f"{_named(command.line)} ended with {max(codes, key=abs)}")
    return Crowd(time.monotonic() - begun, children_s() - before_s)


def _named(line: Sequence[str]) -> str:
    return " ".join((Path(line[0]).name, *line[1:]))
