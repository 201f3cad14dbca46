"""One customer, from card in to card out. Reads like the conversation that it is."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable

from bank_link.card_file import CardFile, parse, slot_bytes
from bank_link.errors import CardFileError
from bank_link.messages import Reason, VisitOpened
from drivers.devices import DeviceError, Light
from kiosk.ask import MAIN
from kiosk.host import NoAnswer, Turned
from kiosk.journal.store import JournalError
from kiosk.leaving import Cancelled, CardPulled, DoorOpened, LeftEarly, TimedOut
from kiosk.parts import Parts, Visit
from kiosk.screens import catalogue
from kiosk.screens import model as s
from kiosk.screens import operator as operator_screens
from kiosk.service_state import Cause
from kiosk.transactions import balance, bills, deposit, details, opening, pin_change, sending, statement, withdrawal
from kiosk.transactions.common import refusal

NOTICE_S = 30
CANCELLED_S = 3
THANKS_S = 3
#: Bare paper between customers, so that the next one starts clean.
BARE_S = 1


_WHY = {Cancelled: "cancelled", CardPulled: "card-pulled", TimedOut: "timed-out", DoorOpened: "door-opened"}


#: What is on offer, with what an account must allow for it ("": nothing of an account).
_MENU = {
    "cash": "withdraw", "balance": "balance", "pay_in": "deposit", "send": "transfer", "bill": "bill", "more": "",
}  # fmt: skip
_MORE = {"list": "statement", "newpin": "", "details": "", "open": ""}
_RUN: dict[str, Callable[[Visit], Awaitable[object]]] = {
    "balance": balance.run, "pay_in": deposit.run, "send": sending.run, "bill": bills.run, "list": statement.run,
    "newpin": pin_change.run, "details": details.run, "open": opening.run,
}  # fmt: skip


class _Ended(Exception):
    """The visit is over; everything has been said."""


async def menu(visit: Visit) -> None:
    """One thing after another, until the customer leaves or the card is out."""
    parts = visit.parts
    if visit.opened.frozen:
        await details.unfreeze(visit)
        return
    while not visit.card_is_out and not visit.is_done:
        wanted = visit.wish.amount if visit.wish is not None else None
        key = await parts.ask.choose(catalogue.menu(parts.words, _offered(visit), wanted=wanted))
        if key == "cash":
            if await withdrawal.run(visit):
                return
        elif key == "more":
            await _more(visit)
        elif key in _RUN:
            await _RUN[key](visit)


def _offered(visit: Visit) -> list[str]:
    """What the customer's accounts may, and this machine can, now."""
    cash_in = visit.parts.cash_in
    able = {"pay_in": cash_in is not None and cash_in.ready()}
    return [key for key, may in _MENU.items() if (not may or visit.accounts(may)) and able.get(key, True)]


async def _more(visit: Visit) -> None:
    able = {"open": bool(visit.parts.host.products)}
    offered = [key for key, may in _MORE.items() if (not may or visit.accounts(may)) and able.get(key, True)]
    key = await visit.parts.ask.choose(catalogue.more(visit.parts.words, offered))
    if key in _RUN:
        await _RUN[key](visit)


async def serve(parts: Parts, wanted: Callable[[Visit], Awaitable[None]] = menu, *, closed: bool = False) -> None:
    """Serve the customer whose card is in. Returns when the card is out and the next one may come.

    `wanted` is what happens between the PIN and the card's way out. `closed`: only an operator is served.
    """
    visit: list[Visit] = []
    why = "done"
    try:
        parts.note("card-in")
        parts.lamp("card", Light.ON)
        async with parts.ask.guarding(parts.reader):
            visit.append(await _begin(parts, closed=closed))
            await _purpose(visit[0], wanted, closed=closed)
    except _Ended:
        pass
    except LeftEarly as left:
        if not _has_posted(visit[0] if visit else None):
            # Else it would not be true that nothing left the account.
            await parts.ask.pause(catalogue.cancelled(parts.words), CANCELLED_S)
        why = _WHY[type(left)]
    except DeviceError as error:
        await parts.ask.told(catalogue.e_card(parts.words), NOTICE_S)
        why = f"{error.device}: {error}"
    except JournalError as error:
        parts.service.close(Cause.JOURNAL, str(error))
    await _end(parts, visit[0] if visit else None, why)


# ── Card and PIN ────────────────────────────────────────────────────────────────────────────────────────────────────


async def _purpose(visit: Visit, wanted: Callable[[Visit], Awaitable[None]], *, closed: bool) -> None:
    """What the bank says that the card is for: a file that calls itself an operator's is believed nothing."""
    parts = visit.parts
    if visit.opened.role and parts.staff is not None:
        await parts.staff(visit)
    elif closed or visit.opened.role:
        await _say(parts, operator_screens.op_only(parts.words))
    else:
        await wanted(visit)


async def _begin(parts: Parts, *, closed: bool) -> Visit:
    card = await _read(parts)
    if closed and not card.operator:
        parts.note("card-refused", "the machine is closed")
        await _say(parts, operator_screens.op_only(parts.words))
        raise _Ended
    opened = await _open(parts, card)
    parts.words.follow(opened.language)
    await _turn_ratchet(parts, card, opened)
    return Visit(parts=parts, card=card, opened=opened)


async def _read(parts: Parts) -> CardFile:
    try:
        async with parts.reading():
            return parse(await parts.reader.read())
    except CardFileError as error:
        parts.note("card-unreadable", str(error))
    except DeviceError as error:
        parts.note("card-unreadable", str(error))
        if not parts.reader.present:
            raise CardPulled from error
    await _say(parts, catalogue.e_card(parts.words))
    raise _Ended


async def _open(parts: Parts, card: CardFile) -> VisitOpened:
    """PIN after PIN, until the bank opens the visit or ends it."""
    screen = catalogue.pin(parts.words)
    while True:
        pin = await parts.ask.pin(screen)
        try:
            async with parts.working():
                return await parts.host.open_visit(card, pin)
        except NoAnswer:
            # Raises Cancelled where the customer would rather have the card.
            unheard = operator_screens.op_line(parts.words) if card.operator else catalogue.e_line(parts.words)
            if await parts.ask.choose(unheard) == MAIN:
                raise Cancelled from None
            continue
        except Turned as turned:
            answer = turned.answer
        finally:
            pin.wipe()
        parts.note("visit-refused", answer.reason)
        if answer.reason is not Reason.WRONG_PIN:
            await _say(parts, refusal(parts, answer))
            raise _Ended
        screen = catalogue.pin(parts.words, tries_left=answer.tries_left)


async def _turn_ratchet(parts: Parts, card: CardFile, opened: VisitOpened) -> None:
    """The next secret goes onto the card at once: written in place, flushed, read back."""
    slot = slot_bytes(opened.next_epoch, opened.next_n, opened.next_secret)
    try:
        await parts.reader.write(card.older_offset, slot)
    except DeviceError as error:
        parts.note("card-not-written", str(error))
        await parts.host.close_visit(opened.visit, "card-taken")
        if not parts.reader.present:
            raise CardPulled from error
        await _say(parts, catalogue.e_card(parts.words))
        raise _Ended from error


# ── The end ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _say(parts: Parts, screen: s.NoticeScreen) -> None:
    """Something that ends the visit; the card may be taken while it is read, but not be another's."""
    await parts.ask.told(screen, NOTICE_S, until=_next_card(parts))


async def _next_card(parts: Parts) -> None:
    """The card that is in goes, and somebody puts one in."""
    await parts.reader.removed()
    await parts.reader.inserted()


async def _end(parts: Parts, visit: Visit | None, why: str) -> None:
    """Card out, whatever came before; nothing of this customer stays on the screen."""
    try:
        await card_out(parts, visit, went=parts.ask.card_went)
        parts.note("visit-ends", why)
        if visit is not None:
            await parts.host.close_visit(visit.opened.visit, visit.ended, parts.words.chosen)
    except JournalError as error:
        parts.service.close(Cause.JOURNAL, str(error))
    parts.ask.keys.forget()


async def card_out(parts: Parts, visit: Visit | None, *, went: bool = False) -> None:
    """Whatever is in comes out, and is waited for. `went`: this customer's went before, and what is in is the next one's."""
    if parts.reader.present and not went and not (visit and visit.card_is_out):
        await _release(parts)
        parts.lamp("card", Light.MEDIUM)
        screen = catalogue.take_card(parts.words, cash_next=False)
        if not await parts.ask.taken(parts.reader, screen, parts.ask.patience.card_s):
            no_cash = visit is not None and visit.ended == "card-left"
            parts.ask.show(
                catalogue.e_nottaken(parts.words, earlier=_has_posted(visit))
                if no_cash
                else catalogue.e_left(parts.words)
            )
            # A card left in starts no new visit.
            await parts.reader.removed()
    parts.lamp("card", Light.OFF)
    if visit is not None and visit.ended == "card-taken":
        await parts.ask.pause(catalogue.thanks(parts.words), THANKS_S)


def _has_posted(visit: Visit | None) -> bool:
    return visit is not None and visit.has_posted


async def _release(parts: Parts) -> None:
    """A reader that fails now still lets the customer pull the card; its report closes the machine afterwards."""
    try:
        await parts.reader.release()
    except DeviceError as error:
        with contextlib.suppress(JournalError):
            parts.note("device", f"{error.device}: {error}")
