"""`atm-kiosk safe`: a motor that a killed firmware left running stops."""

from __future__ import annotations

import asyncio
from pathlib import Path

from support.virtual_time import run_virtual

from config.load import example_kiosk, load_kiosk
from drivers.devices import Holds
from drivers.gpio import Board
from drivers.simulated.dispenser import ElectricDispenser
from drivers.simulated.note_acceptor import ElectricNoteAcceptor
from drivers.simulated.pins import SimulatedPins
from kiosk.cabinet import acceptor_pulses, acceptor_wiring, build, dispenser_wiring
from kiosk.commands.safe import make_safe


def test_a_running_motor_stops(tmp_path: Path) -> None:
    """Killed in mid-pick: the pins stay as they were until this command sets them."""
    path = tmp_path / "kiosk.toml"
    path.write_text(example_kiosk("laptop", state="state", auth_file="atm.auth", key_file="atm.key"))

    async def story() -> None:
        config = load_kiosk(path)
        pins = SimulatedPins()
        mechanism = ElectricDispenser(pins, dispenser_wiring(config))
        mechanism.load("top", 5)
        devices = build(config, Board(pins))
        devices.dispenser.open()
        pick = asyncio.create_task(devices.dispenser.pick("top"))
        await asyncio.sleep(0.05)
        assert mechanism.motors_on
        # The process is gone here: nobody runs its `finally`. Another one makes the outputs safe.
        make_safe(path, pins)
        assert not mechanism.motors_on
        pick.cancel()
        await asyncio.gather(pick, return_exceptions=True)

    run_virtual(story())


def test_an_acceptor_that_was_left_open_takes_no_more(tmp_path: Path) -> None:
    """Killed in the middle of a deposit: the next note is refused, and the escrow does not move."""
    path = tmp_path / "kiosk.toml"
    path.write_text(example_kiosk("laptop", state="state", auth_file="atm.auth", key_file="atm.key"))

    async def story() -> None:
        config = load_kiosk(path)
        assert config.note_acceptor is not None
        pins = SimulatedPins()
        mechanism = ElectricNoteAcceptor(
            pins, acceptor_wiring(config.note_acceptor), pulses=acceptor_pulses(config), holds=Holds.BUNDLE, most=20
        )
        devices = build(config, Board(pins))
        assert devices.acceptor is not None
        devices.acceptor.open()
        devices.acceptor.accept(on=True)
        assert not mechanism.inhibited
        make_safe(path, pins)
        assert mechanism.inhibited
        assert not mechanism.insert(1000)

    run_virtual(story())
