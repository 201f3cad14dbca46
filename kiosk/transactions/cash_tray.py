"""Paid notes on their way into the customer's hand: shown, waited for where a tray sees them, and taken back if they are left."""

from __future__ import annotations

from collections.abc import Iterable

from bank_link.messages import NoteCount, TakenState
from bank_link.money import MINOR_DIGITS, Money
from drivers.devices import Light
from kiosk.ask import MAIN
from kiosk.handover import Handover
from kiosk.journal import records as r
from kiosk.leaving import LeftEarly
from kiosk.parts import Visit
from kiosk.payment import Payment
from kiosk.receipts.giving import can_print
from kiosk.receipts.receipt import Done
from kiosk.screens import catalogue
from kiosk.screens.common import PAPER
from kiosk.screens.model import Take
from kiosk.transactions import receipts

NOTICE_S = 30
#: Notes in a picture of them.
MOST_SHOWN = 40


async def bunch_is_taken(visit: Visit, held: r.Held, paid: Money, notes: tuple[NoteCount, ...]) -> bool:
    """The exit takes no more: whether these are in the customer's hand. Without a tray's sensor only they can say."""
    parts = visit.parts
    sees = parts.handover is not None and await parts.handover.settled(held.transaction)
    screen = catalogue.take_bunch(parts.words, paid, _faces(notes), seen=sees)
    if parts.handover is not None and sees:
        taken = await _is_emptied(visit, parts.handover, screen)
        parts.handover.tray.forget()
    else:
        taken = await parts.ask.told(screen, parts.ask.patience.card_s) == MAIN
    parts.note("bunch-taken" if taken else "bunch-not-taken", str(paid))
    return taken


async def handed_over(visit: Visit, held: r.Held, payment: Payment, receipt: str) -> TakenState | None:
    """Show the cash until it is taken, or for its time; what lies in the tray then is taken back. Raises JournalError.

    None, and nothing shown, where there is no tray, or nothing that could lie in it.
    """
    parts = visit.parts
    handover = parts.handover
    if handover is None or not (payment.paid.minor or payment.doubt.minor):
        return None
    screen = cash_screen(visit, payment, receipt)
    if payment.left:
        seen = handover.tray.present
        taken = False
    elif seen := await handover.settled(held.transaction):
        taken = await _is_emptied(visit, handover, screen)
    elif payment.paid.minor:
        # A sensor that sees nothing proves nothing, but it may yet.
        await parts.ask.pause(screen, parts.ask.patience.cash_s)
        seen, taken = handover.tray.present, False
    parts.lamp("cash", Light.OFF)
    if not seen:
        return TakenState.UNKNOWN if payment.paid.minor else None
    if taken:
        return handover.taken(held.transaction)
    moving = catalogue.taking_back(parts.words)
    async with parts.ask.waiting(moving, moving):
        return await handover.take_back(held.transaction)


def cash_screen(visit: Visit, payment: Payment, receipt: str) -> Take:
    """What is out, and what comes then."""
    on_paper = receipt == PAPER and can_print(visit.parts)
    return catalogue.take_cash(visit.parts.words, payment.paid, _faces(payment.notes), receipt_next=on_paper)


async def tell_taken_back(visit: Visit, held: r.Held, payment: Payment) -> None:
    """What was left is not the customer's for now: it is counted before it is credited."""
    parts = visit.parts
    receipt = receipts.receipt_of(
        visit, Done.CASH, amount=payment.paid, reference=held.claim, account=held.account, doubt=True
    )  # fmt: skip
    await receipts.told(visit.parts, catalogue.e_retracted(parts.words, held.claim), NOTICE_S, receipt)


async def _is_emptied(visit: Visit, handover: Handover, screen: Take) -> bool:
    """Whether the tray is empty within its time, and within as much more as is asked for."""
    ask, extended = visit.parts.ask, 0
    handover.asking = True
    try:
        # Asked anew each time: a machine that is being stopped has less patience.
        while not await ask.taken(handover.tray, screen, ask.patience.card_s):
            if extended > ask.patience.extensions:
                break
            extended += 1
            try:
                await ask.more_time(cash=True)
            except LeftEarly:
                break
    finally:
        handover.asking = False
    return not handover.tray.present


def _faces(counted: Iterable[NoteCount]) -> list[int]:
    faces = [note.value.minor // 10 ** MINOR_DIGITS[note.value.currency] for note in counted for _ in range(note.count)]
    return sorted(faces, reverse=True)[:MOST_SHOWN]
