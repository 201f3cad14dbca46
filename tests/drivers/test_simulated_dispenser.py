"""The simulated mechanism keeps every note: over stops, power cuts, restarts, and whatever people do to it."""

from __future__ import annotations

import asyncio
import json

import pytest
from support.dispenser_rig import WIRING, DispenserRig
from support.virtual_time import run_virtual

from drivers.dispenser import GpioDispenser
from drivers.gpio import Board
from drivers.simulated.dispenser import ElectricDispenser
from drivers.simulated.faults import UnknownFault
from drivers.simulated.pins import SimulatedPins


@pytest.mark.parametrize("after_ms", [1, 50, 100, 149, 151, 200, 269, 271, 284, 286, 400])
def test_a_power_cut_at_any_moment_loses_no_note(after_ms: int) -> None:
    """Cut in the middle of a pick: the motor stops by its resistor, and the notes are there after a restart."""

    async def go() -> None:
        rig = DispenserRig()
        task = asyncio.ensure_future(rig.driver.pick("A"))
        await asyncio.sleep(after_ms / 1000)
        rig.pins.power_off()
        assert rig.device.motors_on == ()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.sleep(1)
        kept = json.loads(json.dumps(rig.device.snapshot()))
        pins = SimulatedPins()
        device = ElectricDispenser(pins, WIRING)
        device.restore(kept)
        assert device.physical == rig.device.physical
        assert device.physical["A"].total == 10
        driver = GpioDispenser(Board(pins), WIRING)
        driver.open()
        device.clear_path()
        await asyncio.sleep(0.1)
        assert (await driver.pick("A")).dispensed == 1
        assert device.physical["A"].total == 10

    run_virtual(go())


def test_a_note_stopped_on_its_way_moves_on_with_the_next_run() -> None:
    """Stop the motor at half way: the note stays in the throat, and comes first when the motor runs again."""

    async def go() -> None:
        rig = DispenserRig()
        rig.driver.close()
        board = Board(rig.pins)
        motor = board.output(WIRING.cassettes[0].motor, "a hand on the motor")
        motor.set(on=True)
        await asyncio.sleep(0.1)
        motor.set(on=False)
        await asyncio.sleep(5)
        assert rig.device.physical["A"].throat == 1
        diverter = board.output(WIRING.diverter, "a hand on the diverter")
        diverter.set(on=True)
        motor.set(on=True)
        await asyncio.sleep(0.2)
        motor.set(on=False)
        await asyncio.sleep(1)
        place = rig.device.physical["A"]
        assert (place.cassette, place.throat, place.customer + place.reject) == (9, 0, 1)

    run_virtual(go())


def test_a_motor_left_on_empties_the_cassette() -> None:
    """The mechanism gives note after note for as long as the motor runs: what the driver has to prevent."""

    async def go() -> None:
        rig = DispenserRig()
        rig.driver.close()
        board = Board(rig.pins)
        board.output(WIRING.diverter, "diverter").set(on=True)
        board.output(WIRING.cassettes[0].motor, "motor").set(on=True)
        await asyncio.sleep(60)
        assert rig.out == 10
        assert rig.device.motors_on == ("A",)

    run_virtual(go())


def test_a_closed_diverter_keeps_notes_from_the_customer() -> None:
    """With the diverter at rest a note that moves ends in the reject bin."""

    async def go() -> None:
        rig = DispenserRig()
        rig.driver.close()
        Board(rig.pins).output(WIRING.cassettes[0].motor, "motor").set(on=True)
        await asyncio.sleep(0.4)
        rig.pins.power_off()
        assert (rig.out, rig.device.physical["A"].reject) == (0, 1)

    run_virtual(go())


def test_every_move_of_a_note_is_told_in_time_to_be_kept() -> None:
    """`changed` comes after each move, when the snapshot already shows it and no note is missing."""

    async def go() -> None:
        pins, totals, seen = SimulatedPins(), list[int](), list[tuple[int, int]]()

        def keep() -> None:
            snapshot = device.snapshot()
            on_the_way = len([note for note in snapshot["path"] if note["cassette"] == "A"])
            place = snapshot["places"]["A"]
            totals.append(sum(place.values()) + on_the_way)
            seen.append((place["cassette"], place["tray"]))

        device = ElectricDispenser(pins, WIRING, changed=keep)
        device.load("A", 3)
        driver = GpioDispenser(Board(pins), WIRING)
        driver.open()
        await driver.pick("A")
        device.take_cash()
        assert set(totals) == {3}
        assert list(dict.fromkeys(seen)) == [(3, 0), (2, 0), (2, 1)]
        assert seen[-1] == (2, 0)

    run_virtual(go())


def test_an_exchange_takes_the_old_notes_out() -> None:
    """Loading is an exchange: the old notes are removed, and stay in the sum."""

    async def go() -> None:
        rig = DispenserRig()
        rig.device.load("A", 7)
        place = rig.device.physical["A"]
        assert (place.cassette, place.removed, place.total) == (7, 10, 17)

    run_virtual(go())


def test_notes_of_another_machine_are_refused() -> None:
    """A snapshot of cassettes that this machine has not is a sentence, not lost money."""

    async def go() -> None:
        rig = DispenserRig()
        kept = rig.device.snapshot()
        kept["places"]["Z"] = kept["places"]["A"]
        with pytest.raises(ValueError, match=r"cassettes that this machine has not: \['Z'\]"):
            rig.device.restore(kept)

    run_virtual(go())


def test_the_menu_names_every_fault_in_a_sentence() -> None:
    """What the operator of a simulator is shown: a name and what happens."""
    assert all(sentence.endswith(".") for sentence in ElectricDispenser.faults.values())
    with pytest.raises(UnknownFault, match="Did you mean 'falls-back'"):
        ElectricDispenser(SimulatedPins(), WIRING).set_fault("fall-back")


def test_it_works_on_a_real_loop_too() -> None:
    """The same driver and mechanism in real time: one note comes."""

    async def go() -> None:
        rig = DispenserRig()
        assert (await rig.driver.pick("A")).dispensed == 1
        assert rig.out == 1

    asyncio.run(go())
