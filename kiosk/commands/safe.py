"""`atm-kiosk safe`: every output at its safe level, motors off. The unit runs it after the firmware, however that ended.

A firmware that is killed cannot stop its motors, and a Pi's kernel keeps a released pin driven.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from config.load import load_kiosk
from drivers.gpio import Board, Gpio, load_gpio
from kiosk.cabinet import dispenser_wiring, lamp_wiring, maybe_output, output
from kiosk.exit_codes import Code
from kiosk.telling import out
from kiosk.where import MACHINE


def run(options: argparse.Namespace) -> Code:
    """Raises ConfigError, and DeviceError (CONFIG) where the pins cannot be had."""
    make_safe(options.config or MACHINE, load_gpio())
    out("all outputs are at their safe level")
    return Code.DONE


def make_safe(config: Path, gpio: Gpio) -> None:
    """Claim what the configuration drives, which sets it to its safe level, and let go of it there."""
    wanted = load_kiosk(config)
    dispenser = dispenser_wiring(wanted)
    with Board(gpio) as board:
        for cassette in dispenser.cassettes:
            board.output(cassette.motor, f"the motor of cassette {cassette.name}")
        if dispenser.diverter is not None:
            board.output(dispenser.diverter, "the diverter")
        if wanted.cash_tray is not None:
            board.output(output(wanted.cash_tray.retract), "the cash tray's retract motor")
        acceptor = wanted.note_acceptor
        if acceptor is not None:
            board.output(output(acceptor.inhibit), "the note acceptor's inhibit line")
            for line in (maybe_output(acceptor.stack), maybe_output(acceptor.give_back)):
                if line is not None:
                    board.output(line, "the note acceptor's escrow")
        for lamp in lamp_wiring(wanted):
            board.output(lamp.output, f"the lamp {lamp.name}")
