"""The note dispenser against a mechanism that can fail in every way: what it says, and where the notes are."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Coroutine
from typing import Any

import pytest
from support.dispenser_rig import WIRING, DispenserRig
from support.virtual_time import run_virtual

from drivers.devices import DeviceError, DeviceState, Fault, Pick, PickOutcome
from drivers.dispenser import CassetteWiring, DispenserTimings, DispenserWiring, GpioDispenser
from drivers.gpio import Board, OutputWiring
from drivers.simulated.pins import SimulatedPins


def picked(*faults: str, cassette: str = "A", once: bool = True) -> tuple[Pick, DispenserRig]:
    """One pick with faults switched on before it."""

    async def go() -> tuple[Pick, DispenserRig]:
        rig = DispenserRig()
        for fault in faults:
            rig.device.fault_once(fault) if once else rig.device.set_fault(fault)
        return await rig.pick(cassette), rig

    return run_virtual(go())


def places(rig: DispenserRig, cassette: str = "A") -> dict[str, int]:
    """Where the notes of the cassette are, without the places that hold none."""
    return {name: count for name, count in dataclasses.asdict(rig.device.physical[cassette]).items() if count}


async def refused(call: Coroutine[Any, Any, Any]) -> DeviceError:
    """The DeviceError that `call` raises."""
    with pytest.raises(DeviceError) as caught:
        await call
    return caught.value


@pytest.mark.parametrize("cassette", ["A", "B"])
def test_a_note_is_counted_when_it_is_the_customers(cassette: str) -> None:
    """One pick of a healthy mechanism puts one note into the tray, whichever level its motor needs."""
    pick, rig = picked(cassette=cassette)
    assert pick == Pick(PickOutcome.DISPENSED, dispensed=1)
    assert places(rig, cassette) == {"cassette": 9, "tray": 1}
    assert rig.driver.report.state is DeviceState.ONLINE


def test_a_test_leads_the_note_into_the_bin_where_there_is_one() -> None:
    """With diverter and bin sensor no note of a test leaves the safe; without one of them it comes out, and is told so."""

    async def tested(wiring: DispenserWiring) -> tuple[bool, PickOutcome, dict[str, int]]:
        rig = DispenserRig(wiring)
        pick = await rig.driver.test("A")
        await rig.settle()
        assert rig.device.motors_on == ()
        return rig.driver.tests_to_bin, pick.outcome, places(rig)

    assert WIRING.diverter is not None
    with_bin, without = WIRING, dataclasses.replace(WIRING, diverter=None, reject_sensor=None)
    assert run_virtual(tested(with_bin)) == (True, PickOutcome.REJECTED, {"cassette": 9, "reject": 1})
    assert run_virtual(tested(without)) == (False, PickOutcome.DISPENSED, {"cassette": 9, "tray": 1})
    blind = dataclasses.replace(WIRING, reject_sensor=None)
    assert run_virtual(tested(blind)) == (False, PickOutcome.DISPENSED, {"cassette": 9, "tray": 1})


def test_every_note_of_a_cassette_comes_one_by_one() -> None:
    """Ten picks give ten notes; the eleventh says empty, proven by the cassette's sensor, and moves nothing."""

    async def go() -> None:
        rig = DispenserRig()
        assert [(await rig.pick()).dispensed for _ in range(10)] == [1] * 10
        assert rig.driver.looks_empty("A")
        assert (await rig.pick()).outcome is PickOutcome.EMPTY
        assert rig.device.take_cash() == {"A": 10}
        assert rig.out == 10

    run_virtual(go())


def test_the_motor_stops_as_soon_as_the_note_is_clear() -> None:
    """The motor runs for feed, note and the time that proves the sensor clear: not a moment longer."""

    async def go() -> None:
        rig = DispenserRig()
        turned: list[tuple[bool, float]] = []
        loop = asyncio.get_running_loop()
        rig.pins.watch(17, lambda level: turned.append((level, loop.time())))
        await rig.pick()
        (on, started), (off, stopped) = turned
        assert (on, off) == (True, False)
        assert stopped - started == pytest.approx(0.150 + 0.120 + 0.015)

    run_virtual(go())


def test_an_empty_cassette_without_a_sensor_is_a_doubt() -> None:
    """A motor that ran with nothing seen proves nothing, so the note is in doubt, never 'empty'."""

    async def go() -> None:
        rig = DispenserRig()
        rig.device.load("B", 0)
        pick = await rig.driver.pick("B")
        assert (pick.outcome, pick.in_doubt, pick.dispensed) == (PickOutcome.TIMEOUT, 1, 0)
        assert not rig.driver.looks_empty("B")

    run_virtual(go())


def test_a_sensor_that_turns_to_empty_during_a_pick_proves_no_empty() -> None:
    """The last note left the cassette and was not seen: it is somewhere, so it is in doubt."""

    async def go() -> None:
        rig = DispenserRig()
        rig.device.load("A", 1)
        rig.device.fault_once("jam-before-sensor")
        pick = await rig.driver.pick("A")
        assert rig.driver.looks_empty("A")
        assert (pick.outcome, pick.in_doubt) == (PickOutcome.TIMEOUT, 1)

    run_virtual(go())


@pytest.mark.parametrize(
    ("fault", "outcome", "figures", "where"),
    [
        ("jam-before-sensor", PickOutcome.TIMEOUT, {"in_doubt": 1}, {"cassette": 9, "throat": 1}),
        ("stuck-in-throat", PickOutcome.TIMEOUT, {"in_doubt": 1}, {"cassette": 9, "throat": 1}),
        ("motor-dead", PickOutcome.TIMEOUT, {"in_doubt": 1}, {"cassette": 10}),
        ("jam-in-sensor", PickOutcome.JAM, {"in_doubt": 1}, {"cassette": 9, "throat": 1}),
        ("falls-back", PickOutcome.JAM, {"in_doubt": 1}, {"cassette": 9, "throat": 1}),
        ("double-overlap", PickOutcome.DISPENSED, {"dispensed": 1, "surplus": 1}, {"cassette": 8, "tray": 2}),
        ("double-gap", PickOutcome.DISPENSED, {"dispensed": 1, "surplus": 1}, {"cassette": 8, "tray": 2}),
        ("reject-next", PickOutcome.REJECTED, {"rejected": 1}, {"cassette": 9, "reject": 1}),
        ("slow-note", PickOutcome.DISPENSED, {"dispensed": 1}, {"cassette": 9, "tray": 1}),
        ("sensor-stuck-clear", PickOutcome.TIMEOUT, {"in_doubt": 1}, {"cassette": 9, "tray": 1}),
        ("looks-empty", PickOutcome.EMPTY, {}, {"cassette": 10}),
        ("looks-full", PickOutcome.DISPENSED, {"dispensed": 1}, {"cassette": 9, "tray": 1}),
    ],
)
def test_each_fault_is_told_as_far_as_it_is_proven(
    fault: str, outcome: PickOutcome, figures: dict[str, int], where: dict[str, int]
) -> None:
    """For each fault of the mechanism: the outcome, its figures, and where the notes really are."""
    pick, rig = picked(fault)
    assert dataclasses.replace(pick, sentence="") == Pick(outcome, **figures)
    assert places(rig) == where
    broken = outcome in (PickOutcome.JAM, PickOutcome.TIMEOUT)
    assert rig.driver.report.state is (DeviceState.HARDWARE_ERROR if broken else DeviceState.ONLINE)


def test_a_chattering_sensor_counts_each_note_once() -> None:
    """Bounces at both edges of the note are no notes of their own."""
    pick, rig = picked("sensor-bounce", once=False)
    assert pick == Pick(PickOutcome.DISPENSED, dispensed=1)
    assert places(rig) == {"cassette": 9, "tray": 1}


def test_a_covered_exit_refuses_the_pick_and_nothing_moves() -> None:
    """What covers the exit before a pick makes it a SENSOR error: no motor was told to run."""

    async def go() -> None:
        rig = DispenserRig()
        rig.device.set_fault("sensor-stuck-covered")
        started: list[bool] = []
        rig.pins.watch(17, started.append)
        await asyncio.sleep(1)
        error = await refused(rig.driver.pick("A"))
        assert error.fault is Fault.SENSOR
        assert started == []
        assert rig.driver.report.state is DeviceState.HARDWARE_ERROR
        rig.device.set_fault("sensor-stuck-covered", on=False)
        await asyncio.sleep(1)
        assert (await rig.pick()).dispensed == 1

    run_virtual(go())


def test_a_glitch_before_the_pick_is_waited_out() -> None:
    """The sensor covered for a moment as the pick begins costs a second look, not the customer's cash."""

    async def go() -> None:
        rig = DispenserRig()
        rig.device.set_fault("sensor-stuck-covered")
        asyncio.get_running_loop().call_later(0.1, rig.device.set_fault, "sensor-stuck-covered", False)
        assert (await rig.pick()).dispensed == 1

    run_virtual(go())


def test_a_sensor_that_sticks_covered_during_the_gap_takes_the_count_back() -> None:
    """A counted note that may lie on the sensor again is in doubt, not dispensed."""

    async def go() -> None:
        rig = DispenserRig()
        asyncio.get_running_loop().call_later(0.350, rig.device.set_fault, "sensor-stuck-covered")
        pick = await rig.pick()
        assert (pick.outcome, pick.dispensed, pick.in_doubt) == (PickOutcome.JAM, 0, 1)

    run_virtual(go())


def test_a_flickering_sensor_proves_nothing() -> None:
    """A sensor that never comes to rest ends the pick in doubt, in bounded time, instead of counting its flicker."""

    async def go() -> None:
        rig = DispenserRig()
        task = asyncio.ensure_future(rig.driver.pick("A"))
        await asyncio.sleep(0.290)
        while not task.done():
            rig.device.set_fault("sensor-stuck-covered")
            await asyncio.sleep(0.030)
            rig.device.set_fault("sensor-stuck-covered", on=False)
            await asyncio.sleep(0.030)
            assert asyncio.get_running_loop().time() < 5
        assert (task.result().outcome, task.result().in_doubt, task.result().surplus) == (PickOutcome.JAM, 1, 0)

    run_virtual(go())


@pytest.mark.parametrize("fault", ["jam-in-sensor", "jam-before-sensor", "motor-dead"])
def test_after_a_doubt_nothing_is_picked_until_a_reset_succeeds(fault: str) -> None:
    """An earlier doubt refuses picks without moving anything, and says why; after the reset it works again."""

    async def go() -> None:
        rig = DispenserRig()
        rig.device.fault_once(fault)
        doubtful = await rig.pick()
        before = rig.device.physical
        error = await refused(rig.driver.pick("B"))
        assert error.fault is Fault(str(doubtful.outcome))
        assert str(error) == doubtful.sentence == rig.driver.report.sentence
        assert rig.device.physical == before
        rig.device.clear_path()
        await asyncio.sleep(0.1)
        await rig.driver.reset()
        assert rig.driver.report.state is DeviceState.ONLINE
        assert (await rig.pick()).dispensed == 1

    run_virtual(go())


def test_a_reset_is_refused_while_a_note_covers_the_exit() -> None:
    """Reset says JAM while the jammed note lies there, and the dispenser stays out of use."""

    async def go() -> None:
        rig = DispenserRig()
        rig.device.fault_once("jam-in-sensor")
        await rig.pick()
        assert (await refused(rig.driver.reset())).fault is Fault.JAM
        assert rig.driver.report.state is DeviceState.HARDWARE_ERROR

    run_virtual(go())


def test_a_reset_without_a_doubt_names_the_sensor() -> None:
    """A covered exit with no note in doubt is a sensor's matter."""

    async def go() -> None:
        rig = DispenserRig()
        rig.device.set_fault("sensor-stuck-covered")
        assert (await refused(rig.driver.reset())).fault is Fault.SENSOR

    run_virtual(go())


def test_a_note_left_in_the_throat_comes_with_the_next_pick() -> None:
    """What stuck and was told as a doubt is counted when it comes: two picks, one note out, one in doubt."""

    async def go() -> None:
        rig = DispenserRig()
        rig.device.fault_once("stuck-in-throat")
        assert (await rig.pick()).in_doubt == 1
        await rig.driver.reset()
        assert (await rig.pick()).dispensed == 1
        assert places(rig) == {"cassette": 9, "tray": 1}

    run_virtual(go())


def test_a_customer_who_pulls_the_jammed_note_has_it_against_the_doubt() -> None:
    """A note pulled out from under the sensor is one that was told as in doubt."""

    async def go() -> None:
        rig = DispenserRig()
        rig.device.fault_once("jam-in-sensor")
        await rig.pick()
        assert rig.device.pull_note() == 1
        assert rig.out == 1
        rig.check()

    run_virtual(go())


@pytest.mark.parametrize("after_ms", [0, 50, 140, 160, 220, 265, 275, 290, 450])
def test_a_cancelled_pick_stops_the_motor_and_leaves_a_doubt(after_ms: int) -> None:
    """Broken off at any moment: motors off, way to the customer closed, nothing picked again before a reset."""

    async def go() -> None:
        rig = DispenserRig()
        task = asyncio.ensure_future(rig.driver.pick("A"))
        await asyncio.sleep(after_ms / 1000)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
        assert rig.device.motors_on == ()
        assert not rig.pins.level(25)
        if after_ms:
            assert rig.driver.report.state is DeviceState.HARDWARE_ERROR
            assert (await refused(rig.driver.pick("A"))).fault is Fault.JAM
        await asyncio.sleep(1)
        assert rig.out <= 1

    run_virtual(go())


def test_two_picks_at_once_are_a_mistake_of_the_program() -> None:
    """A second pick or a reset during one is refused, and the first ends as if nothing had been asked."""

    async def go() -> None:
        rig = DispenserRig()
        task = asyncio.ensure_future(rig.driver.pick("A"))
        await asyncio.sleep(0.1)
        with pytest.raises(AssertionError, match="one pick"):
            await rig.driver.pick("B")
        with pytest.raises(AssertionError, match="no reset"):
            await rig.driver.reset()
        assert (await task).dispensed == 1

    run_virtual(go())


class FailingPins(SimulatedPins):
    """Pins whose outputs stop obeying from a chosen write on."""

    fails_from: int | None = None
    writes = 0

    def output(self, channel: int, value: int) -> None:
        self.writes += 1
        if self.fails_from is not None and self.writes >= self.fails_from and value:
            raise RuntimeError("GPIO busy")
        super().output(channel, value)


def test_a_motor_pin_that_fails_ends_in_a_doubt_not_in_an_error() -> None:
    """Once a motor was told to run, whatever fails is a Pick with its note in doubt, and every motor is off."""

    async def go() -> None:
        pins = FailingPins()
        driver = GpioDispenser(Board(pins), WIRING)
        driver.open()
        for pin, clear in ((22, True), (23, True), (24, False)):
            pins.drive(pin, clear)
        pins.fails_from = 1
        pick = await driver.pick("A")
        assert (pick.outcome, pick.in_doubt) == (PickOutcome.JAM, 1)
        assert "GPIO busy" in pick.sentence
        assert not pins.level(17)
        assert driver.report.state is DeviceState.HARDWARE_ERROR

    run_virtual(go())


def test_an_edge_that_was_lost_at_rest_does_not_disturb_the_pick() -> None:
    """The sensor's level is looked at before each pick, so what happened unseen at rest is no note."""

    async def go() -> None:
        rig = DispenserRig()
        sensor = rig.pins._pins[23]
        hidden, sensor.detection = sensor.detection, None
        rig.device.set_fault("sensor-stuck-covered")
        sensor.detection = hidden
        await asyncio.sleep(1)
        rig.device.set_fault("sensor-stuck-covered", on=False)
        await asyncio.sleep(1)
        assert (await rig.pick()).dispensed == 1

    run_virtual(go())


def test_before_open_and_after_close_nothing_is_driven() -> None:
    """A closed dispenser reports offline and refuses; closing and opening may each be done twice."""

    async def go() -> None:
        rig = DispenserRig()
        rig.driver.open()
        rig.driver.close()
        rig.driver.close()
        assert rig.driver.report.state is DeviceState.OFFLINE
        assert (await refused(rig.driver.pick("A"))).fault is Fault.UNPLUGGED
        assert rig.device.motors_on == ()
        rig.driver.open()
        assert (await rig.pick()).dispensed == 1

    run_virtual(go())


def test_an_open_that_fails_claims_nothing() -> None:
    """A pin that another device has makes one sentence naming both, and leaves no pin claimed."""

    async def go() -> None:
        board = Board(SimulatedPins())
        taken = board.output(OutputWiring(pin=25), "the cash lamp")
        driver = GpioDispenser(board, WIRING)
        with pytest.raises(DeviceError, match=r"GPIO25 is wired twice, to the cash lamp and the dispenser's diverter"):
            driver.open()
        assert driver.report.state is DeviceState.OFFLINE
        taken.close()
        driver.open()
        assert driver.report.state is not DeviceState.OFFLINE

    run_virtual(go())


def test_an_unknown_cassette_is_named() -> None:
    """A pick of a cassette that is not there is refused with its name."""

    async def go() -> None:
        error = await refused(DispenserRig().driver.pick("Z"))
        assert error.fault is Fault.CONFIG
        assert "'Z'" in str(error)

    run_virtual(go())


@pytest.mark.parametrize(
    ("wiring", "timings", "word"),
    [
        ({"cassettes": ()}, {}, "at least one cassette"),
        ({"cassettes": (WIRING.cassettes[0], WIRING.cassettes[0])}, {}, "different names"),
        (
            {"cassettes": (CassetteWiring(name="A", motor=OutputWiring(pin=1, safe_on=True)),)},
            {},
            "motors that are off",
        ),
        ({"diverter": OutputWiring(pin=5, safe_on=True)}, {}, "diverter"),
        ({}, {"double_note_ms": 600}, "double_note_ms < longest_note_ms"),
        ({}, {"gap_ms": 5}, "gap_ms"),
        ({}, {"pick_timeout_ms": 1}, "pick_timeout_ms"),
        ({}, {"brake_ms": -1}, "brake_ms"),
    ],
)
def test_wiring_and_times_that_cannot_work_are_refused(wiring: dict, timings: dict, word: str) -> None:
    """What would make a dispenser unsafe is one sentence at start, before any pin is touched."""
    with pytest.raises(DeviceError, match=word) as caught:
        GpioDispenser(
            Board(SimulatedPins()),
            dataclasses.replace(WIRING, **wiring),
            dataclasses.replace(DispenserTimings(), **timings),
        )
    assert caught.value.fault is Fault.CONFIG
