"""How each kind of case comes about: a machine says what it says, and the bank opens the case."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
from support.hall import Hall, Held, HeldCard, Machine, eur, notes

from bank.commands import requests as r
from bank_link import messages as m

#: Makes a case about `card`'s account (where the kind has one) and returns its id. The machine holds 100 notes of 20.
Making = Callable[[Hall, Machine, HeldCard], Awaitable[str]]


async def doubt(_hall: Hall, machine: Machine, card: HeldCard) -> str:
    """One of two notes may or may not have come out."""
    return await machine.complete(await machine.hold(card, 40), presented=1, in_doubt=1)


async def unknown(_hall: Hall, machine: Machine, card: HeldCard) -> str:
    """The machine restarted in the middle and knows nothing."""
    return await machine.complete(await machine.hold(card, 40), outcome=m.Outcome.UNKNOWN)


async def silent(hall: Hall, machine: Machine, card: HeldCard) -> str:
    """Released, and never heard of again."""
    held = await machine.hold(card, 40)
    await asyncio.sleep(700)
    (row,) = await hall.sql("SELECT case_id FROM holds WHERE hold = :h", h=held.hold)
    return str(row["case_id"])


async def forced(_hall: Hall, machine: Machine, card: HeldCard) -> str:
    """The hold was reversed, and the notes came out all the same."""
    held = await machine.hold(card, 40)
    await machine.reverse(held, not_presented=True)
    return await machine.complete(held, presented=2)


async def surplus(_hall: Hall, machine: Machine, card: HeldCard) -> str:
    """Two notes were counted as one."""
    return await machine.complete(await machine.hold(card, 40), presented=2, surplus=1)


async def suspense(hall: Hall, machine: Machine, _card: HeldCard) -> str:
    """A payment of which nobody knows whose it was."""
    stranger = Held(9_000 + machine.journal.taken, "h0", eur(40), "9999999999", "c0", 1)
    case = await machine.complete(stranger, presented=2, authority=False)
    assert (await hall.do(r.CaseShow, case=case)).case.kind == "suspense"
    return case


async def no_authority(_hall: Hall, machine: Machine, card: HeldCard) -> str:
    """It paid, though this bank had not released it."""
    held = await machine.hold(card, 40, release=False)
    return await machine.complete(held, presented=2)


async def conflict(_hall: Hall, machine: Machine, card: HeldCard) -> str:
    """Two completions of one payment."""
    held = await machine.hold(card, 40)
    await machine.complete(held, presented=1)
    return await machine.complete(held, presented=2)


async def retracted(_hall: Hall, machine: Machine, card: HeldCard) -> str:
    """Two notes lay in the tray and were taken back."""
    return await machine.complete(await machine.hold(card, 40), presented=2, taken=m.TakenState.RETRACTED)


async def missing_cash(_hall: Hall, machine: Machine, _card: HeldCard) -> str:
    return await machine.exchange(found=98, after=100)


async def too_much_cash(_hall: Hall, machine: Machine, _card: HeldCard) -> str:
    return await machine.exchange(found=103, after=100)


async def other_body(_hall: Hall, machine: Machine, card: HeldCard) -> str:
    """The number of a completion came again with another content."""
    held = await machine.hold(card, 40)
    fact = m.Completion(
        number=machine.number(), made_by=machine.made_by, transaction=held.number, hold=held.hold, card=held.card,
        account=held.account, amount=held.amount, authority=held.authority, outcome=m.Outcome.PRESENTED,
        presented=notes(2), at=1,
    )  # fmt: skip
    await machine.ask(fact)
    answer = await machine.ask(msgspec.structs.replace(fact, presented=notes(1)))
    assert isinstance(answer, m.Acknowledged)
    return answer.case


MAKERS: dict[str, Making] = {
    "doubt": doubt, "unknown": unknown, "silent": silent, "forced": forced, "surplus": surplus, "suspense": suspense,
    "no-authority": no_authority, "conflict": conflict, "retracted": retracted, "missing-cash": missing_cash,
    "too-much-cash": too_much_cash, "other-body": other_body,
}  # fmt: skip
