"""Jams, empty cassettes, double picks, rejects, dead motors: what is clear is debited, what is in doubt has a case."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support.reckoning import reckon, settle
from support.town import Town, run_town

from drivers.devices import DeviceError, Fault


async def _open_cases(town: Town) -> list[tuple[str, int, str]]:
    rows = await town.bank.sql("SELECT * FROM cases WHERE state = 'open' ORDER BY case_id")
    return [(row["kind"], row["amount_minor"], row["claim"]) for row in rows]


def test_a_jam_debits_what_is_clear_and_files_the_rest(tmp_path: Path) -> None:
    """Two of four notes are out when one jams in the sensor: $100 is debited, one note in doubt, under the claim shown."""

    async def story(town: Town) -> None:
        town.loaded = {"top": 10}
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        await town.enter_pin(card)
        await town.see("menu")
        await town.choose("cash")
        await town.see("cash")
        await town.choose("amount:20000")
        await town.see("take.card")
        town.slot.pull()
        while town.customers_notes["top"] < 2:
            await asyncio.sleep(0.05)
        town.dispenser.set_fault("jam-in-sensor")
        await town.see("take.cash")
        screen = await town.see("e.jam")
        await settle(town, 1)
        assert await town.balance(card) == (400_00, 0)
        assert [(kind, amount) for kind, amount, _ in await _open_cases(town)] == [("doubt", 50_00)]
        assert (await _open_cases(town))[0][2] == screen.reference
        assert town.machine.service.for_customers == "service"
        await reckon(town)

    run_town(tmp_path, story)


def test_an_empty_cassette_is_replaced_by_another_mix(tmp_path: Path) -> None:
    """The cassette's sensor says empty in mid-payment: the rest comes out of other cassettes, to the cent."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        await town.enter_pin(card)
        await town.see("menu")
        await town.choose("cash")
        await town.see("cash")
        await town.choose("amount:20000")
        await town.see("cash.mix")
        await town.choose("fewest")
        await town.no_receipt()
        await town.see("take.card")
        town.slot.pull()
        while town.customers_notes["top"] < 2:
            await asyncio.sleep(0.05)
        town.dispenser.set_fault("looks-empty")
        await asyncio.sleep(0)
        await town.see("take.cash", "e.jam", "e.nocash")
        await town.see("welcome", "out")
        await settle(town, 1)
        result = await reckon(town)
        assert result["given"] == result["debited"]

    run_town(tmp_path, story)


def test_an_empty_machine_says_so(tmp_path: Path) -> None:
    """Nothing to pay with: closed, with the reason, until an operator loads cash."""

    async def story(town: Town) -> None:
        town.loaded = {"top": 1}
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        assert await town.withdraw(card, 50) == "take.cash"
        screen = await town.see("out")
        assert town.machine.service.for_customers == "cash"
        assert screen.lines
        town.load_cash(top=5)
        await town.see("welcome")
        await settle(town, 1)
        await reckon(town)

    run_town(tmp_path, story)


def test_a_double_pick_is_the_machines_shortage(tmp_path: Path) -> None:
    """Two notes for one counted: the customer pays for what was counted, a case names the surplus."""

    async def story(town: Town) -> None:
        town.loaded = {"top": 10}
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        town.dispenser.fault_once("double-gap")
        assert await town.withdraw(card, 100) == "take.cash"
        await settle(town, 1)
        assert await town.balance(card) == (400_00, 0)
        assert [(kind, amount) for kind, amount, _ in await _open_cases(town)] == [("surplus", 50_00)]
        await reckon(town)

    run_town(tmp_path, story)


def test_rejected_notes_are_not_paid(tmp_path: Path) -> None:
    """A reject is counted apart; another note of the cassette takes its place; nobody pays for it."""

    async def story(town: Town) -> None:
        town.loaded = {"top": 10}
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        town.dispenser.fault_once("reject-next")
        assert await town.withdraw(card, 100) == "take.cash"
        await town.see("welcome")
        assert await town.balance(card) == (400_00, 0)
        counts = {count.cassette: (count.count, count.rejected) for count in town.machine.journal.counts()}
        assert counts["top"] == (7, 1)
        await settle(town, 1)
        await reckon(town)

    run_town(tmp_path, story)


@pytest.mark.parametrize(
    "fault",
    ["jam-before-sensor", "jam-in-sensor", "falls-back", "motor-dead", "stuck-in-throat", "slow-note",
     "sensor-stuck-covered", "sensor-bounce", "double-overlap", "double-gap", "looks-empty"],
)  # fmt: skip
def test_whatever_breaks_before_the_first_note(tmp_path: Path, fault: str) -> None:
    """A fault that is there from the first note on: the books and the notes agree, differences have cases."""

    async def story(town: Town) -> None:
        town.loaded = {"top": 10}
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        await town.enter_pin(card)
        await town.see("menu")
        await town.choose("cash")
        await town.see("cash")
        await town.choose("amount:20000")
        await town.see("take.card")
        town.dispenser.set_fault(fault)
        town.slot.pull()
        await town.see("take.cash", "e.jam", "e.nocash")
        await settle(town)
        await reckon(town)

    run_town(tmp_path, story)


def test_a_held_key_closes_the_machine_until_it_is_let_go(tmp_path: Path) -> None:
    """A key pressed down for ever: out of service with the key's name for the operator, back when it is free."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        town.keypad.press("5")
        await town.see("out")
        assert "5" in town.machine.service.sentence
        town.keypad.release("5")
        await town.see("welcome")

    run_town(tmp_path, story)


def test_a_visit_by_the_real_keypad(tmp_path: Path) -> None:
    """The same withdrawal with every key pressed as contacts of the matrix."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)

        async def tap(keys: str) -> None:
            for key in keys:
                town.keypad.tap(key)
                await asyncio.sleep(0.4)

        await town.see("welcome")
        town.slot.insert(card.stick)
        await town.see("pin")
        await tap("4711D")
        await town.see("menu")
        await tap("1")
        await town.see("cash")
        await tap("6")
        await town.see("cash.other")
        await tap("70D")
        await town.see("cash.mix")
        await tap("1")
        await town.see("take.card")
        town.slot.pull()
        await town.see("take.cash")
        await town.see("welcome")
        assert await town.balance(card) == (430_00, 0)
        await reckon(town)

    run_town(tmp_path, story)


def test_a_stuck_note_keeps_the_machine_closed_over_a_restart(tmp_path: Path) -> None:
    """Who restarts a jammed machine does not hand the stuck note to the next customer: an exchange opens it."""

    async def story(town: Town) -> None:
        town.loaded = {"top": 10}
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        town.dispenser.fault_once("jam-before-sensor")
        assert await town.withdraw(card, 100) == "e.jam"
        await town.see("out")
        await town.power_cut()
        town.start_kiosk()
        await settle(town, 2)
        assert "stuck" in town.machine.service.sentence
        town.dispenser.clear_path()
        town.load_cash(top=9)
        await town.in_service()
        assert await town.withdraw(card, 50) == "take.cash"
        await town.see("welcome")
        await settle(town, 1)
        await reckon(town)

    run_town(tmp_path, story)


async def _hung() -> None:
    raise DeviceError("card slot", Fault.TIMEOUT, "The stick does not answer.")


def test_a_hung_reader_never_takes_the_machine_down(tmp_path: Path) -> None:
    """The stick hangs as the card should come out: told, waited for, and the next customer is served."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        await town.enter_pin(card)
        await town.see("menu")
        release, town.machine.devices.reader.release = town.machine.devices.reader.release, _hung
        await town.press("A")
        await town.see("take.card", "e.left")
        town.slot.pull()
        town.machine.devices.reader.release = release
        assert await town.withdraw(card, 20) == "take.cash"
        await settle(town, 1)
        await reckon(town)

    run_town(tmp_path, story)


def test_a_reader_that_hangs_after_the_hold_gives_no_cash(tmp_path: Path) -> None:
    """Authorised, and the card cannot be released: reversed at once, no cash, no open transaction."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        await town.enter_pin(card)
        await town.see("menu")
        town.machine.devices.reader.release = _hung
        await town.choose("cash")
        await town.see("cash")
        await town.choose("amount:5000")
        await town.see("cash.mix")
        await town.choose("fewest")
        await town.no_receipt()
        await town.see("e.card")
        assert not town.machine.journal.open_transactions()
        town.slot.pull()
        await settle(town)
        assert (await reckon(town)) == {"given": 0, "debited": 0, "doubt": 0}

    run_town(tmp_path, story)


def test_help_never_hides_what_came_out(tmp_path: Path) -> None:
    """Help on "Some notes are stuck", with the card long out, leads back to it: nobody is told that nothing left."""

    async def story(town: Town) -> None:
        town.loaded = {"top": 10}
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        town.dispenser.fault_once("jam-in-sensor")
        assert await town.withdraw(card, 100) == "e.jam"
        await town.press("C")
        await town.see("help")
        await town.press("B")
        await town.see("e.jam")
        assert "cancelled" not in town.display.ids

    run_town(tmp_path, story)
