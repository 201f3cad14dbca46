"""The plug of a simulated kiosk: out, whatever is under way, and in again."""

from __future__ import annotations

import asyncio

from kiosk.exit_codes import code_of
from kiosk.simulator.simulation import Simulation


class Power:
    """`why`: what kept the machine from starting when the power last came; "" where it started."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._turning = asyncio.Lock()
        self.why = ""

    async def cut(self) -> None:
        async with self._turning:
            await self._simulation.power_cut()
            self.why = ""

    async def restore(self) -> None:
        """Start the machine, unless it runs. What keeps it from that stands in `why`, and the power is off again."""
        async with self._turning:
            if self._simulation.powered:
                return
            try:
                await self._simulation.start()
                self.why = ""
            except Exception as error:
                await self._simulation.power_cut()
                if code_of(error) is None:
                    raise
                self.why = str(error)
