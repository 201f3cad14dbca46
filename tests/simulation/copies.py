"""The part of the model that watches copies of a card's stick: of all there are, one is paid at most."""

from __future__ import annotations

from collections.abc import Callable

from simulation.payments import Visit
from simulation.world import World


class Copies:
    """Sticks by card and number: when each was spent, None for one that is worth something."""

    def __init__(self, world: World, wrong: Callable[[str], None]) -> None:
        self._world, self._wrong = world, wrong
        self._sticks: dict[str, dict[int, float | None]] = {}
        self._reissued_at: dict[str, float] = {}

    def has_stick(self, card: str, stick: int, copy_of: int | None = None) -> None:
        """A stick of this card exists; a copy of a spent one is spent."""
        self._sticks.setdefault(card, {})[stick] = self._sticks.get(card, {}).get(copy_of or 0)

    def has_copies(self, card: str) -> bool:
        return len(self._sticks.get(card, {})) > 1

    def reissued(self, card: str) -> None:
        """Whatever sticks there are of it, a new file makes them worthless."""
        self._sticks[card] = dict.fromkeys(self._sticks.get(card, {}), self._world.now)
        self._reissued_at[card] = self._world.now

    def restored(self, to: float) -> None:
        """The bank forgot what was spent since `to`; which copy was the spent one it is told by the kiosk's facts."""
        for sticks in self._sticks.values():
            for stick, spent in sticks.items():
                if spent is not None and spent > to:
                    sticks[stick] = None

    def paid(self, visit: Visit, released_at: float, what: str) -> None:
        """Cash comes out in this visit, which the bank let go at `released_at`."""
        spent = self._sticks.get(visit.card, {}).get(visit.stick)
        if spent == self._reissued_at.get(visit.card) and released_at < (spent or 0.0):
            # Released before the staff made a new file: it is paid, and the new file is as good as before.
            return
        self.spends(visit, what)

    def spends(self, visit: Visit, what: str) -> None:
        """Of all sticks of a card that there are now, only this one is worth anything from here on."""
        sticks, stick = self._sticks.setdefault(visit.card, {}), visit.stick
        if sticks.get(stick) is not None:
            self._wrong(f"a spent copy of a card {what}")
        for other in sticks:
            if other != stick and sticks[other] is None:
                sticks[other] = self._world.now
