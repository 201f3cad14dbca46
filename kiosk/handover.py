"""What becomes of the notes in the tray: taken by the customer, or after a while taken back, and never left for the next one.

Only a machine that has a tray with a sensor can tell; elsewhere a note past the exit is the customer's, and that is all
that is known. What was taken back lies in the reject bin, and is credited when a person has counted it. Nothing is moved
that is not in the journal before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bank_link.messages import TakenState
from drivers.devices import CashTray, DeviceError
from kiosk.journal import records as r
from kiosk.journal.progress import Progress, fold
from kiosk.journal.store import Journal

#: `Event.what`: something lay in the tray while nobody was served; a hand has emptied one that could not be.
CLEARED, EMPTIED = "tray-cleared", "tray-emptied"
#: What lies in the tray at rest lies there for so long before it is moved: no finger, and no fly.
LIES_S = 5.0
#: Notes that have left the exit are seen, or taken, by then.
FALLS_S = 2.0


class Handover:
    """The only one that works the tray. `recover` before the journal's recovery, `clear` each second at rest.

    `may_move`: nobody has a hand in the machine. `nudge` is called when the tray changes while its customer is asked
    about it: see `asking`.
    """

    def __init__(
        self, tray: CashTray, journal: Journal, *, may_move: Callable[[], bool], nudge: Callable[[], None]
    ) -> None:  # fmt: skip
        self.tray = tray
        self.asking = False
        self._journal = journal
        self._may_move = may_move
        self._nudge = nudge
        self._paying = self._tried = self._is_cash = False
        self._since: float | None = None

    def start(self) -> None:
        """Listen, once the devices are open."""
        self.tray.listen(self._changed)

    def _changed(self) -> None:
        # To any other question a tray that flickers is no answer.
        if self.asking:
            self._nudge()

    # ── A payment ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def begin(self) -> None:
        """Notes will come, and nothing else works the tray until `end`. Raises DeviceError where something lies in it."""
        await self.tray.ready()
        self._paying = True

    def end(self) -> None:
        self._paying = False
        self._since = None

    async def settled(self, transaction: r.Transaction) -> bool:
        """Whether the sensor has seen the notes, once they had the time to fall; kept in the journal."""
        if not await self.tray.appeared(FALLS_S):
            return False
        self._journal.write(r.InTray(transaction=transaction))
        return True

    def taken(self, transaction: r.Transaction) -> TakenState:
        """The tray is empty, and its sensor has seen the notes."""
        self._journal.write(r.HandedOver(transaction=transaction, taken=TakenState.TAKEN))
        return TakenState.TAKEN

    async def take_back(self, transaction: r.Transaction) -> TakenState:
        """The customer had their time. What cannot be moved closes the machine, by the tray's report."""
        self._journal.write(r.RetractBegun(transaction=transaction))
        sentence = await self._retract()
        self._journal.write(r.HandedOver(transaction=transaction, taken=TakenState.RETRACTED, sentence=sentence))
        return TakenState.RETRACTED

    # ── After a crash, at rest, and at the end ──────────────────────────────────────────────────────────────────────

    def recover(self) -> None:
        """After a crash: payments whose notes may lie in the tray still are told apart by what the sensor says now."""
        try:
            self.tray.open()
        except DeviceError:
            return  # It says so itself as the devices are opened; what it cannot see stays unknown.
        # Whatever lies there as the machine starts is moved before anybody can be paid.
        self._is_cash = self.tray.present
        for progress in self._open_payments():
            if self.tray.present:
                self._journal.write(r.RetractBegun(transaction=progress.name))
            elif progress.in_tray:
                self._journal.write(r.HandedOver(transaction=progress.name, taken=TakenState.TAKEN))

    async def clear(self) -> None:
        """Nobody is being served: whatever lies there is no next customer's. Tried once, until something has moved."""
        if self._paying or self._journal.failed:
            return
        now = asyncio.get_running_loop().time()
        if not self.tray.present:
            if self._tried and self._since is not None:
                self._journal.write(r.Event(what=EMPTIED, detail="what could not be taken back was taken out by hand"))
            self._tried, self._since, self._is_cash = False, None, False
            return
        self._since = self._since if self._since is not None else now
        lies = self._is_cash or now - self._since >= LIES_S
        if not self._tried and self._may_move() and lies:
            self._tried = True
            await self._move("something lay in the cash tray: it goes into the reject bin")
            self._tried = self.tray.present

    async def clear_now(self) -> None:
        """Before a single call, and as the machine is stopped: nothing stays in reach of who comes by."""
        if not self._journal.failed and self.tray.present:
            await self._move("what lies in the cash tray goes into the reject bin")

    async def _move(self, why: str) -> None:
        """On disk first; as whose it was, where that is still open."""
        names = [progress.name for progress in self._open_payments()]
        if names:
            self._journal.write(*(r.RetractBegun(transaction=name) for name in names))
        else:
            self._journal.write(r.Event(what=CLEARED, detail=why))
        sentence = await self._retract()
        for name in names:
            self._journal.write(r.HandedOver(transaction=name, taken=TakenState.RETRACTED, sentence=sentence))
        if sentence and not names:
            self._journal.write(r.Event(what=CLEARED, detail=sentence))

    async def _retract(self) -> str:
        """Why it did not work; the tray's report closes the machine then."""
        if not self._may_move():
            return "A door is open: what lies in the cash tray stays there."
        try:
            await self.tray.retract()
        except DeviceError as error:
            return str(error)
        return ""

    def _open_payments(self) -> list[Progress]:
        """Those of which it is not said yet what became of their notes."""
        journal = self._journal
        found = [fold(name, (line.record for line in journal.story(name))) for name in journal.open_transactions()]
        return [one for one in found if one.burnt and not one.fact_made and one.taken is TakenState.UNKNOWN]
