"""Cash by code: one customer without a card, from the digits to the notes."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from bank_link.messages import NoteCount, Reason, Refused
from bank_link.money import Money
from bank_link.pin_block import Pin
from kiosk.ask import MAIN
from kiosk.host import NoAnswer, Turned
from kiosk.journal import records as r
from kiosk.journal.store import JournalError
from kiosk.leaving import LeftEarly
from kiosk.parts import Parts, Visit, Wanted
from kiosk.screens import catalogue
from kiosk.screens import code as screens
from kiosk.screens.model import Amount, NoticeScreen
from kiosk.service_state import Cause
from kiosk.transactions import withdrawal
from kiosk.transactions.amount import choose_notes

T = TypeVar("T")

#: What the welcome screen calls it.
KEY = "code"
NOTICE_S = 30
CANCELLED_S = 3
THANKS_S = 3


class _Ended(Exception):
    """Nothing more can be done with it; everything has been said."""


class _CardCame(Exception):
    """Somebody put a card in where a code was asked for: that one is served."""


async def serve(parts: Parts) -> None:
    """Serve whoever has a code. Returns when the next customer may come; a card that is in by then is the next one's."""
    visit: list[Visit] = []
    why = "done"
    try:
        parts.note("code-visit")
        visit.append(await _begin(parts))
        await _cash(visit[0])
    except _Ended:
        why = "refused"
    except _CardCame:
        why = "a card came"
    except LeftEarly:
        await parts.ask.pause(catalogue.cancelled(parts.words, code=True), CANCELLED_S)
        why = "left"
    except JournalError as error:
        parts.service.close(Cause.JOURNAL, str(error))
    await _end(parts, visit[0] if visit else None, why)


# ── The code ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _begin(parts: Parts) -> Visit:
    """Code after code, until the bank opens a visit or will have no more."""
    answer: Refused | None = None
    while True:
        code = await _typed(parts, answer)
        try:
            async with parts.working(code=True):
                return Visit(parts=parts, card=None, opened=await parts.host.open_by_code(code))
        except NoAnswer:
            await _again_or_end(parts)
            answer = None
            continue
        except Turned as turned:
            answer = turned.answer
        finally:
            code.wipe()
        parts.note("code-refused", answer.reason)
        if answer.reason is not Reason.WRONG_CODE:
            await parts.ask.told(_refusal(parts, answer), NOTICE_S)
            raise _Ended


async def _typed(parts: Parts, before: Refused | None) -> Pin:
    """All of its digits; the caller wipes it. Raises _CardCame, and _Ended for Back on an empty entry."""
    screen = screens.code(parts.words, wrong=before is not None, tries_left=before.tries_left if before else None)
    while True:
        digits = await _digits(parts, screen)
        if not digits:
            raise _Ended
        if len(digits) == screens.CODE_DIGITS:
            return Pin(digits)
        screen = screens.code(parts.words, short=True)


async def _digits(parts: Parts, screen: Amount) -> str:
    return await _unless_a_card_comes(parts, parts.ask.digits(screen))


async def _unless_a_card_comes(parts: Parts, question: Coroutine[Any, Any, T]) -> T:
    """The answer. Raises _CardCame: whoever had the code has gone, and it is as good as before."""
    asking = asyncio.ensure_future(question)
    card = asyncio.ensure_future(parts.reader.inserted())
    try:
        await asyncio.wait({asking, card}, return_when=asyncio.FIRST_COMPLETED)
        if asking.done():
            return asking.result()
        raise _CardCame
    finally:
        for task in (asking, card):
            task.cancel()
        await asyncio.gather(asking, card, return_exceptions=True)


async def _again_or_end(parts: Parts) -> None:
    if await parts.ask.choose(screens.code_line(parts.words)) == MAIN:
        raise _Ended


def _refusal(parts: Parts, answer: Refused) -> NoticeScreen:
    match answer.reason:
        case Reason.CODE_LOCKED if answer.until is not None:
            return screens.code_locked(parts.words, parts.when(answer.until), today=parts.is_today(answer.until))
        case Reason.CARD_IN_USE:
            return screens.code_in_use(parts.words)
        case _:
            return screens.code_refused(parts.words)


# ── The cash ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _cash(visit: Visit) -> None:
    """Only what the cassettes can pay is authorised: up to there the code is as good as before."""
    parts, amount = visit.parts, visit.opened.fixed
    assert amount is not None, "opened by a code"
    wish = None
    while wish is None:
        if not parts.vault.can_pay(amount):
            parts.note("code-not-payable", f"the cassettes cannot pay {amount}")
            await parts.ask.told(screens.code_nopay(parts.words, amount), NOTICE_S)
            raise _Ended
        wish = await _unless_a_card_comes(parts, _wish(visit, amount))
    await withdrawal.pay(visit, await _authorise(visit, wish.mix))


async def _wish(visit: Visit, amount: Money) -> Wanted | None:
    await visit.parts.ask.choose(screens.code_ok(visit.parts.words, amount))
    return await choose_notes(visit, visit.opened.accounts[0], amount)


async def _authorise(visit: Visit, mix: tuple[NoteCount, ...]) -> r.Held:
    parts, opened = visit.parts, visit.opened
    assert opened.fixed is not None, "opened by a code"
    try:
        async with parts.working(code=True):
            return await parts.host.authorise(opened, opened.accounts[0].account, opened.fixed, mix)
    except NoAnswer:
        # The reversal gives the code back, but only once it is delivered: it is not tried again here.
        await parts.ask.told(screens.code_line(parts.words, again=False), NOTICE_S)
    except Turned as turned:
        parts.note("authorise-refused", turned.answer.reason)
        await parts.ask.told(_refusal(parts, turned.answer), NOTICE_S)
    raise _Ended


async def _end(parts: Parts, visit: Visit | None, why: str) -> None:
    try:
        parts.note("visit-ends", why)
        if visit is not None:
            await parts.host.close_visit(visit.opened.visit, visit.ended)
    except JournalError as error:
        parts.service.close(Cause.JOURNAL, str(error))
    if why == "done":
        await parts.ask.pause(catalogue.thanks(parts.words), THANKS_S)
    parts.ask.keys.forget()
