"""Where every note of a simulated machine is, in a file of its state directory: it outlives the process, killed or not."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from config.kiosk import KioskConfig
from drivers.devices import Holds
from drivers.simulated.dispenser import ElectricDispenser
from drivers.simulated.note_acceptor import ElectricNoteAcceptor
from drivers.simulated.pins import SimulatedPins
from kiosk.cabinet import acceptor_pulses, acceptor_wiring, dispenser_wiring
from kiosk.exit_codes import StateError
from kiosk.journal.progress import in_box
from kiosk.operator.exchange import Count

NAME = "notes.json"
ACCEPTOR = "notes-taken.json"
VERSION = 1
#: Notes are at rest so long after the last one moved: then the file goes through to the disk.
REST_S = 0.3


class HasNotes(Protocol):
    """A simulated device that knows where its notes are. `restore` raises ValueError, KeyError or TypeError."""

    def snapshot(self) -> dict[str, Any]: ...
    def restore(self, snapshot: Mapping[str, Any]) -> None: ...


class NotesFile:
    """Keeps one device's notes. Each change replaces the file at once, so that SIGKILL finds old or new.

    The disk itself is waited for only when nothing moves: a note on its way would seem longer to its sensor.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._new = path.with_name(path.name + ".new")
        self._kept = ""
        self._timer: asyncio.TimerHandle | None = None

    def read(self) -> dict[str, Any] | None:
        """What was kept; None where nothing ever was. Raises StateError."""
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise StateError(
                f"{self._path} cannot be read ({error}); remove it, and the cassettes are empty"
            ) from error
        if not isinstance(found, dict) or found.get("version") != VERSION:
            raise StateError(f"{self._path} is of another version; remove it, and the cassettes are empty")
        return found

    @property
    def name(self) -> str:
        return self._path.name

    def keep(self, device: HasNotes) -> None:
        """The notes as they are now. Raises StateError where the file cannot be written."""
        text = json.dumps({"version": VERSION, **device.snapshot()})
        if text == self._kept:
            return
        try:
            self._new.write_text(text, encoding="utf-8")
            self._new.replace(self._path)
        except OSError as error:
            raise StateError(f"{self._path} cannot be written: {error.strerror}") from error
        self._kept = text
        self._sync_when_at_rest()

    def sync(self) -> None:
        """Wait for the disk."""
        self._cancel()
        with contextlib.suppress(FileNotFoundError):
            _sync(self._path, os.O_RDONLY)
            _sync(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)

    def _sync_when_at_rest(self) -> None:
        self._cancel()
        with contextlib.suppress(RuntimeError):  # outside of a loop the caller says when
            self._timer = asyncio.get_running_loop().call_later(REST_S, self.sync)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def restore(device: HasNotes, file: NotesFile) -> None:
    """Put the notes where they were. Raises StateError."""
    found = file.read()
    if found is None:
        return
    try:
        device.restore(found)
    except (ValueError, KeyError, TypeError) as error:
        raise StateError(
            f"the kept notes do not fit this machine ({error}); remove {file.name} to begin anew"
        ) from error


def put_in(config: KioskConfig, loaded: Mapping[str, Count]) -> None:
    """Fill simulated cassettes while no kiosk runs; names are checked by the exchange. Raises StateError."""
    file = NotesFile(config.terminal.state / NAME)
    box = NotesFile(config.terminal.state / ACCEPTOR)
    pins = SimulatedPins()
    exchange_notes(kept_dispenser(pins, config, file), loaded, kept_acceptor(pins, config, box))
    file.sync()
    box.sync()


def exchange_notes(
    dispenser: ElectricDispenser, loaded: Mapping[str, Count], acceptor: ElectricNoteAcceptor | None
) -> None:  # fmt: skip
    """What an operator's hands do at an exchange: take out what is stuck on the way, put full cassettes in, empty the box."""
    dispenser.clear_path()
    for name, count in loaded.items():
        if not in_box(name):
            dispenser.load(name, count.notes)
    if acceptor is not None and any(map(in_box, loaded)):
        acceptor.empty_box()


def kept_dispenser(
    pins: SimulatedPins, config: KioskConfig, file: NotesFile, then: Callable[[], None] = lambda: None
) -> ElectricDispenser:
    """The electrical dispenser of `config` with the notes that were kept; `then` is called after each that moved."""
    made: list[ElectricDispenser] = []

    def changed() -> None:
        if made:
            file.keep(made[0])
            then()

    dispenser = ElectricDispenser(pins, dispenser_wiring(config), changed=changed)
    restore(dispenser, file)
    made.append(dispenser)
    file.keep(dispenser)
    return dispenser


def kept_acceptor(pins: SimulatedPins, config: KioskConfig, file: NotesFile) -> ElectricNoteAcceptor | None:
    """The electrical acceptor with the notes that were kept, where the machine has one. Raises StateError."""
    wanted = config.note_acceptor
    if wanted is None:
        return None
    made: list[ElectricNoteAcceptor] = []

    def changed() -> None:
        for each in made:
            file.keep(each)

    acceptor = ElectricNoteAcceptor(
        pins, acceptor_wiring(wanted), pulses=acceptor_pulses(config), holds=Holds(wanted.holds.value),
        most=wanted.most, changed=changed,
    )  # fmt: skip
    restore(acceptor, file)
    made.append(acceptor)
    return acceptor


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
