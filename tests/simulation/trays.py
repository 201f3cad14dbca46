"""The part of the model that watches cash trays: whose notes lie in which, who takes them, and what is moved back inside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulation.machines import Kiosk
from simulation.world import World

from kiosk.screens.model import NoticeScreen, Screen

if TYPE_CHECKING:
    from simulation.payments import Name, Payment, Visit

#: Whoever is to take cash has at least so long after the last note came.
LEAST_S = 20.0
#: What a tray sees at rest is gone after so long, or the machine is closed.
CLEARED_S = 20.0
#: A sensor that sees again has told so by then.
SEES_S = 5.0


@dataclass(eq=False)
class Lot:
    """Notes of one payment that lie in a tray. `starts`: which start of the machine has paid them. Minor units."""

    payment: Payment
    minor: int
    first: float
    last: float
    starts: int


class Trays:
    """Told by the model of what it sees. Knows nothing of how kiosk and bank work."""

    def __init__(
        self, world: World, wrong: Callable[[str], None], *, motor_moved: Callable[[Kiosk], None]
    ) -> None:  # fmt: skip
        self._world, self._wrong, self._motor_moved = world, wrong, motor_moved
        self._kiosks: dict[str, Kiosk] = {}
        self._lots: dict[str, list[Lot]] = {}
        self._taken: Counter[str] = Counter()
        self._doubled: Counter[str] = Counter()  # notes of the last payment that came together with counted ones
        self._back: dict[str, tuple[Payment, int]] = {}  # moved back in mid-visit, and by which start of the machine

    # ── Notes ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def begins(self, kiosk: Kiosk) -> None:
        """Somebody comes. Who comes next finds nothing, and the one before was told what became of the cash."""
        self._kiosks[kiosk.terminal] = kiosk
        self._was_told(kiosk)
        self._doubled.pop(kiosk.terminal, None)
        for lot in self._lots.get(kiosk.terminal, []):
            since = max(lot.last, kiosk.started_at)
            if kiosk.in_service and self._world.now - since > CLEARED_S and self._sees(kiosk, lot):
                self._wrong(f"{lot.payment.name}: its notes lie in the tray, and {kiosk.terminal} serves the next one")

    def doubled(self, kiosk: Kiosk, notes: int) -> None:
        self._doubled[kiosk.terminal] += notes

    def moved(self, kiosk: Kiosk, came: int, payment: Payment | None, visit: Visit | None) -> None:
        """Notes moved in this machine: so much more (or less) is on the customer's side than before."""
        if kiosk.tray is None:
            return
        if came > 0 and payment is not None:
            self._came(kiosk, came, payment)
        elif came < 0:
            self._moved_back(kiosk)
        taken = sum(kiosk.values[name] * place.taken for name, place in kiosk.dispenser._places.items())
        more = taken - self._taken[kiosk.terminal]
        self._taken[kiosk.terminal] = taken
        if more > 0:
            self._out(kiosk, more, visit)

    def _came(self, kiosk: Kiosk, came: int, payment: Payment) -> None:
        tray, now = kiosk.tray, self._world.now
        assert tray is not None
        lots = self._lots.setdefault(kiosk.terminal, [])
        if any(lot.payment is not payment and self._sees(kiosk, lot) for lot in lots):
            self._wrong(f"{payment.name} was paid onto notes that lay in the tray")
        if tray.is_since("sensor-stuck-covered") < payment.at:
            self._wrong(f"{payment.name} was paid into a tray that had something in it for all it could see")
        if not lots or lots[-1].payment is not payment:
            lots.append(Lot(payment, 0, now, now, kiosk.starts))
        lots[-1].minor += came
        lots[-1].last = now
        self._fits(kiosk, lots)

    def _fits(self, kiosk: Kiosk, lots: list[Lot]) -> None:
        """A bunch is as much as the exit takes; what comes unseen with one of its notes is more."""
        most = kiosk.config.dispenser.exit_notes + self._doubled[kiosk.terminal]
        if len(lots) == 1 and kiosk.dispenser.in_tray > most and self._sees(kiosk, lots[0]):
            self._wrong(f"{lots[0].payment.name}: {kiosk.dispenser.in_tray} notes lie in an exit for {most}")

    def _moved_back(self, kiosk: Kiosk) -> None:
        """All that lay there is inside the machine again."""
        assert kiosk.tray is not None
        if not kiosk.tray.by_hand:
            self._motor_moved(kiosk)
        for lot in self._lots.pop(kiosk.terminal, []):
            payment, waited = lot.payment, self._world.now - lot.last
            payment.given -= lot.minor
            payment.taken_back += lot.minor
            self._gone(kiosk, lot)
            self._world.count("tray: an operator empties it" if kiosk.tray.by_hand else "tray: cash is taken back")
            if kiosk.tray.by_hand or lot.starts != kiosk.starts:
                continue
            if payment.unseen:
                continue
            if waited < LEAST_S:
                self._wrong(f"{payment.name}: its cash was taken back after {waited:.1f} s")
            self._back[kiosk.terminal] = payment, kiosk.starts

    def _out(self, kiosk: Kiosk, minor: int, visit: Visit | None) -> None:
        """So much of what lies there, the oldest first, is in somebody's hand."""
        lots = self._lots.get(kiosk.terminal, [])
        while lots and minor > 0:
            lot = lots[0]
            part = min(lot.minor, minor)
            lot.minor, minor = lot.minor - part, minor - part
            recently = self._world.now - kiosk.started_at < CLEARED_S
            if lot.payment.visit is not visit and self._sees(kiosk, lot) and kiosk.in_service and not recently:
                self._wrong(f"{lot.payment.name}: somebody else took its notes out of the tray")
            if not lot.minor:
                self._gone(kiosk, lots.pop(0))

    def _gone(self, kiosk: Kiosk, lot: Lot) -> None:
        lot.payment.unseen |= not self._sees(kiosk, lot)

    def _sees(self, kiosk: Kiosk, lot: Lot) -> bool:
        """Whether its sensor could see these notes all the time; and its motor could move them."""
        tray = kiosk.tray
        assert tray is not None
        since = lot.payment.at - SEES_S
        return not tray.was("sensor-stuck-clear", since) and not tray.was("retract-dead", since)

    # ── What is said ────────────────────────────────────────────────────────────────────────────────────────────────

    def told(self, payment: Payment, screen: Screen) -> None:
        """A screen is shown while this is the last payment."""
        if isinstance(screen, NoticeScreen) and screen.id == "e.retracted":
            payment.told_doubt = payment.told_back = True
            self._world.count("tray: the customer is told")
            if screen.reference != f"{payment.name[0]}-{payment.name[2]}":
                self._wrong(f"{payment.name} was told the reference {screen.reference}")

    def completed(self, body: dict[str, Any], payment: Payment | None) -> None:
        """The machine tells the bank what became of a payment."""
        if body.get("taken") != "taken" or payment is None or payment.journal_gone or payment.decayed:
            return
        for kiosk, lot in self._of(payment):
            payment.unseen |= not self._sees(kiosk, lot)
        if (self._of(payment) or payment.taken_back) and not payment.unseen:
            self._wrong(f"{payment.name}: the bank is told that its cash was taken, and it was not")

    def _of(self, payment: Payment) -> list[tuple[Kiosk, Lot]]:
        """What lies in a tray of this payment."""
        kiosk = self._kiosks.get(payment.name[0])
        lots = self._lots.get(payment.name[0], [])
        return [(kiosk, lot) for lot in lots if lot.payment is payment] if kiosk is not None else []

    def _was_told(self, kiosk: Kiosk) -> None:
        payment, starts = self._back.pop(kiosk.terminal, (None, 0))
        if payment is not None and starts == kiosk.starts and not payment.told_doubt:
            self._wrong(f"{payment.name}: its cash was taken back, and its customer was not told")

    # ── At the end ──────────────────────────────────────────────────────────────────────────────────────────────────

    def ended(self, kiosks: list[Kiosk]) -> None:
        """Nothing lies in any tray."""
        for kiosk in kiosks:
            if kiosk.tray is not None:
                self._was_told(kiosk)
                if kiosk.dispenser.in_tray:
                    self._wrong(f"{kiosk.terminal}: {kiosk.dispenser.in_tray} notes lie in its tray in the end")


def names_of_unseen(payments: dict[Name, Payment]) -> set[str]:
    """Machines that could not see what lay in their tray: what was moved back there has no name."""
    return {name[0] for name, payment in payments.items() if payment.unseen}
