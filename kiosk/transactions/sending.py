"""A transfer: to one's own account or somebody else's, whose name is read before anything moves."""

from __future__ import annotations

from dataclasses import dataclass

from bank_link.messages import AccountView, Reason, Refused
from bank_link.money import Money, major
from kiosk.ask import BACK
from kiosk.host import NoAnswer, Turned
from kiosk.leaving import Cancelled
from kiosk.parts import Visit
from kiosk.receipts.receipt import Done
from kiosk.screens import catalogue
from kiosk.transactions import receipts
from kiosk.transactions.common import choose_account, instead, no_line, refusal, whole_units

DONE_S = 20
#: What the entry takes where no limit of the day says how much.
MOST_UNITS = 99_999


@dataclass(frozen=True)
class _Payee:
    """Who gets it. `own`: another account of the same card, which no limit of the day is about."""

    account: str
    name: str
    digits: str
    own: bool


async def run(visit: Visit) -> None:
    """Back to the menu afterwards in any case. Raises LeftEarly."""
    source = await choose_account(visit, "transfer")
    if source is None:
        return
    payee = await _choose_payee(visit, source)
    if payee is None:
        return
    amount: Money | None = None
    while True:
        amount = amount or await _choose_amount(visit, payee)
        if amount is None:
            return
        screen = catalogue.send_ok(visit.parts.words, payee.name, amount, payee.digits, source.label)
        if await visit.parts.ask.choose(screen) == BACK:
            amount = None
            continue
        over, amount = await _send(visit, source, payee, amount)
        if over:
            return


# ── To whom ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _choose_payee(visit: Visit, source: AccountView) -> _Payee | None:
    own = [account for account in visit.accounts("transfer") if account.account != source.account]
    while own:
        shown = [(account.label, _digits(account.masked)) for account in own]
        key = await visit.parts.ask.choose(catalogue.send(visit.parts.words, shown))
        if key == BACK:
            return None
        if key != "other":
            chosen = own[int(key.removeprefix("account:"))]
            return _Payee(chosen.account, chosen.label, _digits(chosen.masked), own=True)
        payee = await _somebody(visit, source)
        if payee is not None:
            return payee
    return await _somebody(visit, source)


async def _somebody(visit: Visit, source: AccountView) -> _Payee | None:
    """Number after number until somebody has it; None for Back."""
    parts = visit.parts
    while True:
        number = await parts.ask.digits(catalogue.send_number(parts.words))
        if not number:
            return None
        try:
            async with parts.working():
                found = await parts.host.payee(visit.opened.visit, source.account, number)
        except NoAnswer:
            await no_line(visit)
            return None
        except Turned as turned:
            parts.note("payee-refused", turned.answer.reason)
            if turned.answer.reason is not Reason.NO_PAYEE:
                await parts.ask.told(
                    refusal(parts, turned.answer, earlier=visit.has_posted), parts.ask.patience.answer_s
                )
                return None
            if await parts.ask.choose(catalogue.send_none(parts.words)) == BACK:
                return None
            continue
        own = any(account.account == found.account for account in visit.accounts("transfer"))
        return _Payee(found.account, found.name, _digits(found.masked), own=own)


def _digits(masked: str) -> str:
    return masked.removeprefix("ends ")


# ── How much ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _choose_amount(visit: Visit, payee: _Payee) -> Money | None:
    """Whole units within what may be sent; None for Back."""
    parts = visit.parts
    left = None if payee.own else visit.send_left
    most = whole_units(left) if left is not None else major(MOST_UNITS, parts.currency)
    if most.minor <= 0:
        await parts.ask.told(catalogue.send_nothing(parts.words, today=True), parts.ask.patience.answer_s)
        return None
    over = False
    while True:
        screen = catalogue.send_amount(parts.words, payee.name, most, today=left is not None, over=over)
        entered = await parts.ask.amount(screen)
        if entered is None:
            return None
        amount = major(entered, parts.currency)
        if amount <= most:
            return amount
        over = True


# ── The post ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _send(visit: Visit, source: AccountView, payee: _Payee, amount: Money) -> tuple[bool, Money | None]:
    """Whether it is over, or else the amount that the customer wants instead (none: choose anew)."""
    parts = visit.parts
    try:
        async with parts.working():
            reference = await parts.host.transfer(visit.opened, source.account, payee.account, amount)
    except NoAnswer:
        await no_line(visit)
        return True, None
    except Turned as turned:
        parts.note("transfer-refused", turned.answer.reason)
        return await _refused(visit, turned.answer)
    visit.has_posted = True
    if not payee.own:
        visit.sent_minor += amount.minor
    receipt = receipts.receipt_of(
        visit, Done.TRANSFER, amount=amount, to=payee.name, reference=reference, account=source.account
    )  # fmt: skip
    await receipts.told(visit.parts, catalogue.send_done(parts.words, payee.name, amount, reference), DONE_S, receipt)
    return True, None


async def _refused(visit: Visit, answer: Refused) -> tuple[bool, Money | None]:
    parts = visit.parts
    if answer.reason in {Reason.FUNDS, Reason.AMOUNT_LIMIT}:
        return await instead(visit, answer)
    await parts.ask.choose(refusal(parts, answer, earlier=visit.has_posted))
    raise Cancelled
