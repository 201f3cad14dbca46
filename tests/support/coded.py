"""A machine of the hall that is given cash codes instead of cards."""

from __future__ import annotations

from support.hall import Hall, Held, HeldCard, Machine, eur, notes

from bank.commands import answers as a
from bank.commands import requests as r
from bank_link import messages as m
from bank_link.pin_block import Pin, code_binding, seal_pin


async def code(hall: Hall, account: str, amount: str = "40", minutes: int = 30) -> a.CodeMade:
    made: a.CodeMade = await hall.do(r.CodeMake, account=account, amount=amount, minutes=minutes)
    return made


async def states(hall: Hall) -> list[str]:
    return [line.state for line in (await hall.do(r.CodeList)).codes]


async def open_code(machine: Machine, digits: str, *, number: int = 0, bound_to: int = 0) -> m.Answer:
    """`bound_to`: the number that the block says, where it is another one than the message's."""
    session, number = machine.journal.session, number or machine.number()
    assert session is not None
    binding = code_binding(machine.name, machine.identity.generation, bound_to or number)
    block = seal_pin(Pin(digits), binding, session.pin_key, machine.hall.random)
    return await machine.ask(
        m.OpenVisit(number=number, deadline=machine.until(), pin_block=block, pin_key_id=session.pin_key_id)
    )


async def opened(machine: Machine, digits: str) -> m.VisitOpened:
    answer = await open_code(machine, digits)
    assert isinstance(answer, m.VisitOpened), answer
    return answer


async def authorise(machine: Machine, visit: m.VisitOpened, units: int = 40) -> tuple[m.Answer, int]:
    """The answer and its number."""
    number = machine.number()
    answer = await machine.ask(
        m.Authorise(
            number=number, deadline=machine.until(), visit=visit.visit, account=visit.accounts[0].account,
            amount=eur(units), mix=notes(units // 20),
        )
    )  # fmt: skip
    return answer, number


async def held(machine: Machine, digits: str, units: int = 40) -> Held:
    visit = await opened(machine, digits)
    answer, number = await authorise(machine, visit, units)
    assert isinstance(answer, m.Authorised), answer
    return Held(number, answer.hold, answer.amount, visit.accounts[0].account, visit.card, visit.next_n)


def reason(answer: m.Answer) -> m.Reason:
    assert isinstance(answer, m.Refused), answer
    return answer.reason


__all__ = ["Held", "HeldCard", "authorise", "code", "held", "open_code", "opened", "reason", "states"]
