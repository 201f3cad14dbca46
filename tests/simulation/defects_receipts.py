"""Deliberate defects in receipts: of another amount, without its doubt, on somebody else's paper, or told and not there."""

from __future__ import annotations

from simulation.planting import Defect, Text

from drivers.receipt_printer import EscposPrinter
from kiosk.receipts import giving
from kiosk.transactions import withdrawal

RECEIPTS = (
    Defect(
        "receipt-of-what-was-asked",
        "The receipt says what was asked for, however much came.",
        (Text(withdrawal._tell, "amount=paid,", "amount=held.amount,"),),
    ),
    Defect(
        "receipt-without-its-doubt",
        "A jam is told on the screen, and not on the receipt that is to prove it.",
        (Text(withdrawal._tell, "doubt=doubt\n", "doubt=False\n"),),
    ),
    Defect(
        "receipt-head-of-the-last-one",
        "What a power cut has left in the printer is taken for nothing.",
        (Text(EscposPrinter._cut_off, "if self._begun:", "if False:"), Text(EscposPrinter._ask, "if self._stale:", "if False:")),
    ),
    Defect(
        "receipt-told-unproven",
        "Nobody asks the printer whether it has printed: its customer is told to take what hangs nowhere.",
        (
            Text(
                EscposPrinter._send, "        waiting += len(block)\n    await self._printed()\n", "        waiting += len(block)\n"
            ),
        ),
    ),
    Defect(
        "receipt-failure-not-told",
        "Where the printer fails its customer is told to take the receipt all the same.",
        (Text(giving.give_receipt, "    if not await print_receipt(parts, given):\n        return False\n", "    await print_receipt(parts, given)\n"),),
    ),
)  # fmt: skip
