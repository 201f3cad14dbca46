"""Asks the running kiosk over its control socket; where none runs, opens the journal itself, under its lock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from bank_link.control_socket import run_command
from bank_link.seams import SystemClock, SystemRandomness
from kiosk.assembly import JOURNAL, open_journal, unseal
from kiosk.control import PROGRAM, socket_path
from kiosk.exit_codes import StateError
from kiosk.journal import records as r
from kiosk.journal.recovery import recover
from kiosk.journal.store import JournalInUse
from kiosk.operator.desk import Desk
from kiosk.version import VERSION
from kiosk.where import Where

T = TypeVar("T")

#: A kiosk that is just starting holds the journal and does not listen yet; one that serves a customer answers at once.
PATIENCE_S = 15.0


def ask(
    place: Where, command: str, arguments: dict[str, Any], locally: Callable[[Desk], T], answer: type[T], *,
    changes: bool = False,
) -> T:  # fmt: skip
    """The answer, whoever gave it. `changes`: the journal may be made, and the terminal's identity is needed.

    Raises CommandRefused, ControlError, JournalError, StateError, AuthFileError.
    """

    async def here() -> T:
        with_desk = _desk(place, changes=changes)
        try:
            return locally(with_desk)
        finally:
            with_desk.journal.close()

    found = asyncio.run(
        run_command(
            socket_path(place.config), command, arguments, program=PROGRAM, locally=here, in_use=JournalInUse,
            patience_s=PATIENCE_S,
        )
    )  # fmt: skip
    return msgspec.convert(msgspec.to_builtins(found), answer)


def _desk(place: Where, *, changes: bool) -> Desk:
    config = place.config
    identity = unseal(config, SystemClock()).identity if changes else None
    generation = identity.generation if identity else 1
    path = config.terminal.state / JOURNAL
    if not changes and not path.exists():
        raise StateError(f"there is no journal at {path}; has this kiosk ever been started?")
    journal = open_journal(config, SystemRandomness())
    if identity is not None:
        journal.check_owner(identity.terminal)
    if identity is not None and journal.open_transactions():
        # What a crash left open is concluded first: its facts are older than the exchange.
        boot = "b" + SystemRandomness().token_bytes(9).hex()
        journal.write(r.Booted(boot=boot, version=VERSION, terminal=identity.terminal, generation=generation))
        recover(journal, 0)
    if place.folder is None:
        return Desk(journal=journal, config=config, generation=generation)
    from kiosk.simulator.notes_file import put_in

    return Desk(
        journal=journal, config=config, generation=generation, put_in=lambda loaded: put_in(config, loaded)
    )  # fmt: skip
