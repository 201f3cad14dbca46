"""A withdrawal: amount, notes, hold, card out and taken, release, cash. Cash comes last in a visit."""

from __future__ import annotations

from dataclasses import dataclass

from bank_link.card_file import CardFile, parse
from bank_link.errors import CardFileError
from bank_link.messages import AccountView, NoteCount, Reason, Refused
from bank_link.money import MINOR_DIGITS, Money, major
from drivers.devices import DeviceError, Light
from kiosk.ask import BACK, MAIN, Cancelled
from kiosk.host import NoAnswer, Turned
from kiosk.journal import records as r
from kiosk.journal.store import JournalError
from kiosk.parts import Visit
from kiosk.payment import MOST_NOTES, Payment
from kiosk.screens import catalogue
from kiosk.screens.catalogue import Preset
from kiosk.screens.model import Choose
from kiosk.transactions.common import choose_account, no_line
from kiosk.vault import AuthorityRefused

NOTICE_S = 30


class _CardSpoilt(Exception):
    """The card is not what it should be any more: nothing is paid."""


@dataclass(frozen=True)
class Wish:
    """What the customer wants: an amount and the notes to pay it with."""

    account: AccountView
    amount: Money
    mix: tuple[NoteCount, ...]


async def run(visit: Visit) -> bool:
    """True where the visit is over (the card is out), False back to the menu. Raises LeftEarly before the hold."""
    account = await choose_account(visit, "withdraw")
    if account is None:
        return False
    amount: Money | None = None
    while True:
        amount = amount or await _choose_amount(visit)
        if amount is None:
            return False
        wish = await _choose_notes(visit, account, amount)
        if wish is None:
            amount = None
            continue
        held, amount = await _authorise(visit, wish)
        if held is not None:
            await _pay(visit, held)
            return True


# ── How much ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _choose_amount(visit: Visit) -> Money | None:
    """An amount that this machine can pay; None for Back."""
    parts = visit.parts
    while True:
        screen = catalogue.cash(parts.words, [_preset(visit, amount) for amount in parts.presets])
        key = await parts.ask.choose(screen)
        if key == BACK:
            return None
        amount = await _other_amount(visit) if key == "other" else _amount(key, parts.currency)
        if amount is not None:
            amount = await _payable(visit, amount)
        if amount is not None:
            return amount


def _preset(visit: Visit, amount: Money) -> Preset:
    left = visit.opened.left_today
    if not visit.parts.vault.can_pay(amount):
        return Preset(amount, enabled=False, reason="machine")
    if left is not None and left < amount:
        return Preset(amount, enabled=False, reason="limit")
    return Preset(amount)


def _amount(key: str, currency: str) -> Money:
    return Money(int(key.removeprefix("amount:")), currency)


async def _other_amount(visit: Visit) -> Money | None:
    """Digits until they make an amount at all; None for Back."""
    parts = visit.parts
    most = _most(visit)
    largest = parts.vault.largest(most)
    values = [stock.value for stock in parts.vault.stock()]
    if largest is None or not values:
        await parts.ask.told(catalogue.cash_limit_reached(parts.words), NOTICE_S)
        return None
    entered = await parts.ask.amount(catalogue.cash_other(parts.words, min(values), largest))
    return None if entered is None else major(entered, parts.currency)


def _most(visit: Visit) -> Money:
    """The most that one withdrawal may be: the bank's limit, and what is left of the day."""
    parts = visit.parts
    session = parts.host.session
    most = session.most_per_withdrawal if session is not None else Money(0, parts.currency)
    left = visit.opened.left_today
    return most if left is None else min(most, left)


async def _payable(visit: Visit, amount: Money) -> Money | None:
    """The amount, or one near it that the customer takes instead; None to choose anew."""
    parts = visit.parts
    if parts.vault.can_pay(amount):
        return amount
    possible = parts.vault.nearest(amount, _most(visit))
    if not possible:
        await parts.ask.told(catalogue.cash_limit_reached(parts.words), NOTICE_S)
        return None
    screen = catalogue.cash_nearest(parts.words, amount, _missing_note(visit, amount), possible)
    return await _instead(visit, screen)


def _missing_note(visit: Visit, amount: Money) -> Money | None:
    """The note for lack of which the amount cannot be paid: one of this machine's that has run out."""
    digits = 10 ** MINOR_DIGITS[amount.currency]
    here = {stock.value for stock in visit.parts.vault.stock()}
    gone = [count.value for count in visit.parts.vault.counts() if count.value not in here]
    fitting = [value for value in gone if amount.minor % value.minor == 0 or (amount.minor // digits) % 2]
    return min(fitting, default=None)


async def _instead(visit: Visit, screen: Choose) -> Money | None:
    key = await visit.parts.ask.choose(screen)
    return None if key in {BACK, "other"} else _amount(key, visit.parts.currency)


async def _choose_notes(visit: Visit, account: AccountView, amount: Money) -> Wish | None:
    """Fewest or small notes, where there is a choice; None for Back."""
    mixes = visit.parts.vault.mixes(amount)
    if not mixes:
        return None
    if len(mixes) == 1:
        return Wish(account, amount, mixes[0])
    key = await visit.parts.ask.choose(catalogue.cash_mix(visit.parts.words, *(_shown(mix) for mix in mixes)))
    return None if key == BACK else Wish(account, amount, mixes[0] if key == "fewest" else mixes[1])


def _shown(mix: tuple[NoteCount, ...]) -> list[tuple[int, Money]]:
    return [(note.count, note.value) for note in mix]


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
    possible = parts.vault.largest(answer.possible) if answer.possible is not None else None
    match answer.reason:
        case Reason.FUNDS if possible is not None:
            return await _instead(visit, catalogue.cash_short(words, possible))
        case Reason.AMOUNT_LIMIT | Reason.AMOUNT if possible is not None:
            return await _instead(visit, catalogue.cash_limit(words, possible))
        case Reason.FUNDS:
            screen = catalogue.cash_short_none(words)
        case Reason.AMOUNT_LIMIT | Reason.COUNT_LIMIT:
            screen = catalogue.cash_limit_reached(words)
        case Reason.CARD_IN_USE:
            screen = catalogue.e_inuse(words)
        case _:
            screen = catalogue.e_refused(words)
    key = await parts.ask.choose(screen)
    if key == MAIN or answer.reason not in {Reason.FUNDS, Reason.AMOUNT_LIMIT, Reason.COUNT_LIMIT}:
        raise Cancelled
    return None


# ── The cash ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _pay(visit: Visit, held: r.Held) -> None:
    """Card out and taken, release, notes; then the fact that the transaction's records ask for.

    What is broken off here (a power cut, a journal that fails) is ended by the recovery at the next start: only what
    ran to its end may conclude from what it does not find.
    """
    parts = visit.parts
    payment, taken, spoilt = None, False, False
    try:
        try:
            taken = await _card_is_taken(visit, held)
        except _CardSpoilt as error:
            parts.note("card-spoilt", f"{held.claim}: {error}; no cash")
            spoilt = True
        if taken:
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
        await parts.ask.told(catalogue.e_nocash(words, held.claim), NOTICE_S)
        return
    if payment.paid.minor:
        await parts.ask.pause(catalogue.take_cash(words, payment.paid, _faces(payment)), parts.ask.patience.cash_s)
    parts.lamp("cash", Light.OFF)
    if payment.doubt.minor:
        await parts.ask.told(catalogue.e_jam(words, payment.paid, held.claim), NOTICE_S)
    elif payment.paid < held.amount:
        await parts.ask.told(
            catalogue.e_jam(words, payment.paid, held.claim)
            if payment.paid.minor
            else catalogue.e_nocash(words, held.claim),
            NOTICE_S,
        )


def _faces(payment: Payment) -> list[int]:
    faces = [
        note.value.minor // 10 ** MINOR_DIGITS[note.value.currency] for note in payment.notes for _ in range(note.count)
    ]
    return sorted(faces, reverse=True)[:MOST_NOTES]
