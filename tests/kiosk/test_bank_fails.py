"""The bank is killed, restarted or restored from an older backup between any two messages; nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest
from support.reckoning import reckon, settle
from support.restoring import backup, restart_bank, restore_bank
from support.town import Town, TownCard, run_town

MESSAGES = ("open-visit", "authorise", "release", "completion", "close-visit")


async def _try(town: Town, card: TownCard) -> None:
    try:
        async with asyncio.timeout(400):
            await town.withdraw(card, 70)
    except (TimeoutError, AssertionError):
        pass
    town.slot.pull()


async def _once(town: Town, wanted: str, when: str, do: object) -> None:
    """Do it once, right before or right after the bank has had this message."""
    done: list[str] = []

    async def hook(kind: str) -> None:
        if kind == wanted and not done:
            done.append(kind)
            await do()  # type: ignore[operator]

    setattr(town.line, when, hook)


@pytest.mark.parametrize("kind", MESSAGES)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_bank_restarted_at_any_message_forgets_nothing(tmp_path: Path, kind: str, when: str) -> None:
    """Nothing that matters lives only in its memory: the visit goes on as if nothing had been."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        await _once(town, kind, when, lambda: restart_bank(town))
        assert await town.withdraw(card, 70) == "take.cash"
        await settle(town, 2)
        assert await town.balance(card) == (430_00, 0)
        await reckon(town)

    run_town(tmp_path, story)


@pytest.mark.parametrize("kind", MESSAGES)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_bank_restored_at_any_message_learns_what_it_lost(tmp_path: Path, kind: str, when: str) -> None:
    """Restored to before this customer's visit: the kiosk notices, sends again what it holds, each posts once."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        first, second = await town.customer(balance=500_00), await town.customer(balance=300_00)
        await settle(town, 2)
        await restart_bank(town)
        kept = backup(town)
        assert await town.withdraw(first, 50) == "take.cash"
        await town.see("welcome")
        await _once(town, kind, when, lambda: restore_bank(town, kept))
        await _try(town, second)
        town.line.before = town.line.after = None
        await settle(town)
        await town.in_service()
        assert await town.balance(first) == (450_00, 0)
        result = await reckon(town)
        assert result["given"] == result["debited"]
        assert await town.withdraw(second, 20) == "take.cash"
        assert await town.withdraw(first, 20) == "take.cash"
        await settle(town, 2)
        await reckon(town)

    run_town(tmp_path, story)


def test_a_restore_with_nobody_there_is_noticed_by_the_next_echo(tmp_path: Path) -> None:
    """Three withdrawals are forgotten by the bank and all three are back within a minute, without a customer."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        await settle(town, 2)
        await restart_bank(town)
        kept = backup(town)
        for _ in range(3):
            assert await town.withdraw(card, 20) == "take.cash"
        await town.see("welcome")
        await settle(town, 1)
        await restore_bank(town, kept)
        assert await town.balance(card) == (500_00, 0)
        await settle(town, 1)
        assert await town.balance(card) == (440_00, 0)
        await town.in_service()
        assert await town.withdraw(card, 20) == "take.cash"
        await settle(town, 1)
        await reckon(town)

    run_town(tmp_path, story)


def test_a_bank_that_lost_more_than_one_sign_on_can_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is lost is named in parts, over several sign-ons, until all of it is back."""
    monkeypatch.setattr("bank.decision.load.MOST_NUMBERS", 4)

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        await settle(town, 2)
        await restart_bank(town)
        kept = backup(town)
        for _ in range(4):
            assert await town.withdraw(card, 20) == "take.cash"
        await town.see("welcome")
        await settle(town, 1)
        await restore_bank(town, kept)
        await settle(town, 10)
        assert await town.balance(card) == (420_00, 0)
        assert not await town.bank.sql("SELECT * FROM numbers WHERE state = 'lost'")
        await town.in_service()
        assert await town.withdraw(card, 20) == "take.cash"
        await settle(town, 1)
        await reckon(town)

    run_town(tmp_path, story)


def test_a_kiosk_disk_that_was_rolled_back_is_suspended(tmp_path: Path) -> None:
    """An older copy of the journal: the bank takes facts only, the machine stays closed, no money moves."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        await town.power_cut()
        state = town.directory / "kiosk" / "state"
        kept = town.directory / "old-state"
        shutil.copytree(state, kept)
        town.start_kiosk()
        await town.in_service()
        assert await town.withdraw(card, 70) == "take.cash"
        await settle(town, 1)
        await town.power_cut()
        shutil.rmtree(state)
        shutil.copytree(kept, state)
        town.start_kiosk()
        await settle(town, 2)
        assert not town.machine.service.in_service
        terminal = (await town.bank.sql("SELECT * FROM terminals"))[0]
        assert terminal["state"] == "suspended"
        assert "rolled back" in terminal["why"]
        assert await town.balance(card) == (430_00, 0)
        await reckon(town)

    run_town(tmp_path, story)


def test_a_new_journal_on_the_same_terminal_is_suspended(tmp_path: Path) -> None:
    """The disk was lost: the bank sees another journal id and suspends the terminal."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        await town.power_cut()
        shutil.rmtree(town.directory / "kiosk" / "state")
        town.start_kiosk()
        await settle(town, 2)
        terminal = (await town.bank.sql("SELECT * FROM terminals"))[0]
        assert terminal["state"] == "suspended"
        assert not town.machine.service.in_service

    run_town(tmp_path, story)


def test_a_flipped_bit_in_the_journal_is_noticed_at_the_next_start(tmp_path: Path) -> None:
    """A changed amount in an old record, or a changed count: the journal is refused with one sentence."""
    import apsw
    from support.town import SeededRandom

    from kiosk.journal.store import Journal, JournalError

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        assert await town.withdraw(card, 70) == "take.cash"
        await settle(town, 1)

    run_town(tmp_path, story)
    path = tmp_path / "kiosk" / "state" / "journal.sqlite"
    for statement in (
        "UPDATE records SET body = replace(body, '7000', '2000') WHERE kind = 'held'",
        "UPDATE cassettes SET count = count + 1 WHERE cassette = 'top'",
        "UPDATE outbox SET state = 'acknowledged', case_id = 'x'",
        "DELETE FROM records WHERE sequence = 7",
        "UPDATE numbers SET answered = 0 WHERE number = 2",
        "DELETE FROM burnt",
    ):
        copy = tmp_path / "copy.sqlite"
        shutil.copy(path, copy)
        connection = apsw.Connection(str(copy))
        connection.execute(statement)
        connection.close()
        with pytest.raises(JournalError, match="damaged"):
            Journal.open(copy, random=SeededRandom(1))
