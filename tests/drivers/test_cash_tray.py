"""The cash tray on its pins: notes that come and go, hands that flicker, a retract, and each fault of sensor and motor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from support.dispenser_rig import WIRING
from support.virtual_time import run_virtual

from drivers.cash_tray import CashTrayWiring, GpioCashTray
from drivers.devices import DeviceError, DeviceState, Fault
from drivers.dispenser import GpioDispenser
from drivers.gpio import Board, InputWiring, OutputWiring
from drivers.simulated.cash_tray import ElectricCashTray
from drivers.simulated.dispenser import ElectricDispenser
from drivers.simulated.pins import SimulatedPins

SENSOR, MOTOR = 2, 3


class Rig:
    """A dispenser above its tray."""

    def __init__(self, active_high: bool) -> None:
        self.pins = SimulatedPins()
        self.device = ElectricDispenser(self.pins, WIRING)
        self.device.load("A", 10)
        tray = CashTrayWiring(
            sensor=InputWiring(pin=SENSOR, active_high=active_high),
            retract=OutputWiring(pin=MOTOR, active_high=active_high),
        )
        self.hand = ElectricCashTray(self.pins, tray, self.device)
        board = Board(self.pins)
        self.dispenser = GpioDispenser(board, WIRING)
        self.tray = GpioCashTray(board, tray)
        self.heard = 0
        self.tray.listen(self._hear)
        self.active = active_high

    def _hear(self) -> None:
        self.heard += 1

    @property
    def motor_on(self) -> bool:
        return self.pins.level(MOTOR) == self.active

    async def pay(self, notes: int) -> None:
        for _ in range(notes):
            await self.dispenser.pick("A")
        await asyncio.sleep(1)


both_levels = pytest.mark.parametrize("active_high", [True, False], ids=["high", "low"])


def tray(story: Callable[[Rig], Coroutine[Any, Any, None]], *, active_high: bool = True) -> None:
    async def whole() -> None:
        rig = Rig(active_high)
        rig.dispenser.open()
        rig.tray.open()
        await story(rig)
        rig.tray.close()
        rig.dispenser.close()
        assert not rig.motor_on
        assert rig.pins.shorts == []
        assert rig.device.physical["A"].total == 10

    run_virtual(whole())


@both_levels
def test_notes_that_come_and_are_taken_are_seen(active_high: bool) -> None:
    """Each is told once; what was seen is remembered until the tray is made ready for the next."""

    async def story(rig: Rig) -> None:
        await rig.tray.ready()
        assert not rig.tray.present
        assert not rig.tray.seen
        await rig.pay(2)
        assert rig.tray.present
        assert rig.tray.seen
        assert rig.heard == 1
        waiting = asyncio.create_task(rig.tray.removed())
        await asyncio.sleep(5)
        assert not waiting.done()
        rig.device.take_cash()
        await asyncio.wait_for(waiting, 2)
        assert not rig.tray.present
        assert rig.tray.seen
        await rig.tray.ready()
        assert not rig.tray.seen

    tray(story, active_high=active_high)


@both_levels
def test_what_is_left_is_moved_into_the_reject_bin(active_high: bool) -> None:
    """The motor runs for its time and stands; all of it is in the bin, nothing with the customer."""

    async def story(rig: Rig) -> None:
        await rig.pay(3)
        moving = asyncio.create_task(rig.tray.retract())
        await asyncio.sleep(0.1)
        assert rig.motor_on
        await moving
        assert not rig.motor_on
        place = rig.device.physical["A"]
        assert (place.tray, place.taken, place.reject) == (0, 0, 3)
        assert rig.tray.report.state is DeviceState.ONLINE
        await rig.tray.ready()

    tray(story, active_high=active_high)


def test_a_hand_that_flickers_over_the_sensor_is_no_taking() -> None:
    """Covered and clear for moments only: the notes lie there still."""

    async def story(rig: Rig) -> None:
        await rig.pay(1)
        for _ in range(10):
            rig.hand.set_fault("sensor-stuck-clear")
            await asyncio.sleep(0.1)
            rig.hand.set_fault("sensor-stuck-clear", on=False)
            await asyncio.sleep(0.1)
        assert rig.tray.present
        assert rig.heard == 1

    tray(story)


def test_a_motor_that_does_not_turn_is_told_and_stays_a_fault_until_a_hand_ends_it() -> None:
    """The notes are in reach of the next one: the machine must know."""

    async def story(rig: Rig) -> None:
        rig.hand.set_fault("retract-dead")
        await rig.pay(1)
        with pytest.raises(DeviceError) as caught:
            await rig.tray.retract()
        assert caught.value.fault is Fault.JAM
        assert "take them out" in str(caught.value)
        assert not rig.motor_on
        assert rig.tray.report.state is DeviceState.HARDWARE_ERROR
        rig.device.take_cash()
        await asyncio.sleep(1)
        assert rig.tray.report.state is DeviceState.ONLINE

    tray(story)


def test_nothing_is_paid_into_a_tray_that_something_lies_in() -> None:
    """`ready` says so; a blind sensor has seen nothing, and says that too."""

    async def story(rig: Rig) -> None:
        await rig.pay(1)
        with pytest.raises(DeviceError) as caught:
            await rig.tray.ready()
        assert caught.value.fault is Fault.SENSOR
        rig.device.take_cash()
        await asyncio.sleep(1)
        rig.hand.set_fault("sensor-stuck-clear")
        await rig.tray.ready()
        await rig.pay(1)
        assert not rig.tray.present
        assert not rig.tray.seen

    tray(story)


def test_a_retract_that_is_broken_off_leaves_the_motor_off() -> None:
    """Whatever ends it."""

    async def story(rig: Rig) -> None:
        await rig.pay(1)
        moving = asyncio.create_task(rig.tray.retract())
        await asyncio.sleep(0.1)
        assert rig.motor_on
        moving.cancel()
        await asyncio.gather(moving, return_exceptions=True)
        assert not rig.motor_on
        rig.device.take_cash()
        await asyncio.sleep(1)

    tray(story)


def test_a_tray_that_is_not_open_says_so() -> None:
    """And so does one whose motor would run without a program."""

    async def story() -> None:
        pins = SimulatedPins()
        sensor, motor = InputWiring(pin=SENSOR), OutputWiring(pin=MOTOR)
        closed = GpioCashTray(Board(pins), CashTrayWiring(sensor=sensor, retract=motor))
        assert closed.report.state is DeviceState.OFFLINE
        for doing in (closed.ready(), closed.retract()):
            with pytest.raises(DeviceError) as caught:
                await doing
            assert caught.value.fault is Fault.UNPLUGGED
        with pytest.raises(DeviceError, match="off where it is safe"):
            GpioCashTray(
                Board(pins), CashTrayWiring(sensor=sensor, retract=OutputWiring(pin=MOTOR, safe_on=True))
            )  # fmt: skip

    run_virtual(story())
