"""The power goes at every write of the journal, before and after it; afterwards notes, debits and cases agree."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from support.reckoning import reckon, settle
from support.town import Town, run_town

from kiosk.journal.records import NoteMoved
from kiosk.journal.store import Journal, JournalError


class PowerCut(BaseException):
    """Nothing of this machine happens after this."""


class Cut:
    """Lets `after` writes pass, then cuts before (or right after) the next one; every later write fails too."""

    def __init__(self, journal: Journal, after: int, *, written: bool) -> None:
        self.left = after
        self.written = written
        self.came = asyncio.Event()
        self._write = journal.write
        journal.write = self.write  # type: ignore[method-assign]

    def write(self, *records: Any) -> None:
        if self.came.is_set():
            raise PowerCut
        if self.left == 0:
            if self.written:
                self._write(*records)
            self.came.set()
            raise PowerCut
        self.left -= 1
        self._write(*records)


async def _try_to_withdraw(town: Town, card: Any, cut: Cut) -> None:
    """Until the cut; what the dead machine's tasks raise is not the customer's."""
    task = asyncio.create_task(town.withdraw(card, 70))
    came = asyncio.create_task(cut.came.wait())
    await asyncio.wait({task, came}, return_when=asyncio.FIRST_COMPLETED)
    task.cancel()
    came.cancel()
    await asyncio.gather(task, came, return_exceptions=True)


@pytest.mark.parametrize("written", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("line", ["good", "cut-at-restart"])
def test_power_cut_at_every_write(tmp_path: Path, written: bool, line: str) -> None:
    """Cut at the first, second, third … write of a withdrawal; each time all of it ends right."""
    reached = 0
    for after in range(60):
        ended = []

        async def story(town: Town, after: int = after, ended: list[bool] = ended) -> None:
            await town.open_for_business()
            card = await town.customer(balance=500_00)
            cut = Cut(town.machine.journal, after, written=written)
            await _try_to_withdraw(town, card, cut)
            if not cut.came.is_set():
                await asyncio.sleep(60)
            if not cut.came.is_set():
                ended.append(True)
                await reckon(town)
                return
            await town.power_cut()
            town.line.cut = line == "cut-at-restart"
            await asyncio.sleep(30)
            town.start_kiosk()
            await asyncio.sleep(400 if town.line.cut else 1)
            town.line.cut = False
            await settle(town)
            await reckon(town)
            if town.machine.journal.stuck():
                # A note may lie in the path: somebody has to look before more is paid.
                assert not town.machine.service.in_service
                town.dispenser.clear_path()
                town.load_cash(**town.loaded)
            await town.in_service()
            assert await town.withdraw(card, 20) == "take.cash"
            await town.see("welcome")
            await reckon(town)

        run_town(tmp_path / f"{after}", story, seed=after + 1)
        if ended:
            break
        reached += 1
    assert 15 < reached < 59


def test_a_failing_journal_closes_the_machine(tmp_path: Path) -> None:
    """No room for the journal: out of service, and nothing is paid that cannot be remembered."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        await town.enter_pin(card)
        await town.see("menu")
        journal = town.machine.journal

        def full(*_records: Any) -> None:
            journal.failed = "there is no room left for the journal; make room and start again"
            raise JournalError(journal.failed)

        write, journal.write = journal.write, full  # type: ignore[method-assign]
        await town.choose("cash")
        await town.see("cash")
        await town.choose("amount:5000")
        await town.see("cash.mix")
        await town.choose("fewest")
        await town.no_receipt()
        await asyncio.sleep(5)
        town.slot.pull()
        await town.see("out")
        assert sum(town.customers_notes.values()) == 0
        journal.write = write  # type: ignore[method-assign]
        journal.failed = ""
        await settle(town)
        await reckon(town)

    run_town(tmp_path, story)


@pytest.mark.parametrize("moment", ["card in", "cancel"])
def test_a_journal_that_fails_at_any_moment_closes_and_does_not_crash(tmp_path: Path, moment: str) -> None:
    """As the card goes in, or as the customer cancels: closed with the reason, still alive."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        journal = town.machine.journal

        def full(*_records: Any) -> None:
            journal.failed = "there is no room left for the journal; make room and start again"
            raise JournalError(journal.failed)

        if moment == "cancel":
            await town.enter_pin(card)
            await town.see("menu")
            journal.write = full  # type: ignore[method-assign]
            await town.press("A")
        else:
            await town.see("welcome")
            journal.write = full  # type: ignore[method-assign]
            town.slot.insert(card.stick)
        await asyncio.sleep(10)
        town.slot.pull()
        await town.see("out")
        assert "no room" in town.machine.service.sentence

    run_town(tmp_path, story)


def test_a_journal_that_was_deleted_closes_the_machine(tmp_path: Path) -> None:
    """Somebody moves the file away under a running kiosk: nothing is paid into a file that nobody will find."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        journal = tmp_path / "kiosk" / "state" / "journal.sqlite"
        journal.rename(journal.with_suffix(".moved"))
        await town.see("out", seconds=10)
        assert "moved or deleted" in town.machine.service.sentence
        journal.with_suffix(".moved").rename(journal)

    run_town(tmp_path, story)


def test_a_note_that_nobody_counted_keeps_the_machine_closed(tmp_path: Path) -> None:
    """The power goes while the first note moves: closed until somebody has looked, a case for the customer."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        cut = Cut(town.machine.journal, 1_000, written=False)
        write = town.machine.journal.write

        def at_the_first_note(*records: Any) -> None:
            if any(isinstance(record, NoteMoved) for record in records):
                cut.came.set()
                raise PowerCut
            write(*records)

        town.machine.journal.write = at_the_first_note  # type: ignore[method-assign]
        await _try_to_withdraw(town, card, cut)
        await town.power_cut()
        town.start_kiosk()
        await settle(town, 2)
        assert not town.machine.service.in_service
        assert "clear the path" in town.machine.service.sentence
        await settle(town)
        await reckon(town)

    run_town(tmp_path, story)
