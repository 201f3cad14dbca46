"""Doubts about the note acceptor: they outlive a restart, end with an exchange, and are told once."""

from __future__ import annotations

import asyncio
from pathlib import Path

from support.customer_steps import at_menu, count_in, leave
from support.reckoning import settle
from support.town import Town, run_town

from config.load import load_kiosk
from drivers.devices import DeviceError, Fault
from kiosk.cabinet import acceptor_wiring
from kiosk.journal.records import NOTE_OUTSIDE
from kiosk.screens.model import Choose, Notes, NoticeScreen, Take


async def _escrow_at_a_power_cut(town: Town, *units: int) -> None:
    """Notes wait in the escrow while the power goes; the machine is in service again, and its case is told."""
    await at_menu(town)
    await count_in(town, *units)
    await town.power_cut()
    await asyncio.sleep(20)
    town.start_kiosk()
    await town.in_service()
    await settle(town, 2)


async def _takes_notes(town: Town) -> bool:
    card = await town.customer(100_00)
    await town.enter_pin(card)
    menu = await town.see("menu")
    await leave(town)
    assert isinstance(menu, Choose)
    return "pay_in" in {choice.key for choice in menu.choices}


def test_an_escrow_is_emptied_also_where_the_power_goes_right_after_the_exchange(tmp_path: Path) -> None:
    """The exchange is on disk, the notes are not out yet: the next start does it, and takes no notes before."""

    async def story(town: Town) -> None:
        await _escrow_at_a_power_cut(town, 50, 20)
        town.load_cash(top=20)
        await town.power_cut()
        assert town.acceptor.escrow == [50_00, 20_00], "the power went before anything moved"
        await asyncio.sleep(20)
        town.start_kiosk()
        await town.in_service()
        await asyncio.sleep(30)
        assert (town.acceptor.escrow, town.acceptor.take()) == ([], [50_00, 20_00])
        assert await _takes_notes(town)

    run_town(tmp_path, story)


def test_an_escrow_that_stayed_full_before_the_operator_is_not_emptied_before_a_passer_by(tmp_path: Path) -> None:
    """An acceptor that failed while the operator stood there is not tried when nobody does."""

    async def story(town: Town) -> None:
        await _escrow_at_a_power_cut(town, 50, 20)
        acceptor = town.machine.devices.acceptor
        assert acceptor is not None
        real = acceptor.reset

        def fails() -> None:
            raise DeviceError("note acceptor", Fault.UNPLUGGED, "A pin does not obey.")

        acceptor.reset = fails  # type: ignore[method-assign]
        town.load_cash(top=20)
        await asyncio.sleep(3600)
        assert town.acceptor.escrow == [50_00, 20_00]
        assert town.machine.service.in_service
        acceptor.reset = real  # type: ignore[method-assign]
        await asyncio.sleep(120)
        assert town.acceptor.mouth == [], "an hour after the operator went"

    run_town(tmp_path, story)


def test_a_long_escrow_comes_out_whole_and_is_no_new_doubt(tmp_path: Path) -> None:
    """Nine notes take longer than one; each of them is the operator's, and notes are taken again afterwards."""

    async def story(town: Town) -> None:
        notes = (50, 20, 10, 50, 20, 10, 50, 20, 10)
        await _escrow_at_a_power_cut(town, *notes)
        town.load_cash(top=20)
        await asyncio.sleep(60)
        assert (town.acceptor.escrow, town.acceptor.take()) == ([], [each * 100 for each in notes])
        assert not town.machine.journal.box_in_doubt()
        assert await _takes_notes(town)

    run_town(tmp_path, story)


class TownWithFives(Town):
    """Its acceptor takes $5, which no cassette ever had."""

    def _config(self) -> None:
        super()._config()
        path = self.directory / "kiosk" / "kiosk.toml"
        notes = "{ value = 5, pulses = 2 }, { value = 10, pulses = 4 }"
        path.write_text(f"{path.read_text()}\n[note_acceptor]\nnotes = [{notes}]\n")
        self.config = load_kiosk(path)


def test_what_is_in_the_box_is_neither_paid_out_nor_missed(tmp_path: Path) -> None:
    """$5 are paid in; $15 cannot be had after it, and not because a $5 note has run out, of which there never was one."""

    async def story(town: Town) -> None:
        card = await at_menu(town)
        await count_in(town, 5)
        await town.press("D")
        await town.see("payin.done")
        await town.press("D")
        await leave(town)
        await town.enter_pin(card)
        await town.see("menu")
        await town.choose("cash")
        await town.see("cash")
        await town.choose("other")
        await town.see("cash.other")
        await town.press("15D")
        shown = await town.see("cash.nearest")
        assert isinstance(shown, Choose)
        assert shown.notice is not None
        assert shown.notice.bold == "The notes for it aren't here now"

    run_town(tmp_path, story, kind=TownWithFives)


def test_a_pulse_line_that_chatters_between_deposits_fills_no_journal(tmp_path: Path) -> None:
    """It is one doubt, told once; nobody pays in until an operator has looked, and then everybody does."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        pulse = acceptor_wiring(town.config.note_acceptor).pulse
        for _ in range(40):
            for level in (True, False):
                town.pins.drive(pulse.pin, pulse.active_high is level)
                await asyncio.sleep(0.05)
            await asyncio.sleep(2)
        assert len(list(town.machine.journal.lines(last=500, contains=NOTE_OUTSIDE))) == 1
        assert not await _takes_notes(town)
        town.load_cash(top=20)
        await asyncio.sleep(30)
        assert await _takes_notes(town)

    run_town(tmp_path, story)


def test_notes_that_come_back_beside_one_that_is_stuck_are_shown(tmp_path: Path) -> None:
    """They lie in the mouth and would be the next customer's: what is there is told, but not that it is all."""

    async def story(town: Town) -> None:
        card = await at_menu(town)
        await count_in(town, 50, 20)
        back = asyncio.create_task(town.choose("back"))
        async with asyncio.timeout(20):
            while not town.acceptor.mouth:
                await asyncio.sleep(0.05)
        # The other one is caught on its way.
        town.acceptor.path.append(town.acceptor.escrow.pop())
        await back
        shown = await town.see("payin.back", seconds=120)
        assert isinstance(shown, Take)
        assert (shown.notes, shown.line) == (Notes((50,)), "")
        assert town.acceptor.take() == [50_00]
        told = await town.see("payin.jam", seconds=120)
        assert isinstance(told, NoticeScreen)
        await town.press("D")
        await leave(town)
        await settle(town, 1)
        assert await town.balance(card) == (100_00, 0)
        [case] = await town.bank.sql("SELECT * FROM cases")
        assert (case["kind"], case["amount_minor"], case["claim"]) == ("deposit-doubt", 20_00, told.reference)

    run_town(tmp_path, story)
