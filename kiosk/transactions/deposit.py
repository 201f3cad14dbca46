"""A deposit: whose notes they will be is settled with the bank first, then notes go in, are counted, kept or given back."""

from __future__ import annotations

from collections import Counter

from bank_link.money import MINOR_DIGITS, Money
from drivers.devices import DeviceError, Holds, Light
from kiosk.ask import MAIN
from kiosk.cash_in import CashIn, Intake
from kiosk.host import NoAnswer, Turned
from kiosk.journal import records as r
from kiosk.journal.store import JournalError
from kiosk.leaving import Cancelled, LeftEarly
from kiosk.parts import Visit
from kiosk.receipts.receipt import Done
from kiosk.screens import catalogue
from kiosk.transactions import receipts
from kiosk.transactions.common import choose_account, no_line, refusal

DONE_S = 20
NOTICE_S = 30
#: So long (s) is waited for the first note, and after one for the next, before the count is shown.
FIRST_S, NEXT_S = 30, 6
BACK_S = 20


async def run(visit: Visit, account: str = "") -> None:
    """Into `account`, or into the one that is chosen. Back to the menu afterwards in any case. Raises LeftEarly once every
    note is the bank's or the customer's.
    """
    cash_in = visit.parts.cash_in
    if not account:
        chosen = await choose_account(visit, "deposit")
        account = chosen.account if chosen is not None else ""
    if not account or cash_in is None:
        return
    if not cash_in.ready():
        await visit.parts.ask.told(catalogue.payin_full(visit.parts.words), NOTICE_S)
        return
    begun = await _begin(visit, cash_in, account)
    if begun is None:
        return
    intake = cash_in.begin(begun, visit.parts.ask.keys.nudge)
    left: LeftEarly | None = None
    try:
        try:
            await _converse(visit, cash_in, intake)
        except LeftEarly as early:
            # Cancel means the notes; whoever is gone is credited: at the mouth they would be the next customer's.
            left = early
            await _let_go(visit, cash_in, intake, back=isinstance(early, Cancelled))
        except DeviceError as error:
            intake.stuck = str(error)
            visit.parts.note("device", f"{error.device}: {error}")
            await cash_in.close(intake)
            await _let_go(visit, cash_in, intake, back=False)
        cash_in.end()
        visit.parts.host.end(begun.transaction, "paid-in")
    except JournalError:
        # The bank hears of it by the recovery; the customer must know by what name.
        await visit.parts.ask.told(catalogue.payin_jam(visit.parts.words, intake.paid, begun.claim), NOTICE_S)
        raise
    visit.parts.lamp("notes", Light.OFF)
    await _tell(visit, intake)
    if left is not None:
        raise left


async def _begin(visit: Visit, cash_in: CashIn, account: str) -> r.DepositBegun | None:
    parts = visit.parts
    try:
        async with parts.working():
            return await parts.host.deposit(visit.opened, account, cash_in.holds.value)
    except NoAnswer:
        await no_line(visit)
    except Turned as turned:
        parts.note("deposit-refused", turned.answer.reason)
        await parts.ask.choose(refusal(parts, turned.answer, earlier=visit.has_posted))
        raise Cancelled from turned
    return None


async def _converse(visit: Visit, cash_in: CashIn, intake: Intake) -> None:
    """Notes in, count, more notes, until they are paid in or given back."""
    parts = visit.parts
    while True:
        await _collect(visit, cash_in, intake)
        if not intake.notes or intake.stuck:
            break
        full = cash_in.fills(intake)
        key = await parts.ask.choose(
            catalogue.payin_count(
                parts.words, intake.counted(), intake.total, may_return=cash_in.holds is Holds.BUNDLE,
                may_add=not full,
            )
        )  # fmt: skip
        if key == "more":
            continue
        await _let_go(visit, cash_in, intake, back=key != MAIN)
        return
    await _let_go(visit, cash_in, intake, back=False)


async def _collect(visit: Visit, cash_in: CashIn, intake: Intake) -> None:
    """Until no more notes come, the customer says so, or the acceptor wants no more. Raises LeftEarly."""
    parts = visit.parts
    parts.lamp("notes", Light.MEDIUM)
    cash_in.open(intake)
    try:
        await _watch(visit, cash_in, intake)
    except LeftEarly:
        await _close(visit, cash_in, intake)
        raise
    await _close(visit, cash_in, intake)


async def _close(visit: Visit, cash_in: CashIn, intake: Intake) -> None:
    visit.parts.ask.show(catalogue.payin_keep(visit.parts.words))
    await cash_in.close(intake)


async def _watch(visit: Visit, cash_in: CashIn, intake: Intake) -> None:
    parts, kept = visit.parts, cash_in.holds is not Holds.BUNDLE
    until = parts.ask.pace.now() + parts.ask.pace.longer(FIRST_S)
    counted = intake.notes
    while not intake.stuck and not cash_in.fills(intake):
        so_far = intake.total if intake.notes else None
        key = await parts.ask.moment(
            catalogue.payin(parts.words, cash_in.most, kept=kept, so_far=so_far),
            max(0.01, until - parts.ask.pace.now()),
        )
        if intake.notes != counted:
            counted, until = intake.notes, parts.ask.pace.now() + parts.ask.pace.longer(NEXT_S)
        elif intake.notes and key in {"D", None}:
            return
        elif key is None:
            await parts.ask.more_time()
            until = parts.ask.pace.now() + parts.ask.pace.longer(FIRST_S)


async def _let_go(visit: Visit, cash_in: CashIn, intake: Intake, *, back: bool) -> None:
    """Out of the escrow: back to the customer where that was asked for and can be done, else into the box."""
    parts = visit.parts

    def moved(done: int, total: int) -> None:
        parts.ask.show(catalogue.payin_keep(parts.words, done, total))

    if back and cash_in.holds is Holds.BUNDLE:
        had = intake.escrow.copy()
        parts.lamp("notes", Light.QUICK)
        await cash_in.give_back(intake, moved)
        back_again = had - intake.escrow
        if back_again:
            # Also where another one is stuck: they lie before the customer, and would be the next one's.
            whole = not (intake.in_doubt or intake.stuck)
            await parts.ask.pause(catalogue.payin_back(parts.words, _faces(back_again), whole=whole), BACK_S)
        return
    await cash_in.pay_in(intake, moved)


def _faces(counted: Counter[Money]) -> list[int]:
    units = [value.minor // 10 ** MINOR_DIGITS[value.currency] for value in counted.elements()]
    return sorted(units, reverse=True)


async def _tell(visit: Visit, intake: Intake) -> None:
    parts, claim = visit.parts, intake.begun.claim
    doubt = bool(intake.in_doubt or intake.stuck)
    # Whoever leaves after this did not cancel it.
    visit.has_posted |= doubt or bool(intake.paid.minor)
    receipt = receipts.receipt_of(
        visit, Done.DEPOSIT, amount=intake.paid, reference=claim, account=intake.begun.account, doubt=doubt
    )  # fmt: skip
    if doubt:
        await receipts.told(visit.parts, catalogue.payin_jam(parts.words, intake.paid, claim), NOTICE_S, receipt)
    elif intake.paid.minor:
        await receipts.told(visit.parts, catalogue.payin_done(parts.words, intake.paid, claim), DONE_S, receipt)
