"""The Raspberry Pi's 40-pin header, and what the configuration says about one pin of it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

#: Header position → BCM number, of every Pi with 40 pins (the rest of the positions are power and ground).
GPIO_AT = {
    3: 2, 5: 3, 7: 4, 8: 14, 10: 15, 11: 17, 12: 18, 13: 27, 15: 22, 16: 23, 18: 24, 19: 10, 21: 9, 22: 25,
    23: 11, 24: 8, 26: 7, 27: 0, 28: 1, 29: 5, 31: 6, 32: 12, 33: 13, 35: 19, 36: 16, 37: 26, 38: 20, 40: 21,
}  # fmt: skip
HEADER_OF = {gpio: header for header, gpio in GPIO_AT.items()}
POWER_AT = {
    1: "3.3 V", 2: "5 V", 4: "5 V", 6: "ground", 9: "ground", 14: "ground", 17: "3.3 V", 20: "ground",
    25: "ground", 30: "ground", 34: "ground", 39: "ground",
}  # fmt: skip

#: A Compute Module 1, 3 or 3+ has these too, on its connector; the 40-pin header and the modules 4 and 5 do not.
MODULE_PINS = range(28, 46)

#: ID_SD and ID_SC: the firmware reads a HAT's memory over them at every start.
RESERVED = {0: "ID_SD, read by the firmware at start", 1: "ID_SC, read by the firmware at start"}
#: GPIO2 and GPIO3 carry 1.8 kΩ pull-ups on the board: as inputs they can be pulled up and nothing else.
PULLED_UP_ON_BOARD = frozenset({2, 3})
UART = {14: "TXD of the header's serial port", 15: "RXD of the header's serial port"}


class BoardKind(enum.StrEnum):
    """How many pins there are: GPIO2 to GPIO27 of a 40-pin header, or up to GPIO45 on a Compute Module 1, 3 or 3+."""

    HEADER = "header"
    MODULE = "module"


class Pull(enum.StrEnum):
    """The Pi's own resistor at an input."""

    UP = "up"
    DOWN = "down"
    NONE = "none"


class Active(enum.StrEnum):
    """The level at which the thing at the pin is on, or the sensor sees something."""

    HIGH = "high"
    LOW = "low"


@dataclass(frozen=True, kw_only=True)
class InputPin:
    """A sensor or a key's line. `gpio` is the BCM number, `header` the position on the 40-pin header (0: not there)."""

    gpio: int
    header: int
    pull: Pull = Pull.NONE
    active: Active = Active.HIGH
    wire: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class OutputPin:
    """A motor, lamp or scan line. `safe_on`: whether it is on where nobody drives it (start, stop, trouble).

    Until the firmware runs, the level is the Pi's power-on pull: GPIO0 to 8 are pulled up, all others down.
    """

    gpio: int
    header: int
    active: Active = Active.HIGH
    safe_on: bool = False
    wire: str = ""
    note: str = ""


def name(gpio: int) -> str:
    """As the configuration writes it: `GPIO17`."""
    return f"GPIO{gpio}"
