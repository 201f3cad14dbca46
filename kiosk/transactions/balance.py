"""The balance: asked for, shown for ten seconds, hidden; or said in headphones, or printed."""

from __future__ import annotations

from bank_link.messages import Figures
from kiosk.ask import BACK
from kiosk.host import NoAnswer, Turned
from kiosk.parts import Visit
from kiosk.receipts.giving import can_print
from kiosk.receipts.receipt import Done
from kiosk.screens import catalogue
from kiosk.screens.common import PAPER
from kiosk.transactions import receipts
from kiosk.transactions.common import choose_account, no_line, refusal

SHOWN_S = 10
#: Time to hear it again by the key `*`; it stands still while it is said.
SAID_S = 20


async def run(visit: Visit) -> Figures | None:
    """What was told, None where nothing was; back to the menu afterwards in any case. Raises LeftEarly."""
    parts, words = visit.parts, visit.parts.words
    account = await choose_account(visit, "balance")
    if account is None:
        return None
    way = await parts.ask.choose(catalogue.balance(words, voice=parts.ask.in_ear, printer=can_print(parts)))
    if way == BACK:
        return None
    try:
        async with parts.working():
            figures = await parts.host.balance(visit.opened.visit, account.account)
    except NoAnswer:
        await no_line(visit)
        return None
    except Turned as turned:
        parts.note("balance-refused", turned.answer.reason)
        await parts.ask.told(refusal(parts, turned.answer, earlier=visit.has_posted), parts.ask.patience.answer_s)
        return None
    parts.ask.still_there()
    parts.note("balance-shown", way)
    shown = catalogue.balance_shown(words, figures.available, figures.ledger)
    if way == "print":
        receipt = receipts.receipt_of(visit, Done.BALANCE, balance=figures.available, account=account.account)
        await receipts.give(visit.parts, PAPER, receipt)
    elif way == "say":
        await parts.ask.told_in_ear(shown, SAID_S)
    else:
        await parts.ask.told(shown, SHOWN_S)
    return figures
