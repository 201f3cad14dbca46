"""What a command says: its answer on standard output, everything else on standard error."""

from __future__ import annotations

import sys


def out(text: str, *, end: str = "\n") -> None:
    """Part of the answer."""
    sys.stdout.write(text + end)
    sys.stdout.flush()


def err(line: str) -> None:
    """For the person at the terminal, or the service's log."""
    sys.stderr.write(f"atm-kiosk: {line}\n")
    sys.stderr.flush()
