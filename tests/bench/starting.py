"""What it costs to start: the simulator up to its first screen, and the commands of kiosk and bank to their end."""

from __future__ import annotations

from processes import Command, medians_s
from support.real_processes import PROGRAMS, RealBank, RealKiosk

BASE = "python -c pass"
LIBRARIES = "import asyncio, apsw, msgspec, cryptography, requests"
#: The end of the first framed block.
_SCREEN = "╝".encode()
_KIOSK, _BANK = str(PROGRAMS / "atm-kiosk"), str(PROGRAMS / "atm-bank")


def beside_a_bank(bank: RealBank, kiosk: RealKiosk, rounds: int) -> dict[str, float]:
    """Processor seconds of each, by how it is shown. The bank runs; no kiosk does."""
    state = ("--state", str(kiosk.directory))
    simulate = (_KIOSK, "simulate", *state)
    books = (_BANK, "--dir", str(bank.directory))
    return medians_s(
        {
            BASE: Command.python("pass"),
            f"python -c '{LIBRARIES}'": Command.python(LIBRARIES),
            "atm-kiosk simulate: first screen": Command(simulate, _SCREEN),
            "atm-kiosk simulate: welcome, in service": Command(simulate, b"Welcome"),
            "atm-kiosk --help": Command((_KIOSK, "--help")),
            "atm-kiosk config check": Command((_KIOSK, "config", "check", str(kiosk.directory / "kiosk.toml"))),
            "atm-kiosk cash totals": Command((_KIOSK, "cash", "totals", *state)),
            "atm-kiosk journal show": Command((_KIOSK, "journal", "show", *state)),
            "atm-bank --help": Command((_BANK, "--help")),
            "atm-bank terminal list, beside a running bank": Command((*books, "terminal", "list")),
        },
        rounds,
    )


def without_a_bank(bank: RealBank, rounds: int) -> dict[str, float]:
    """The same for what opens the books itself: no bank may run."""
    books = (_BANK, "--dir", str(bank.directory))
    return medians_s(
        {
            BASE: Command.python("pass"),
            "atm-bank serve: it listens": Command((*books, "serve"), b"listens on"),
            "atm-bank terminal list, no bank running": Command((*books, "terminal", "list")),
        },
        rounds,
    )
