"""Opening an account: another one for the customer whose card is in. A first deposit can follow at once."""

from __future__ import annotations

from msgspec.structs import replace

from bank_link.messages import AccountView, Reason
from kiosk.ask import BACK, MAIN
from kiosk.host import NoAnswer, Turned
from kiosk.leaving import Cancelled
from kiosk.parts import Visit
from kiosk.receipts.receipt import Done
from kiosk.screens import catalogue
from kiosk.transactions import deposit, receipts
from kiosk.transactions.common import no_line, refusal

DONE_S = 20


async def run(visit: Visit) -> None:
    """Back to the menu afterwards in any case. Raises LeftEarly."""
    parts, products = visit.parts, visit.parts.host.products
    key = await parts.ask.choose(catalogue.open_account(parts.words, products))
    if key == BACK:
        return
    product = products[int(key.removeprefix("product:"))]
    try:
        async with parts.working():
            number = await parts.host.open_account(visit.opened, product)
    except NoAnswer:
        await no_line(visit, kept=True)
        return
    except Turned as turned:
        parts.note("opening-refused", turned.answer.reason)
        if turned.answer.reason is not Reason.ACCOUNT_LIMIT:
            await parts.ask.choose(refusal(parts, turned.answer, earlier=visit.has_posted))
            raise Cancelled from None
        enough = catalogue.open_enough(parts.words, len(visit.opened.accounts))
        await parts.ask.told(enough, parts.ask.patience.answer_s)
        return
    _show(visit, product, number)
    receipt = receipts.receipt_of(visit, Done.OPENED, account=number)
    await receipts.told(parts, catalogue.open_done(parts.words, product, number), DONE_S, receipt)
    if parts.cash_in is None or not parts.cash_in.ready():
        return
    if await parts.ask.told(catalogue.open_first(parts.words), DONE_S) == MAIN:
        await deposit.run(visit, number)


def _show(visit: Visit, product: str, number: str) -> None:
    """It is there for the rest of this visit, and may what the others may."""
    opened = visit.opened
    may = max((view.may for view in opened.accounts), key=len, default=("balance", "statement"))
    view = AccountView(
        account=number, label=product, currency=visit.parts.currency, masked=f"ends {number[-4:]}", may=may
    )
    visit.opened = replace(opened, accounts=(*opened.accounts, view))
