"""The headphone jack: plugs that scrape, contacts that are loose or stuck, both ways of wiring."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from support.virtual_time import run_virtual

from drivers.devices import DeviceError, DeviceState, Fault
from drivers.gpio import Board, InputWiring
from drivers.jack import HOLD_S, GpioJack
from drivers.simulated.jack import ElectricJack
from drivers.simulated.pins import SimulatedPins

PIN = 3
both_ways = pytest.mark.parametrize("active_high", [True, False], ids=["opens", "closes"])


class Rig:
    """A jack on its pin, and what was heard of it, with times."""

    def __init__(self, active_high: bool = True) -> None:
        self.pins = SimulatedPins()
        self.board = Board(self.pins)
        wiring = InputWiring(pin=PIN, active_high=active_high)
        self.hand = ElectricJack(self.pins, wiring)
        self.jack = GpioJack(self.board, wiring)
        self.heard: list[tuple[float, bool]] = []
        self.jack.listen(lambda plugged: self.heard.append((asyncio.get_running_loop().time(), plugged)))


def told(story: Callable[[Rig], Coroutine[Any, Any, None]], active_high: bool = True) -> Rig:
    rigs: list[Rig] = []

    async def whole() -> None:
        rigs.append(Rig(active_high))
        await story(rigs[0])
        rigs[0].jack.close()

    run_virtual(whole())
    return rigs[0]


@both_ways
def test_a_plug_is_told_once_in_and_once_out(active_high: bool) -> None:
    """However the contact scrapes: one "in" when it has held, one "out" with the first edge."""

    async def story(rig: Rig) -> None:
        rig.jack.open()
        assert not rig.jack.plugged
        rig.hand.plug()
        await asyncio.sleep(5)
        assert rig.jack.plugged
        rig.hand.unplug()
        await asyncio.sleep(5)
        assert not rig.jack.plugged

    heard = told(story, active_high).heard
    assert [plugged for _, plugged in heard] == [True, False]
    assert HOLD_S <= heard[0][0] < HOLD_S + 0.1
    assert heard[1][0] == pytest.approx(5)


def test_a_loose_contact_is_no_coming_and_going() -> None:
    """A plug that is wriggled in is told when it has come to rest, not each time it touches."""

    async def story(rig: Rig) -> None:
        rig.jack.open()
        rig.hand.fault_once("loose-contact")
        rig.hand.plug()
        await asyncio.sleep(10)

    heard = told(story).heard
    assert [plugged for _, plugged in heard] == [True]
    assert heard[0][0] > 0.7 + HOLD_S


def test_a_plug_that_is_pulled_while_it_goes_in_was_never_in() -> None:
    """Nobody is spoken to who has gone already."""

    async def story(rig: Rig) -> None:
        rig.jack.open()
        rig.hand.plug()
        await asyncio.sleep(HOLD_S / 2)
        rig.hand.unplug()
        await asyncio.sleep(5)

    assert told(story).heard == []


@both_ways
def test_headphones_that_are_in_at_the_start_are_known(active_high: bool) -> None:
    """After a restart the customer is not asked to plug them in again."""

    async def story(rig: Rig) -> None:
        rig.hand.plug()
        await asyncio.sleep(1)
        rig.jack.open()
        rig.jack.open()
        assert rig.jack.plugged
        assert "plugged" in repr(rig.jack)

    told(story, active_high)


def test_a_stuck_contact_hears_no_plug() -> None:
    """The fault menu's other entry: no plug, no speech, no error either, since nothing can tell it apart."""

    async def story(rig: Rig) -> None:
        rig.jack.open()
        rig.hand.fault_once("stuck-contact")
        rig.hand.plug()
        await asyncio.sleep(1)
        assert not rig.jack.plugged
        assert rig.jack.report.state is DeviceState.ONLINE

    assert told(story).heard == []


def test_a_closed_jack_hears_nothing_and_says_that_it_is_closed() -> None:
    """Closing twice is closing once; the pin is free for another use afterwards."""

    async def story(rig: Rig) -> None:
        assert rig.jack.report.state is DeviceState.OFFLINE
        rig.jack.open()
        rig.hand.plug()
        rig.jack.close()
        rig.jack.close()
        await asyncio.sleep(5)
        assert rig.jack.report.state is DeviceState.OFFLINE
        rig.board.input(InputWiring(pin=PIN), "something else").close()

    assert told(story).heard == []


def test_a_pin_that_is_taken_is_one_sentence() -> None:
    """Two uses of one pin are refused with both their names, and the jack stays closed."""

    async def story(rig: Rig) -> None:
        other = rig.board.input(InputWiring(pin=PIN), "the exit sensor")
        with pytest.raises(
            DeviceError, match=r"GPIO3 is wired twice, to the exit sensor and the headphone jack"
        ) as error:
            rig.jack.open()
        assert error.value.fault is Fault.CONFIG
        assert rig.jack.report.state is DeviceState.OFFLINE
        other.close()

    told(story)
