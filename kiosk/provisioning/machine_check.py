"""What a machine must have before it is worth enrolling: Python, pins, a clock that is right."""

from __future__ import annotations

import platform
import sys
from importlib.util import find_spec
from pathlib import Path

from kiosk.provisioning.commands import Run
from kiosk.provisioning.errors import ProvisioningError
from kiosk.provisioning.place import Place

OLDEST_PYTHON = (3, 11)
PROGRAM = Path("/opt/atm/bin/atm-kiosk")
_SYNCHRONISED = Path("run/systemd/timesync/synchronized")


def check_machine(place: Place, run: Run) -> str:
    """One line of what was found. Raises ProvisioningError for what a machine lacks; a laptop lacks nothing."""
    if sys.version_info < OLDEST_PYTHON:
        raise ProvisioningError(f"Python {platform.python_version()} is too old: this needs 3.11 or newer")
    found = [f"Python {platform.python_version()}"]
    if place.machine:
        found.append(_program(place))
    if place.machine and place.running:
        found += [_pins(), _clock(place, run)]
    return ", ".join(found)


def _program(place: Place) -> str:
    if not place.inside(PROGRAM).exists():
        raise ProvisioningError(
            f"there is no {place.inside(PROGRAM)}, which the unit starts: install this program into /opt/atm"
        )
    return "program in /opt/atm"


def _pins() -> str:
    if find_spec("RPi") is None:
        raise ProvisioningError(
            "RPi.GPIO cannot be imported: install the extra `pi` (rpi-lgpio), or use --state DIR to play on a laptop"
        )
    return "pins"


def _clock(place: Place, run: Run) -> str:
    """Certificates are judged by the clock, here and at every start."""
    if not (place.root / _SYNCHRONISED).exists() and run(_ASK_CLOCK) != "yes":
        raise ProvisioningError(
            "the clock is not synchronised, so no certificate can be judged: connect the network, "
            "wait until `timedatectl` says so, and run this again"
        )
    return "clock synchronised"


_ASK_CLOCK = ("timedatectl", "show", "--property=NTPSynchronized", "--value")
