"""What is asked before the cash, and what comes with it: receipt, anything else, the usual amount, more notes than fit the exit."""

from __future__ import annotations

import asyncio
from pathlib import Path

from support.customer_steps import at_menu
from support.reckoning import reckon, settle
from support.town import Town, run_town

from bank_link.money import Money
from kiosk.screens.model import Choose, Code
from kiosk.vault import Vault


async def _want(town: Town, amount: str) -> Choose:
    """To the last question before the cash."""
    await town.choose("cash")
    await town.see("cash")
    await town.choose(amount)
    if (await town.see("cash.mix", "cash.receipt")).id == "cash.mix":
        await town.choose("fewest")
    shown = await town.see("cash.receipt")
    assert isinstance(shown, Choose)
    return shown


def test_the_receipt_is_chosen_before_anything_is_authorised_and_given_after_the_cash(tmp_path: Path) -> None:
    """On the phone: amount, claim, and of card and account the last digits only. Without a printer no paper is offered."""

    async def story(town: Town) -> None:
        card = await at_menu(town, 900_00)
        asked = await _want(town, "amount:10000")
        assert [choice.key for choice in asked.choices] == ["no", "phone", "first"]
        assert "authorise" not in town.line.log
        await town.choose("phone")
        await town.see("take.card")
        town.slot.pull()
        await town.see("take.cash")
        town.dispenser.take_cash()
        given = await town.see("receipt.qr")
        assert isinstance(given, Code)
        said = {fact.label: fact.value for fact in given.facts}
        assert (said["Amount"], said["Card"], said["Account"]) == (
            "$100.00", f"ends {card.number[-4:]}", f"ends {card.account[-4:]}",
        )  # fmt: skip
        assert said["Reference"].startswith("T1-")
        assert card.number not in repr(given)
        await town.press("D")
        await town.see("welcome")
        await settle(town, 1)
        await reckon(town)

    run_town(tmp_path, story)


def test_something_else_first_keeps_the_wish_and_authorises_nothing(tmp_path: Path) -> None:
    """The menu offers the very amount; what is done in between is done; the cash comes last, and the card before it."""

    async def story(town: Town) -> None:
        card = await at_menu(town, 900_00)
        await _want(town, "amount:10000")
        await town.choose("first")
        menu = await town.see("menu")
        assert menu.choices[0].label == "Take $100"
        assert "authorise" not in town.line.log
        await town.choose("balance")
        await town.see("balance")
        await town.choose("show")
        await town.see("balance.shown")
        await town.press("D")
        await town.see("menu")
        await town.choose("cash")
        await town.no_receipt()
        await town.see("take.card")
        town.slot.pull()
        await town.see("take.cash")
        await settle(town, 1)
        assert await town.balance(card) == (800_00, 0)
        await town.see("welcome")
        # The next customer finds nothing of it.
        await town.enter_pin(card)
        assert (await town.see("menu")).choices[0].label == "Take cash"

    run_town(tmp_path, story)


def test_what_the_customer_usually_takes_is_offered_as_such(tmp_path: Path) -> None:
    """In place of the last preset, with its words; only where the customer has said so."""

    async def story(town: Town) -> None:
        await at_menu(town, 900_00)
        await town.choose("cash")
        first = await town.see("cash")
        assert "my usual" not in {choice.second for choice in first.choices}
        await town.press("B")
        await town.see("menu")
        await town.choose("more")
        await town.see("more")
        await town.choose("details")
        await town.see("details")
        await town.choose("usual")
        await town.see("usual")
        await town.press("80D")
        await town.see("usual.done", "details.done")
        await town.press("D")
        await town.see("menu")
        await town.choose("cash")
        shown = await town.see("cash")
        assert [(c.label, c.second) for c in shown.choices if c.second == "my usual"] == [("$80", "my usual")]
        assert len(shown.choices) <= 6

    run_town(tmp_path, story)


def _small_exit(town: Town, notes: int) -> Vault:
    vault = town.machine.vault
    vault._exit_notes, vault.most_notes = notes, notes * 2
    return vault


def test_more_notes_than_the_exit_takes_come_once_the_first_are_taken(tmp_path: Path) -> None:
    """Three at a time: the second bunch waits for the customer's word, and all of it is paid."""

    async def story(town: Town) -> None:
        card = await at_menu(town, 900_00)
        _small_exit(town, 3)
        await _want(town, "amount:20000")
        await town.choose("no")
        await town.see("take.card")
        town.slot.pull()
        first = await town.see("take.bunch")
        assert (first.value, sum(town.customers_notes.values())) == ("$150", 3)
        await asyncio.sleep(5)
        assert sum(town.customers_notes.values()) == 3
        town.dispenser.take_cash()
        await town.press("D")
        assert (await town.see("take.cash")).value == "$200"
        await town.see("welcome")
        await settle(town, 1)
        assert await town.balance(card) == (700_00, 0)
        assert (await reckon(town))["doubt"] == 0

    run_town(tmp_path, story)


def test_who_leaves_the_first_bunch_pays_for_it_and_no_more(tmp_path: Path) -> None:
    """Nobody says that it is taken: no further note moves; a power cut in the wait leaves no doubt either."""
    for cut in (False, True):

        async def story(town: Town, cut: bool = cut) -> None:
            card = await at_menu(town, 900_00)
            _small_exit(town, 3)
            await _want(town, "amount:20000")
            await town.choose("no")
            await town.see("take.card")
            town.slot.pull()
            await town.see("take.bunch")
            if cut:
                await town.power_cut()
                await asyncio.sleep(10)
                town.start_kiosk()
            else:
                await town.see("e.partial", seconds=90)
            await town.in_service()
            await settle(town, 1)
            assert sum(town.customers_notes.values()) == 3
            assert await town.balance(card) == (750_00, 0)
            assert (await reckon(town))["doubt"] == 0

        run_town(tmp_path / str(cut), story)


def test_a_balance_is_said_in_headphones_and_not_shown(tmp_path: Path) -> None:
    """Who listens is offered it; the screen is empty meanwhile, and as before afterwards."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=Money(123_45, "USD").minor)
        town.jack.plug()
        await town.enter_pin(card)
        await town.see("menu", seconds=600)
        await town.choose("balance")
        await town.see("balance", seconds=600)
        blank: list[bool] = []
        show = town.display.show

        def seen(screen: object, look: object = None) -> None:
            blank.append(bool(getattr(look, "blank", False)) and getattr(screen, "id", "") == "balance.shown")
            show(screen)  # type: ignore[arg-type]

        town.display.show = seen  # type: ignore[method-assign,assignment]
        town.machine._display._display.show = seen
        await town.choose("say")
        await asyncio.sleep(3)
        assert any(blank)
        await town.press("D")
        await town.see("menu", seconds=600)
        assert not town.machine.voice.blank

    run_town(tmp_path, story)
