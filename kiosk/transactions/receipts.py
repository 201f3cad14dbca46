"""Receipts in a visit: asked for before the cash, offered after everything else; on paper, or as a code for a phone."""

from __future__ import annotations

from bank_link.money import Money
from kiosk.ask import BACK
from kiosk.parts import Parts, Visit
from kiosk.receipts.giving import can_print, give_receipt, show_receipt
from kiosk.receipts.receipt import Done, Receipt, masked
from kiosk.screens import catalogue
from kiosk.screens.common import NO, PAPER, PHONE
from kiosk.screens.model import NoticeScreen


def receipt_of(
    visit: Visit, done: Done, *, amount: Money | None = None, to: str = "", reference: str = "", account: str = "",
    balance: Money | None = None, doubt: bool = False, rows: tuple[tuple[str, str], ...] = (),
) -> Receipt:  # fmt: skip
    """What was done in this visit. `account` is its whole number or its last digits; only those are kept."""
    parts = visit.parts
    return Receipt(
        done=done, bank=parts.bank, terminal=parts.host.terminal, at_ms=parts.host.now(), zone=parts.zone,
        card=visit.last4, account=account[-4:] if visit.card is not None else "", amount=amount, to=masked(to), reference=reference, balance=balance,
        doubt=doubt, rows=rows,
    )  # fmt: skip


async def choose(visit: Visit) -> str | None:
    """NO, PAPER or PHONE, or FIRST for something else before the cash; None for Back. Raises LeftEarly."""
    parts = visit.parts
    key = await parts.ask.choose(catalogue.cash_receipt(parts.words, paper=can_print(parts)))
    return None if key == BACK else key


async def give(parts: Parts, how: str, receipt: Receipt) -> None:
    """As it was asked for; where paper fails, the code is there instead. Raises JournalError."""
    if how == NO or (how == PAPER and await give_receipt(parts, receipt)):
        return
    await show_receipt(parts, receipt)


async def told(parts: Parts, screen: NoticeScreen, seconds: float, receipt: Receipt) -> None:
    """Something to read that a receipt can be had of, once. Never raises LeftEarly."""
    key = await parts.ask.told(catalogue.with_receipt(parts.words, screen, paper=can_print(parts)), seconds)
    if key in {PAPER, PHONE}:
        await give(parts, key, receipt)
