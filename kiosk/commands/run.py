"""`atm-kiosk run`: the kiosk in production, on real pins."""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from typing import TYPE_CHECKING

from config.kiosk import KioskConfig
from config.load import load_kiosk
from kiosk.display.choosing import chosen, words
from kiosk.exit_codes import Code
from kiosk.running import Surroundings, run
from kiosk.supervision import clock_is_synchronised, of_systemd
from kiosk.telling import err
from kiosk.where import MACHINE

if TYPE_CHECKING:
    from kiosk.assembly import Seams


def start(options: argparse.Namespace) -> Code:
    """Until SIGTERM. Raises what no screen can be shown for."""
    config = load_kiosk(options.config or MACHINE)
    around = Surroundings(
        say=err,
        supervisor=of_systemd(os.environ, time.monotonic),
        displays=lambda drawn: chosen(config.display, drawn=drawn, say=err),
        words=lambda: words(config.display, err),
        seams=lambda: _seams(config),
    )
    return asyncio.run(run(config, around))


def _seams(config: KioskConfig) -> Seams:
    """Raises DeviceError where there are no pins."""
    from bank_link.seams import SystemClock, SystemRandomness
    from drivers.gpio import load_gpio
    from kiosk.assembly import Seams, https_line
    from kiosk.cabinet import build

    random = SystemRandomness()
    return Seams(
        gpio=load_gpio(), devices=build, line=https_line(config.line, random), random=random, clock=SystemClock(),
        clock_is_good=clock_is_synchronised,
    )  # fmt: skip
