"""The note acceptor's box in an exchange by keypad: counted by value, emptied, told to the bank with the cassettes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from support.customer_steps import at_menu, choose_cash, count_in
from support.customer_steps import leave as customer_leaves
from support.reckoning import settle
from support.service_visit import book, cash_book, come, count, count_box, into, leave, operator
from support.town import Town, run_town

from kiosk.operator.exchange import ExchangeError
from kiosk.operator.totals import box_line, table, totals


async def paid_in(town: Town, *units: int) -> None:
    await count_in(town, *units)
    await town.press("D")
    await town.see("payin.done")
    await town.press("D")
    await customer_leaves(town)


def box(town: Town) -> dict[str, int]:
    return {c.cassette: c.count for c in town.machine.journal.counts() if c.cassette.startswith("in.") and c.count}


async def exchanges(town: Town) -> list[Any]:
    return list(await town.bank.sql("SELECT * FROM numbers WHERE kind = 'exchange'"))


def test_the_box_is_counted_emptied_and_booked_with_the_cassettes(tmp_path: Path) -> None:
    """One fact has both; what the machine holds by the bank's books is then what is in its cassettes."""

    async def story(town: Town) -> None:
        await at_menu(town)
        await paid_in(town, 50, 20, 20)
        assert box(town) == {"in.50": 1, "in.20": 2}
        assert "in the note acceptor's box: 90.00 USD: 1 x 50.00 USD, 2 x 20.00 USD" in table(
            totals(town.machine.journal, town.config)
        )
        await come(town, await operator(town))
        await into(town, "exchange")
        await count(town, "top", 20, 0, 30)
        await count_box(town, 0, 1, 2, 0)
        assert town.display.shown.choices[-1].second == "3 found"
        await book(town)
        await town.press("D")
        await town.see("op.menu")
        await into(town, "totals")
        await town.choose("final")
        final = await town.see("op.final")
        said = [row.words for row in final.rows]
        while final.page < final.pages:
            await town.press("D")
            final = town.display.shown
            said += [row.words for row in final.rows]
        assert "1 x 50.00 USD" in " ".join(said)
        await town.press("D")
        await town.see("op.totals")
        await leave(town)
        await settle(town, 1)
        assert box(town) == {}
        assert box_line(totals(town.machine.journal, town.config)) == "empty"
        assert len(await exchanges(town)) == 2, "the first load, and this one"
        assert await cash_book(town) == 30 * 50_00 + 20 * 20_00 + 20 * 10_00
        assert await town.bank.sql("SELECT * FROM cases") == []

    run_town(tmp_path, story)


def test_a_note_that_is_missing_in_the_box_is_a_difference(tmp_path: Path) -> None:
    """Shown before it is booked; the bank opens a case over just that."""

    async def story(town: Town) -> None:
        await at_menu(town)
        await paid_in(town, 50, 20)
        await come(town, await operator(town))
        await into(town, "exchange")
        await count_box(town, 0, 0, 1, 0)
        await town.press("D")
        shown = await town.see("op.book")
        assert [fact.value for fact in shown.facts[:2]] == ["$1,600", "−$50"]
        await town.press("D")
        await town.see("op.booked")
        await leave(town)
        await settle(town, 1)
        cases = await town.bank.sql("SELECT kind, amount_minor FROM cases")
        assert [(case["kind"], case["amount_minor"]) for case in cases] == [("cash-difference", -50_00)]

    run_town(tmp_path, story)


def test_a_box_that_nobody_counted_stays_as_it_is(tmp_path: Path) -> None:
    """Back in the middle of its numbers counts none of it; cassettes are booked without it."""

    async def story(town: Town) -> None:
        await at_menu(town)
        await paid_in(town, 20)
        await come(town, await operator(town))
        await into(town, "exchange")
        await town.choose("box")
        await town.see("op.box")
        await town.press("0D")
        await town.press("B")
        shown = await town.see("op.exchange")
        assert [choice.chosen for choice in shown.choices] == [False] * 4
        await count(town, "top", 20, 0, 20)
        await book(town)
        await leave(town)
        await settle(town, 1)
        assert box(town) == {"in.20": 1}
        assert await town.bank.sql("SELECT * FROM cases") == []

    run_town(tmp_path, story)


def test_counts_of_the_box_outlive_a_power_cut(tmp_path: Path) -> None:
    """As those of the cassettes do: what was counted is still there, and is booked once."""

    async def story(town: Town) -> None:
        await at_menu(town)
        await paid_in(town, 20)
        card = await operator(town)
        await come(town, card)
        await into(town, "exchange")
        await count_box(town, 0, 0, 1, 0)
        await town.power_cut()
        town.start_kiosk()
        await town.see("out")
        await come(town, card)
        await town.choose("exchange")
        shown = await town.see("op.exchange")
        assert shown.choices[-1].chosen
        await book(town)
        await leave(town)
        await settle(town, 1)
        assert box(town) == {}
        assert len(await exchanges(town)) == 2

    run_town(tmp_path, story)


def test_the_box_alone_ends_no_jam_and_no_open_door(tmp_path: Path) -> None:
    """A note in doubt, a door that was open: the cassettes that it is about are counted before anything is booked."""

    async def story(town: Town) -> None:
        card = await at_menu(town, 900_00)
        town.dispenser.fault_once("jam-before-sensor")
        await choose_cash(town, "amount:10000")
        await town.see("e.jam")
        await town.press("D")
        await town.see("out")
        assert town.machine.journal.stuck() == ("top",)
        town.dispenser.clear_path()
        await come(town, await operator(town))
        await into(town, "exchange")
        await count_box(town, 0, 0, 0, 0)
        assert town.display.shown.keys.main == "", "not ready to be booked"
        await count(town, "top", 19, 1, 20)
        await book(town)
        assert town.machine.journal.stuck() == ()
        await settle(town, 1)
        assert (await town.balance(card))[1] == 0
        town.doors["safe"].open()
        await asyncio.sleep(3)
        town.doors["safe"].shut()
        await asyncio.sleep(3)
        with pytest.raises(ExchangeError, match=r"a door was opened.*count them too"):
            town.load_cash(**{"in": 0})
        town.load_cash(top=20, middle=20, bottom=20, **{"in": 0})

    run_town(tmp_path, story)
