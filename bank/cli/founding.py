"""`init` and `config`: a new bank, and what is set at one."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from bank.cli.failures import Failed
from bank.cli.output import say

if TYPE_CHECKING:
    from bank.founding import Charter

_LOCAL = {"localhost", "127.0.0.1", "::1"}


def init(arguments: Namespace) -> int:
    """A new bank in a directory of its own; or keys and books for a configuration that was written by hand."""
    from bank.cli.running import by, configured
    from bank.founding import found, furnish
    from bank_link.seams import SystemClock, SystemRandomness

    who, clock, random = by(arguments), SystemClock(), SystemRandomness()
    if arguments.config is not None:
        _refuse_settings(arguments)
        config = configured(arguments)
        asyncio.run(furnish(config, clock=clock, random=random, by=who))
        say(f"{config.name} is founded; its keys and books are in {config.data}")
        return 0
    directory: Path = arguments.dir
    config = asyncio.run(found(directory, _charter(arguments), clock=clock, random=random, by=who))
    say(f"{config.name} is founded in {directory}; start it with: atm-bank --dir {directory} serve")
    return 0


def show_config(arguments: Namespace) -> int:
    from bank.cli.running import config_path
    from config.load import show_bank

    say(show_bank(config_path(arguments)).rstrip("\n"))
    return 0


def check_config(arguments: Namespace) -> int:
    from bank.cli.running import config_path, configured

    config = configured(arguments)
    say(f"{config_path(arguments)} is right: {config.name}, {config.currency}")
    return 0


def _charter(arguments: Namespace) -> Charter:
    from bank.founding import Charter

    if not arguments.name or not arguments.currency:
        raise Failed("say the new bank's --name and --currency", code=2)
    host = arguments.host or "localhost"
    return Charter(
        name=arguments.name, currency=arguments.currency, public_host=host,
        listen_host=arguments.listen or ("127.0.0.1" if host in _LOCAL else "0.0.0.0"),  # noqa: S104 - terminals come from elsewhere; TLS admits only enrolled ones
        port=arguments.port or 8443, enrol_port=arguments.enrol_port or 8444,
    )  # fmt: skip


def _refuse_settings(arguments: Namespace) -> None:
    for option in ("name", "currency", "host", "listen", "port", "enrol_port"):
        if getattr(arguments, option) is not None:
            raise Failed(f"--{option.replace('_', '-')} belongs into {arguments.config}, which says it already", code=2)
