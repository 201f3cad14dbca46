"""Deliberate defects at the doors of a cabinet: served, paid or moved beside an open one, and opened again uncounted."""

from __future__ import annotations

from simulation.planting import Defect, Text

from kiosk.doors import Doors
from kiosk.handover import Handover
from kiosk.transactions import withdrawal

DOORS = (
    Defect(
        "door-cash-beside-it",
        "A door that is opened while the card is taken is not looked at: the cash comes all the same.",
        (Text(withdrawal._pay, "    if Cause.DOOR in parts.service.causes:\n", "    if False:\n"),),
    ),
    Defect(
        "door-open-in-service",
        "What an open door says of itself closes nothing.",
        (
            Text(Doors._reasons, "if door.is_open or", "if"),
            Text(Doors.look, '"; ".join(self._reasons())', '"; ".join(x for x in self._reasons() if " is open" not in x)'),
        ),
    ),
    Defect(
        "door-nobody-counts",
        "As soon as the door is shut the machine serves again, whatever somebody did at its cassettes.",
        (Text(Doors._reasons, "if self._journal.cash_reached():", "if False:"),),
    ),
    Defect(
        "door-motor-beside-a-hand",
        "The tray's motor starts beside an open door.",
        (
            Text(Handover._retract, "    if not self._may_move():\n", "    if False:\n"),
            Text(Handover.clear, "self._may_move() and lies", "lies"),
        ),
    ),
)  # fmt: skip
