"""Visits a second that one bank process serves over mutual TLS, beside answers that do nothing."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from processes import BENCH, MeasuringError, environment
from support.hall import Hall
from visit_bank import Counts
from visit_machines import Place, Work, run

from bank.commands import requests as r
from bank_link.enrolment_string import fingerprint
from bank_link.keys import signing_public
from bank_link.seams import SystemClock, SystemRandomness

CLIENTS = 2
MESSAGES = 5  # of a visit


@dataclass(frozen=True)
class Served:
    """What so many terminals together got out of the bank. `…_s`: the bank's processor seconds for one.

    `shared`: messages decided in one commit, on average. `steps`: shares of the processor time of a visit.
    """

    terminals: int
    visits_a_second: float
    answers_a_second: float
    visit_s: float
    answer_s: float
    shared: float
    steps: dict[str, float]

    @property
    def messages_a_second(self) -> float:
        return self.visits_a_second * MESSAGES

    @property
    def message_s(self) -> float:
        return self.visit_s / MESSAGES


class RealHall(Hall):
    """A bank's hall in real time."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.clock: Any = SystemClock()
        self.random: Any = SystemRandomness()

    async def places(self, count: int) -> list[Place]:
        """So many enrolled and confirmed terminals, each with a card and an account of its own."""
        await self.found()
        await self.open()
        try:
            return [await self._place() for _ in range(count)]
        finally:
            await self.close()

    async def _place(self) -> Place:
        identity = (await self.machine(confirm=False)).identity
        shown = fingerprint(signing_public(identity.signing_key))
        await self.do(r.TerminalConfirm, terminal=identity.terminal, fingerprint=shown)
        return Place(identity, await self.card(opening="1000000"))


class BankProcess:
    """`visit_bank.py` in a process of its own."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.ports: list[int] = msgspec.json.decode(self._line(), type=list[int])

    def counts(self) -> Counts:
        """What it has done so far."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()
        return msgspec.json.decode(self._line(), type=Counts)

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise MeasuringError(f"the measured bank has ended with code {self._process.wait()}")
        return line


@contextlib.contextmanager
def bank_process(directory: Path) -> Iterator[BankProcess]:
    """Raises MeasuringError where it ends with anything but right books."""
    command = [sys.executable, str(BENCH / "visit_bank.py"), str(directory)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()) as process:
        yield BankProcess(process)
        assert process.stdin is not None
        process.stdin.close()
        if code := process.wait(timeout=60):
            raise MeasuringError(f"the measured bank has ended with code {code}")


def measure(bank: BankProcess, places: Sequence[Place], seconds: float) -> Served:
    """All of `places` at once, from client processes, for `seconds` each kind of work."""
    context = multiprocessing.get_context("spawn")
    shares = [places[first::CLIENTS] for first in range(min(CLIENTS, len(places)))]
    gate, told = context.Barrier(len(shares) + 1, timeout=120), context.Queue()
    works = [Work(share, bank.ports[0], bank.ports[1], seconds) for share in shares]
    clients = [context.Process(target=run, args=(work, gate, told), daemon=True) for work in works]
    for client in clients:
        client.start()
    visits, visit_counts = _phase(bank, gate, told, len(shares))
    answers, answer_counts = _phase(bank, gate, told, len(shares))
    for client in clients:
        client.join()
    return Served(
        terminals=len(places),
        visits_a_second=sum(done / took for done, took in visits),
        answers_a_second=sum(done / took for done, took in answers),
        visit_s=visit_counts.processor_s / sum(done for done, _ in visits),
        answer_s=answer_counts.processor_s / sum(done for done, _ in answers),
        shared=visit_counts.decided / visit_counts.commits,
        steps={step: spent / visit_counts.processor_s for step, spent in visit_counts.steps_s.items()},
    )


def _phase(bank: BankProcess, gate: Any, told: Any, clients: int) -> tuple[list[tuple[int, float]], Counts]:
    """What each client did in how long, and what the bank did meanwhile."""
    try:
        gate.wait()  # all are ready
        before = bank.counts()
        gate.wait()  # all begin
    except threading.BrokenBarrierError:
        before = Counts()  # a client has failed, and says why
    done = [_result(told.get(timeout=120)) for _ in range(clients)]
    return done, bank.counts().since(before)


def _result(told: tuple[int, float] | str) -> tuple[int, float]:
    if isinstance(told, str):
        raise MeasuringError(f"a measuring client failed: {told}")
    return told


def visits(directory: Path, terminals: Sequence[int], seconds: float) -> Iterator[Served]:
    """A row for each number of terminals; the bank is founded in `directory`."""
    # Each terminal is used once: one that began again with an empty journal would rightly be suspended.
    places = iter(asyncio.run(RealHall(directory).places(sum(terminals))))
    for count in terminals:
        with bank_process(directory) as bank:
            yield measure(bank, list(itertools.islice(places, count)), seconds)


def durable_appends_a_second(directory: Path, seconds: float = 1.0) -> float:
    """What the disk does without a bank: 4 KiB more in a file, and the file synced."""
    done, begun = 0, time.monotonic()
    with (directory / "appends").open("wb", buffering=0) as file:
        while time.monotonic() - begun < seconds:
            file.write(bytes(4_096))
            os.fdatasync(file.fileno())
            done += 1
    return done / seconds
