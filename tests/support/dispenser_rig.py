"""A GPIO dispenser and the mechanism behind its pins, put together for a test."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from drivers.devices import Pick
from drivers.dispenser import CassetteWiring, DispenserTimings, DispenserWiring, GpioDispenser
from drivers.gpio import Board, InputWiring, OutputWiring
from drivers.simulated.dispenser import ElectricDispenser
from drivers.simulated.pins import SimulatedPins

WIRING = DispenserWiring(
    cassettes=(
        CassetteWiring(name="A", motor=OutputWiring(pin=17), empty_sensor=InputWiring(pin=22)),
        CassetteWiring(name="B", motor=OutputWiring(pin=27, active_high=False)),
    ),
    exit_sensor=InputWiring(pin=23),
    reject_sensor=InputWiring(pin=24, active_high=True),
    diverter=OutputWiring(pin=25),
)


@dataclass
class Totals:
    """What the driver has said so far."""

    dispensed: int = 0
    surplus: int = 0
    rejected: int = 0
    in_doubt: int = 0

    def add(self, pick: Pick) -> None:
        self.dispensed += pick.dispensed
        self.surplus += pick.surplus
        self.rejected += pick.rejected
        self.in_doubt += pick.in_doubt


class DispenserRig:
    """Driver and mechanism on one set of pins, with ten notes a cassette, and the books kept of both."""

    def __init__(self, wiring: DispenserWiring = WIRING, timings: DispenserTimings | None = None) -> None:
        self.pins = SimulatedPins()
        self.device = ElectricDispenser(self.pins, wiring)
        self.board = Board(self.pins)
        self.driver = GpioDispenser(self.board, wiring, timings)
        self.said = Totals()
        for cassette in self.driver.cassettes:
            self.device.load(cassette, 10)
        self.driver.open()

    async def pick(self, cassette: str = "A") -> Pick:
        """One pick; whatever it came to, the motors are off, all notes are somewhere and no more is said than is out."""
        try:
            pick = await self.driver.pick(cassette)
        finally:
            assert self.device.motors_on == ()
        self.said.add(pick)
        await self.settle()
        self.check()
        return pick

    async def settle(self) -> None:
        """Let whatever still moves by its own weight come to rest."""
        await asyncio.sleep(1)

    @property
    def out(self) -> int:
        """Notes that are physically on the customer's side."""
        return sum(place.customer for place in self.device.physical.values())

    def check(self) -> None:
        said = self.said
        assert said.dispensed <= self.out, "a note was counted that is not out"
        assert self.out <= said.dispensed + said.surplus + said.in_doubt, "a note is out that nobody spoke of"
        assert self.pins.shorts == []
        assert sum(place.total for place in self.device.physical.values()) == 20
