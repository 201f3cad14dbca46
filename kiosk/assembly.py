"""From a configuration to a machine that has started: identity, journal, devices, line. Production and simulator alike."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bank_link import auth_file
from bank_link.auth_secret import Secret
from bank_link.errors import AuthFileError
from bank_link.identity import Identity
from bank_link.seams import Line, Randomness, WallClock
from config.kiosk import KioskConfig, LineConfig
from drivers.gpio import Board, Gpio
from kiosk.cabinet import Devices
from kiosk.display.face import Display
from kiosk.exit_codes import StateError
from kiosk.journal.store import Journal
from kiosk.machine import Hooks, Machine, World
from kiosk.provisioning.sealing import read_secret
from kiosk.screens.words.load import Words

JOURNAL = "journal.sqlite"


class TrustingLine(Line, Protocol):
    """A line that can be told of more CAs."""

    def trust(self, cas: tuple[str, ...]) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Seams:
    """What production and simulator differ in. `devices` builds them on the board of `gpio`."""

    gpio: Gpio
    devices: Callable[[KioskConfig, Board], Devices]
    line: Callable[[Identity], TrustingLine]
    random: Randomness
    clock: WallClock
    clock_is_good: Callable[[], bool] = lambda: True
    ahead_ms: Callable[[], int] = lambda: 0


@dataclass(kw_only=True)
class Opened:
    """An auth file that was unsealed."""

    path: Path
    identity: Identity
    secret: Secret

    def adopt(self, cas: tuple[str, ...], random: Randomness) -> bool:
        """Keep CAs that a sign-on handed out; whether there was anything new. Raises AuthFileError."""
        more = self.identity.with_cas(cas)
        if more is self.identity:
            return False
        auth_file.write(self.path, more, self.secret, random)
        self.identity = more
        return True


def unseal(config: KioskConfig, clock: WallClock) -> Opened:
    """The terminal's identity. Raises AuthFileError with the sentence that fits."""
    terminal = config.terminal
    secret = read_secret(terminal.key_file, terminal.passphrase_file)
    return Opened(
        path=terminal.auth_file, secret=secret, identity=auth_file.read(terminal.auth_file, secret, clock.now_ms())
    )


def open_journal(config: KioskConfig, random: Randomness) -> Journal:
    """The state directory (made where it is missing) and its journal. Raises StateError, JournalError, JournalInUse."""
    state = config.terminal.state
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(f"the state directory {state} cannot be made: {error.strerror}") from error
    return Journal.open(state / JOURNAL, random=random)


def https_line(config: LineConfig, random: Randomness) -> Callable[[Identity], TrustingLine]:
    """Makes the production line, with the configuration's time-outs of one try."""
    from bank_link.line import HttpsLine

    def make(identity: Identity) -> TrustingLine:
        return Bounded(HttpsLine(identity, random, connect_ms=config.connect_ms), config.connect_ms + config.read_ms)

    return make


class Bounded:
    """A line on which one try takes `most_ms` at most, whatever it is given."""

    def __init__(self, line: TrustingLine, most_ms: int) -> None:
        self._line = line
        self._most_ms = most_ms
        self.reset = line.reset
        self.trust = line.trust
        self.close = line.close

    async def exchange(self, request: bytes, timeout_ms: int) -> bytes:
        return await self._line.exchange(request, min(timeout_ms, self._most_ms))


def assemble(
    stack: ExitStack, config: KioskConfig, opened: Opened, seams: Seams, *,
    display: Display, words: Words, hooks: Hooks, journal: Journal,
) -> Machine:  # fmt: skip
    """A started machine; `stack` gives back what it holds. Raises JournalError, DeviceError (CONFIG), LinkError."""
    board = Board(seams.gpio)
    stack.callback(board.close)
    devices = seams.devices(config, board)
    stack.callback(devices.close)
    line = seams.line(opened.identity)
    stack.callback(line.close)

    def new_cas(cas: tuple[str, ...]) -> None:
        try:
            if opened.adopt(cas, seams.random):
                line.trust(cas)
                machine.parts.note("new-ca", "the bank's next CA is trusted and kept in the auth file")
        except AuthFileError as error:
            machine.parts.note("new-ca", str(error))

    hooks.new_cas = new_cas
    world = World(
        line=line, random=seams.random, clock=seams.clock, clock_is_good=seams.clock_is_good, ahead_ms=seams.ahead_ms
    )
    machine = Machine(
        config=config, identity=opened.identity, journal=journal, devices=devices, display=display, words=words,
        world=world, hooks=hooks,
    )  # fmt: skip
    machine.start()
    return machine
