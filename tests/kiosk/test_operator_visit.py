"""An operator at the machine: real kiosk and bank code, simulated pins, virtual time; everything by the keys of the pad."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.reckoning import books_are_sound, settle
from support.service_visit import book, come, count, journal_says, leave, operator
from support.town import PIN, Town, TownCard, run_town

from bank.commands import requests as q
from bank_link.card_file import HEADER, parse
from bank_link.messages import Accuracy
from drivers.simulated.stick import SimulatedStick
from kiosk.journal import records as r
from kiosk.service_state import Cause


def counts(town: Town) -> dict[str, tuple[int, int]]:
    return {c.cassette: (c.count, c.rejected) for c in town.machine.vault.counts()}


async def cash_book(town: Town) -> int:
    """What should be in the machine by the bank's books, in minor units."""
    found = await town.bank.sql("SELECT balance_minor FROM accounts WHERE kind = 'cash'")
    return -int(found[0]["balance_minor"])


def test_an_exchange_by_keypad_alone(tmp_path: Path) -> None:
    """Found, rejects and what is left are typed; the bank books the difference and the rest, and knows by whom."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await operator(town)
        await come(town, card)
        await town.choose("exchange")
        await count(town, "top", 19, 0, 100)
        await count(town, "middle", 20, 0, 50)
        await book(town)
        await town.press("D")
        await town.see("op.menu")
        await leave(town)
        await settle(town, 1)
        assert counts(town) == {"top": (100, 0), "middle": (50, 0), "bottom": (20, 0)}
        assert await cash_book(town) == 100 * 50_00 + 50 * 20_00 + 20 * 10_00
        cases = await town.bank.sql("SELECT kind, amount_minor, detail FROM cases")
        assert [(case["kind"], case["amount_minor"]) for case in cases] == [("cash-difference", -50_00)]
        assert '"by":"Olga"' in cases[0]["detail"]
        assert journal_says(town, "counts-set", "by Olga")
        assert journal_says(town, "final-totals", "ended by Olga")
        assert town.machine.service.in_service
        await books_are_sound(town)

    run_town(tmp_path, story)


def test_everything_is_journalled_with_who(tmp_path: Path) -> None:
    """Coming, leaving, switching, testing: each line names the operator, and the bank's audit log the visit."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await operator(town)
        await come(town, card)
        await town.choose("cassettes")
        await town.see("op.cassettes")
        await town.choose("cassette:top")
        await town.see("op.cassette")
        await town.choose("switch")
        await leave(town)
        for words in (("Olga: came",), ("Olga: left",), ("cassette-switched", "top switched off by Olga")):
            assert journal_says(town, *words), words
        events = await town.bank.sql("SELECT * FROM audit_events WHERE kind = 'operator-came'")
        assert len(events) == 1

    run_town(tmp_path, story)


def test_an_operator_is_served_only_between_customers(tmp_path: Path) -> None:
    """A visit is one card: while a customer's is in, the service menu cannot come; a command is refused meanwhile, too."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card, customer = await operator(town), await town.customer(balance=100_00)
        await town.enter_pin(customer)
        await town.see("menu")
        assert not town.machine.idle
        assert "op.menu" not in town.display.ids
        await town.press("A")
        await town.see("take.card")
        town.slot.pull()
        await come(town, card)
        assert not town.machine.idle
        await leave(town)

    run_town(tmp_path, story)


def test_a_wrong_pin_opens_nothing_and_locks(tmp_path: Path) -> None:
    """Three wrong PINs lock an operator's card as any other; the menu never comes."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await operator(town)
        town.slot.insert(card.stick)
        await town.see("pin")
        for left in ("pin.wrong", "pin.wrong", "pin.locked"):
            await town.press("0000D")
            await town.see(left)
            await asyncio.sleep(1)
        assert "op.menu" not in town.display.ids
        await town.press("D")
        await town.see("take.card")
        town.slot.pull()
        await town.see("welcome")

    run_town(tmp_path, story)


def test_a_closed_machine_serves_its_operator_and_nobody_else(tmp_path: Path) -> None:
    """Out of cash: a customer's card comes back without a PIN asked; the operator's opens the menu, and fills it."""

    async def story(town: Town) -> None:
        town.loaded = {"top": 0, "middle": 0, "bottom": 0}
        await town.bank.open()
        await town.enrol()
        town.start_kiosk()
        town.load_cash(**town.loaded)
        await asyncio.sleep(20)
        await town.see("out")
        customer, card = await town.customer(balance=100_00), await operator(town)
        asked = town.line.log.count("open-visit")
        town.slot.insert(customer.stick)
        await town.see("op.only")
        assert town.line.log.count("open-visit") == asked
        assert "pin" not in town.display.ids
        await town.press("D")
        await town.see("take.card")
        town.slot.pull()
        await town.see("out")
        await come(town, card)
        await town.choose("exchange")
        await count(town, "top", 0, 0, 40)
        town.dispenser.load("top", 40)
        await book(town)
        await town.press("D")
        await town.see("op.menu")
        await leave(town)
        await town.in_service()
        assert await town.withdraw(customer, 50) == "take.cash"

    run_town(tmp_path, story)


def test_a_forged_role_opens_no_menu(tmp_path: Path) -> None:
    """A customer's file that calls itself an operator's: the bank says whose card it is, and the menu stays shut."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        customer = await town.customer(balance=100_00)
        await town.bank.do(q.TerminalSuspend, terminal="T1", why="test")
        await asyncio.sleep(60)
        await town.see("out")
        forged = _as_operators(customer.stick.content)
        assert parse(forged).operator
        town.slot.insert(SimulatedStick(forged))
        await town.see("pin")
        await town.press(PIN + "D")
        await town.see("e.closed")
        assert "op.menu" not in town.display.ids
        await town.press("D")
        await town.see("take.card")
        town.slot.pull()
        await town.see("out")
        await town.bank.do(q.TerminalResume, terminal="T1")
        await town.in_service()
        town.slot.insert(SimulatedStick(forged))
        await town.see("pin")
        await town.press(PIN + "D")
        await town.see("menu")
        assert "op.menu" not in town.display.ids

    run_town(tmp_path, story)


def _as_operators(content: bytes) -> bytes:
    import zlib

    header = content[:5] + b"\1" + content[6 : HEADER - 4]
    return header + zlib.crc32(header).to_bytes(4, "big") + content[HEADER:]


def test_a_suspended_machine_can_be_served(tmp_path: Path) -> None:
    """The bank serves no customer there, but its operator gets in, and the exchange arrives."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await operator(town)
        await town.bank.do(q.TerminalSuspend, terminal="T1", why="test")
        await asyncio.sleep(60)
        await come(town, card)
        await town.choose("exchange")
        await count(town, "top", 20, 0, 30)
        await book(town)
        await town.press("D")
        await town.see("op.menu")
        await leave(town)
        await settle(town, 1)
        assert await cash_book(town) == 30 * 50_00 + 20 * 20_00 + 20 * 10_00

    run_town(tmp_path, story)


def test_an_operator_of_other_machines_and_one_that_left_are_refused(tmp_path: Path) -> None:
    """The card is good where the bank says; after `operator end` nowhere. No PIN try is counted for either."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        gone = await operator(town, "Ivo")
        await town.bank.do(q.OperatorEnd, name="Ivo")
        town.slot.insert(gone.stick)
        await town.see("pin")
        await town.press("0000D")
        await town.see("e.refused")
        tries = await town.bank.sql("SELECT tries FROM cards WHERE card = :c", c=gone.reference)
        assert tries[0]["tries"] == 0
        await town.press("D")
        await town.see("take.card")
        town.slot.pull()
        await town.see("welcome")

    run_town(tmp_path, story)


def test_without_the_bank_the_screen_says_what_can_be_done(tmp_path: Path) -> None:
    """A card cannot be judged without its bank: no menu, one sentence, and the card back."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await operator(town)
        town.line.cut = True
        await asyncio.sleep(120)
        await town.see("out")
        town.slot.insert(card.stick)
        await town.see("pin")
        await town.press(PIN + "D")
        await town.see("op.line")
        await town.press("D")
        await town.see("take.card")
        town.slot.pull()
        assert "op.menu" not in town.display.ids
        town.line.cut = False
        await town.in_service(300)

    run_town(tmp_path, story)


def test_an_idle_menu_warns_and_ends(tmp_path: Path) -> None:
    """Nobody presses anything: the usual warning, then the card comes back and the machine is the customers' again."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await operator(town)
        await come(town, card)
        await town.see("time")
        await town.see("take.card")
        town.slot.pull()
        await town.see("welcome")
        assert journal_says(town, "Olga: was away too long")

    run_town(tmp_path, story)


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
    await town.choose("cassettes")
    await town.see("op.cassettes")
    await town.choose(f"cassette:{cassette}")
    await town.see("op.cassette")
    await town.choose("switch")
    await leave(town)


async def _test_note(town: Town, cassette: str) -> None:
    await town.choose("cassettes")
    await town.see("op.cassettes")
    await town.choose(f"cassette:{cassette}")
    await town.see("op.cassette")
    await town.choose("test")
    await town.see("op.test")
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
        assert [choice.chosen for choice in shown.choices] == [True, False, False]
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
        await town.choose("exchange")
        await town.see("op.exchange")
        await town.press("B")
        await town.see("op.menu")
        await leave(town)
        assert town.machine.service.in_service
        assert len(await town.bank.sql("SELECT * FROM numbers WHERE kind = 'exchange'")) == 1

    run_town(tmp_path, story)


def test_out_of_service_by_the_operator_outlives_a_restart(tmp_path: Path) -> None:
    """Closed until an operator opens it again; the bank is told why."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await operator(town)
        await come(town, card)
        await town.choose("machine")
        await town.see("op.machine")
        await town.choose("switch")
        await leave(town)
        await town.stop_kiosk()
        town.start_kiosk()
        await asyncio.sleep(60)
        await town.see("out")
        reports = await town.bank.sql("SELECT report FROM terminals")
        assert "taken out of service by Olga" in reports[0]["report"]
        await come(town, card)
        await town.choose("machine")
        await town.see("op.machine")
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
        await town.choose("machine")
        await town.see("op.machine")
        await town.choose("switch")
        await town.press("B")
        await town.see("op.menu")
        await town.choose("exchange")
        await town.see("op.exchange")
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
        await town.choose("journal")
        await town.see("op.journal")
        await town.choose("search")
        await town.see("op.search")
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
        await town.choose("devices")
        await town.see("op.devices")
        await town.choose("keys")
        await town.see("op.keys")
        await town.press("123A456B789C*0#D")
        await town.see("op.result")
        assert journal_says(town, "Olga: tested the keypad, every key works")

    run_town(tmp_path, story)
