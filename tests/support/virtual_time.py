"""An asyncio loop whose time is virtual: waiting costs nothing, and order is the same at every run.

    assert run_virtual(coroutine()) == result      # `loop.time()` starts at 0 and jumps to the next timer

The executor runs inline, so code that hands blocking work to a thread stays deterministic.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

T = TypeVar("T")


class InlineExecutor(Executor):
    """Runs what it is given at once, in the caller's thread."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class Deadlock(RuntimeError):
    """Nothing is ready and no timer is set: the coroutine under test would wait for ever."""


class VirtualLoop(asyncio.BaseEventLoop):
    """Time moves only when nothing is left to do, straight to the next timer."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self._now

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:
        return asyncio.wrap_future(InlineExecutor().submit(func, *args), loop=self)

    def _run_once(self) -> None:
        self._drop_cancelled_timers()
        if not self._ready and not self._stopping:
            if not self._scheduled:
                raise Deadlock("everything waits and no timer is set")
            self._now = max(self._now, self._scheduled[0]._when)
        while self._scheduled and self._scheduled[0]._when <= self._now + self._clock_resolution:
            timer = heapq.heappop(self._scheduled)
            timer._scheduled = False
            self._ready.append(timer)
        for _ in range(len(self._ready)):
            handle = self._ready.popleft()
            if not handle._cancelled:
                handle._run()

    def _drop_cancelled_timers(self) -> None:
        while self._scheduled and self._scheduled[0]._cancelled:
            self._timer_cancelled_count -= 1
            heapq.heappop(self._scheduled)._scheduled = False

    def _process_events(self, event_list: Any) -> None:
        """There is no selector: everything arrives by call_soon."""

    def _write_to_self(self) -> None:
        """No other thread wakes this loop."""


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end in virtual time, like `asyncio.run`."""
    loop = VirtualLoop()
    previous = asyncio._get_running_loop()
    assert previous is None
    try:
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(main)
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(_settle(loop))
        asyncio.set_event_loop(None)
        loop.close()


async def _settle(loop: asyncio.AbstractEventLoop) -> None:
    tasks = [task for task in asyncio.all_tasks(loop) if task is not asyncio.current_task()]
    if tasks:
        await asyncio.gather(*tasks, return_exceptions=True)
