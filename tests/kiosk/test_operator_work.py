"""What an operator does at the machine: cassettes off and on, test notes, exchanges that break off, service, totals, the pad."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.reckoning import settle
from support.service_visit import book, cash_book, come, count, counts, into, journal_says, leave, operator
from support.town import Town, TownCard, run_town

from bank.commands import requests as q
from bank_link.messages import Accuracy
from kiosk.journal import records as r
from kiosk.service_state import Cause


def test_a_cassette_that_is_off_pays_nothing_until_it_is_on(tmp_path: Path) -> None:
    """It is left alone over a restart, too; on again, it pays."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card, customer = await operator(town), await town.customer(balance=500_00)
        await _switch(town, card, "top")
        assert await town.withdraw(customer, 50) == "take.cash"
        assert town.customers_notes == {"top": 0, "middle": 2, "bottom": 1}
        await town.see("welcome")
        await town.stop_kiosk()
        town.start_kiosk()
        await town.in_service()
        assert {stock.cassette for stock in town.machine.vault.stock()} == {"middle", "bottom"}
        await _switch(town, card, "top")
        assert {stock.cassette for stock in town.machine.vault.stock()} == {"top", "middle", "bottom"}

    run_town(tmp_path, story)


async def _switch(town: Town, card: TownCard, cassette: str) -> None:
    await come(town, card)
    await into(town, "cassettes")
    await town.choose(f"cassette:{cassette}")
    await town.see("op.cassette")
    await town.choose("switch")
    await leave(town)


async def _test_note(town: Town, cassette: str) -> None:
    await into(town, "cassettes")
    await town.choose(f"cassette:{cassette}")
    await town.see("op.cassette")
    await into(town, "test")
    await town.press("D")


def test_a_test_note_goes_to_the_bin_and_stays_the_machines(tmp_path: Path) -> None:
    """With a diverter the note never leaves the safe: it is a reject in the counts, and the bank's books do not move."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        await settle(town, 1)
        book_before = await cash_book(town)
        card = await operator(town)
        await come(town, card)
        await _test_note(town, "top")
        await town.see("op.tested")
        await town.press("D")
        await leave(town)
        assert town.customers_notes["top"] == 0
        assert town.dispenser.physical["top"].reject == 1
        assert counts(town)["top"] == (19, 1)
        assert await cash_book(town) == book_before
        assert (await town.bank.do(q.LedgerCheck)).findings == ()
        assert journal_says(town, "test-moved", "by Olga", "in the reject bin")
        assert town.machine.service.in_service

    run_town(tmp_path, story)


class Straight(Town):
    """Its machine has no reject bin: whatever moves comes out in front."""

    def _config(self) -> None:
        super()._config()
        straight = replace(self.config.dispenser, diverter=None, reject_sensor=None)
        self.config = replace(self.config, dispenser=straight)


def test_without_a_bin_the_test_note_comes_out_and_is_a_reject_all_the_same(tmp_path: Path) -> None:
    """The operator is told to keep it with the rejects. Who does not is found at the next exchange."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        await settle(town, 1)
        book_before = await cash_book(town)
        card = await operator(town)
        await come(town, card)
        await _test_note(town, "top")
        await town.see("op.tested.out")
        await town.press("D")
        await leave(town)
        assert town.customers_notes["top"] == 1
        assert counts(town)["top"] == (19, 1)
        assert await cash_book(town) == book_before
        assert (await town.bank.do(q.LedgerCheck)).findings == ()
        await come(town, card)
        await town.choose("exchange")
        await count(town, "top", 19, 0, 19)
        await book(town)
        await leave(town)
        await settle(town, 1)
        cases = await town.bank.sql("SELECT kind, amount_minor FROM cases")
        assert [(case["kind"], case["amount_minor"]) for case in cases] == [("cash-difference", -50_00)]

    run_town(tmp_path, story, kind=Straight)


def test_a_test_note_that_gets_stuck_closes_the_machine(tmp_path: Path) -> None:
    """The note in doubt is off the count, which is doubtful now; only an exchange opens the machine again."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await operator(town)
        await come(town, card)
        town.dispenser.set_fault("jam-before-sensor")
        await _test_note(town, "top")
        await town.see("op.trouble")
        await town.press("D")
        shown = await town.see("op.cassette")
        assert [choice.enabled for choice in shown.choices] == [True, False], "a motor could push it out"
        await leave(town)
        await town.see("out")
        count_of_top = next(c for c in town.machine.vault.counts() if c.cassette == "top")
        assert (count_of_top.count, count_of_top.accuracy) == (19, Accuracy.INACCURATE)
        assert "top" in town.machine.journal.stuck()

    run_town(tmp_path, story)


@pytest.mark.parametrize("moved", [False, True], ids=["before the motor", "after the note"])
def test_a_power_cut_in_a_test_is_a_doubt_that_the_exchange_finds(tmp_path: Path, moved: bool) -> None:
    """Nothing but the beginning is on disk: after the restart the note is in doubt, and the machine stays closed."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await operator(town)
        await come(town, card)
        journal, whole = town.machine.journal, town.machine.journal.write

        def until_then(*records: Any) -> None:
            if any(isinstance(record, r.TestMoved) for record in records):
                raise asyncio.CancelledError
            whole(*records)

        journal.write = until_then  # type: ignore[method-assign]
        if not moved:
            town.dispenser.set_fault("motor-dead")
        await _test_note(town, "top")
        await asyncio.sleep(5)
        await town.power_cut()
        town.start_kiosk()
        await asyncio.sleep(20)
        assert counts(town)["top"] == (19, 0)
        assert town.machine.journal.stuck() == ("top",)
        assert Cause.DISPENSER in town.machine.service.causes
        assert journal_says(town, "test-moved", "by Olga", "in doubt")
        town.dispenser.set_fault("motor-dead", on=False)
        await come(town, card)
        await town.choose("exchange")
        found = town.dispenser.physical["top"]
        await count(town, "top", found.cassette, found.reject, 20)
        await book(town)
        await town.press("D")
        await town.see("op.menu")
        await leave(town)
        await town.in_service()
        await settle(town, 1)
        cases = await town.bank.sql("SELECT kind FROM cases")
        assert cases == [], "every note was found again"

    run_town(tmp_path, story)


def test_a_power_cut_in_an_exchange_costs_no_counting_and_opens_nothing(tmp_path: Path) -> None:
    """After it the machine stays closed, shows what was counted, and the exchange is booked once."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await operator(town)
        await come(town, card)
        await town.choose("exchange")
        await count(town, "top", 20, 0, 90)
        await town.power_cut()
        town.start_kiosk()
        await asyncio.sleep(60)
        await town.see("out")
        assert "an exchange that Olga began" in town.machine.service.causes[Cause.CLOSED]
        assert counts(town)["top"] == (20, 0)
        await come(town, card)
        await town.choose("exchange")
        shown = await town.see("op.exchange")
        assert [choice.chosen for choice in shown.choices] == [True, False, False, False]
        await book(town)
        await town.power_cut()
        town.start_kiosk()
        await town.in_service()
        await settle(town, 1)
        assert counts(town)["top"] == (90, 0)
        exchanges = await town.bank.sql("SELECT * FROM numbers WHERE kind = 'exchange'")
        assert len(exchanges) == 2, "the first load, and this one"
        assert await cash_book(town) == 90 * 50_00 + 20 * 20_00 + 20 * 10_00

    run_town(tmp_path, story)


def test_an_exchange_that_was_only_looked_at_changes_nothing(tmp_path: Path) -> None:
    """Back without a count: in service again, and no fact for the bank."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await operator(town)
        await come(town, card)
        await into(town, "exchange")
        await town.press("B")
        await town.see("op.menu")
        await leave(town)
        assert town.machine.service.in_service
        assert len(await town.bank.sql("SELECT * FROM numbers WHERE kind = 'exchange'")) == 1

    run_town(tmp_path, story)


def test_who_stands_at_an_empty_machine_is_told_what_to_do_there(tmp_path: Path) -> None:
    """No command is named to hands that have no command line; the command line names it all the same."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        await come(town, await operator(town))
        await town.choose("exchange")
        for cassette in town.loaded:
            await count(town, cassette, 20, 0, 0)
        await book(town)
        told = town.display.shown
        assert told.notice.plain == "There is nothing to pay with: exchange the cassettes."
        await town.press("D")
        await town.see("op.menu")
        await into(town, "machine")
        await town.choose("reasons")
        shown = await town.see("op.reasons")
        assert "exchange the cassettes" in " ".join(row.words for row in shown.rows)
        assert "atm-kiosk cash load" in town.machine.service.causes[Cause.CASH]

    run_town(tmp_path, story)


def test_out_of_service_by_the_operator_outlives_a_restart(tmp_path: Path) -> None:
    """Closed until an operator opens it again; the bank is told why."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await operator(town)
        await come(town, card)
        await into(town, "machine")
        await town.choose("switch")
        await leave(town)
        await town.stop_kiosk()
        town.start_kiosk()
        await asyncio.sleep(60)
        await town.see("out")
        reports = await town.bank.sql("SELECT report FROM terminals")
        assert "taken out of service by Olga" in reports[0]["report"]
        await come(town, card)
        await into(town, "machine")
        await town.choose("switch")
        await leave(town)
        await town.in_service()

    run_town(tmp_path, story)


def test_an_exchange_does_not_open_what_an_operator_has_closed(tmp_path: Path) -> None:
    """Closed by word it stays closed, whatever is booked or only looked at; until somebody puts it in service."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await operator(town)
        await come(town, card)
        await into(town, "machine")
        await town.choose("switch")
        await town.press("B")
        await town.see("op.menu")
        await into(town, "exchange")
        await town.press("B")
        await town.see("op.menu")
        assert Cause.CLOSED in town.machine.service.causes
        await town.choose("exchange")
        await count(town, "top", 20, 0, 30)
        await book(town)
        await town.press("D")
        await town.see("op.menu")
        await leave(town)
        await asyncio.sleep(60)
        assert "taken out of service by Olga" in town.machine.service.causes[Cause.CLOSED]

    run_town(tmp_path, story)


def test_totals_journal_and_devices_can_be_read(tmp_path: Path) -> None:
    """Each page comes and goes back; a search by a reference's number finds that payment's notes."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card, customer = await operator(town), await town.customer(balance=500_00)
        assert await town.withdraw(customer, 50) == "take.cash"
        await town.see("welcome")
        held = next(
            line.record
            for line in town.machine.journal.lines(last=100, contains="held")
            if isinstance(line.record, r.Held)
        )
        await come(town, card)
        pages = (
            ("totals", "op.totals", "trial", "op.trial"), ("totals", "op.totals", "final", "op.final"),
            ("devices", "op.devices", "states", "op.states"), ("devices", "op.devices", "card", "op.result"),
            ("devices", "op.devices", "dispenser", "op.result"), ("devices", "op.devices", "voice", "op.result"),
            ("journal", "op.journal", "newest", "op.records"),
            ("machine", "op.machine", "versions", "op.versions"), ("machine", "op.machine", "reasons", "op.reasons"),
        )  # fmt: skip
        for first, between, second, last in pages:
            await town.choose(first)
            await town.see(between)
            await town.choose(second)
            await town.see(last)
            await town.press("D" if last == "op.result" else "B")
            await town.see(between)
            await town.press("B")
            await town.see("op.menu")
        await into(town, "journal")
        await into(town, "search")
        await town.press(f"{held.transaction.number}D")
        shown = await town.see("op.records")
        said = [row.words for row in shown.rows]
        while shown.page < shown.pages:
            await town.press("D")
            shown = town.display.shown
            said += [row.words for row in shown.rows]
        assert "note-moved:" in " ".join(said)
        assert "50.00 USD of top" in " ".join(said)

    run_town(tmp_path, story)


def test_the_pad_is_tested_key_by_key(tmp_path: Path) -> None:
    """Sixteen presses on the real pad's wires: every key works, and the journal says so."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await operator(town)
        await come(town, card)
        await into(town, "devices")
        await into(town, "keys")
        await town.press("123A456B789C*0#D")
        await town.see("op.result")
        assert journal_says(town, "Olga: tested the keypad, every key works")

    run_town(tmp_path, story)
