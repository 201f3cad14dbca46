"""The lamps: each at its rate, none ever faster than three flashes a second."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.virtual_time import run_virtual

from drivers.devices import DeviceError, DeviceState, Light
from drivers.gpio import Board, OutputWiring
from drivers.indicators import GpioIndicators, LampWiring
from drivers.simulated.indicators import ElectricLamps
from drivers.simulated.pins import SimulatedPins

WIRING = (
    LampWiring(name="card", output=OutputWiring(pin=7)),
    LampWiring(name="cash", output=OutputWiring(pin=8, active_high=False)),
)


class LampRig:
    def __init__(self) -> None:
        self.pins = SimulatedPins()
        self.seen = ElectricLamps(self.pins, WIRING)
        self.driver = GpioIndicators(Board(self.pins), WIRING)
        self.driver.open()

    def changes(self, name: str) -> list[tuple[float, bool]]:
        return [(round(at, 3), lit) for at, lamp, lit in self.seen.history if lamp == name]


@pytest.mark.parametrize(("light", "half_s"), [(Light.SLOW, 1.0), (Light.MEDIUM, 0.5), (Light.QUICK, 0.25)])
@pytest.mark.parametrize("lamp", ["card", "cash"])
def test_a_lamp_flashes_at_its_rate(lamp: str, light: Light, half_s: float) -> None:
    """Lit at once, then dark and lit by turns, whichever its active level."""

    async def go() -> None:
        rig = LampRig()
        rig.driver.set(lamp, light)
        await asyncio.sleep(half_s * 3.5)
        assert rig.changes(lamp) == [(0, True), (half_s, False), (half_s * 2, True), (half_s * 3, False)]

    run_virtual(go())


def test_on_and_off_are_steady() -> None:
    """On stays on, off stays off, also after a flash."""

    async def go() -> None:
        rig = LampRig()
        rig.driver.set("card", Light.ON)
        await asyncio.sleep(10)
        rig.driver.set("card", Light.QUICK)
        await asyncio.sleep(0.3)
        rig.driver.set("card", Light.OFF)
        await asyncio.sleep(10)
        assert rig.changes("card") == [(0, True), (10.25, False)]

    run_virtual(go())


def test_setting_what_is_shown_already_changes_nothing() -> None:
    """A screen that asks for the same rate again and again does not disturb the flash."""

    async def go() -> None:
        rig = LampRig()
        for _ in range(99):
            rig.driver.set("cash", Light.SLOW)
            await asyncio.sleep(0.03)
        assert [at for at, _ in rig.changes("cash")] == [0, 1, 2]

    run_virtual(go())


def test_a_lamp_that_is_not_there_is_no_error() -> None:
    """The cabinet decides which lamps there are."""

    async def go() -> None:
        rig = LampRig()
        rig.driver.set("receipt", Light.ON)
        assert rig.driver.report.state is DeviceState.ONLINE

    run_virtual(go())


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(list(Light)), st.integers(0, 400)), max_size=60))
def test_no_order_of_settings_makes_more_than_three_flashes_a_second(plan: list[tuple[Light, int]]) -> None:
    """WCAG 2.3.1: in any one second a lamp lights up at most three times; and it ends as it was last told."""

    async def go() -> None:
        rig = LampRig()
        for light, wait_ms in plan:
            rig.driver.set("card", light)
            await asyncio.sleep(wait_ms / 1000)
        rig.driver.set("card", Light.ON)
        await asyncio.sleep(1)
        changes = rig.changes("card")
        for start, _ in changes:
            within = [lit for at, lit in changes if start <= at <= start + 1]
            assert len(within) <= 6
        assert rig.seen.lit["card"]

    run_virtual(go())


def test_closing_puts_the_lamps_out_and_may_be_done_twice() -> None:
    """Safe level at close, no flash afterwards, and it can be opened again."""

    async def go() -> None:
        rig = LampRig()
        rig.driver.set("card", Light.QUICK)
        rig.driver.set("cash", Light.ON)
        rig.driver.close()
        rig.driver.close()
        assert not any(rig.seen.lit.values())
        assert rig.driver.report.state is DeviceState.OFFLINE
        await asyncio.sleep(5)
        assert not any(rig.seen.lit.values())
        rig.driver.open()
        rig.driver.set("card", Light.ON)
        assert rig.seen.lit["card"]

    run_virtual(go())


def test_a_lamp_that_does_not_obey_is_reported_and_recovers() -> None:
    """A failing pin stops no visit: it is in the report, until it obeys again."""

    class Failing(SimulatedPins):
        broken = False

        def output(self, channel: int, value: int) -> None:
            if self.broken:
                raise RuntimeError("busy")
            super().output(channel, value)

    async def go() -> None:
        pins = Failing()
        driver = GpioIndicators(Board(pins), WIRING)
        driver.open()
        pins.broken = True
        driver.set("card", Light.MEDIUM)
        assert driver.report.state is DeviceState.HARDWARE_ERROR
        assert "the card lamp" in driver.report.sentence
        pins.broken = False
        await asyncio.sleep(2)
        assert driver.report.state is DeviceState.ONLINE

    run_virtual(go())


def test_lamps_of_the_same_name_are_refused() -> None:
    """Each lamp needs a name of its own."""
    with pytest.raises(DeviceError, match="different names"):
        GpioIndicators(Board(SimulatedPins()), (WIRING[0], WIRING[0]))


def test_a_lamp_without_current_stays_dark() -> None:
    """The fault menu's one fault: the pin says lit, nobody sees it."""

    async def go() -> None:
        rig = LampRig()
        rig.seen.set_fault("dark")
        rig.driver.set("card", Light.ON)
        assert not rig.seen.lit["card"]

    run_virtual(go())
