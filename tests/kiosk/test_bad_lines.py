"""The line cut, slow, duplicated or answering late at each message: no double debit, no cash without a debit."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support.reckoning import reckon, settle
from support.town import Town, run_town

from bank_link.errors import OutcomeUnknown

KINDS = ("open-visit", "authorise", "release", "completion", "sign-on")


async def _one_customer(town: Town, card: object, seconds: float = 400) -> None:
    """A customer who tries; whatever he sees, he takes his card and leaves."""
    try:
        async with asyncio.timeout(seconds):
            await town.withdraw(card, 70)  # type: ignore[arg-type]
    except (TimeoutError, AssertionError):
        pass
    town.slot.pull()


def _story(town: Town, hurt: str) -> object:
    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        getattr(_Hurt, hurt.replace("-", "_"))(town)
        await _one_customer(town, card)
        await settle(town, 5)
        town.line.before = town.line.after = None
        town.line.copies = {}
        town.line.cut = False
        await settle(town)
        await reckon(town)
        await town.in_service()
        assert await town.withdraw(card, 20) == "take.cash"
        await town.see("welcome")
        await reckon(town)

    return story


class _Hurt:
    kind = ""

    @staticmethod
    def request_lost(town: Town) -> None:
        async def before(kind: str) -> None:
            if kind == _Hurt.kind:
                await asyncio.sleep(1)
                raise OutcomeUnknown("lost")

        town.line.before = before

    @staticmethod
    def answer_lost(town: Town) -> None:
        async def after(kind: str) -> None:
            if kind == _Hurt.kind:
                await asyncio.sleep(1)
                raise OutcomeUnknown("lost")

        town.line.after = after

    @staticmethod
    def answer_lost_once(town: Town) -> None:
        lost: list[str] = []

        async def after(kind: str) -> None:
            if kind == _Hurt.kind and not lost:
                lost.append(kind)
                raise OutcomeUnknown("lost")

        town.line.after = after

    @staticmethod
    def arrives_after_the_deadline(town: Town) -> None:
        async def before(kind: str) -> None:
            if kind == _Hurt.kind:
                # The caller gives up; what it sent arrives all the same.
                request = town.line.frames[-1]

                async def later() -> None:
                    await asyncio.sleep(150)
                    await town.deliver(request)

                asyncio.get_running_loop().create_task(later())
                raise OutcomeUnknown("late")

        town.line.before = before

    @staticmethod
    def arrives_before_the_deadline_unheard(town: Town) -> None:
        async def before(kind: str) -> None:
            if kind == _Hurt.kind:
                request = town.line.frames[-1]

                async def later() -> None:
                    await asyncio.sleep(7)
                    await town.deliver(request)

                asyncio.get_running_loop().create_task(later())
                raise OutcomeUnknown("late")

        town.line.before = before

    @staticmethod
    def duplicated(town: Town) -> None:
        town.line.copies = {_Hurt.kind: 3}

    @staticmethod
    def cut_for_an_hour(town: Town) -> None:
        async def before(kind: str) -> None:
            if kind == _Hurt.kind:
                town.line.cut = True
                raise OutcomeUnknown("cut")

        town.line.before = before

    @staticmethod
    def cut_after_it_for_an_hour(town: Town) -> None:
        async def after(kind: str) -> None:
            if kind == _Hurt.kind:
                town.line.cut = True
                raise OutcomeUnknown("cut")

        town.line.after = after


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hurt", [name for name in vars(_Hurt) if not name.startswith("_") and name != "kind"])
def test_every_message_hurt_in_every_way(tmp_path: Path, kind: str, hurt: str) -> None:
    """Whatever happens to one kind of message, notes and debits agree once the line is back."""
    _Hurt.kind = kind

    async def story(town: Town) -> None:
        await _story(town, hurt)(town)  # type: ignore[operator]

    run_town(tmp_path, story)


def test_facts_wait_for_the_line_and_arrive(tmp_path: Path) -> None:
    """A completion made without a line waits over a restart and a night, then posts once."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)

        async def after(kind: str) -> None:
            if kind == "release":
                town.line.cut = True

        town.line.after = after
        assert await town.withdraw(card, 70) == "take.cash"
        await asyncio.sleep(60)
        assert town.machine.journal.outbox_length() == 1
        await town.power_cut()
        town.start_kiosk()
        await asyncio.sleep(8 * 3_600)
        assert town.machine.service.for_customers == "line"
        town.line.after, town.line.cut = None, False
        await settle(town)
        assert await town.balance(card) == (430_00, 0)
        cases = await town.bank.sql("SELECT kind, state FROM cases")
        assert [(case["kind"], case["state"]) for case in cases] == [("silent", "closed")]
        await reckon(town)

    run_town(tmp_path, story)
