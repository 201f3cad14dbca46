"""Doors of the cabinet: while one is open nobody is served, and where cash could be reached it must be counted after.

Opening is journalled with its time and told to the bank at once. A visit that is under way ends at its next question;
what was asked of bank or vault runs to its end.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from functools import partial

from config.kiosk import Guards
from drivers.devices import DeviceState, Door
from kiosk.journal import records as r
from kiosk.journal.store import Journal, JournalError
from kiosk.service_state import Cause, ServiceState

COUNT = "was opened, and cash could be reached; count every cassette and load cash (atm-kiosk cash load)"


class Doors:
    """`start` after the doors are open as devices; `look` each second and after an exchange."""

    def __init__(
        self, doors: Mapping[Door, Guards], *, journal: Journal, service: ServiceState, opened: Callable[[], None],
        changed: Callable[[], None],
    ) -> None:  # fmt: skip
        """`opened` is called when a door opens; `changed` whenever the bank should hear of a door."""
        self._doors = dict(doors)
        self._journal = journal
        self._service = service
        self._opened = opened
        self._changed = changed

    def start(self) -> None:
        """Listen; a door that is open already is told as one that opens."""
        for door in self._doors:
            door.listen(partial(self._heard, door))
            if door.is_open:
                self._note(door, is_open=True)
        self.look()

    def look(self) -> None:
        """Out of service while a door is open or cannot be watched, and until cash that could be reached is counted."""
        self._service.set(Cause.DOOR, "; ".join(self._reasons()))

    def _reasons(self) -> list[str]:
        found = [
            door.report.sentence.rstrip(".").replace("The ", "the ", 1)
            for door in self._doors
            if door.is_open or door.report.state is not DeviceState.ONLINE
        ]
        with contextlib.suppress(JournalError):  # which closes the machine by itself
            if self._journal.cash_reached():
                found.append(f"a door {COUNT}")
        return found

    def _heard(self, door: Door, is_open: bool) -> None:
        try:
            self._note(door, is_open=is_open)
        except JournalError as error:
            self._service.close(Cause.JOURNAL, str(error))
        self.look()
        if is_open:
            self._opened()
        self._changed()

    def _note(self, door: Door, *, is_open: bool) -> None:
        cash = self._doors[door] is Guards.CASH
        if not is_open:
            self._journal.write(r.Event(what=r.DOOR_CLOSED, detail=door.name))
        else:
            self._journal.write(r.Event(what=r.CASH_DOOR_OPENED if cash else r.DOOR_OPENED, detail=door.name))
