"""Has a command carried out: by the running bank where there is one, else here, with the books opened for it."""

from __future__ import annotations

import asyncio
import os
import pwd
from argparse import Namespace
from pathlib import Path
from typing import TypeVar

import msgspec

from bank.commands.answers import Answer
from bank.commands.requests import Command, arguments_of, name_of
from bank.control import run_command
from config.bank import BankConfig
from config.load import load_bank

A = TypeVar("A", bound=Answer)

#: So long a command waits for others that have the books open (each takes a fraction of a second).
PATIENCE_S = 20.0


def config_path(arguments: Namespace) -> Path:
    path: Path = arguments.config or arguments.dir / "bank.toml"
    return path


def configured(arguments: Namespace) -> BankConfig:
    """The bank's configuration. Raises ConfigError."""
    return load_bank(config_path(arguments))


def control_path(config: BankConfig) -> Path:
    return config.data / "control.sock"


def by(arguments: Namespace) -> str:
    """Who gives the command: `--by`, or the Unix user."""
    if arguments.by:
        return str(arguments.by)
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def carried_out(arguments: Namespace, command: Command, wanted: type[A]) -> A:
    """The answer. Raises CommandRefused, ControlError, StoreError, KeyRingError, ConfigError."""
    config = configured(arguments)

    async def locally() -> object:
        from bank.assembly import Bank

        async with await Bank.open(config) as bank:
            try:
                return await bank.execute(command)
            finally:
                await bank.seal()

    async def somewhere() -> object:
        return await run_command(
            control_path(config), name_of(command), arguments_of(command), locally=locally, patience_s=PATIENCE_S
        )

    result = asyncio.run(somewhere())
    return result if isinstance(result, wanted) else msgspec.convert(result, wanted)
