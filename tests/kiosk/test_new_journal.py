"""A new journal under an old enrolment: an operator loads cash before the bank could say which numbers are used."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from support.reckoning import reckon, settle
from support.restoring import backup, restart_bank, restore_bank
from support.town import Town, run_town

from bank.commands import requests as q
from kiosk.journal import records as r


async def _served(town: Town) -> None:
    card = await town.customer(balance=500_00)
    assert await town.withdraw(card, 20) == "take.cash"
    await town.see("welcome")
    await settle(town, 1)


async def _new_disk_loaded_without_a_line(town: Town) -> None:
    """The disk is lost, and the operator exchanges cassettes while the bank cannot be reached."""
    await town.power_cut()
    shutil.rmtree(town.directory / "kiosk" / "state")
    town.bank_is_up = False
    town.start_kiosk()
    await settle(town, 1)
    town.dispenser.empty_rejects()
    town.load_cash(**town.loaded)
    town.bank_is_up = True
    await settle(town, 2)
    await town.bank.do(q.TerminalResume, terminal="T1")
    await settle(town, 3)


async def _exchanges(town: Town) -> list[int]:
    rows: list[Any] = await town.bank.sql("SELECT number FROM numbers WHERE kind = 'exchange' ORDER BY number")
    return [row["number"] for row in rows]


def test_its_first_exchange_takes_no_number_that_is_used(tmp_path: Path) -> None:
    """Made as number 1, it is sent under one that the bank has never seen; no case has to say what it was."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        await _served(town)
        before = await _exchanges(town)
        await _new_disk_loaded_without_a_line(town)
        after = await _exchanges(town)
        highest = (await town.bank.sql("SELECT highest_seen FROM numbering"))[0]["highest_seen"]
        assert len(after) == len(before) + 1
        assert after[-1] <= highest
        assert not await town.bank.sql("SELECT * FROM cases WHERE kind = 'other-body'")
        renumbered = [line.record for line in town.machine.journal.lines() if isinstance(line.record, r.Renumbered)]
        assert [(each.number, each.to) for each in renumbered] == [(1, after[-1])]
        town.machine.journal.check()
        await town.in_service()
        await _served(town)

    run_town(tmp_path, story)


def test_a_bank_restored_to_before_it_asks_for_it(tmp_path: Path) -> None:
    """Its number is its own, so the bank can tell that it is missing."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        await _served(town)
        await restart_bank(town)
        kept = backup(town)
        await _new_disk_loaded_without_a_line(town)
        after = await _exchanges(town)
        await restore_bank(town, kept)
        await settle(town, 3)
        if (await town.bank.sql("SELECT state FROM terminals"))[0]["state"] == "suspended":
            await town.bank.do(q.TerminalResume, terminal="T1")
            await settle(town, 3)
        assert await _exchanges(town) == after
        await town.in_service()
        await _served(town)

    run_town(tmp_path, story)


def test_a_terminals_very_first_exchange_keeps_its_number(tmp_path: Path) -> None:
    """Nothing is used yet: 1 is 1."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        await settle(town, 1)
        assert await _exchanges(town) == [1]
        assert not any(isinstance(line.record, r.Renumbered) for line in town.machine.journal.lines())
        await reckon(town)

    run_town(tmp_path, story)
