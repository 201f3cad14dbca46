"""The simulated pins keep RPi.GPIO's promises, and behave as wires, resistors and switches do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from support.virtual_time import run_virtual

from drivers.simulated.faults import FaultMenu, UnknownFault
from drivers.simulated.pins import SimulatedPins


def ready() -> SimulatedPins:
    pins = SimulatedPins()
    pins.setmode(pins.BCM)
    return pins


@pytest.mark.parametrize(
    ("use", "error"),
    [
        (lambda pins: pins.setmode(pins.BOARD), ValueError),
        (lambda pins: pins.input(3), RuntimeError),
        (lambda pins: pins.output(3, 1), RuntimeError),
        (lambda pins: pins.setup(99, pins.IN), ValueError),
        (lambda pins: pins.setup(3, 7), ValueError),
        (lambda pins: pins.setup(3, pins.IN, initial=1), ValueError),
        (lambda pins: pins.setup(3, pins.OUT, pull_up_down=pins.PUD_UP), ValueError),
        (lambda pins: pins.add_event_detect(3, pins.BOTH), RuntimeError),
    ],
)
def test_what_rpi_gpio_refuses_is_refused(use: Callable[[SimulatedPins], None], error: type[Exception]) -> None:
    """A driver that misuses the module fails on the laptop already."""
    with pytest.raises(error):
        use(ready())


def test_nothing_works_before_the_numbering_is_chosen() -> None:
    """As with the module: first setmode."""
    with pytest.raises(RuntimeError, match="numbering mode"):
        SimulatedPins().setup(3, SimulatedPins.IN)


def test_output_to_an_input_is_refused() -> None:
    """Only an output can be driven."""
    pins = ready()
    pins.setup(3, pins.IN)
    with pytest.raises(RuntimeError, match="OUTPUT"):
        pins.output(3, 1)


def test_the_strongest_decides_the_level() -> None:
    """Driver before resistor, resistor before the board's pull, pull before nothing."""
    pins = ready()
    pins.setup(3, pins.IN)
    assert not pins.input(3)
    pins.setup(3, pins.IN, pull_up_down=pins.PUD_UP)
    assert pins.input(3)
    pins.resistor(3, level=False)
    assert not pins.input(3)
    pins.drive(3, level=True)
    assert pins.input(3)
    pins.drive(3, level=None)
    assert not pins.input(3)


def test_outputs_that_fight_are_noticed() -> None:
    """A net driven both ways is recorded as a short circuit."""
    pins = ready()
    pins.setup(3, pins.OUT, initial=1)
    pins.setup(4, pins.OUT, initial=0)
    pins.join(3, 4, closed=True)
    assert "GPIO3, GPIO4" in pins.shorts[0]


def test_closed_switches_join_what_they_join() -> None:
    """A level travels over any number of closed switches, and not over an open one."""
    pins = ready()
    for pin in (5, 6, 7):
        pins.setup(pin, pins.IN, pull_up_down=pins.PUD_UP)
    pins.setup(4, pins.OUT, initial=0)
    pins.join(4, 5, closed=True)
    pins.join(5, 6, closed=True)
    assert [pins.input(pin) for pin in (5, 6, 7)] == [0, 0, 1]
    pins.join(4, 5, closed=False)
    assert [pins.input(pin) for pin in (5, 6, 7)] == [1, 1, 1]


def test_a_power_cut_leaves_the_resistors_to_decide() -> None:
    """Without a process no output drives: what holds a motor off then is its own resistor."""
    pins = ready()
    levels: list[bool] = []
    pins.resistor(3, level=False)
    pins.setup(3, pins.OUT, initial=1)
    pins.watch(3, levels.append)
    pins.power_off()
    pins.power_off()
    assert levels == [False]
    with pytest.raises(RuntimeError, match="numbering mode"):
        pins.output(3, 1)


def heard_edges(edge: int, bouncetime: int, changes: list[tuple[float, bool]]) -> list[float]:
    async def go() -> list[float]:
        pins, heard = ready(), list[float]()
        loop = asyncio.get_running_loop()
        pins.setup(3, pins.IN)
        pins.add_event_detect(3, edge, lambda channel: heard.append(round(loop.time(), 3)), bouncetime)
        for at, level in changes:
            loop.call_at(at, pins.drive, 3, level)
        await asyncio.sleep(1)
        pins.remove_event_detect(3)
        pins.drive(3, not pins.level(3))
        await asyncio.sleep(1)
        return heard

    return run_virtual(go())


CHANGES = [(0.1, True), (0.103, False), (0.106, True), (0.2, False)]


@pytest.mark.parametrize(
    ("edge", "bouncetime", "times"),
    [
        (SimulatedPins.BOTH, -666, [0.1, 0.103, 0.106, 0.2]),
        (SimulatedPins.RISING, -666, [0.1, 0.106]),
        (SimulatedPins.FALLING, -666, [0.103, 0.2]),
        (SimulatedPins.BOTH, 10, [0.1, 0.2]),
    ],
)
def test_edges_are_told_as_the_module_tells_them(edge: int, bouncetime: int, times: list[float]) -> None:
    """By direction; after one, none for the bounce time; none after remove_event_detect."""
    assert heard_edges(edge, bouncetime, CHANGES) == times


def test_an_edge_callback_never_runs_inside_the_change() -> None:
    """As from a thread, the callback comes later and may find the level changed again."""

    async def go() -> None:
        pins, heard = ready(), list[int]()
        pins.setup(3, pins.IN)
        pins.add_event_detect(3, pins.BOTH, heard.append)
        with pytest.raises(RuntimeError, match="Conflicting"):
            pins.add_event_detect(3, pins.BOTH, heard.append)
        pins.drive(3, level=True)
        assert heard == []
        await asyncio.sleep(0)
        assert heard == [3]

    run_virtual(go())


class Kettle(FaultMenu):
    faults = {"no-water": "There is no water.", "furred": "It is furred."}  # noqa: RUF012 - a device's fixed menu


def test_a_fault_is_lasting_or_strikes_as_often_as_set() -> None:
    """A lasting fault strikes until it is off; one set to strike twice does so twice."""
    kettle = Kettle()
    kettle.set_fault("no-water")
    assert [kettle._strikes("no-water") for _ in range(3)] == [True] * 3
    kettle.fault_once("furred", times=2)
    assert kettle.active_faults == ("no-water", "furred")
    assert [kettle._strikes("furred") for _ in range(3)] == [True, True, False]
    kettle.clear_faults()
    assert kettle.active_faults == ()


def test_a_fault_that_is_not_on_the_menu_is_named_with_the_menu() -> None:
    """The sentence names device and fault, the nearest one, and all that there are."""
    with pytest.raises(
        UnknownFault, match=r"Kettle has no fault 'no-watre'. Did you mean 'no-water'\? It has: no-water, furred"
    ):
        Kettle().set_fault("no-watre")
