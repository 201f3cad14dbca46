"""Paying a bill: whose it is, its number as printed, how much to the cent, and all of it read before anything moves."""

from __future__ import annotations

from bank_link.bills import fits
from bank_link.messages import AccountView, Biller, Reason, Refused
from bank_link.money import Money, major
from kiosk.ask import BACK
from kiosk.host import NoAnswer, Turned
from kiosk.leaving import Cancelled
from kiosk.parts import Visit
from kiosk.receipts.receipt import Done
from kiosk.screens import catalogue
from kiosk.transactions import receipts
from kiosk.transactions.common import choose_account, instead, no_line, refusal

DONE_S = 20
#: What the entry takes where no limit of the day says how much.
MOST_UNITS = 99_999


async def run(visit: Visit) -> None:
    """Back to the menu afterwards in any case. Raises LeftEarly."""
    source = await choose_account(visit, "bill")
    found = await _billers(visit, source) if source is not None else ()
    if source is None or not found:
        return
    while True:
        biller = await _choose_biller(visit, found)
        if biller is None:
            return
        number = await _number(visit, biller)
        if number and await _paid(visit, source, biller, number):
            return
        if not number and len(found) == 1:
            return


# ── Whose ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _billers(visit: Visit, source: AccountView) -> tuple[Biller, ...]:
    """None where nobody can be paid; that has been said."""
    parts = visit.parts
    try:
        async with parts.working():
            found = await parts.host.billers(visit.opened.visit, source.account)
    except NoAnswer:
        await no_line(visit)
        return ()
    except Turned as turned:
        parts.note("billers-refused", turned.answer.reason)
        await parts.ask.told(refusal(parts, turned.answer, earlier=visit.has_posted), parts.ask.patience.answer_s)
        return ()
    found = tuple(biller for biller in found if biller.category in catalogue.CATEGORIES)
    if not found:
        await _not_here(visit)
    return found


async def _choose_biller(visit: Visit, found: tuple[Biller, ...]) -> Biller | None:
    """By what the bill is for, then by name; None for Back."""
    ask, words = visit.parts.ask, visit.parts.words
    offered = [category for category in catalogue.CATEGORIES if any(one.category == category for one in found)]
    while True:
        category = offered[0] if len(offered) == 1 else await ask.choose(catalogue.bills(words, offered))
        if category == BACK:
            return None
        biller = await _by_name(visit, [one for one in found if one.category == category])
        if biller is not None or len(offered) == 1:
            return biller


async def _by_name(visit: Visit, found: list[Biller]) -> Biller | None:
    """The only one, or the chosen one; None for Back."""
    if len(found) == 1:
        return found[0]
    size, first = catalogue.BILLERS, 0
    while True:
        names = [one.name for one in found[first : first + size]]
        screen = catalogue.bills_who(visit.parts.words, names, more=len(found) > size)
        key = await visit.parts.ask.choose(screen)
        if key == BACK:
            return None
        if key != "more":
            return found[first + int(key.removeprefix("biller:"))]
        # Behind the last ones come the first ones.
        first = first + size if first + size < len(found) else 0


# ── Which bill, and how much ────────────────────────────────────────────────────────────────────────────────────────


async def _number(visit: Visit, biller: Biller) -> str:
    """A number that the biller's bills can have; "" for Back."""
    wrong = False
    while True:
        screen = catalogue.bill_number(visit.parts.words, biller.digits, wrong=wrong)
        number = await visit.parts.ask.digits(screen)
        if not number or fits(number, biller.digits, biller.check):
            return number
        wrong = True


async def _paid(visit: Visit, source: AccountView, biller: Biller, number: str) -> bool:
    """Whether it is over, False for Back."""
    amount: Money | None = None
    while True:
        amount = amount or await _choose_amount(visit)
        if amount is None:
            return False
        screen = catalogue.bill_ok(visit.parts.words, biller.name, amount, number, source.label)
        if await visit.parts.ask.choose(screen) == BACK:
            amount = None
            continue
        over, amount = await _pay(visit, source, biller, number, amount)
        if over:
            return True


async def _choose_amount(visit: Visit) -> Money | None:
    """Within what may be sent; None for Back."""
    parts = visit.parts
    left = visit.send_left
    most = left if left is not None else major(MOST_UNITS, parts.currency)
    if most.minor <= 0:
        await parts.ask.told(catalogue.send_nothing(parts.words, today=True), parts.ask.patience.answer_s)
        return None
    over = False
    while True:
        entered = await parts.ask.amount(catalogue.bill_amount(parts.words, most, over=over))
        if entered is None:
            return None
        amount = Money(entered, parts.currency)
        if amount <= most:
            return amount
        over = True


async def _pay(
    visit: Visit, source: AccountView, biller: Biller, number: str, amount: Money
) -> tuple[bool, Money | None]:  # fmt: skip
    """Whether it is over, or else the amount that the customer wants instead (none: choose anew)."""
    parts = visit.parts
    try:
        async with parts.working():
            reference = await parts.host.pay_bill(visit.opened, source.account, biller, number, amount)
    except NoAnswer:
        await no_line(visit)
        return True, None
    except Turned as turned:
        parts.note("bill-refused", turned.answer.reason)
        return await _refused(visit, turned.answer)
    visit.has_posted = True
    visit.sent_minor += amount.minor
    receipt = receipts.receipt_of(
        visit, Done.BILL, amount=amount, to=biller.name, reference=reference, account=source.account
    )  # fmt: skip
    await receipts.told(visit.parts, catalogue.bill_done(parts.words, biller.name, amount, reference), DONE_S, receipt)
    return True, None


async def _refused(visit: Visit, answer: Refused) -> tuple[bool, Money | None]:
    parts = visit.parts
    match answer.reason:
        case Reason.FUNDS | Reason.AMOUNT_LIMIT:
            return await instead(visit, answer)
        case Reason.NO_PAYEE | Reason.BILL_NUMBER:
            await _not_here(visit)
            return True, None
        case _:
            await parts.ask.choose(refusal(parts, answer, earlier=visit.has_posted))
            raise Cancelled


async def _not_here(visit: Visit) -> None:
    screen = catalogue.bill_none(visit.parts.words, earlier=visit.has_posted)
    await visit.parts.ask.told(screen, visit.parts.ask.patience.answer_s)
