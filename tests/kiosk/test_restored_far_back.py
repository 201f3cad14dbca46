"""A bank restored to long ago: before enrolments, before more answers than one sign-on can name, and once more."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.reckoning import reckon, settle
from support.restoring import backup, restart_bank, restore_bank
from support.town import Town, TownCard, run_town

from bank.commands import requests as q
from bank_link.errors import NotSent


async def _enrol_anew(town: Town) -> None:
    await town.stop_kiosk()
    await town.enrol()
    town.start_kiosk()


async def _served(town: Town, card: TownCard, times: int) -> None:
    for _ in range(times):
        assert await town.withdraw(card, 20) == "take.cash"
        await town.see("welcome")
    await settle(town, 1)


async def _nothing_lost(town: Town, card: TownCard, balance: int) -> None:
    assert await town.balance(card) == (balance, 0)
    assert not town.machine.journal.parked()
    assert not await town.bank.sql("SELECT * FROM numbers WHERE state = 'lost'")
    await reckon(town)


@pytest.mark.parametrize("enrolments", [1, 2])
def test_enrolments_that_the_bank_forgot(tmp_path: Path, enrolments: int) -> None:
    """What was paid under generations that the restored bank never began is posted under the newest."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        await settle(town, 1)
        await restart_bank(town)
        kept = backup(town)
        await _served(town, card, 1)
        for _ in range(enrolments):
            await _enrol_anew(town)
            await town.in_service()
            await _served(town, card, 1)
        await restore_bank(town, kept)
        await _enrol_anew(town)
        await settle(town, 3)
        await town.in_service()
        await _nothing_lost(town, card, 500_00 - (enrolments + 1) * 20_00)
        await _served(town, card, 1)
        await _enrol_anew(town)
        assert town.identity.generation == enrolments + 2, "a generation was begun twice"
        await town.in_service()
        await _served(town, card, 1)
        await _nothing_lost(town, card, 500_00 - (enrolments + 3) * 20_00)

    run_town(tmp_path, story)


def test_an_older_generations_fact_is_asked_for_again(tmp_path: Path) -> None:
    """Acknowledged in the new generation and then forgotten by the bank, while the session survives in the backup."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)

        async def lost(kind: str) -> None:
            if kind == "completion":
                raise NotSent("the line is cut")

        town.line.before = lost
        assert await town.withdraw(card, 50) == "take.cash"
        await settle(town, 1)
        assert await town.balance(card) == (500_00, 50_00)
        kept: list[Path] = []

        async def before(kind: str) -> None:
            if kind == "completion" and not kept:
                kept.append(backup(town))

        town.line.before = before
        await _enrol_anew(town)
        await settle(town, 2)
        assert await town.balance(card) == (450_00, 0)
        sessions = len(await town.bank.sql("SELECT * FROM sessions"))
        await restore_bank(town, kept[0])
        assert len(await town.bank.sql("SELECT * FROM sessions WHERE ended = 0")) == 1
        await settle(town, 2)
        assert len(await town.bank.sql("SELECT * FROM sessions")) > sessions
        await _nothing_lost(town, card, 450_00)

    run_town(tmp_path, story)


@pytest.mark.parametrize("then", ["nothing", "kiosk restarted", "bank restored again", "more customers first"])
def test_more_than_one_sign_on_can_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, then: str) -> None:
    """Named step by step to the journal's beginning, out of service until then, whatever happens on the way."""
    monkeypatch.setattr("kiosk.standing.MOST_NUMBERS", 3)
    monkeypatch.setattr("kiosk.standing.MOST_RANGES", 2)

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        if then == "more customers first":
            await _served(town, card, 2)
        balance, _ = await town.balance(card)
        await settle(town, 2)
        await restart_bank(town)
        kept = backup(town)
        await _served(town, card, 5)
        await restore_bank(town, kept)
        steps: list[int] = []

        async def after(kind: str) -> None:
            if kind != "sign-on":
                return
            assert not steps or not town.machine.service.in_service
            steps.append(len(steps))
            if len(steps) == 4 and then == "bank restored again":
                await restore_bank(town, kept)
            if len(steps) == 4 and then == "kiosk restarted":
                cut.append(True)

        cut: list[bool] = []
        town.line.after = after
        for _ in range(18):
            await settle(town, 0.2)
            if cut:
                cut.clear()
                await town.power_cut()
                town.start_kiosk()
        town.line.after = None
        await town.in_service()
        assert len(steps) > 6
        await _nothing_lost(town, card, balance - 100_00)
        await _served(town, card, 1)
        await _nothing_lost(town, card, balance - 120_00)

    run_town(tmp_path, story)


def test_a_suspended_terminal_names_all_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Facts are taken from whom the staff has suspended: the walk does not stop there."""
    monkeypatch.setattr("kiosk.standing.MOST_NUMBERS", 3)

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        await settle(town, 1)
        await town.bank.do(q.TerminalSuspend, terminal="T1")
        await restart_bank(town)
        kept = backup(town)
        await town.bank.do(q.TerminalResume, terminal="T1")
        town.load_cash(**town.loaded)
        await town.in_service()
        await _served(town, card, 3)
        await restore_bank(town, kept)
        await settle(town, 10)
        assert not town.machine.service.in_service
        await _nothing_lost(town, card, 440_00)

    run_town(tmp_path, story)
