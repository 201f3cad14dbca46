"""A visit that is open at a machine of `support.hall`, what can be posted in it."""

from __future__ import annotations

from typing import Any

from support.hall import Hall, HeldCard, Machine, _with_slot, eur

from bank_link import messages as m
from bank_link.pin_block import Pin, seal_pin


class Desk:
    """A visit that is open, and what can be posted in it."""

    def __init__(self, machine: Machine, card: HeldCard, opened: m.VisitOpened) -> None:
        self.machine, self.card, self.opened = machine, card, opened

    def transfer(self, to: str, units: int, *, number: int = 0, n: int | None = None) -> m.Post:
        return m.Post(
            number=number or self.machine.number(), deadline=self.machine.until(), visit=self.opened.visit,
            n=self.opened.next_n if n is None else n, what="transfer", account=self.card.account, to=to,
            amount=eur(units),
        )  # fmt: skip

    def post(self, what: str, **fields: Any) -> m.Post:
        """Any other post of this visit."""
        return m.Post(
            number=self.machine.number(), deadline=self.machine.until(), visit=self.opened.visit,
            n=self.opened.next_n, what=what, **fields,
        )  # fmt: skip

    def new_pin(self, pin: str) -> m.Post:
        session = self.machine.journal.session
        assert session is not None
        return m.Post(
            number=self.machine.number(), deadline=self.machine.until(), visit=self.opened.visit,
            n=self.opened.next_n, what="pin-change",
            pin_block=seal_pin(Pin(pin), self.card.file.card, session.pin_key, self.machine.hall.random),
            pin_key_id=session.pin_key_id,
        )  # fmt: skip

    async def send(self, to: str, units: int) -> m.Answer:
        return await self.machine.ask(self.transfer(to, units))

    async def inquire(self, what: str, *, to: str = "", account: str = "") -> m.Answer:
        return await self.machine.ask(
            m.Inquire(
                deadline=self.machine.until(), visit=self.opened.visit, account=account or self.card.account,
                what=what, to=to,
            )
        )  # fmt: skip

    async def reverse(self, number: int) -> str:
        answer = await self.machine.ask(
            m.Reversal(
                number=self.machine.number(), made_by=self.machine.made_by, transaction=number, why="no-answer",
                at=self.machine.hall.clock.now_ms(),
            )
        )  # fmt: skip
        assert isinstance(answer, m.Acknowledged), answer
        return answer.case

    async def posted(self, number: int, slip: m.Signed) -> str:
        answer = await self.machine.ask(
            m.Posted(
                number=number, made_by=self.machine.made_by, slip=slip, at=self.machine.hall.clock.now_ms()
            )
        )  # fmt: skip
        assert isinstance(answer, m.Acknowledged), answer
        return answer.case


async def open_desk(machine: Machine, card: HeldCard, pin: str = "") -> Desk:
    opened = await machine.open_visit(card, pin)
    assert isinstance(opened, m.VisitOpened), opened
    card.file = _with_slot(card.file, opened)
    return Desk(machine, card, opened)


async def two(hall: Hall, opening: str = "200") -> tuple[Desk, str]:
    """A visit of Ada's at a machine, and the account of somebody else."""
    machine = await hall.machine()
    await machine.exchange(found=0, after=100)
    return await open_desk(machine, await hall.card(opening)), await hall.account("10")


def reason(answer: m.Answer) -> m.Reason:
    assert isinstance(answer, m.Refused), answer
    return answer.reason


async def balances(hall: Hall, *accounts: str) -> list[str]:
    return [(await hall.balance(account))[0] for account in accounts]
