"""The balance: asked for, shown for ten seconds, hidden."""

from __future__ import annotations

from bank_link.messages import Figures
from kiosk.ask import BACK
from kiosk.host import NoAnswer, Turned
from kiosk.parts import Visit
from kiosk.screens import catalogue
from kiosk.transactions.common import choose_account, no_line, refusal

SHOWN_S = 10


async def run(visit: Visit) -> Figures | None:
    """What was told, None where nothing was; back to the menu afterwards in any case. Raises LeftEarly."""
    parts, words = visit.parts, visit.parts.words
    account = await choose_account(visit, "balance")
    if account is None or await parts.ask.choose(catalogue.balance(words)) == BACK:
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
    parts.note("balance-shown")
    await parts.ask.told(catalogue.balance_shown(words, figures.available, figures.ledger), SHOWN_S)
    return figures
