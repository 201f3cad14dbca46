"""A new PIN: typed twice, and in force once the bank says so."""

from __future__ import annotations

from bank_link.pin_block import Pin
from kiosk.host import NoAnswer, Turned
from kiosk.leaving import Cancelled
from kiosk.parts import Parts, Visit
from kiosk.screens import catalogue
from kiosk.transactions.common import no_line, refusal

DONE_S = 20


async def run(visit: Visit) -> None:
    """Back to the menu afterwards in any case. Raises LeftEarly."""
    parts = visit.parts
    assert visit.card is not None, "a code has no PIN"
    pin = await typed_twice(parts)
    try:
        async with parts.working():
            await parts.host.change_pin(visit.opened, visit.card, pin)
    except NoAnswer:
        await no_line(visit, pin=True)
        return
    except Turned as turned:
        parts.note("pin-change-refused", turned.answer.reason)
        await parts.ask.choose(refusal(parts, turned.answer, earlier=visit.has_posted))
        raise Cancelled from None
    finally:
        pin.wipe()
    parts.note("pin-changed")
    await parts.ask.told(catalogue.newpin_done(parts.words), DONE_S)


async def typed_twice(parts: Parts) -> Pin:
    """A new PIN; the caller wipes it. Raises LeftEarly."""
    ask, words = parts.ask, parts.words
    screen = catalogue.newpin(words)
    while True:
        first = await ask.pin(screen)
        try:
            second = await ask.pin(catalogue.newpin_again(words))
        except BaseException:
            first.wipe()
            raise
        same = first.same(second)
        second.wipe()
        if same:
            return first
        first.wipe()
        screen = catalogue.newpin(words, different=True)
