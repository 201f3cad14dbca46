"""Names, usual amounts, frozen cards and closed accounts at the machine: real kiosk and bank code, virtual time."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.customer_steps import at_menu, leave, take_card
from support.reckoning import settle
from support.town import PIN, Town, TownCard, run_town

from bank.commands import requests as q
from kiosk.screens.model import Amount, Choose, Confirm, NoticeScreen


async def _details(town: Town, key: str) -> None:
    """From the menu to one of My details."""
    await town.see("menu")
    await town.choose("more")
    await town.see("more")
    await town.choose("details")
    await town.see("details")
    await town.choose(key)


async def _state(town: Town, card: TownCard) -> tuple[str, str]:
    """Of the card and of its account."""
    found = await town.bank.sql("SELECT state FROM cards WHERE card = :c", c=card.reference)
    account = await town.bank.sql("SELECT state FROM accounts WHERE account = :a", a=card.account)
    return found[0]["state"], account[0]["state"]


def test_an_account_gets_a_name_and_the_bank_keeps_it(tmp_path: Path) -> None:
    """At once on this machine's screens, and in the books."""

    async def story(town: Town) -> None:
        card = await at_menu(town, 100_00)
        await _details(town, "name")
        offered = await town.see("name")
        assert isinstance(offered, Choose)
        assert [choice.label for choice in offered.choices if choice.chosen] == ["Everyday"]
        await town.choose("Household")
        done = await town.see("name.done")
        assert isinstance(done, NoticeScreen)
        assert done.notice.bold == "It is called Household now"
        await town.press("D")
        await _details(town, "name")
        again = await town.see("name")
        assert isinstance(again, Choose)
        assert [choice.label for choice in again.choices if choice.chosen] == ["Household"]
        await town.press("B")
        await leave(town)
        assert (await town.bank.do(q.AccountShow, account=card.account)).label == "Household"

    run_town(tmp_path, story)


def test_a_usual_amount_is_one_that_machines_pay_and_the_bank_remembers_it(tmp_path: Path) -> None:
    """Other amounts are asked again; the next visit is told of it."""

    async def story(town: Town) -> None:
        card = await at_menu(town, 100_00)
        await _details(town, "usual")
        asked = await town.see("usual")
        assert isinstance(asked, Amount)
        assert asked.limits == "In steps of $10, up to $500"
        for wrong in ("75", "510"):
            await town.press(f"{wrong}D")
            shown = town.display.shown
            assert isinstance(shown, Amount)
            assert shown.notice is not None
            assert "post" not in town.line.log
        await town.press("80D")
        await town.see("usual.done")
        await town.press("D")
        await leave(town)
        rows = await town.bank.sql("SELECT amount_minor FROM usuals WHERE card = :c", c=card.reference)
        assert [row["amount_minor"] for row in rows] == [80_00]

    run_town(tmp_path, story)


def test_a_frozen_card_does_nothing_but_unfreeze(tmp_path: Path) -> None:
    """Its visit ends at once; the next one asks for the PIN and offers one thing, and the one after that everything."""

    async def story(town: Town) -> None:
        card = await at_menu(town, 100_00)
        await _details(town, "freeze")
        asked = await town.see("freeze")
        assert isinstance(asked, Confirm)
        assert asked.facts[0].value == f"ends {card.number[-4:]}"
        await town.press("D")
        await town.see("freeze.done")
        assert await _state(town, card) == ("frozen", "open")
        await town.press("D")
        await take_card(town)
        assert "cancelled" not in town.display.ids
        await town.enter_pin(card, "9999")
        await town.see("pin.wrong")
        await town.press(f"{PIN}D")
        await town.see("unfreeze")
        await town.press("A")
        await take_card(town)
        assert await _state(town, card) == ("frozen", "open")
        await town.enter_pin(card)
        await town.see("unfreeze")
        await town.press("D")
        await town.see("unfreeze.done")
        await town.press("D")
        await take_card(town)
        assert await town.withdraw(card, 40) == "take.cash"

    run_town(tmp_path, story)


def test_a_card_that_the_bank_has_frozen_is_turned_away(tmp_path: Path) -> None:
    """Its customer is told whom to ask, and cannot unfreeze it; between hold and cash it is not paid either."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(100_00)
        await town.bank.do(q.CardFreeze, card=card.reference)
        await town.enter_pin(card)
        await town.see("e.refused")
        await town.press("D")
        await take_card(town)
        await town.bank.do(q.CardUnfreeze, card=card.reference)

        async def freeze(kind: str) -> None:
            if kind == "release":
                await town.bank.do(q.CardFreeze, card=card.reference)

        town.line.before = freeze
        assert await town.withdraw(card, 40) == "e.nocash"
        await settle(town)
        assert await town.balance(card) == (100_00, 0)
        assert sum(town.customers_notes.values()) == 0

    run_town(tmp_path, story)


def test_an_account_is_closed_when_it_is_empty_and_then_it_is_gone(tmp_path: Path) -> None:
    """What is in it is said; closed, the menu offers nothing that it was for."""

    async def story(town: Town) -> None:
        card = await at_menu(town, 40_00)
        await _details(town, "close")
        asked = await town.see("close")
        assert isinstance(asked, Confirm)
        assert asked.notice is not None
        assert (asked.notice.bold, asked.facts[0].label) == ("It must stand at $0.00 first", "Everyday")
        await town.press("D")
        full = await town.see("close.full")
        assert isinstance(full, NoticeScreen)
        assert full.notice.bold == "$40.00 is in it"
        await town.press("D")
        await leave(town)
        assert await town.withdraw(card, 40) == "take.cash"
        await settle(town, minutes=1)
        await town.enter_pin(card)
        await _details(town, "close")
        await town.see("close")
        await town.press("D")
        await town.see("close.done")
        assert await _state(town, card) == ("active", "closed")
        await town.press("D")
        menu = await town.see("menu")
        assert isinstance(menu, Choose)
        assert [choice.key for choice in menu.choices] == ["more"]
        await leave(town)

    run_town(tmp_path, story)


@pytest.mark.parametrize("what", ["name", "usual", "freeze", "close"])
def test_where_the_bank_falls_silent_nothing_was_changed(tmp_path: Path, what: str) -> None:
    """The change arrived, its answer did not: the customer is told that nothing was changed, and the reversal makes it true."""

    async def story(town: Town) -> None:
        card = await at_menu(town, 0 if what == "close" else 100_00)

        async def lose(kind: str) -> None:
            if kind == "post":
                town.line.cut = True
                raise TimeoutError

        await _details(town, what)
        await town.see(what)
        town.line.after = lose
        await town.press({"name": "3", "usual": "80D"}.get(what, "D"))
        told = await town.see("e.line")
        assert isinstance(told, NoticeScreen)
        assert told.notice.bold == "Nothing was changed"
        assert (await town.bank.sql("SELECT state FROM posts"))[0]["state"] == "posted"
        town.line.after = None
        town.line.cut = False
        await settle(town)
        shown = await town.bank.do(q.AccountShow, account=card.account)
        usual = await town.bank.sql("SELECT amount_minor FROM usuals WHERE amount_minor > 0")
        assert (await _state(town, card), shown.label, usual) == (("active", "open"), "Everyday", [])

    run_town(tmp_path, story)
