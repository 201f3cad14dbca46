"""Power cuts beside a cash tray: at every write, and at each moment that cash lies in it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support.cutting import Cut, until_cut
from support.reckoning import VALUES, books_are_sound, settle
from support.town import Town, TownCard, TrayTown, run_town
from support.tray_steps import cases, facts, in_bin, in_tray, to_the_cash


@pytest.mark.parametrize("written", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("left", [True, False], ids=["left", "taken"])
def test_power_cut_at_every_write_beside_a_tray(tmp_path: Path, written: bool, left: bool) -> None:
    """Each time the tray is empty in the end, and what is debited is with the customer, or in the bin with a case."""
    reached = 0
    for after in range(60):
        ended = []

        async def story(town: Town, after: int = after, ended: list[bool] = ended) -> None:
            await town.open_for_business()
            card = await town.customer(balance=500_00)
            cut = Cut(town.machine.journal, after, written=written)
            await until_cut(_withdraws(town, card, left=left), cut)
            if not cut.came.is_set():
                ended.append(True)
                await settle(town, 1)
                await _agree(town)
                return
            await town.power_cut()
            if not left:
                town.dispenser.take_cash()
            await asyncio.sleep(5)
            town.start_kiosk()
            await settle(town)
            await _agree(town)

        run_town(tmp_path / f"{after}", story, seed=after + 1, kind=TrayTown)
        if ended:
            break
        reached += 1
    assert 15 < reached < 59


async def _withdraws(town: Town, card: TownCard, *, left: bool) -> None:
    await town.enter_pin(card)
    await town.see("menu")
    await town.choose("cash")
    await town.see("cash")
    await town.choose("other")
    await town.see("cash.other")
    await town.press("70D")
    if (await town.see("cash.mix", "cash.receipt")).id == "cash.mix":
        await town.choose("fewest")
    await town.no_receipt()
    await town.see("take.card")
    town.slot.pull()
    await town.see("take.cash")
    if left:
        await town.see("e.retracted")
        await town.press("D")
    else:
        town.dispenser.take_cash()
    await town.see("welcome")


async def _agree(town: Town) -> None:
    assert in_tray(town) == 0
    assert not town.machine.journal.open_transactions()
    places = town.dispenser.physical
    out = sum(VALUES[name] * place.customer for name, place in places.items())
    in_the_bin = sum(VALUES[name] * place.reject for name, place in places.items())
    rows = await town.bank.sql("SELECT COALESCE(SUM(amount_minor), 0) AS n FROM postings WHERE kind = 'withdrawal'")
    debited = int(rows[0]["n"])
    amounts = {case["kind"]: case["amount_minor"] for case in await cases(town)}
    doubt = sum(amount for kind, amount in amounts.items() if kind in {"doubt", "unknown", "silent", "surplus"})
    assert debited - out <= amounts.get("retracted", 0), (debited, out, amounts)
    assert out - debited <= doubt, (debited, out, amounts)
    assert amounts.get("retracted", 0) in {0, debited}
    assert in_the_bin == 0 or amounts, "notes in the bin, and nobody knows whose"
    await books_are_sound(town)


@pytest.mark.parametrize("when", ["counting", "shown", "retract"])
@pytest.mark.parametrize("left", [True, False])
def test_power_that_goes_with_notes_in_the_tray(tmp_path: Path, when: str, left: bool) -> None:
    """What lies there when it is back is taken back before anybody else is served, and told as that; an empty tray is not."""

    async def story(town: Town) -> None:
        card = await to_the_cash(town)
        await town.see({"counting": "cash.count", "shown": "take.cash", "retract": "cash.back"}[when])
        if when == "counting":
            while in_tray(town) == 0:
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.4)
        await town.power_cut()
        if not left:
            town.dispenser.take_cash()
        town.start_kiosk()
        await asyncio.sleep(10)
        assert in_tray(town) == 0
        await settle(town, 12)
        (fact,) = [fact for fact in facts(town) if fact["type"] == "completion"]
        # A tray that was never seen with notes in it proves nothing by being empty.
        expected = "retracted" if left or when == "retract" else "unknown" if when == "counting" else "taken"
        assert fact.get("taken", "unknown") == expected
        kinds = {case["kind"] for case in await cases(town)}
        assert ("retracted" in kinds) == (expected == "retracted")
        paid = sum(note["value"]["minor"] * note["count"] for note in fact["presented"])
        assert await town.balance(card) == (900_00 - paid, 0)
        assert in_bin(town) == (sum(note["count"] for note in fact["presented"]) if left else 0)
        await books_are_sound(town)

    run_town(tmp_path, story, kind=TrayTown)
