"""The last payments of an account, five on a page."""

from __future__ import annotations

from bank_link.money import Money
from kiosk.ask import MAIN
from kiosk.host import NoAnswer, Turned
from kiosk.leaving import Cancelled
from kiosk.parts import Visit
from kiosk.receipts.giving import can_print, give_receipt
from kiosk.receipts.receipt import Done, Receipt, masked
from kiosk.screens import catalogue
from kiosk.screens.common import PAPER
from kiosk.transactions import receipts
from kiosk.transactions.common import choose_account, no_line, refusal

#: Letters that no printer has of its own: a line that holds one would be printed as a picture.
_PRINTERS = str.maketrans({"−": "-", "…": "..."})


async def run(visit: Visit) -> None:
    """Back to the menu afterwards in any case. Raises LeftEarly."""
    parts = visit.parts
    account = await choose_account(visit, "statement")
    if account is None:
        return
    try:
        async with parts.working():
            found = await parts.host.statement(visit.opened.visit, account.account)
    except NoAnswer:
        await no_line(visit)
        return
    except Turned as turned:
        parts.note("statement-refused", turned.answer.reason)
        await parts.ask.choose(refusal(parts, turned.answer, earlier=visit.has_posted))
        raise Cancelled from None
    parts.note("statement-shown")
    lines = [(parts.date(line.at), line.what, line.other, line.amount) for line in found]
    page, printed = 1, False
    while page:
        screen = catalogue.statement(parts.words, lines, page=page, paper=not printed and can_print(parts))
        key = await parts.ask.choose(screen)
        if key == PAPER:
            printed = await give_receipt(parts, _on_paper(visit, account.account, lines))
        elif key == MAIN and page == screen.pages:
            return
        else:
            page += 1 if key == MAIN else -1


def _on_paper(visit: Visit, account: str, lines: list[tuple[str, str, str, Money]]) -> Receipt:
    """All pages of it."""
    rows = catalogue.statement_rows(visit.parts.words, lines)
    printed = tuple(
        (f"{row.date}  {masked(row.words)}".translate(_PRINTERS), row.amount.translate(_PRINTERS)) for row in rows
    )
    return receipts.receipt_of(visit, Done.STATEMENT, account=account, rows=printed)
