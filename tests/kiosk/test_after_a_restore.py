"""A bank restored at awkward moments still knows which copy is spent, what the day allows, and what is in doubt."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from support.reckoning import reckon, settle
from support.restoring import backup, restart_bank, restore_bank
from support.town import Town, TownCard, run_town

from drivers.simulated.stick import SimulatedStick
from kiosk.journal import records as r


async def _backup_at_release(town: Town) -> list[Path]:
    """The backup is taken right before the bank has the next release."""
    kept: list[Path] = []

    async def before(kind: str) -> None:
        if kind == "release" and not kept:
            kept.append(backup(town))

    town.line.before = before
    return kept


def test_an_older_copy_stays_spent(tmp_path: Path) -> None:
    """Restored to between authorise and release: the completion's authority tells that this card's secret was used."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        copy = TownCard(card.number, card.reference, card.account, SimulatedStick(card.stick.content), card.pin)
        kept = await _backup_at_release(town)
        assert await town.withdraw(card, 50) == "take.cash"
        town.line.before = None
        await settle(town, 1)
        await restore_bank(town, kept[0])
        await settle(town, 3)
        await town.in_service()
        assert await town.balance(card) == (450_00, 0)
        await town.enter_pin(copy)
        await town.see("e.wake")
        town.slot.pull()
        assert await town.withdraw(card, 20) == "take.cash"
        await settle(town, 1)
        await reckon(town)

    run_town(tmp_path, story)


def test_the_days_limit_is_not_forgotten(tmp_path: Path) -> None:
    """Two withdrawals that only the machine remembers count against the day as if nothing had happened."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=2000_00)
        await settle(town, 1)
        await restart_bank(town)
        kept = backup(town)
        for _ in range(2):
            assert await town.withdraw(card, 200) == "take.cash"
            await town.see("welcome")
        await settle(town, 1)
        await restore_bank(town, kept)
        await settle(town, 3)
        usage = await town.bank.sql("SELECT amount_minor, count FROM usage")
        assert [(row["amount_minor"], row["count"]) for row in usage] == [(400_00, 2)]
        await town.enter_pin(card)
        await town.see("menu")
        await town.choose("cash")
        screen = await town.see("cash")
        assert {choice.key for choice in screen.choices if choice.enabled} == {
            "amount:2000", "amount:4000", "amount:5000", "amount:10000", "other",
        }  # fmt: skip
        town.slot.pull()
        await reckon(town)

    run_town(tmp_path, story)


def test_a_doubt_that_comes_after_the_hold_expired_is_a_case(tmp_path: Path) -> None:
    """The power goes as the first note moves, the bank is restored and voids the hold by time: the doubt stays one."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        kept = await _backup_at_release(town)
        journal, gone = town.machine.journal, asyncio.Event()
        write = journal.write

        class PowerCut(BaseException):
            """Nothing after this."""

        def cutting(*records: Any) -> None:
            if gone.is_set() or any(isinstance(record, r.NoteMoved) for record in records):
                gone.set()
                raise PowerCut
            write(*records)

        journal.write = cutting  # type: ignore[method-assign]
        task = asyncio.create_task(town.withdraw(card, 50))
        await gone.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await town.power_cut()
        town.line.before = None
        await restore_bank(town, kept[0])
        await asyncio.sleep(400)
        town.start_kiosk()
        await settle(town)
        cases = await town.bank.sql("SELECT kind, amount_minor FROM cases WHERE state = 'open'")
        assert [(case["kind"], case["amount_minor"]) for case in cases] == [("unknown", 50_00)]
        await reckon(town)

    run_town(tmp_path, story)


def test_what_waits_lets_older_facts_go_first(tmp_path: Path) -> None:
    """An exchange waits for the line while the bank is restored: the payment before it is told again first.

    The other way round the bank would count the payment's notes as missing, and then debit them once more.
    """

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        await settle(town, 1)
        await restart_bank(town)
        kept = backup(town)
        assert await town.withdraw(card, 50) == "take.cash"
        await town.see("welcome")
        await settle(town, 1)
        town.line.cut = True
        town.load_cash(top=5, middle=5, bottom=5)
        await restore_bank(town, kept)
        town.line.cut = False
        await settle(town, 3)
        told = await town.bank.sql(
            "SELECT kind FROM numbers WHERE kind IN ('completion', 'exchange') AND number > 1 ORDER BY at_ms"
        )
        assert [row["kind"] for row in told] == ["completion", "exchange"]
        cases = await town.bank.sql("SELECT kind, amount_minor FROM cases")
        # Nobody counted at this exchange: the machine's own figure stands, and it is right.
        assert cases == []
        await reckon(town)

    run_town(tmp_path, story)
