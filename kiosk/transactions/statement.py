"""The last payments of an account, five on a page."""

from __future__ import annotations

from kiosk.ask import MAIN, Cancelled
from kiosk.host import NoAnswer, Turned
from kiosk.parts import Visit
from kiosk.screens import catalogue
from kiosk.transactions.common import choose_account, no_line, refusal


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
    page = 1
    while page:
        screen = catalogue.statement(parts.words, lines, page=page)
        key = await parts.ask.choose(screen)
        if key == MAIN and page == screen.pages:
            return
        page += 1 if key == MAIN else -1
