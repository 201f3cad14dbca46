"""Somebody who has no card opens an account: which one, a PIN, a stick of one's own, and the card written onto it."""

from __future__ import annotations

import asyncio
import contextlib

from bank_link.card_file import parse
from bank_link.errors import CardFileError
from bank_link.messages import Reason
from bank_link.pin_block import Pin
from drivers.devices import DeviceError, Fault, Light
from kiosk.ask import BACK, MAIN
from kiosk.host import Newcomer, NoAnswer, Turned
from kiosk.journal.store import JournalError
from kiosk.leaving import Cancelled, LeftEarly
from kiosk.parts import Parts
from kiosk.receipts.receipt import Done, Receipt
from kiosk.screens import catalogue
from kiosk.service_state import Cause
from kiosk.transactions import receipts
from kiosk.transactions.pin_change import typed_twice
from kiosk.visit import card_out

#: The choice on the welcome screen.
KEY = "open"
NOTICE_S = 30
DONE_S = 30
STICK_S = 60
#: So many sticks, or tries with one, before the staff has to write the card.
TRIES = 3
GONE_S = 2


async def serve(parts: Parts) -> None:
    """Returns when nothing is in any more and the next customer may come."""
    try:
        parts.note("newcomer")
        await _open(parts)
    except LeftEarly:
        parts.note("newcomer-left")
    except DeviceError as error:
        parts.note("device", f"{error.device}: {error}")
        await parts.ask.told(catalogue.e_card(parts.words), NOTICE_S)
    except JournalError as error:
        parts.service.close(Cause.JOURNAL, str(error))
    try:
        await card_out(parts, None)
    except JournalError as error:
        parts.service.close(Cause.JOURNAL, str(error))
    parts.ask.keys.forget()


async def _open(parts: Parts) -> None:
    products = parts.host.products
    key = await parts.ask.choose(catalogue.open_account(parts.words, products))
    if key == BACK:
        return
    product = products[int(key.removeprefix("product:"))]
    pin = await typed_twice(parts)
    try:
        await _stick_in(parts)
        opened = await _ask(parts, product, pin)
    finally:
        pin.wipe()
    if opened is not None:
        await _write(parts, opened, product)


async def _stick_in(parts: Parts, mine: bytes = b"") -> None:
    """A stick that is no card yet, or `mine`, is in. Raises Cancelled where none comes."""
    for _ in range(TRIES):
        parts.lamp("card", Light.MEDIUM)
        if not await parts.ask.given(parts.reader, catalogue.open_stick(parts.words), STICK_S):
            raise Cancelled
        parts.lamp("card", Light.ON)
        if await _may_be_written(parts, mine):
            return
    raise Cancelled


async def _may_be_written(parts: Parts, mine: bytes) -> bool:
    """Whether what is in is no card, or `mine`: nothing is ever written over another one. If not, it is told and given out."""
    try:
        async with parts.reading():
            data = await parts.reader.read()
        parse(data)
    except CardFileError:
        return True
    except DeviceError as error:
        if error.fault is Fault.MEDIA:
            return True  # No file that could be a card.
        # What cannot be read now may be one.
        parts.note("card-unreadable", str(error))
        await parts.ask.told(catalogue.e_card(parts.words), NOTICE_S)
    else:
        if data == mine:
            return True
        await parts.ask.told(catalogue.open_taken(parts.words), NOTICE_S)
    await card_out(parts, None)
    return False


async def _ask(parts: Parts, product: str, pin: Pin) -> Newcomer | None:
    """What the bank opened; None where it was told that it did not. Raises Cancelled."""
    while True:
        try:
            async with parts.working():
                return await parts.host.open_for_newcomer(product, pin)
        except NoAnswer:
            if await parts.ask.choose(catalogue.e_line(parts.words, kept=True)) == MAIN:
                raise Cancelled from None
        except Turned as turned:
            parts.note("newcomer-refused", turned.answer.reason)
            none_here = turned.answer.reason in {Reason.COUNT_LIMIT, Reason.UNSUPPORTED}
            told = catalogue.open_not_here(parts.words) if none_here else catalogue.e_closed(parts.words)
            await parts.ask.told(told, NOTICE_S)
            return None


# ── The card ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _write(parts: Parts, opened: Newcomer, product: str) -> None:
    """The account is open once its card can be read back; else it waits for the staff, and the customer is told so."""
    written = False
    with contextlib.suppress(LeftEarly):
        written = await _written(parts, opened)
    if not written:
        parts.host.card_not_written(opened)
        await parts.ask.told(catalogue.open_unwritten(parts.words, opened.account), NOTICE_S)
        return
    parts.host.card_written(opened)
    receipt = Receipt(
        done=Done.OPENED, bank=parts.bank, terminal=parts.host.terminal, at_ms=parts.host.now(), zone=parts.zone,
        account=opened.account[-4:],
    )  # fmt: skip
    await receipts.told(parts, catalogue.open_done(parts.words, product, opened.account), DONE_S, receipt)


async def _written(parts: Parts, opened: Newcomer) -> bool:
    for _ in range(TRIES):
        # Since it was looked at last another stick may be in.
        if not (parts.reader.present and await _may_be_written(parts, opened.file)):
            await _stick_in(parts, opened.file)
        try:
            async with parts.reading():
                await parts.reader.create(opened.file)
        except DeviceError as error:
            parts.note("card-not-written", str(error))
            if error.fault is not Fault.UNPLUGGED:
                return False
            await _gone(parts)
        else:
            return True
    return False


async def _gone(parts: Parts) -> None:
    """The reader takes a moment to see that the stick was pulled; one that is still in is tried again."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(GONE_S):
            await parts.reader.removed()
