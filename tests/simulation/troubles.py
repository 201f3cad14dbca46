"""What goes wrong in a cabinet just while a screen is shown: a tray's sensor or motor fails, the power goes, a door is opened."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from simulation.hardware import WatchedDoor
from simulation.machines import Kiosk
from simulation.weather import Rates
from simulation.world import Chance, World

from drivers.simulated.receipt_printer import ElectricReceiptPrinter
from kiosk.screens.model import Screen

FAULTS = ("retract-dead", "sensor-stuck-covered", "sensor-stuck-clear")
#: While these are shown notes lie in the tray, or soon will.
_MOMENTS = {"take.card", "cash.count", "take.bunch", "take.cash", "cash.back", "e.retracted"}
#: Where the power goes, and how much likelier: where the motor runs it is a matter of two seconds.
_CUTS = {"take.bunch": 0.5, "take.cash": 0.5, "cash.back": 2, "e.retracted": 1}


class Troubles:
    """Draws at each screen that comes. `is_calm`: nothing breaks any more."""

    def __init__(self, world: World, rates: Rates, is_calm: Callable[[], bool]) -> None:
        self._world, self._rates, self._is_calm = world, rates, is_calm
        self._chance, self._doors = world.chance("tray troubles"), world.chance("door troubles")
        self._paper = world.chance("printer troubles")
        self.opened: Callable[[Kiosk, WatchedDoor], None] = lambda *_: None
        self._pending: set[asyncio.Task[None]] = set()
        self._last: dict[str, str] = {}

    def seen(self, kiosk: Kiosk, screen: Screen) -> None:
        """A screen is shown, once for each time that it comes."""
        before, self._last[kiosk.terminal] = self._last.get(kiosk.terminal, ""), screen.id
        if screen.id == before or self._is_calm():
            return
        if kiosk.doors and self._doors.strikes(self._rates.door_opened):
            self._spawn(self._open(kiosk))
        if kiosk.printer is not None and self._paper.strikes(
            self._rates.printer_fault * (10 if screen.id == "receipt.printing" else 1)
        ):
            self._spawn(self._spoil(kiosk.printer))
        if kiosk.printer is not None and screen.id == "receipt.printing" and self._paper.strikes(
            self._rates.printer_fault * 10
        ):  # fmt: skip
            self._cut(kiosk, self._paper, within_s=2)
        if kiosk.tray is None or screen.id not in _MOMENTS:
            return
        if self._chance.strikes(self._rates.tray_fault):
            self._spawn(self._break(kiosk))
        if self._chance.strikes(self._rates.cut_at_tray * _CUTS.get(screen.id, 0)):
            self._cut(kiosk, self._chance, within_s=3 if screen.id == "cash.back" else 50)

    async def _break(self, kiosk: Kiosk) -> None:
        assert kiosk.tray is not None
        name = self._chance.choice(FAULTS)
        await asyncio.sleep(self._chance.random() ** 2 * 60)
        self._world.count(f"tray: {name}")
        kiosk.tray.set_fault(name)
        await asyncio.sleep(self._chance.random() ** 2 * 400)
        kiosk.tray.set_fault(name, on=False)

    async def _open(self, kiosk: Kiosk) -> None:
        """A technician, or somebody who has a key and no business there."""
        chance = self._doors
        door = chance.choice(kiosk.doors)
        await asyncio.sleep(chance.random() * 5)
        if chance.strikes(0.2):
            self._world.count("door: a blow against the cabinet")
            door.fault_once("blow")
            return
        if not door.is_open:
            self._world.count("door: opened, and the cash is in reach" if door.guards_cash else "door: opened")
            door.open()
            self.opened(kiosk, door)
        await asyncio.sleep(0.5 + chance.random() ** 2 * 120)
        door.shut()

    async def _spoil(self, printer: ElectricReceiptPrinter) -> None:
        chance = self._paper
        name = chance.choice(sorted(printer.faults))
        await asyncio.sleep(chance.random() * 2)
        self._world.count(f"printer: {name}")
        if name in {"paper-ends", "cutter-jam"}:
            printer.fault_once(name)
            return
        printer.set_fault(name)
        await asyncio.sleep(1 + chance.random() ** 2 * 300)
        printer.set_fault(name, on=False)

    def _cut(self, kiosk: Kiosk, chance: Chance, within_s: float) -> None:
        """At one of the next effects, or in the seconds while somebody is waited for or the motor runs."""
        power = kiosk.power
        if power is None or not power.alive or power.cut_at is not None:
            return
        how = chance.choice(("power cut", "killed"))
        self._world.count("receipt: the power goes" if chance is self._paper else "tray: the power goes")
        if chance.strikes(0.5):
            power.cut_how, power.cut_at = how, power.effects + chance.randint(1, 12)
        else:
            self._world.later(chance.random() * within_s, power.off, f"{how}: in mid-handover")

    def _spawn(self, work: object) -> None:
        task = self._world.spawn(work)  # type: ignore[arg-type]  # a coroutine
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    async def calm(self, kiosks: list[Kiosk]) -> None:
        for task in list(self._pending):
            task.cancel()
        await asyncio.gather(*self._pending, return_exceptions=True)
        for kiosk in kiosks:
            for door in kiosk.doors:
                door.shut()
            if kiosk.printer is not None:
                kiosk.printer.clear_faults()
            if kiosk.tray is not None:
                kiosk.tray.clear_faults()
