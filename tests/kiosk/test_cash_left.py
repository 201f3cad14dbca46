"""Cash that is not taken: waited for, taken back, told to bank and customer as such; over power cuts, and with a tray that fails."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support.customer_steps import at_menu, choose_cash
from support.reckoning import books_are_sound, settle
from support.service_visit import book, come, count, into, operator
from support.town import Town, TrayTown, run_town
from support.tray_steps import cases, in_bin, in_tray, said, to_the_cash, two_bunches

from bank.commands import requests as q
from drivers.devices import DeviceError, Fault
from kiosk.screens.model import NoticeScreen


def test_cash_that_is_taken_is_told_as_taken(tmp_path: Path) -> None:
    """The screen goes as the notes go, and not before; no case."""

    async def story(town: Town) -> None:
        card = await to_the_cash(town)
        await town.see("take.cash")
        await asyncio.sleep(25)
        assert town.display.shown.id == "take.cash"
        town.dispenser.take_cash()
        await town.see("welcome")
        await settle(town, 1)
        assert await town.balance(card) == (800_00, 0)
        assert await cases(town) == []
        assert said(town)["taken"] == "taken"

    run_town(tmp_path, story, kind=TrayTown)


def test_cash_that_is_left_is_taken_back_counted_and_credited(tmp_path: Path) -> None:
    """Warned first; then the notes are in the bin, the customer is told with a reference, the bank has a case, and the count
    of the bin settles it.
    """

    async def story(town: Town) -> None:
        card = await to_the_cash(town)
        await town.see("take.cash")
        warned = await town.see("time")
        assert isinstance(warned, NoticeScreen)
        assert "take the cash back" in warned.notice.bold
        await town.see("cash.back")
        told = await town.see("e.retracted")
        assert isinstance(told, NoticeScreen)
        assert (in_tray(town), in_bin(town)) == (0, 2)
        await town.press("D")
        await town.see("welcome")
        await settle(town, 1)
        assert await town.balance(card) == (800_00, 0)
        assert said(town)["taken"] == "retracted"
        (case,) = await cases(town)
        assert (case["kind"], case["amount_minor"], case["claim"]) == ("retracted", 100_00, told.reference)
        await town.bank.do(q.CaseResolve, case=case["case_id"], resolution="credit", amount="100", note="counted")
        assert await town.balance(card) == (900_00, 0)
        await books_are_sound(town)
        # The machine serves the next one, from an empty tray.
        assert town.machine.service.in_service

    run_town(tmp_path, story, kind=TrayTown)


def test_who_needs_more_time_has_it(tmp_path: Path) -> None:
    """Yes, again and again; and a hand at the notes while the warning shows is an answer too."""

    async def story(town: Town) -> None:
        card = await to_the_cash(town)
        await town.see("take.cash")
        for _ in range(5):
            await town.see("time")
            await town.press("D")
            await town.see("take.cash")
        await town.see("time")
        town.dispenser.take_cash()
        await town.see("welcome")
        await settle(town, 1)
        assert await town.balance(card) == (800_00, 0)
        assert said(town)["taken"] == "taken"
        assert in_bin(town) == 0

    run_town(tmp_path, story, kind=TrayTown)


def test_a_first_bunch_that_is_left_is_taken_back_and_nothing_more_comes(tmp_path: Path) -> None:
    """The tray sees whether the first is taken: no key is asked for. Taken, the second one comes."""
    for taken in (True, False):

        async def story(town: Town, taken: bool = taken) -> None:
            card = await two_bunches(town)
            if taken:
                town.dispenser.take_cash()
                await town.see("take.cash")
                town.dispenser.take_cash()
                await town.see("welcome")
            else:
                await town.see("e.retracted")
                assert (in_tray(town), in_bin(town)) == (0, 3)
            await settle(town, 1)
            assert await town.balance(card) == (700_00 if taken else 750_00, 0)
            assert [case["kind"] for case in await cases(town)] == ([] if taken else ["retracted"])

        run_town(tmp_path / str(taken), story, kind=TrayTown)


def test_a_tray_that_cannot_be_emptied_closes_the_machine(tmp_path: Path) -> None:
    """The notes are in reach: nobody else is served beside them; a hand that takes them out opens it again."""

    async def story(town: TrayTown) -> None:
        town.tray.set_fault("retract-dead")
        await to_the_cash(town)
        await town.see("e.retracted")
        await town.press("D")
        closed = await town.see("out")
        assert "atm-kiosk" not in str(closed)
        assert "could not be taken back" in town.machine.service.sentence
        await settle(town, 1)
        assert [case["kind"] for case in await cases(town)] == ["retracted"]
        town.dispenser.take_cash()
        await town.see("welcome")

    run_town(tmp_path, story, kind=TrayTown)


def test_the_operator_counts_it_with_the_rejects_and_nothing_is_left_open(tmp_path: Path) -> None:
    """One of two notes had been taken: the exchange finds the other in the bin, and its credit explains the difference."""

    async def story(town: Town) -> None:
        card = await to_the_cash(town)
        await town.see("take.cash")
        town.dispenser._places["top"].tray -= 1
        town.dispenser._places["top"].taken += 1
        await town.see("e.retracted")
        await town.press("D")
        await settle(town, 1)
        await come(town, await operator(town))
        await into(town, "devices")
        await town.choose("dispenser")
        await town.see("op.result")
        await town.press("DB")
        await into(town, "exchange")
        await count(town, "top", found=18, rejected=1, left=18)
        await book(town)
        await settle(town, 1)
        kinds = {case["kind"]: case for case in await cases(town)}
        assert kinds["cash-difference"]["amount_minor"] == 50_00
        await town.bank.do(
            q.CaseResolve, case=kinds["retracted"]["case_id"], resolution="credit", amount="50", note="one of two"
        )
        assert await town.balance(card) == (850_00, 0)
        assert [case["state"] for case in await cases(town)] == ["closed", "closed"]
        await books_are_sound(town)

    run_town(tmp_path, story, kind=TrayTown)


def test_nothing_is_paid_onto_what_lies_in_the_tray_already(tmp_path: Path) -> None:
    """Somebody's scarf, put there in mid-visit: no release is asked for, the customer is told, and the hold is undone."""

    async def story(town: TrayTown) -> None:
        card = await at_menu(town, 900_00)
        town.tray.set_fault("sensor-stuck-covered")
        await choose_cash(town, "amount:10000")
        await town.see("e.nocash")
        assert "release" not in town.line.log
        await town.press("D")
        await town.see("out")
        await settle(town, 1)
        assert await town.balance(card) == (900_00, 0)
        assert town.customers_notes == {"top": 0, "middle": 0, "bottom": 0}

    run_town(tmp_path, story, kind=TrayTown)


def test_a_blind_tray_proves_nothing(tmp_path: Path) -> None:
    """Its sensor has seen no note: the screen stays its time, and whether the cash was taken is not known."""

    async def story(town: TrayTown) -> None:
        town.tray.set_fault("sensor-stuck-clear")
        card = await to_the_cash(town)
        await town.see("take.cash")
        await town.see("welcome")
        await settle(town, 1)
        assert await town.balance(card) == (800_00, 0)
        assert said(town).get("taken", "unknown") == "unknown"
        assert await cases(town) == []

    run_town(tmp_path, story, kind=TrayTown)


def test_a_journal_that_fails_beside_cash_moves_nothing(tmp_path: Path) -> None:
    """What cannot be remembered must not happen: the notes lie there until the journal can say whose they were."""

    async def story(town: Town) -> None:
        await to_the_cash(town)
        await town.see("take.cash")
        town.machine.journal.failed = "the disk is full"
        await town.see("e.doubt")
        await town.press("D")
        await asyncio.sleep(30)
        assert (in_tray(town), in_bin(town)) == (2, 0)
        await town.power_cut()
        town.start_kiosk()
        await asyncio.sleep(15)
        await settle(town, 12)
        assert in_bin(town) == 2
        assert said(town)["taken"] == "retracted"
        assert [case["kind"] for case in await cases(town)] == ["retracted"]

    run_town(tmp_path, story, kind=TrayTown)


def test_a_machine_that_is_stopped_leaves_no_cash_in_the_tray(tmp_path: Path) -> None:
    """Whoever asks for more time is given no more of it then; what lies there at the end is taken back, and told as that."""

    async def story(town: Town) -> None:
        await to_the_cash(town)
        await town.see("take.cash")
        town.display.on_screen = lambda screen: town.display.press("D") if screen.id == "time" else None
        finishing = asyncio.create_task(town.machine.finish())
        await asyncio.wait({finishing}, timeout=40)
        finishing.cancel()
        await town.stop_kiosk()
        assert (in_tray(town), in_bin(town)) == (0, 2)
        town.start_kiosk()
        await asyncio.sleep(10)
        await settle(town, 12)
        assert [case["kind"] for case in await cases(town)] == ["retracted"]

    run_town(tmp_path, story, kind=TrayTown)


def test_a_tray_that_flickers_extends_no_visit(tmp_path: Path) -> None:
    """Light and insects are no sign that somebody is there."""

    async def story(town: TrayTown) -> None:
        await at_menu(town, 900_00)
        for _ in range(60):
            town.tray.set_fault("sensor-stuck-covered")
            await asyncio.sleep(2)
            town.tray.set_fault("sensor-stuck-covered", on=False)
            await asyncio.sleep(2)
        assert town.display.shown.id not in {"menu", "time"}

    run_town(tmp_path, story, kind=TrayTown)


def test_a_motor_pin_that_does_not_obey_closes_the_machine(tmp_path: Path) -> None:
    """The notes lie in reach, whatever it was that failed."""

    async def story(town: TrayTown) -> None:
        await to_the_cash(town)
        await town.see("take.cash")
        motor = town.machine.devices.tray._motor

        def refuses(*, on: bool) -> None:
            raise DeviceError("pins", Fault.UNPLUGGED, f"GPIO{motor.pin} does not obey {on}")

        motor.set = refuses
        await town.see("e.retracted")
        await town.press("D")
        await town.see("out")
        await asyncio.sleep(20)
        assert not town.machine.service.in_service

    run_town(tmp_path, story, kind=TrayTown)


@pytest.mark.parametrize("falls_s", [0.0, 0.5, 1.5])
def test_notes_that_fall_slowly_are_waited_for(tmp_path: Path, falls_s: float) -> None:
    """Also those of a second bunch: the screen stays until they are taken."""

    async def story(town: TrayTown) -> None:
        town.tray._falls_s = falls_s
        card = await two_bunches(town)
        town.dispenser.take_cash()
        await town.see("take.cash")
        await asyncio.sleep(20)
        assert town.display.shown.id == "take.cash"
        town.dispenser.take_cash()
        await town.see("welcome")
        await settle(town, 1)
        assert await town.balance(card) == (700_00, 0)
        assert said(town)["taken"] == "taken"
        assert in_bin(town) == 0

    run_town(tmp_path, story, kind=TrayTown)


def test_a_sensor_that_sees_late_takes_back_all_the_same(tmp_path: Path) -> None:
    """Blind at first: the screen stays its time, and what is seen then is this customer's, and no next one's."""

    async def story(town: TrayTown) -> None:
        town.tray.set_fault("sensor-stuck-clear")
        await to_the_cash(town)
        await town.see("take.cash")
        await asyncio.sleep(4)
        town.tray.set_fault("sensor-stuck-clear", on=False)
        await town.see("e.retracted")
        await settle(town, 1)
        assert said(town)["taken"] == "retracted"
        assert [case["kind"] for case in await cases(town)] == ["retracted"]

    run_town(tmp_path, story, kind=TrayTown)


def test_nothing_moves_for_a_finger_nor_beside_an_open_door(tmp_path: Path) -> None:
    """At rest a motor starts only for what lies there, and never while somebody is inside the machine."""

    async def story(town: TrayTown) -> None:
        await town.open_for_business()
        for _ in range(10):
            town.tray.set_fault("sensor-stuck-covered")
            await asyncio.sleep(1.2)
            town.tray.set_fault("sensor-stuck-covered", on=False)
            await asyncio.sleep(1.2)
        events = [line.record for line in town.machine.journal.lines(last=500)]
        assert not [one for one in events if getattr(one, "what", "") == "tray-cleared"]
        town.doors["service"].open()
        town.tray.set_fault("sensor-stuck-covered")
        await asyncio.sleep(30)
        events = [line.record for line in town.machine.journal.lines(last=500)]
        assert not [one for one in events if getattr(one, "what", "") == "tray-cleared"]

    run_town(tmp_path, story, kind=TrayTown)
