"""Where a PIN comes from: a file, the keyboard, or chance. Never from the command line, never onto the screen."""

from __future__ import annotations

import getpass
import os
import sys
from argparse import Namespace
from dataclasses import dataclass, field
from pathlib import Path

from bank.cli.failures import Failed
from bank.cli.new_file import NewFile
from bank_link.seams import Randomness

PIN_DIGITS = 4
_MOST_BYTES = 64


@dataclass(frozen=True)
class GivenPin:
    """A PIN, and the file that a drawn one goes to. Once the command is over, either `keep` or `drop`."""

    pin: str = field(repr=False)
    file: NewFile | None = None

    def keep(self) -> None:
        if self.file:
            self.file.write(self.pin.encode() + b"\n")

    def drop(self) -> None:
        if self.file:
            self.file.remove()


def given_pin(arguments: Namespace, random: Randomness) -> GivenPin:
    """From where the arguments say. Raises Failed."""
    if arguments.generate_pin is not None:
        return GivenPin(_drawn(random), NewFile(arguments.generate_pin, "PIN file"))
    if arguments.pin_file is not None:
        return GivenPin(_read(arguments.pin_file))
    if not sys.stdin.isatty():
        raise Failed("say where the PIN comes from: --pin-file FILE or --generate-pin FILE", code=2)
    return GivenPin(_typed())


def _drawn(random: Randomness) -> str:
    """Every PIN is as likely as every other, near enough: 2⁶⁴ is not divided evenly by 10⁴, by one part in 10¹⁵."""
    number = int.from_bytes(random.token_bytes(8), "big") % 10**PIN_DIGITS
    return f"{number:0{PIN_DIGITS}d}"


def _read(path: Path) -> str:
    try:
        descriptor = 0 if str(path) == "-" else os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb", closefd=descriptor != 0) as file:
            data = file.read(_MOST_BYTES)
    except OSError as error:
        raise Failed(f"the PIN file {path} cannot be read: {(error.strerror or 'it failed').lower()}") from None
    return data.decode("ascii", "replace").rstrip("\r\n")


def _typed() -> str:
    first = getpass.getpass("PIN: ")
    if first != getpass.getpass("PIN once more: "):
        raise Failed("the two PINs are not the same")
    return first
