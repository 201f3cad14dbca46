"""`atm-kiosk status`: what the running kiosk says of itself."""

from __future__ import annotations

import argparse
import asyncio

import msgspec

from bank_link.control_socket import call
from kiosk.control import PROGRAM, Status, socket_path, status_text
from kiosk.exit_codes import Code
from kiosk.telling import out
from kiosk.where import where


def show(options: argparse.Namespace) -> Code:
    """Raises NotRunning where no kiosk runs."""
    path = socket_path(where(options).config)
    status = msgspec.convert(asyncio.run(call(path, "status", {}, program=PROGRAM)), Status)
    out(msgspec.json.encode(status).decode() if options.json else status_text(status))
    return Code.DONE
