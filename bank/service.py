"""The bank as a running process: its listeners and workers start and end together, and one that dies ends all."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Protocol

from bank.keys.errors import KeyRingError
from bank.listener import ServiceError
from bank.store.errors import StoreError

#: Sentences for a person; of anything else the log keeps the stack, and the person gets its name.
_TOLD = (ServiceError, StoreError, KeyRingError)


class Part(Protocol):
    """A door of the service: a `Listener`, or the control socket."""

    name: str

    async def start(self) -> None:
        """Open. Raises ServiceError."""

    def tasks(self) -> list[asyncio.Task[None]]:
        """What must not end while it is open."""

    async def stop(self, *, grace_s: float) -> None:
        """Close; what was asked is answered within `grace_s`."""


class Notifier:
    """systemd's notification socket (sd_notify); without one it is silent."""

    def __init__(self, address: str = "", *, watchdog_s: float = 0.0) -> None:
        self._address = address
        self.watchdog_s = watchdog_s

    @classmethod
    def of(cls, environment: Mapping[str, str], *, pid: int | None = None) -> Notifier:
        """As NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID in `environment` say."""
        watchdog_us = environment.get("WATCHDOG_USEC", "")
        ours = environment.get("WATCHDOG_PID", "") in {"", str(pid or os.getpid())}
        watchdog_s = int(watchdog_us) / 1e6 if watchdog_us.isdecimal() and ours else 0.0
        return cls(environment.get("NOTIFY_SOCKET", ""), watchdog_s=watchdog_s)

    def say(self, state: str) -> None:
        """`state` is one of sd_notify's: READY=1, WATCHDOG=1, STOPPING=1, STATUS=…"""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        # A supervisor that is gone is no reason to stop.
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line,
        ):
            line.setblocking(False)
            line.sendto(state.encode(), address)


class Service:
    """Add doors and workers, then `run`, or `start` … `stop`.

    `probe` is awaited every few seconds (half the watchdog's time): while it answers, systemd's watchdog is fed; where
    it raises, the service ends with its sentence.
    """

    def __init__(
        self,
        *,
        notifier: Notifier,
        probe: Callable[[], Awaitable[object]] | None = None,
        probe_s: float = 5.0,
        grace_s: float = 5.0,
    ) -> None:
        self.ready = asyncio.Event()
        self._notifier = notifier
        self._probe = probe
        self._probe_s = notifier.watchdog_s / 2 or probe_s
        self._grace_s = grace_s
        self._doors: list[Part] = []
        self._open: list[Part] = []
        self._workers: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {}
        self._tasks: dict[asyncio.Task[None], str] = {}
        self._ending = asyncio.Event()
        self._failure: Exception | None = None

    def open(self, door: Part) -> None:
        """A listener or control socket, opened in this order, once the workers run."""
        self._doors.append(door)

    def work(self, name: str, worker: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """A task that runs as long as the service; `name` is for the sentence where it ends before."""
        self._workers[name] = worker

    async def start(self) -> None:
        """Raises ServiceError; then nothing is left open."""
        loop = asyncio.get_running_loop()
        for name, worker in self._workers.items():
            self._supervise(loop.create_task(worker(), name=name), name)
        self._supervise(loop.create_task(self._heartbeat(), name="heartbeat"), "the heartbeat")
        try:
            for door in self._doors:
                await door.start()
                self._open.append(door)
                for task in door.tasks():
                    self._supervise(task, door.name)
        except BaseException:
            await self.stop()
            raise
        self.ready.set()
        self._notifier.say("READY=1")

    async def stop(self) -> None:
        """Close the doors, let the workers finish what was asked, end them. May be called twice."""
        self._notifier.say("STOPPING=1")
        self.ready.clear()
        self._ending.set()
        doors, self._open = self._open, []
        await asyncio.gather(*(door.stop(grace_s=self._grace_s) for door in doors))
        tasks, self._tasks = list(self._tasks), {}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def request_stop(self) -> None:
        """End in good order; also what SIGTERM and SIGINT do."""
        self._ending.set()

    def fail(self, error: Exception) -> None:
        """The service cannot go on: `run` raises this, as one sentence."""
        self._failure = self._failure or error
        self._ending.set()

    async def run(self) -> None:
        """Serve until a signal. Raises ServiceError where it could not start, or where a part of it died."""
        with self._signals():
            await self.start()
            try:
                await self._ending.wait()
            finally:
                await self.stop()
        if self._failure is not None:
            raise ServiceError(str(self._failure)) from self._failure

    @contextlib.contextmanager
    def _signals(self) -> Any:
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGTERM, signal.SIGINT)
        for number in numbers:
            loop.add_signal_handler(number, self.request_stop)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    async def _heartbeat(self) -> None:
        while True:
            if self._probe is not None:
                await self._probe()
            if self._notifier.watchdog_s:
                self._notifier.say("WATCHDOG=1")
            await asyncio.sleep(self._probe_s)

    def _supervise(self, task: asyncio.Task[None], name: str) -> None:
        self._tasks[task] = name
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        name = self._tasks.pop(task, None)
        if name is None or task.cancelled():
            return
        error = task.exception()
        if isinstance(error, _TOLD):
            self.fail(error)
            return
        if error is not None:
            logging.getLogger("bank.service").error("%s died", name, exc_info=error)
        what = f"died of {type(error).__name__}; the log says where" if error else "ended, which it never should"
        self.fail(ServiceError(f"the bank stops because its part {name!r} {what}"))
