"""`atm-kiosk status`: what the running kiosk says of itself."""

from __future__ import annotations

import argparse
import asyncio

import msgspec

from bank_link.control_socket import call
from kiosk.commands.telling import out
from kiosk.commands.where import where
from kiosk.control import PROGRAM, Status, socket_path
from kiosk.exit_codes import Code


def show(options: argparse.Namespace) -> Code:
    """Raises NotRunning where no kiosk runs."""
    path = socket_path(where(options).config)
    status = msgspec.convert(asyncio.run(call(path, "status", {}, program=PROGRAM)), Status)
    out(msgspec.json.encode(status).decode() if options.json else text(status))
    return Code.DONE


def text(status: Status) -> str:
    """As a person reads it."""
    lines = [
        f"terminal {status.terminal}, version {status.version}",
        f"{'in service' if status.in_service else 'OUT OF SERVICE'}{', a customer is being served' if status.customer else ''}",
        *(f"  {cause}: {sentence}" for cause, sentence in status.why.items()),
        *(f"{each.device}: {each.state} {each.sentence}".rstrip() for each in status.devices),
        f"facts that wait for the bank: {status.waiting}",
    ]
    return "\n".join(lines)
