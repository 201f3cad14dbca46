"""What transactions share: choosing an account, and saying that the bank cannot be reached."""

from __future__ import annotations

from bank_link.messages import AccountView
from kiosk.ask import BACK, MAIN, Cancelled
from kiosk.parts import Visit
from kiosk.screens import catalogue


async def choose_account(visit: Visit, what: str) -> AccountView | None:
    """The account to use: the only one, or the chosen one; None for Back, or where there is none."""
    accounts = visit.accounts(what)
    if len(accounts) <= 1:
        return accounts[0] if accounts else None
    shown = [(account.label, account.masked.removeprefix("ends ")) for account in accounts]
    key = await visit.parts.ask.choose(catalogue.choose_account(visit.parts.words, shown))
    return None if key == BACK else accounts[int(key.removeprefix("account:"))]


async def no_line(visit: Visit) -> None:
    """The bank did not answer: try something again, or take the card. Raises Cancelled for the latter."""
    if await visit.parts.ask.choose(catalogue.e_line(visit.parts.words)) == MAIN:
        raise Cancelled
