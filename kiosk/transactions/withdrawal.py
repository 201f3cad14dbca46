"""A withdrawal: amount, notes, hold, card out and taken, release, cash. Cash comes last in a visit."""

from __future__ import annotations

from bank_link.card_file import CardFile, parse
from bank_link.errors import CardFileError
from bank_link.messages import Reason, Refused
from bank_link.money import MINOR_DIGITS, Money
from drivers.devices import DeviceError, Light
from kiosk.ask import MAIN, Cancelled
from kiosk.host import NoAnswer, Turned
from kiosk.journal import records as r
from kiosk.journal.store import JournalError
from kiosk.parts import Visit
from kiosk.payment import MOST_NOTES, Payment
from kiosk.screens import catalogue
from kiosk.transactions.amount import Wish, choose_amount, choose_notes, instead, limit_reached, most
from kiosk.transactions.common import choose_account, no_line, refusal
from kiosk.vault import AuthorityRefused

NOTICE_S = 30


class _CardSpoilt(Exception):
    """The card is not what it should be any more: nothing is paid."""


async def run(visit: Visit) -> bool:
    """True where the visit is over (the card is out), False back to the menu. Raises LeftEarly before the hold."""
    account = await choose_account(visit, "withdraw")
    if account is None:
        return False
    amount: Money | None = None
    while True:
        amount = amount or await choose_amount(visit)
        if amount is None:
            return False
        wish = await choose_notes(visit, account, amount)
        if wish is None:
            amount = None
            continue
        held, amount = await _authorise(visit, wish)
        if held is not None:
            await pay(visit, held)
            return True


# ── The hold ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _authorise(visit: Visit, wish: Wish) -> tuple[r.Held | None, Money | None]:
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


async def pay(visit: Visit, held: r.Held) -> None:
    """Card out and taken, release, notes; then the fact that the transaction's records ask for.

    What is broken off here (a power cut, a journal that fails) is ended by the recovery at the next start: only what
    ran to its end may conclude from what it does not find.
    """
    parts = visit.parts
    payment, taken, spoilt = None, False, False
    try:
        try:
            taken = visit.card is None or await _card_is_taken(visit, held)
        except _CardSpoilt as error:
            parts.note("card-spoilt", f"{held.claim}: {error}; no cash")
            spoilt = True
        if taken:
            if visit.card is not None:
                parts.journal.write(r.CardTaken(transaction=held.transaction))
            payment = await _release_and_pay(visit, held)
        parts.vault.forget(held.transaction)
        parts.host.end(held.transaction, payment.outcome.value if payment else "not-paid")
    except JournalError:
        await parts.ask.told(catalogue.e_doubt(parts.words, held.claim), NOTICE_S)
        raise
    if spoilt:
        await parts.ask.told(catalogue.e_card(parts.words), NOTICE_S)
    elif taken:
        await _tell(visit, held, payment)


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
    return (card.newest.epoch, card.newest.n) == (visit.opened.next_epoch, visit.opened.next_n)


async def _release_and_pay(visit: Visit, held: r.Held) -> Payment | None:
    """The payment, or None where none was allowed."""
    parts, words = visit.parts, visit.parts.words
    nonce = parts.vault.new_nonce(held.transaction)
    try:
        async with parts.working(card_out=True):
            authority = await parts.host.release(held, visit.n, nonce)
        total = sum(note.count for note in held.mix)
        parts.ask.show(catalogue.cash_count(words, 0, total))
        parts.lamp("cash", Light.MEDIUM)
        return await parts.vault.pay(
            held, authority, lambda done, of: parts.ask.show(catalogue.cash_count(words, done, of))
        )
    except (NoAnswer, Turned, AuthorityRefused) as error:
        parts.note("not-paid", f"{held.claim}: {error}")
        return None


async def _tell(visit: Visit, held: r.Held, payment: Payment | None) -> None:
    parts, words = visit.parts, visit.parts.words
    if payment is None:
        await parts.ask.told(
            catalogue.e_nocash(words, held.claim, earlier=visit.has_posted, code=visit.card is None), NOTICE_S
        )
        return
    if payment.paid.minor:
        await parts.ask.pause(catalogue.take_cash(words, payment.paid, _faces(payment)), parts.ask.patience.cash_s)
    parts.lamp("cash", Light.OFF)
    if payment.doubt.minor:
        await parts.ask.told(catalogue.e_jam(words, payment.paid, held.claim), NOTICE_S)
    elif not payment.paid.minor:
        await parts.ask.told(
            catalogue.e_nocash(words, held.claim, earlier=visit.has_posted, code=visit.card is None), NOTICE_S
        )
    elif payment.paid < held.amount:
        await parts.ask.told(catalogue.e_partial(words, payment.paid, held.claim), NOTICE_S)


def _faces(payment: Payment) -> list[int]:
    faces = [
        note.value.minor // 10 ** MINOR_DIGITS[note.value.currency] for note in payment.notes for _ in range(note.count)
    ]
    return sorted(faces, reverse=True)[:MOST_NOTES]
