"""A withdrawal: amount, notes, hold, card out and taken, release, cash. Cash comes last in a visit."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bank_link.card_file import CardFile, parse
from bank_link.errors import CardFileError
from bank_link.messages import Reason, Refused, TakenState
from bank_link.money import Money
from drivers.devices import DeviceError, Light
from kiosk.ask import MAIN
from kiosk.host import NoAnswer, Turned
from kiosk.journal import records as r
from kiosk.journal.store import JournalError
from kiosk.leaving import Cancelled
from kiosk.parts import Visit, Wanted
from kiosk.payment import Payment
from kiosk.receipts.receipt import Done
from kiosk.screens import catalogue
from kiosk.screens.common import FIRST, NO
from kiosk.service_state import Cause
from kiosk.transactions import cash_tray, receipts
from kiosk.transactions.amount import choose_amount, choose_notes, instead, limit_reached, most
from kiosk.transactions.common import choose_account, no_line, refusal
from kiosk.vault import AuthorityRefused

NOTICE_S = 30


class _CardSpoilt(Exception):
    """The card is not what it should be any more: nothing is paid."""


async def run(visit: Visit) -> bool:
    """True where the visit is over (the card is out), False back to the menu. Raises LeftEarly before the hold."""
    wish, visit.wish = visit.wish, None
    if wish is None or not visit.parts.vault.can_pay(wish.amount):
        wish = await _choose(visit)
    elif (how := await receipts.choose(visit)) in {None, FIRST}:
        visit.wish = wish if how == FIRST else None
        return False
    else:
        wish = replace(wish, receipt=how)
    while wish is not None:
        held, amount = await _authorise(visit, wish)
        if held is not None:
            await pay(visit, held, wish.receipt)
            return True
        wish = await _choose(visit, wish, amount)
    return False


async def _choose(visit: Visit, earlier: Wanted | None = None, amount: Money | None = None) -> Wanted | None:
    """What is wanted, or None for the menu: "anything else?" is asked before the cash, and keeps it for afterwards."""
    account = earlier.account if earlier is not None else await choose_account(visit, "withdraw")
    while account is not None:
        amount = amount or await choose_amount(visit)
        if amount is None:
            return None
        wish = await choose_notes(visit, account, amount)
        if wish is not None and earlier is not None:
            return replace(wish, receipt=earlier.receipt)
        how = await receipts.choose(visit) if wish is not None else None
        if wish is None or how is None:
            amount = None
            continue
        if how != FIRST:
            return replace(wish, receipt=how)
        visit.wish = wish
        return None
    return None


# ── The hold ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _authorise(visit: Visit, wish: Wanted) -> tuple[r.Held | None, Money | None]:
    """The hold; or none, and the amount that the customer wants instead (none: choose anew)."""
    parts = visit.parts
    try:
        async with parts.working():
            return await parts.host.authorise(visit.opened, wish.account.account, wish.amount, wish.mix), None
    except NoAnswer:
        await no_line(visit)
        return None, None
    except Turned as turned:
        parts.note("authorise-refused", turned.answer.reason)
        return None, await _refused(visit, turned.answer)


async def _refused(visit: Visit, answer: Refused) -> Money | None:
    """Say which limit it was and what is possible; the amount to try instead, None to choose anew."""
    parts, words = visit.parts, visit.parts.words
    possible = parts.vault.largest(min(answer.possible, most(visit))) if answer.possible is not None else None
    match answer.reason:
        case Reason.FUNDS if possible is not None:
            return await instead(visit, catalogue.cash_short(words, possible))
        case Reason.AMOUNT_LIMIT | Reason.AMOUNT if possible is not None:
            return await instead(visit, catalogue.cash_limit(words, possible))
        case Reason.AMOUNT_LIMIT | Reason.COUNT_LIMIT:
            await limit_reached(visit)
            return None
        case Reason.FUNDS:
            if await parts.ask.choose(catalogue.cash_short_none(words)) == MAIN:
                raise Cancelled
            return None
        case _:
            await parts.ask.choose(refusal(parts, answer, earlier=visit.has_posted))
            raise Cancelled


# ── The cash ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def pay(visit: Visit, held: r.Held, receipt: str = NO) -> None:
    """Card out and taken, release, notes; then the fact that the transaction's records ask for.

    What is broken off here (a power cut, a journal that fails) is ended by the recovery at the next start: only what
    ran to its end may conclude from what it does not find.
    """
    parts = visit.parts
    try:
        paid = await _pay(visit, held, receipt)
        parts.vault.forget(held.transaction)
        parts.host.end(held.transaction, paid.payment.outcome.value if paid.payment else "not-paid")
    except JournalError:
        await parts.ask.told(catalogue.e_doubt(parts.words, held.claim), NOTICE_S)
        raise
    finally:
        if parts.handover is not None:
            parts.handover.end()
    if paid.spoilt:
        await parts.ask.told(catalogue.e_card(parts.words), NOTICE_S)
    elif paid.payment is not None and paid.seen is TakenState.RETRACTED:
        await cash_tray.tell_taken_back(visit, held, paid.payment)
    elif paid.card_taken:
        await _tell(visit, held, paid.payment, receipt, shown=paid.seen is not None)


@dataclass(frozen=True)
class _Paid:
    """What came of it. `seen`: what became of the cash, where it was shown until that was clear."""

    card_taken: bool = False
    spoilt: bool = False
    payment: Payment | None = None
    seen: TakenState | None = None


async def _pay(visit: Visit, held: r.Held, receipt: str) -> _Paid:
    parts = visit.parts
    try:
        taken = visit.card is None or await _card_is_taken(visit, held)
    except _CardSpoilt as error:
        parts.note("card-spoilt", f"{held.claim}: {error}; no cash")
        return _Paid(spoilt=True)
    if not taken:
        return _Paid()
    if visit.card is not None:
        parts.journal.write(r.CardTaken(transaction=held.transaction))
    if Cause.DOOR in parts.service.causes:
        parts.note("door-open", f"{held.claim}: no cash beside an open door")
        return _Paid(card_taken=True)
    payment = await _release_and_pay(visit, held)
    if payment is None:
        return _Paid(card_taken=True)
    seen = await cash_tray.handed_over(visit, held, payment, receipt)
    return _Paid(card_taken=True, payment=payment, seen=seen)


async def _card_is_taken(visit: Visit, held: r.Held) -> bool:
    """The card is read back once more, released, and in the customer's hand. Raises _CardSpoilt."""
    parts = visit.parts
    if not await _is_as_written(visit):
        raise _CardSpoilt("the card is not as it was written")
    try:
        parts.ask.card_may_go()
        await parts.reader.release()
    except DeviceError as error:
        raise _CardSpoilt(f"{error.device}: {error}") from error
    parts.lamp("card", Light.MEDIUM)
    taken = await parts.ask.taken(
        parts.reader, catalogue.take_card(parts.words, cash_next=True), parts.ask.patience.card_s
    )
    parts.lamp("card", Light.OFF)
    visit.card_is_out = taken
    if not taken:
        parts.note("card-left", f"{held.claim}: the card was not taken, no cash")
        visit.ended = "card-left"
    return taken


async def _is_as_written(visit: Visit) -> bool:
    parts = visit.parts
    try:
        card: CardFile = parse(await parts.reader.read())
    except (DeviceError, CardFileError):
        return False
    written = (visit.card.card if visit.card is not None else "", visit.opened.next_epoch, visit.opened.next_n)
    return (card.card, card.newest.epoch, card.newest.n) == written


async def _release_and_pay(visit: Visit, held: r.Held) -> Payment | None:
    """The payment, or None where none was allowed."""
    parts, words = visit.parts, visit.parts.words
    try:
        if parts.handover is not None:
            await parts.handover.begin()
        nonce = parts.vault.new_nonce(held.transaction)
        async with parts.working(card_out=True):
            authority = await parts.host.release(held, visit.n, nonce)
        total = sum(note.count for note in held.mix)
        parts.ask.show(catalogue.cash_count(words, 0, total))
        parts.lamp("cash", Light.MEDIUM)
        return await parts.vault.pay(
            held,
            authority,
            lambda done, of: parts.ask.show(catalogue.cash_count(words, done, of)),
            lambda paid, notes: cash_tray.bunch_is_taken(visit, held, paid, notes),
        )
    except (NoAnswer, Turned, AuthorityRefused, DeviceError) as error:
        parts.note("not-paid", f"{held.claim}: {error}")
        return None


async def _tell(visit: Visit, held: r.Held, payment: Payment | None, how: str, *, shown: bool) -> None:
    """What came of it; the cash first, where it was not `shown` until it was taken."""
    parts, words = visit.parts, visit.parts.words
    paid = payment.paid if payment is not None else Money(0, held.amount.currency)
    doubt = payment is not None and bool(payment.doubt.minor)
    if payment is not None and paid.minor and not shown:
        await parts.ask.pause(cash_tray.cash_screen(visit, payment, how), parts.ask.patience.cash_s)
    parts.lamp("cash", Light.OFF)
    receipt = receipts.receipt_of(
        visit, Done.CASH, amount=paid, reference=held.claim, account=held.account, doubt=doubt
    )  # fmt: skip
    if doubt:
        await receipts.told(visit.parts, catalogue.e_jam(words, paid, held.claim), NOTICE_S, receipt)
    elif not paid.minor:
        nothing = receipts.receipt_of(visit, Done.NO_CASH, reference=held.claim, account=held.account)
        told = catalogue.e_nocash(words, held.claim, earlier=visit.has_posted, code=visit.card is None)
        await receipts.told(parts, told, NOTICE_S, nothing)
    else:
        if paid < held.amount:
            await parts.ask.told(catalogue.e_partial(words, paid, held.claim), NOTICE_S)
        await receipts.give(visit.parts, how, receipt)
