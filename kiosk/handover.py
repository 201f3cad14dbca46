"""What becomes of the notes in the tray: taken by the customer, or after a while taken back, and never left for the next one.

Only a machine that has a tray with a sensor can tell; elsewhere a note past the exit is the customer's, and that is all
that is known. What was taken back lies in the reject bin, and is credited when a person has counted it.
"""

from __future__ import annotations

from bank_link.messages import TakenState
from drivers.devices import CashTray, DeviceError
from kiosk.journal import records as r
from kiosk.journal.progress import fold
from kiosk.journal.store import Journal

TAKEN_BACK = "tray-cleared"


class Handover:
    """The only one that works the tray. `recover` before the journal's recovery, `clear` each second at rest."""

    def __init__(self, tray: CashTray, journal: Journal) -> None:
        self.tray = tray
        self._journal = journal
        self._tried = False

    def recover(self) -> None:
        """After a crash: payments whose notes may lie in the tray still are told apart by what the sensor says now."""
        try:
            self.tray.open()
        except DeviceError:
            return  # It says so itself as the devices are opened; what it cannot see stays unknown.
        for name in self._journal.open_transactions():
            progress = fold(name, (line.record for line in self._journal.story(name)))
            if not progress.burnt or progress.fact_made or progress.taken is not TakenState.UNKNOWN:
                continue
            if self.tray.present:
                self._journal.write(r.RetractBegun(transaction=name))
            elif any(progress.dispensed.values()):
                self._journal.write(r.HandedOver(transaction=name, taken=TakenState.TAKEN))

    def taken(self, transaction: r.Transaction) -> TakenState:
        """The tray is empty: by its customer, if its sensor has seen the notes at all."""
        state = TakenState.TAKEN if self.tray.seen else TakenState.UNKNOWN
        self._journal.write(r.HandedOver(transaction=transaction, taken=state))
        return state

    async def take_back(self, transaction: r.Transaction) -> TakenState:
        """The customer had their time. What cannot be moved closes the machine, by the tray's report."""
        self._journal.write(r.RetractBegun(transaction=transaction))
        sentence = ""
        try:
            await self.tray.retract()
        except DeviceError as error:
            sentence = str(error)
        state = TakenState.RETRACTED
        self._journal.write(r.HandedOver(transaction=transaction, taken=state, sentence=sentence))
        return state

    async def clear(self) -> None:
        """Nobody is being served: whatever lies there is no next customer's. Tried once, until something has moved."""
        if not self.tray.present:
            self._tried = False
            return
        if self._tried:
            return
        self._tried = True
        detail = "what lay in the cash tray was moved into the reject bin"
        try:
            await self.tray.retract()
        except DeviceError as error:
            detail = str(error)
        self._journal.write(r.Event(what=TAKEN_BACK, detail=detail))
