"""Deliberate defects beside a cash tray: cash that is left and forgotten, moved unseen, paid onto other cash, or told wrongly."""

from __future__ import annotations

from simulation.planting import Defect, Text

from bank.facts import completion
from kiosk.handover import Handover
from kiosk.journal import recovery
from kiosk.payment import Dispense
from kiosk.transactions import cash_tray, withdrawal

TRAYS = (
    Defect(
        "tray-left-is-taken",
        "Cash that is still there after its time is told as taken, and stays where it lies.",
        (
            Text(cash_tray.handed_over, "    if taken:\n", "    if True:\n"),
        ),
    ),
    Defect(
        "tray-moved-before-journalled",
        "The motor runs before the journal says so: a power cut between the two makes left cash taken cash.",
        (
            Text(
                Handover.take_back,
                "    self._journal.write(r.RetractBegun(transaction=transaction))\n    sentence = await self._retract()\n",
                "    sentence = await self._retract()\n    self._journal.write(r.RetractBegun(transaction=transaction))\n",
            ),
        ),
    ),
    Defect(
        "tray-not-looked-at-at-the-start",
        "After a power cut nobody looks whether the cash lies in the tray still.",
        (Text(Handover.recover, "        if self.tray.present:\n", "        if False:\n"),),
    ),
    Defect(
        "tray-not-told-to-the-bank",
        "What was taken back is in the journal, and not in what the bank is told.",
        (Text(recovery._completion, "taken=progress.taken", "taken=type(progress.taken).UNKNOWN"),),
    ),
    Defect(
        "tray-next-bunch-onto-the-first",
        "The second part of the notes comes whether the first was taken or not.",
        (Text(Dispense._bunch_is_taken, "    if not await self._taken(self._paid(), self._counted()):\n", "    if False:\n"),),
    ),
    Defect(
        "tray-paid-onto-what-lies-there",
        "Notes are paid without a look at what is in the tray already.",
        (Text(Handover.begin, "    await self.tray.ready()\n", ""),),
    ),
    Defect(
        "tray-taken-back-at-once",
        "Nobody waits for the hand: what is in the tray is moved as soon as it lies there.",
        (
            Text(
                cash_tray.handed_over, "        taken = await _is_emptied(visit, handover, screen)\n",
                "        await parts.ask.pause(screen, 3)\n        taken = not handover.tray.present\n",
            ),
        ),
    ),
    Defect(
        "tray-customer-not-told",
        "The cash is taken back, and its customer is thanked.",
        (
            Text(
                withdrawal.pay, "elif paid.payment is not None and paid.seen is TakenState.RETRACTED:\n", "elif False:\n"
            ),
        ),
    ),
    Defect(
        "tray-credited-uncounted",
        "What was taken back is not debited: whoever took a part of it has that part for nothing.",
        (
            Text(
                completion._debit, "    transfer(\n",
                "    book = (lambda *_, **__: None) if dispense.fact.taken is TakenState.RETRACTED else transfer\n    book(\n",
            ),
        ),
    ),
    Defect(
        "tray-no-case-of-a-forgotten-payment",
        "A bank that has forgotten the payment debits it when it is told, and forgets what was taken back.",
        (
            Text(
                completion._without_hold, "    case = _debit(view, context, dispense, slip.account, case_id=case) or case\n",
                "    told = dispense.fact.taken\n"
                "    if told is not TakenState.RETRACTED:\n"
                "        case = _debit(view, context, dispense, slip.account, case_id=case) or case\n"
                "    else:\n"
                "        transfer(\n"
                "            view, debit=slip.account, credit=cash_account(dispense.about.terminal, dispense.presented.currency),\n"
                "            amount=dispense.presented, kind='withdrawal', at_ms=context.now_ms,\n"
                "            terminal=dispense.about.terminal, generation=dispense.about.generation,\n"
                "            number=dispense.fact.number, case_id=case, text=dispense.about.claim,\n"
                "        )\n",
            ),
        ),
    ),
)  # fmt: skip
