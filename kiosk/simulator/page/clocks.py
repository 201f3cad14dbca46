"""The clocks of a kiosk and of its bank, moved forward together; certificates stay with this computer's own."""

from __future__ import annotations

from pathlib import Path

from bank_link.control_socket import ControlError, call
from kiosk.exit_codes import CommandError
from kiosk.simulator.simulation import Simulation

MINUTE_MS = 60_000


class Clocks:
    """`bank`: the control socket of a bank whose clock can be moved."""

    def __init__(self, simulation: Simulation, bank: Path) -> None:
        self._simulation = simulation
        self._bank = bank

    async def forward(self, minutes: int) -> str:
        """How far ahead they are then. Raises CommandError, CommandRefused."""
        # With a message under way, the kiosk could not tell the bank's jump from a line that took so long.
        async with self._simulation.pause.quiet():
            try:
                wanted = {"by": "the page", "by_ms": minutes * MINUTE_MS}
                moved = await call(self._bank, "clock-forward", wanted, program="bank")
            except ControlError as error:
                raise CommandError(str(error)) from error
            # What the bank says, so that a move whose answer was lost is made up for by the next.
            self._simulation.clock.forward_to(int(moved["ahead_ms"]))
        return self.ahead

    @property
    def ahead(self) -> str:
        """For a person: "1 h 10 min ahead"; "" where they were never moved."""
        minutes = self._simulation.clock.ahead_ms // MINUTE_MS
        days, hours, left = minutes // 1440, minutes // 60 % 24, minutes % 60
        parts = [f"{count} {unit}" for count, unit in ((days, "d"), (hours, "h"), (left, "min")) if count]
        return f"{' '.join(parts)} ahead" if parts else ""
