"""The simulated world: one loop of virtual time, machines whose power can go off between any two effects, and chance.

A machine's tasks, callbacks and timers carry its `Power` in their context. When the power is off none of them runs any
more, not even a `finally` block: that is what a power cut is. What is no machine (notes, customers, the line) has no
power to lose. Everything that happens comes from one seed, and is told to the history in its order.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import hashlib
import heapq
import itertools
import random
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Executor, Future
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeVar

from simulation.disk import PowerCut

T = TypeVar("T")

EPOCH_MS = 1_790_000_000_000


class Power:
    """One machine from a start to its end. `effect` is asked before everything that the world outside could see."""

    def __init__(self, world: World, name: str, ended: Callable[[str], None]) -> None:
        self.name = name
        self.alive = True
        self.effects = 0
        self.cut_at: int | None = None
        self.cut_how = "power cut"
        self._world = world
        self._ended = ended
        self.context = copy_context()
        self.context.run(POWER.set, self)

    def effect(self, what: str) -> None:
        """Raises PowerCut where the power goes off right now, or is off."""
        if not self.alive:
            raise PowerCut(self.name)
        self.effects += 1
        if self.cut_at is not None and self.effects >= self.cut_at:
            self.off(f"{self.cut_how} at {what}")
            raise PowerCut(self.name)

    def off(self, why: str) -> None:
        """From now on nothing of this machine happens."""
        if self.alive:
            self.alive = False
            self._world.tell(self.name, why)
            self._world.nature(self._ended, why)

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """A task of this machine."""
        return self._world.loop.create_task(work, context=self.context.copy())

    def run(self, call: Callable[..., T], *args: Any) -> T:
        """`call` as this machine, now."""
        return self.context.copy().run(call, *args)


POWER: ContextVar[Power | None] = ContextVar("power", default=None)


class _Step:
    """As much of asyncio's handles as anybody asks of them, timers' too: there are hundreds in a visit."""

    __slots__ = ("_when", "args", "callback", "context", "dropped")

    def __init__(self, callback: Any, args: Any, context: Context | None, when: float = 0.0) -> None:
        self.context = copy_context() if context is None else context
        self.callback, self.args, self.dropped, self._when = callback, args, False, when

    def cancel(self) -> None:
        self.dropped, self.callback, self.args = True, None, ()

    def cancelled(self) -> bool:
        return self.dropped

    def when(self) -> float:
        return self._when


class SimLoop(asyncio.BaseEventLoop):
    """Virtual time; what belongs to a machine that is off is not run."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._timers: list[tuple[float, int, _Step]] = []
        self._order = itertools.count()
        self._clock_resolution = 1e-9
        self.steps = 0
        self.graves: list[_Step] = []

    #: False, said without a step of Python: asyncio's futures and tasks ask it, each once.
    get_debug = bool  # type: ignore[assignment]

    def time(self) -> float:
        return self._now

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:
        return asyncio.wrap_future(executor.submit(func, *args), loop=self)

    def call_soon(self, callback: Any, *args: Any, context: Context | None = None) -> Any:
        handle = _Step(callback, args, context)
        self._ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon

    def call_later(self, delay: float, callback: Any, *args: Any, context: Context | None = None) -> Any:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(self, when: float, callback: Any, *args: Any, context: Context | None = None) -> Any:
        """As asyncio's, in a heap of tuples: comparing its handles would be Python's work.

        One that is cancelled stays in the heap until its time.
        """
        timer = _Step(callback, args, context, when)
        heapq.heappush(self._timers, (when, next(self._order), timer))
        return timer

    def _run_once(self) -> None:
        timers, ready = self._timers, self._ready
        while timers and timers[0][2].dropped:
            heapq.heappop(timers)
        if not ready and not self._stopping:
            if not timers:
                raise RuntimeError("everything waits and no timer is set")
            self._now = max(self._now, timers[0][0])
        horizon = self._now + 1e-9
        while timers and timers[0][0] <= horizon:
            ready.append(heapq.heappop(timers)[2])
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle.dropped:
                continue
            power = handle.context.get(POWER)
            if power is None or power.alive:
                self.steps += 1
                try:
                    handle.context.run(handle.callback, *handle.args)
                except (SystemExit, KeyboardInterrupt):
                    raise
                except BaseException as error:
                    self.call_exception_handler({"message": "a step failed", "exception": error})
            else:
                # Kept: what is thrown away runs its `finally` blocks, and the dead do nothing.
                self.graves.append(handle)

    def _process_events(self, event_list: Any) -> None:
        """There is no selector: everything arrives by call_soon."""

    def _write_to_self(self) -> None:
        """No other thread wakes this loop."""


class Chance(random.Random):
    """A stream of chance of its own: what one part draws does not move what another one gets."""

    def __init__(self, *seed: object) -> None:
        super().__init__(hashlib.sha256(repr(seed).encode()).digest())

    def strikes(self, probability: float) -> bool:
        """One draw in any case: what is switched off does not move what comes after it."""
        return self.random() < probability

    def token_bytes(self, count: int) -> bytes:
        """`bank_link.seams.Randomness`."""
        return self.randbytes(count)


class SlowExecutor(Executor):
    """One thread as the world sees it: each call takes its time, and others get their turn meanwhile."""

    def __init__(self, world: World, chance: Chance, power: Power, most_ms: float) -> None:
        self._world = world
        self._chance = chance
        self._power = power
        self._free_at = 0.0
        self.most_ms = most_ms

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: Future[T] = Future()
        self._later(future, functools.partial(fn, *args, **kwargs))
        return future

    def _later(self, future: Any, call: Callable[[], Any]) -> None:
        loop = self._world.loop
        self._free_at = max(self._free_at, loop.time()) + self._chance.random() * self.most_ms / 1000
        loop.call_at(self._free_at, self._do, future, call, context=self._power.context.copy())

    @staticmethod
    def _do(future: Any, call: Callable[[], Any]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = call()
        except PowerCut:
            raise
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)


class StoreThread(SlowExecutor):
    """The thread of a bank's store, which cancels nothing: its promises need no lock."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Any:
        promise = _Promise()
        self._later(promise, functools.partial(fn, *args, **kwargs))
        return promise


class _Promise:
    """As much of a concurrent Future as the store asks of one."""

    __slots__ = ("_error", "_listener", "_result")

    def add_done_callback(self, listener: Callable[[Any], None]) -> None:
        self._listener = listener

    def set_running_or_notify_cancel(self) -> bool:
        return True

    def set_result(self, result: Any) -> None:
        self._result, self._error = result, None
        self._listener(self)

    def set_exception(self, error: BaseException) -> None:
        self._error = error
        self._listener(self)

    def result(self) -> Any:
        return self._result

    def exception(self) -> BaseException | None:
        return self._error


class World:
    """Time, chance, and the history of what happened."""

    def __init__(self, seed: int, *, keep_history: bool = False) -> None:
        self.seed = seed
        self.loop = SimLoop()
        self.loop.set_exception_handler(self._unhandled)
        self.counts: Counter[str] = Counter()
        self.history: list[str] = []
        self.errors: list[str] = []
        self._keep = keep_history
        self._digest = hashlib.sha256()
        self._nature = copy_context()

    def chance(self, *of: object) -> Chance:
        return Chance(self.seed, *of)

    @property
    def now(self) -> float:
        return self.loop.time()

    def tell(self, who: str, what: str) -> None:
        """One line of the history."""
        line = f"{self.now:14.6f}  {who:<12} {what}"
        self._digest.update(line.encode() + b"\n")
        if self._keep:
            self.history.append(line)

    def count(self, event: str, by: int = 1) -> None:
        """An event of the list of those that must be reached."""
        self.counts[event] += by

    @property
    def digest(self) -> str:
        """The history as one number: equal for equal histories."""
        return self._digest.hexdigest()

    # ── Who does it ─────────────────────────────────────────────────────────────────────────────────────────────────

    def nature(self, call: Callable[..., Any], *args: Any) -> None:
        """Soon, and as nobody: no power cut reaches it."""
        self.loop.call_soon(call, *args, context=self._nature.copy())

    def as_nature(self, call: Callable[..., T], *args: Any, **options: Any) -> T:
        """Now, and as nobody."""
        return self._nature.copy().run(call, *args, **options)

    def later(self, seconds: float, call: Callable[..., Any], *args: Any) -> asyncio.TimerHandle:
        return self.loop.call_later(seconds, call, *args, context=self._nature.copy())

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        return self.loop.create_task(work, context=self._nature.copy())

    # ── Running ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """`main` to its end. What is left over of dead machines is thrown away without a word."""
        asyncio.set_event_loop(self.loop)
        try:
            return self.loop.run_until_complete(main)
        finally:
            asyncio.set_event_loop(None)
            self._bury()

    def _bury(self) -> None:
        """Tasks of machines that went off never end; asyncio would say so of each."""
        for task in asyncio.all_tasks(self.loop):
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # the dead are not missed
        self.loop.set_exception_handler(lambda *_: None)
        self.loop.graves.clear()
        self.loop._ready.clear()
        self.loop._timers.clear()

    def _unhandled(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What nobody waits for and nobody catches: an error of the code under test, unless its power went off."""
        error = context.get("exception")
        if isinstance(error, PowerCut):
            return
        text = f"{context.get('message')}: {type(error).__name__}: {error}"
        if error is not None or "never retrieved" in text:
            self.errors.append(text)
            self.tell("loop", text)


@functools.cache
def _freeze() -> None:
    """What is there before the first world stays: no collection needs to look at it again."""
    gc.collect()
    gc.freeze()


@contextlib.contextmanager
def graveyard() -> Iterator[None]:
    """What is thrown away inside was left behind by machines that went off: what Python says of it is of no use.

    Nothing is thrown away before the end: a coroutine that is runs its `finally` blocks.
    """
    _freeze()
    before, sys.unraisablehook = sys.unraisablehook, lambda _: None
    gc.disable()
    try:
        yield
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            gc.collect()
    finally:
        gc.enable()
        sys.unraisablehook = before


class WorldClock:
    """Wall time as the world's time after a fixed beginning; `jump_ms` is how far it was set wrong."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.jump_ms = 0

    def now_ms(self) -> int:
        return EPOCH_MS + int(self._world.loop.time() * 1000) + self.jump_ms
