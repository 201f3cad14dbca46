"""Many seeds on all cores: worker processes that take one plan after another, and what came of all of them together."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import time
import warnings
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Self

from simulation.reached import Collector
from simulation.run import Plan, Result, simulate
from simulation.shrink import Shrunk, shrink

#: A run that has not ended after so many seconds of real time never will.
LIMIT_S = 300
#: A worker makes room for a new one after so many tasks, so that no leak of the code under test can fill the memory.
TASKS_OF_ONE_WORKER = 50


@dataclass(frozen=True)
class Task:
    """What a worker does: run a plan, with its lines watched or not; or shrink the plan, which is known to fail."""

    plan: Plan
    watched: bool = False
    shrinks: bool = False


@dataclass(frozen=True)
class Done:
    """What came of a task. `cpu_s`: the processor's time that it took."""

    task: Task
    violations: tuple[str, ...]
    counts: Counter[str]
    cpu_s: float = 0.0
    shrunk: Shrunk | None = None


@dataclass
class Tally:
    """What came of all plans that were run so far."""

    seeds: int = 0
    watched: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    failed: dict[Plan, tuple[str, ...]] = field(default_factory=dict)
    cpu_s: float = 0.0
    _plain_visits: int = 0
    _plain_cpu_s: float = 0.0

    @property
    def visits(self) -> int:
        return self.counts["visits"]

    @property
    def visits_a_second(self) -> float:
        """On one core: by the processor's time of the seeds whose lines nobody watched."""
        return self._plain_visits / self._plain_cpu_s if self._plain_cpu_s else 0.0

    @property
    def crashes(self) -> int:
        return sum(count for name, count in self.counts.items() if name.startswith("crash: "))

    def add(self, done: Done) -> None:
        self.seeds += 1
        self.watched += done.task.watched
        self.counts.update(done.counts)
        self.cpu_s += done.cpu_s
        if not done.task.watched:
            self._plain_visits += done.counts["visits"]
            self._plain_cpu_s += done.cpu_s
        if done.violations:
            self.failed[done.task.plan] = done.violations


# ── In a worker ─────────────────────────────────────────────────────────────────────────────────────────────────────


def tried(plan: Plan, *, keep_history: bool = False) -> Result:
    """`simulate`; where the simulator itself breaks, a result that says so."""
    try:
        with warnings.catch_warnings():
            # Of machines that went off: nobody awaits any more what they were about to do.
            warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
            return simulate(plan, keep_history=keep_history)
    except Exception as error:
        sentence = f"the simulator broke: {type(error).__name__}: {error}"
        return Result(plan, [sentence], Counter(), [sentence], "", 0.0, 0)


def perform(task: Task, collector: Collector | None) -> Done:
    """The task, here and now."""
    began = time.process_time()
    with collector.watching() if task.watched and collector is not None else nullcontext():
        result = tried(task.plan)
    shrunk = shrink(result, run=tried) if task.shrinks and result.failed else None
    return Done(task, tuple(result.violations), result.counts, time.process_time() - began, shrunk)


def _work(pipe: Connection, folder: str) -> None:
    """One task after another, for as long as there is somebody to give it one."""
    # Ctrl-C is for the parent, which ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # What is left behind goes with the parent's folder.
    tempfile.tempdir = folder
    collector = Collector(Path(folder))
    parent = os.getppid()
    while os.getppid() == parent:
        if pipe.poll(5):
            pipe.send(perform(pipe.recv(), collector))


# ── The crew ────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Worker:
    """One process, at most one task. It takes no thread: a worker that dies takes only its own task with it."""

    def __init__(self, folder: Path) -> None:
        # Forked where that is possible: the code is imported once, and a defect applied in memory is in it too.
        methods = multiprocessing.get_all_start_methods()
        context = multiprocessing.get_context("fork" if "fork" in methods else "spawn")
        self._pipe, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(target=_work, args=(theirs, str(folder)), daemon=True)  # type: ignore[attr-defined]  # every context has it
        self._process.start()
        theirs.close()
        self.task: Task | None = None
        self.tasks = 0
        self._until = 0.0

    @property
    def signals(self) -> list[Connection | int]:
        """What becomes ready when this worker is done, or dead."""
        return [self._pipe, self._process.sentinel]

    @property
    def late(self) -> bool:
        return self.task is not None and time.monotonic() > self._until

    def give(self, task: Task, limit_s: float) -> None:
        self.task = task
        self.tasks += 1
        self._until = time.monotonic() + limit_s * (10 if task.shrinks else 1)
        self._pipe.send(task)

    def take(self) -> Done | None:
        """What came of the task: None while it is under way. A worker that died has failed."""
        assert self.task is not None
        task = self.task
        try:
            if self._pipe.poll():
                self.task = None
                done: Done = self._pipe.recv()
                return done
        except (EOFError, ConnectionResetError):
            return self._lost(task, "ended")
        if self.late:
            return self._lost(task, "had not ended in time and was killed")
        return None if self._process.is_alive() or self._pipe.poll() else self._lost(task, "ended")

    def _lost(self, task: Task, how: str) -> Done:
        self.close()
        self.task = None
        sentence = f"the process that ran it {how} (exit code {self._process.exitcode})"
        return Done(task, (sentence,), Counter())

    @property
    def usable(self) -> bool:
        return self._process.is_alive() and self.tasks < TASKS_OF_ONE_WORKER

    def close(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()


class Crew:
    """So many workers. `folder`: theirs for all that is temporary, and for the lines that they saw."""

    def __init__(self, jobs: int, folder: Path, *, limit_s: float = LIMIT_S) -> None:
        self._folder, self._jobs, self._limit_s = folder, jobs, limit_s
        self._workers: list[_Worker] = []
        self._first: deque[Task] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.close()

    def add(self, task: Task) -> None:
        """A task that is done before those of `run` that are still to come."""
        self._first.append(task)

    def run(self, tasks: Iterator[Task]) -> Iterator[Done]:
        """What came of each of the tasks, and of those that were added meanwhile, as they end."""
        while True:
            self._hand_out(tasks)
            busy = [worker for worker in self._workers if worker.task is not None]
            if not busy:
                return
            wait([each for worker in busy for each in worker.signals], timeout=1)
            for worker in busy:
                if (done := worker.take()) is not None:
                    yield done

    def _hand_out(self, tasks: Iterator[Task]) -> None:
        idle = self._jobs - sum(worker.task is not None for worker in self._workers)
        for _ in range(idle):
            task = self._first.popleft() if self._first else next(tasks, None)
            if task is None:
                return
            self._idle_worker().give(task, self._limit_s)

    def _idle_worker(self) -> _Worker:
        for worker in [worker for worker in self._workers if worker.task is None]:
            if worker.usable:
                return worker
            self._workers.remove(worker)
            worker.close()
        self._workers.append(_Worker(self._folder))
        return self._workers[-1]
