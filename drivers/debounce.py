"""When a level counts as changed: once it has held, by the times at which its edges were seen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edge:
    """An input went on or off, at a time of the loop's clock (seconds)."""

    on: bool
    at: float


class Debounce:
    """Lets a level through once it has held for `hold_s`.

    Judged by the edges' own times: a loop that comes round late neither loses a pulse nor makes one up.
    """

    def __init__(self, *, hold_s: float, on: bool, heard: Callable[[Edge], None]) -> None:
        self.on = on
        self._hold_s = hold_s
        self._heard = heard
        self._loop = asyncio.get_running_loop()
        self._pending: Edge | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def latest(self) -> bool:
        """The level last seen, held or not."""
        return self.on if self._pending is None else self._pending.on

    def seen(self, edge: Edge) -> None:
        self._settle(edge.at)
        self.cancel()
        if edge.on == self.on:
            return
        self._pending = edge
        if self._hold_s == 0:
            self._settle(edge.at)
        else:
            self._timer = self._loop.call_at(edge.at + self._hold_s, self._settle, edge.at + self._hold_s)

    def _settle(self, now: float) -> None:
        pending = self._pending
        if pending is None or now < pending.at + self._hold_s:
            return
        self.cancel()
        self.on = pending.on
        self._heard(pending)

    def cancel(self) -> None:
        self._pending = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
