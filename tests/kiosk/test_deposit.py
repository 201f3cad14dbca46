"""Deposits at the machine: real kiosk and bank code, an electrical acceptor, virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support.customer_steps import at_menu, count_in, leave, put_in
from support.reckoning import settle
from support.town import Town, run_town

from kiosk.journal.store import Journal
from kiosk.operator.exchange import Count, ExchangeError, cabinet, exchange, parse_count

HOLDS = ("nothing", "note", "bundle")


async def agree(town: Town) -> None:
    """Notes in the box, the machine's count of it, postings and cases: a difference only where a case names it."""
    counted = Counter(
        {int(c.value.minor): c.count for c in town.machine.journal.counts() if c.cassette.startswith("in.")}
    )
    box = Counter(town.acceptor.box)
    rows = await town.bank.sql("SELECT COALESCE(SUM(amount_minor), 0) AS s FROM postings WHERE kind = 'deposit'")
    credited = int(rows[0]["s"])
    cases = await town.bank.sql("SELECT * FROM cases WHERE state = 'open' AND kind LIKE 'deposit-%'")
    assert town.machine.journal.outbox_length() == 0
    assert not town.machine.journal.open_transactions()
    assert not await town.bank.sql("SELECT * FROM deposits WHERE state = 'open'")
    assert credited == sum(value * count for value, count in counted.items())
    assert not counted - box, "more was credited than is in the box"
    inside = sum(town.acceptor.box) + sum(town.acceptor.escrow) + sum(town.acceptor.path)
    assert inside == credited or cases, f"{inside} went in, {credited} were credited, and no case says why"


@pytest.mark.parametrize("holds", HOLDS)
def test_notes_are_counted_kept_and_credited(tmp_path: Path, holds: str) -> None:
    """$140 go in; the count says which notes; the account, the box, the books and the reference agree."""

    async def story(town: Town) -> None:
        card = await at_menu(town)
        await town.choose("pay_in")
        told = await town.see("payin")
        assert ("They can't come back" in told.line) == (holds != "bundle")
        await put_in(town, 50, 20, 50, 20)
        shown = await town.see("payin.count")
        assert (shown.title, shown.facts[0].value) == ("We counted $140", "2 x $50, 2 x $20")
        assert [choice.key for choice in shown.choices] == (["more", "back"] if holds == "bundle" else ["more"])
        await town.choose("more")
        await put_in(town, 10)
        assert (await town.see("payin.count")).title == "We counted $150"
        await town.press("D")
        done = await town.see("payin.done")
        assert (done.title, done.reference.partition("-")[0]) == ("$150 is paid in", "T1")
        await town.press("D")
        await leave(town)
        assert await town.balance(card) == (250_00, 0)
        assert sorted(town.acceptor.box) == [10_00, 20_00, 20_00, 50_00, 50_00]
        await agree(town)

    run_town(tmp_path, story, holds=holds)


@pytest.mark.parametrize("way", ["back", "cancel"])
def test_all_back_gives_the_very_notes_back_and_nothing_is_credited(tmp_path: Path, way: str) -> None:
    """From the escrow to the mouth; Cancel means the same. The machine takes the next deposit as before."""

    async def story(town: Town) -> None:
        card = await at_menu(town)
        await count_in(town, 50, 20)
        await (town.choose("back") if way == "back" else town.press("A"))
        await town.see("payin.back")
        assert town.acceptor.take() == [50_00, 20_00]
        if way == "cancel":
            await town.see("take.card")
            town.slot.pull()
            await town.enter_pin(card)
        await town.see("menu")
        assert await town.balance(card) == (100_00, 0)
        await count_in(town, 10)
        await town.press("D")
        await town.see("payin.done")
        await town.press("D")
        await leave(town)
        assert await town.balance(card) == (110_00, 0)
        await agree(town)

    run_town(tmp_path, story)


@pytest.mark.parametrize("holds", HOLDS)
@pytest.mark.parametrize("how", ["walks off", "pulls the card"])
def test_who_is_gone_is_credited(tmp_path: Path, holds: str, how: str) -> None:
    """At the mouth the notes would be the next customer's: they are kept, and the account that they were for has them."""

    async def story(town: Town) -> None:
        card = await at_menu(town)
        await count_in(town, 20, 20)
        if how == "pulls the card":
            town.slot.pull()
        await town.see("payin.done", seconds=600)
        await town.see("welcome", "take.card", seconds=600)
        town.slot.pull()
        await town.see("welcome")
        assert "cancelled" not in town.display.ids, "what was credited was not cancelled"
        assert await town.balance(card) == (140_00, 0)
        await agree(town)

    run_town(tmp_path, story, holds=holds)


def test_no_note_and_no_answer_change_nothing(tmp_path: Path) -> None:
    """Nobody puts anything in: asked for more time, then the card comes back; the deposit ends with nothing credited."""

    async def story(town: Town) -> None:
        card = await at_menu(town)
        await town.choose("pay_in")
        await town.see("payin")
        await town.see("time", seconds=120)
        await town.see("take.card", seconds=120)
        town.slot.pull()
        await town.see("welcome")
        assert town.acceptor.inhibited
        assert await town.balance(card) == (100_00, 0)
        await settle(town, 40)
        await agree(town)

    run_town(tmp_path, story)


@pytest.mark.parametrize("fault", ["pulse-lost", "half-train", "jam"])
@pytest.mark.parametrize("holds", HOLDS)
def test_what_nothing_proves_is_a_claim_and_the_next_deposit_waits_for_the_operator(
    tmp_path: Path, holds: str, fault: str
) -> None:
    """A note whose pulses are wrong, or that is stuck: a reference, a case with it, and no deposits until an exchange."""

    async def story(town: Town) -> None:
        card = await at_menu(town)
        await town.choose("pay_in")
        await put_in(town, 20)
        await asyncio.sleep(4)
        town.acceptor.fault_once(fault)
        await put_in(town, 50)
        shown = await town.see("payin.jam", seconds=120)
        await town.press("D")
        await leave(town)
        await settle(town, 1)
        kept = 20_00 * (town.acceptor.box.count(20_00) > 0)
        assert await town.balance(card) == (100_00 + kept, 0)
        [case] = await town.bank.sql("SELECT * FROM cases")
        assert (case["kind"], case["claim"]) == ("deposit-doubt", shown.reference)
        await town.enter_pin(card)
        menu = await town.see("menu")
        assert "pay_in" not in {choice.key for choice in menu.choices}
        await leave(town)

    run_town(tmp_path, story, holds=holds)


def test_the_box_is_emptied_at_an_exchange_and_the_books_say_so(tmp_path: Path) -> None:
    """The operator writes in=0; the machine's cash is then what is in its cassettes."""

    async def story(town: Town) -> None:
        await at_menu(town)
        await count_in(town, 50, 20)
        await town.press("D")
        await town.see("payin.done")
        await town.press("D")
        await leave(town)
        assert {c.cassette: c.count for c in town.machine.journal.counts() if c.count and c.cassette[:2] == "in"} == {
            "in.20": 1, "in.50": 1,
        }  # fmt: skip
        town.load_cash(**{"in": 0})
        await asyncio.sleep(5)
        assert not [c for c in town.machine.journal.counts() if c.count and c.cassette.startswith("in")]
        [cash] = await town.bank.sql("SELECT balance_minor FROM accounts WHERE kind = 'cash'")
        assert -cash["balance_minor"] == sum(c.count * c.value.minor for c in town.machine.journal.counts())
        assert not await town.bank.sql("SELECT * FROM cases")
        # A new journal knows of no box: what is found in it is told all the same.
        exchange(
            town.machine.journal, cabinet(town.config), generation=town.machine.host.generation,
            loaded={"in": Count(0)}, found={"in.100": Count(1)}, by="Olga", now=town.machine.host.now(),
        )  # fmt: skip
        town.machine.exchanged()
        await asyncio.sleep(5)
        [case] = await town.bank.sql("SELECT * FROM cases")
        assert (case["kind"], case["amount_minor"]) == ("cash-difference", 100_00)
        with pytest.raises(ExchangeError, match="write in=0"):
            town.load_cash(**{"in": 3})
        assert parse_count("in.20=7")[0] == "in.20"

    run_town(tmp_path, story)


def test_what_a_power_cut_left_in_the_escrow_comes_out_to_the_operator(tmp_path: Path) -> None:
    """Its customer has a case; no notes are taken until an exchange, after which the escrow is empty and all is as before."""

    async def story(town: Town) -> None:
        card = await at_menu(town)
        await count_in(town, 50, 20)
        await town.power_cut()
        await asyncio.sleep(20)
        town.start_kiosk()
        await town.in_service()
        await settle(town, 2)
        [case] = await town.bank.sql("SELECT * FROM cases")
        assert (case["kind"], case["amount_minor"]) == ("deposit-doubt", 70_00)
        assert town.acceptor.escrow == [50_00, 20_00]
        town.load_cash(top=20)
        await town.in_service()
        await asyncio.sleep(30)
        assert (town.acceptor.escrow, town.acceptor.take()) == ([], [50_00, 20_00])
        await town.enter_pin(card)
        await town.see("menu")
        await count_in(town, 10)
        await town.press("D")
        await town.see("payin.done")
        await town.press("D")
        await leave(town)
        assert await town.balance(card) == (110_00, 0)

    run_town(tmp_path, story)


class PowerCut(BaseException):
    """Nothing of this machine happens after this."""


def _cut_at(journal: Journal, after: int, *, written: bool) -> asyncio.Event:
    """Lets `after` writes pass, then cuts before (or right after) the next one; every later write fails too."""
    came, write, left = asyncio.Event(), journal.write, [after]

    def cut(*records: Any) -> None:
        if came.is_set():
            raise PowerCut
        if left[0] == 0:
            if written:
                write(*records)
            came.set()
            raise PowerCut
        left[0] -= 1
        write(*records)

    journal.write = cut  # type: ignore[method-assign]
    return came


@pytest.mark.parametrize("holds", HOLDS)
@pytest.mark.parametrize("written", [False, True], ids=["before", "after"])
def test_the_power_goes_at_every_write_of_a_deposit(tmp_path: Path, holds: str, written: bool) -> None:
    """Each time the notes in the machine are credited, or a case says which customer's they may be."""
    reached = 0
    for after in range(40):
        over = []

        async def story(town: Town, after: int = after, over: list[bool] = over) -> None:
            card = await at_menu(town)
            came = _cut_at(town.machine.journal, after, written=written)
            tries = asyncio.create_task(_pay_in_all(town))
            cut = asyncio.create_task(came.wait())
            await asyncio.wait({tries, cut}, return_when=asyncio.FIRST_COMPLETED)
            if not came.is_set():
                over.append(True)
                cut.cancel()
                await agree(town)
                return
            tries.cancel()
            await asyncio.gather(tries, return_exceptions=True)
            await town.power_cut()
            await asyncio.sleep(20)
            town.start_kiosk()
            await settle(town, 40)
            await agree(town)
            # Whoever had notes in is told by staff; everybody else is served.
            assert await town.withdraw(card, 20) == "take.cash"

        run_town(tmp_path / f"{after}", story, seed=after + 1, holds=holds)
        if over:
            break
        reached += 1
    assert 7 < reached < 39


async def _pay_in_all(town: Town) -> None:
    await count_in(town, 50, 20)
    await town.press("D")
    await town.see("payin.done")
    await town.press("D")
    await leave(town)
    await asyncio.sleep(5)


@pytest.mark.parametrize("lost", ["deposit", "credit"])
@pytest.mark.parametrize("way", ["before", "after"])
def test_a_line_that_loses_it_takes_no_note_or_tells_it_later(tmp_path: Path, lost: str, way: str) -> None:
    """No answer to the request: no note goes in, and a reversal ends it. The credit waits until the line is back."""

    async def story(town: Town) -> None:
        card = await at_menu(town)

        async def silence(kind: str) -> None:
            if kind == lost:
                await asyncio.sleep(300)

        setattr(town.line, way, silence)
        await town.choose("pay_in")
        if lost == "deposit":
            await town.see("e.line", seconds=200)
            assert town.acceptor.inhibited
            await town.press("D")
            await town.see("take.card")
            town.slot.pull()
        else:
            await put_in(town, 50)
            await town.see("payin.count")
            await town.press("D")
            await town.see("payin.done")
            await town.press("D")
            await leave(town)
        setattr(town.line, way, None)
        await settle(town, 10)
        assert await town.balance(card) == (100_00 if lost == "deposit" else 150_00, 0)
        await agree(town)

    run_town(tmp_path, story)
