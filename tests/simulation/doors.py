"""The part of the model that watches doors: nobody is served and no cash comes beside an open one, and what was reached is counted."""

from __future__ import annotations

from collections.abc import Callable

from simulation.hardware import WatchedDoor
from simulation.machines import Kiosk
from simulation.world import World

#: A switch has told by then that its door is open.
NOTICED_S = 1.0


class Doors:
    """Told by the model, and by whoever opens them. Knows nothing of how a kiosk works."""

    def __init__(self, world: World, wrong: Callable[[str], None]) -> None:
        self._world, self._wrong = world, wrong
        self._kiosks: dict[str, Kiosk] = {}
        self._reached: dict[str, float] = {}  # when somebody could reach the cash of a machine that saw it
        self._releases: set[tuple[str, int, int]] = set()

    def opened(self, kiosk: Kiosk, door: WatchedDoor) -> None:
        """Somebody opens it. A machine that is on, and can remember, knows it from then on."""
        self._kiosks[kiosk.terminal] = kiosk
        if door.guards_cash:
            self._world.later(NOTICED_S, self._noticed, kiosk, door, self._world.now, kiosk.starts)

    def _noticed(self, kiosk: Kiosk, door: WatchedDoor, at: float, starts: int) -> None:
        machine = kiosk.machine
        if machine is None or not kiosk.on or kiosk.starts != starts or machine.journal.failed or kiosk.disk.full:
            return
        if self._is_open(kiosk):
            self._reached[kiosk.terminal] = at

    def _is_open(self, kiosk: Kiosk) -> bool:
        """For so long that the machine, which is on, must know it."""
        since = max(min((door.open_since for door in kiosk.doors), default=float("inf")), kiosk.started_at)
        return kiosk.on and self._world.now - since >= NOTICED_S

    # ── What must not be ────────────────────────────────────────────────────────────────────────────────────────────

    def begins(self, kiosk: Kiosk) -> None:
        """Somebody comes."""
        self._kiosks[kiosk.terminal] = kiosk
        if not kiosk.in_service:
            return
        if self._is_open(kiosk):
            self._wrong(f"{kiosk.terminal} is in service, and a door of it is open")
        if self._reached.get(kiosk.terminal, 0.0) > kiosk.exchanged_at:
            self._wrong(f"{kiosk.terminal} is in service, and nobody has counted what could be reached")

    def sends_release(self, name: tuple[str, int, int]) -> None:
        """A machine is about to ask whether it may pay, for the first time: what it has asked for may run to its end."""
        kiosk = self._kiosks.get(name[0])
        if name in self._releases or kiosk is None:
            return
        self._releases.add(name)
        if self._is_open(kiosk):
            self._wrong(f"{name}: {kiosk.terminal} asks for cash beside an open door")

    def motor_moved(self, kiosk: Kiosk) -> None:
        """The tray's motor has moved notes."""
        if self._is_open(kiosk):
            self._wrong(f"{kiosk.terminal} moved what lay in its tray beside an open door")

    def journal_lost(self, terminal: str) -> None:
        self._reached.pop(terminal, None)
