"""Lamps as electricity: what a person standing before the machine sees of them, and has seen."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import ClassVar

from drivers.indicators import LampWiring
from drivers.simulated.faults import FaultMenu
from drivers.simulated.pins import SimulatedPins

REMEMBERED = 1000


class ElectricLamps(FaultMenu):
    """Lamps behind their pins. `changed` is called with name and state at each change, for a picture of the machine."""

    faults: ClassVar[Mapping[str, str]] = {"dark": "The lamps have no current and stay dark."}

    def __init__(
        self,
        pins: SimulatedPins,
        wiring: tuple[LampWiring, ...],
        *,
        changed: Callable[[str, bool], None] = lambda name, lit: None,  # noqa: ARG005 - a listener that does not listen
    ) -> None:
        super().__init__()
        self.lit = {lamp.name: False for lamp in wiring}
        self.history: deque[tuple[float, str, bool]] = deque(maxlen=REMEMBERED)
        self._changed = changed
        for lamp in wiring:
            pins.resistor(lamp.output.pin, not lamp.output.active_high)
            pins.watch(lamp.output.pin, partial(self._turned, lamp))

    def __repr__(self) -> str:
        return f"<simulated lamps, lit: {', '.join(name for name, lit in self.lit.items() if lit) or 'none'}>"

    def _turned(self, lamp: LampWiring, level: bool) -> None:
        lit = level == lamp.output.active_high and not self._has("dark")
        if lit == self.lit[lamp.name]:
            return
        self.lit[lamp.name] = lit
        self.history.append((asyncio.get_running_loop().time(), lamp.name, lit))
        self._changed(lamp.name, lit)
