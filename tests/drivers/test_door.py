"""The door's switch: doors that open and shut, blows against the cabinet, and wires that break."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from support.virtual_time import run_virtual

from drivers.devices import DeviceState
from drivers.door import CLOSED_S, OPEN_S, GpioDoor
from drivers.gpio import Board, InputWiring
from drivers.simulated.door import ElectricDoor
from drivers.simulated.pins import SimulatedPins

PIN = 3
both_ways = pytest.mark.parametrize("active_high", [True, False], ids=["opens", "closes"])


class Rig:
    """A door on its pin, and what was heard of it, with times."""

    def __init__(self, active_high: bool = True) -> None:
        self.pins = SimulatedPins()
        wiring = InputWiring(pin=PIN, active_high=active_high)
        self.hand = ElectricDoor(self.pins, wiring)
        self.door = GpioDoor(Board(self.pins), wiring, name="safe door")
        self.heard: list[tuple[float, bool]] = []
        self.door.listen(lambda is_open: self.heard.append((asyncio.get_running_loop().time(), is_open)))


def told(story: Callable[[Rig], Coroutine[Any, Any, None]], active_high: bool = True) -> Rig:
    rigs: list[Rig] = []

    async def whole() -> None:
        rigs.append(Rig(active_high))
        await story(rigs[0])
        rigs[0].door.close()

    run_virtual(whole())
    return rigs[0]


@both_ways
def test_a_door_is_told_once_open_and_once_closed(active_high: bool) -> None:
    """However the contact bounces: open almost at once, closed when it has come to rest."""

    async def story(rig: Rig) -> None:
        rig.door.open()
        assert not rig.door.is_open
        rig.hand.open()
        await asyncio.sleep(5)
        assert rig.door.is_open
        assert "is open" in rig.door.report.sentence
        rig.hand.shut()
        await asyncio.sleep(5)
        assert not rig.door.is_open
        assert rig.door.report.sentence == ""

    heard = told(story, active_high).heard
    assert [is_open for _, is_open in heard] == [True, False]
    assert OPEN_S <= heard[0][0] < OPEN_S + 0.1
    assert 5 + CLOSED_S <= heard[1][0] < 5 + CLOSED_S + 0.1


def test_a_blow_against_the_cabinet_opens_nothing() -> None:
    """The machine does not close because somebody leans on it."""

    async def story(rig: Rig) -> None:
        rig.door.open()
        rig.hand.fault_once("blow")
        await asyncio.sleep(5)

    assert told(story).heard == []


def test_a_door_that_is_shut_and_opened_again_at_once_was_open_all_along() -> None:
    """It is not called closed before it has come to rest."""

    async def story(rig: Rig) -> None:
        rig.door.open()
        rig.hand.open()
        await asyncio.sleep(1)
        rig.hand.shut()
        await asyncio.sleep(CLOSED_S / 2)
        rig.hand.open()
        await asyncio.sleep(5)

    assert [is_open for _, is_open in told(story).heard] == [True]


@both_ways
def test_a_broken_wire_reads_open(active_high: bool) -> None:
    """Who cuts the wire has not made the door closed."""

    async def story(rig: Rig) -> None:
        rig.door.open()
        rig.hand.set_fault("broken-wire")
        await asyncio.sleep(1)
        assert rig.door.is_open

    told(story, active_high)


def test_a_stuck_switch_hears_nothing() -> None:
    """Nothing on the pin can tell it apart from a door that is closed."""

    async def story(rig: Rig) -> None:
        rig.door.open()
        rig.hand.set_fault("stuck-closed")
        rig.hand.open()
        await asyncio.sleep(5)

    assert told(story).heard == []


@both_ways
def test_a_door_that_is_open_at_the_start_is_known(active_high: bool) -> None:
    """After a restart the machine does not believe that it is closed; closing twice is nothing."""

    async def story(rig: Rig) -> None:
        assert rig.door.report.state is DeviceState.OFFLINE
        rig.hand.open()
        await asyncio.sleep(1)
        rig.door.open()
        rig.door.open()
        assert rig.door.is_open
        assert "open" in repr(rig.door)
        rig.door.close()

    told(story, active_high)
