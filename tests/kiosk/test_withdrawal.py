"""Withdrawals from card in to card out: real kiosk and bank code, simulated pins, virtual time."""

from __future__ import annotations

import asyncio
from pathlib import Path

from support.customer_steps import swap_when, to_take_card
from support.reckoning import reckon, settle
from support.town import Town, run_town

from bank_link.card_file import compose, parse
from drivers.simulated.stick import SimulatedStick


def test_a_withdrawal_pays_and_debits_the_same(tmp_path: Path) -> None:
    """$70 comes out in notes, and exactly that is debited; nothing stays held, no fact waits."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        assert await town.withdraw(card, 70) == "take.cash"
        await town.see("welcome")
        assert await town.balance(card) == (430_00, 0)
        assert town.customers_notes == {"top": 1, "middle": 1, "bottom": 0}
        assert (await reckon(town))["doubt"] == 0

    run_town(tmp_path, story)


def test_card_comes_before_cash(tmp_path: Path) -> None:
    """No note moves before the card is in the customer's hand."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        await town.enter_pin(card)
        await town.see("menu")
        await town.choose("cash")
        await town.see("cash")
        await town.choose("amount:2000")
        await town.see("cash.mix")
        await town.choose("fewest")
        await town.no_receipt()
        await town.see("take.card")
        await asyncio.sleep(10)
        assert sum(town.customers_notes.values()) == 0
        assert (await town.balance(card))[1] == 20_00
        town.slot.pull()
        await town.see("take.cash")
        assert town.customers_notes["middle"] == 1

    run_town(tmp_path, story)


def test_a_card_not_taken_gives_no_cash_and_leaves_no_hold(tmp_path: Path) -> None:
    """The card stays in: no note, no debit, no hold; the machine starts no new visit with it."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        await town.enter_pin(card)
        await town.see("menu")
        await town.choose("cash")
        await town.see("cash")
        await town.choose("amount:5000")
        await town.see("cash.mix")
        await town.choose("fewest")
        await town.no_receipt()
        await town.see("take.card")
        await town.see("e.nottaken")
        await asyncio.sleep(120)
        assert town.display.shown is not None
        assert town.display.shown.id == "e.nottaken"
        assert await town.balance(card) == (500_00, 0)
        town.slot.pull()
        await town.see("welcome")
        assert (await reckon(town)) == {"given": 0, "debited": 0, "doubt": 0}

    run_town(tmp_path, story)


def test_the_same_card_works_again_and_again(tmp_path: Path) -> None:
    """The ratchet turns with each visit and never blocks an honest card."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        for _ in range(4):
            assert await town.withdraw(card, 20) == "take.cash"
        await town.see("welcome")
        assert await town.balance(card) == (420_00, 0)
        await reckon(town)

    run_town(tmp_path, story)


def test_above_the_balance_says_what_is_possible(tmp_path: Path) -> None:
    """Refused with a screen that says which, and the amount that would go."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=45_00)
        assert await town.withdraw(card, 100) == "cash.short"
        assert [choice.key for choice in town.display.shown.choices] == ["amount:4000", "other"]
        await town.choose("amount:4000")
        shown = await town.see("cash.mix", "take.card")
        if shown.id == "cash.mix":
            await town.choose("fewest")
            await town.see("take.card")
        town.slot.pull()
        await town.see("take.cash")
        await town.see("welcome")
        assert await town.balance(card) == (5_00, 0)
        await reckon(town)

    run_town(tmp_path, story)


def test_above_the_days_limit_says_what_is_left(tmp_path: Path) -> None:
    """The second withdrawal of the day meets the limit; what is left of it is offered, the next day all of it.

    The story begins at 23:43 of the bank's day.
    """

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=1000_00)
        assert await town.withdraw(card, 100) == "take.cash"
        await town.enter_pin(card)
        await town.see("menu")
        await town.choose("cash")
        screen = await town.see("cash")
        offered = {choice.key: choice.enabled for choice in screen.choices}
        assert offered["amount:5000"]
        assert not offered["amount:10000"]
        assert not offered["amount:20000"]
        await town.press("A")
        await town.see("take.card")
        town.slot.pull()
        await asyncio.sleep(3600)
        assert await town.withdraw(card, 100) == "take.cash"
        await town.see("welcome")
        await reckon(town)

    run_town(tmp_path, story, day_amount=150, withdrawal_amount=150, zone='"UTC+09:30"')


def test_above_the_machines_cash_offers_the_nearest(tmp_path: Path) -> None:
    """An amount that the cassettes cannot make is never authorised; the nearest ones are offered."""

    async def story(town: Town) -> None:
        town.loaded = {"top": 2, "middle": 3}
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        assert await town.withdraw(card, 30) == "cash.nearest"
        assert [choice.key for choice in town.display.shown.choices] == ["amount:2000", "amount:4000", "other"]
        assert (await town.balance(card)) == (500_00, 0)
        await town.press("A")
        await town.see("take.card")
        town.slot.pull()
        await town.see("welcome")

    run_town(tmp_path, story)


def test_three_wrong_pins_lock_for_a_time_that_grows(tmp_path: Path) -> None:
    """Locked after the third wrong PIN, unlocked after its time, locked for longer by the next three."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        await town.enter_pin(card, "0000")
        await town.see("pin.wrong")
        await town.press("1111D")
        await asyncio.sleep(3)
        await town.press("2222D")
        await town.see("pin.locked")
        town.slot.pull()
        await town.see("welcome")
        await town.enter_pin(card)
        await town.see("pin.locked")
        town.slot.pull()
        await asyncio.sleep(901)
        await town.enter_pin(card, "0000")
        await town.see("pin.wrong")
        await town.press("1111D")
        await asyncio.sleep(3)
        await town.press("2222D")
        await town.see("pin.locked")
        town.slot.pull()
        await asyncio.sleep(1800)
        await town.enter_pin(card)
        await town.see("pin.locked")
        town.slot.pull()
        await asyncio.sleep(1900)
        assert await town.withdraw(card, 20) == "take.cash"
        await town.see("welcome")
        await reckon(town)

    run_town(tmp_path, story)


def test_the_balance_is_shown_on_request_and_hidden(tmp_path: Path) -> None:
    """Shown after a question, hidden after ten seconds, back to the menu."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=123_45)
        await town.enter_pin(card)
        await town.see("menu")
        await town.choose("balance")
        await town.see("balance")
        await town.choose("show")
        screen = await town.see("balance.shown")
        assert screen.facts[0].value == "$123.45"
        assert screen.private
        await asyncio.sleep(11)
        await town.see("menu")
        await town.press("A")
        await town.see("cancelled")
        town.slot.pull()
        await town.see("welcome")

    run_town(tmp_path, story)


def test_another_card_does_not_go_on_with_an_open_visit(tmp_path: Path) -> None:
    """Who takes the card while something is read has ended the visit, even if the next customer's card is in by then."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        first, second = await town.customer(balance=123_45), await town.customer(balance=10_00)
        await town.enter_pin(first)
        await town.see("menu")
        await town.choose("balance")
        await town.see("balance")
        await town.choose("show")
        await town.see("balance.shown")
        town.slot.pull()
        await asyncio.sleep(2)
        town.slot.insert(second.stick)
        await asyncio.sleep(2)
        await town.press("D")
        assert (await town.see("menu", "cancelled")).id == "cancelled"
        # The second one is served at once, with a PIN of their own.
        await town.see("pin")
        await town.press(f"{second.pin}D")
        await town.see("menu")
        await town.choose("balance")
        await town.see("balance")
        await town.choose("show")
        assert (await town.see("balance.shown")).facts[0].value == "$10.00"

    run_town(tmp_path, story)


def test_no_cash_is_paid_for_a_card_that_is_not_in_any_more(tmp_path: Path) -> None:
    """While the bank is asked another card is put in, of the same age to the second: it is not taken for the first one."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        first, second = await town.customer(balance=300_00), await town.customer(balance=10_00)

        await town.enter_pin(first)
        await town.see("menu")
        card = parse(first.stick.content or b"")
        file = compose(second.number, card.issuer, card.expiry, card.newest.epoch, card.newest.n, bytes(32))
        swap_when(town, "authorise", SimulatedStick(file))
        await to_take_card(town, "amount:5000")
        assert town.display.shown.id == "e.card"
        town.slot.pull()
        await town.see("welcome")
        assert not any(town.customers_notes.values())

    run_town(tmp_path, story)


def test_nobody_presses_anything(tmp_path: Path) -> None:
    """A customer who walks off is asked for more time, then the card comes back; the next one starts clean."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=100_00)
        await town.enter_pin(card)
        await town.see("menu")
        await town.see("time", seconds=40)
        await town.press("D")
        await town.see("menu", seconds=2)
        await town.see("time", seconds=40)
        await town.see("cancelled", seconds=25)
        await town.see("take.card")
        await town.see("e.left", seconds=40)
        town.slot.pull()
        await town.see("welcome")
        await settle(town)
        await reckon(town)

    run_town(tmp_path, story)


def test_a_pulled_card_ends_the_visit(tmp_path: Path) -> None:
    """The card goes in mid-question: the visit ends, nothing is debited, the card still works."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=100_00)
        await town.enter_pin(card)
        await town.see("menu")
        town.slot.pull()
        await town.see("welcome")
        assert await town.withdraw(card, 20) == "take.cash"
        await town.see("welcome")
        await reckon(town)

    run_town(tmp_path, story)


def test_help_leads_back_to_the_question(tmp_path: Path) -> None:
    """C works on every screen that draws it, at rest and in a visit, and never loses the customer's place."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=100_00)
        await town.see("welcome")
        await town.press("C")
        await town.see("help")
        await town.press("B")
        await town.enter_pin(card)
        await town.see("menu")
        await town.press("C")
        await town.see("help")
        await town.choose("person")
        await town.see("help.person")
        await town.press("B")
        await town.see("menu")
        await town.press("A")
        await town.see("take.card")
        await town.press("C")
        await town.see("help")
        town.slot.pull()
        await town.see("welcome")

    run_town(tmp_path, story)


def test_the_waiting_screen_tells_the_truth(tmp_path: Path) -> None:
    """After eight seconds it says that it still works; with the card out it does not ask to leave it in."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=100_00)

        async def slow(kind: str) -> None:
            if kind in {"open-visit", "release"}:
                await asyncio.sleep(9)

        town.line.before = slow
        assert await town.withdraw(card, 20) == "take.cash"
        lines = [screen.line for screen in town.display.screens if screen.id == "working"]
        assert lines == [
            "Please leave your card in", "Still working", "Please leave your card in", "Your cash comes next",
            "Still working",
        ]  # fmt: skip

    run_town(tmp_path, story)


def test_the_next_customer_may_be_fast(tmp_path: Path) -> None:
    """A card that goes in while the last one is being thanked opens the next visit."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        first, second = await town.customer(balance=100_00), await town.customer(balance=100_00)
        await town.enter_pin(first)
        await town.see("menu")
        await town.press("A")
        await town.see("take.card")
        town.slot.pull()
        await town.see("thanks")
        town.slot.insert(second.stick)
        await town.see("pin", seconds=10)
        town.slot.pull()

    run_town(tmp_path, story)


def test_what_is_offered_can_be_had(tmp_path: Path) -> None:
    """Too much is refused at the figures, with what goes; what goes is then authorised at the first try."""

    async def story(town: Town) -> None:
        town.loaded = {"top": 50, "middle": 50, "bottom": 50}
        await town.open_for_business()
        card = await town.customer(balance=2000_00)
        assert await town.withdraw(card, 50) == "take.cash"
        await town.enter_pin(card)
        await town.see("menu")
        await town.choose("cash")
        await town.see("cash")
        await town.choose("other")
        screen = await town.see("cash.other")
        assert "$450" in screen.limits
        await town.press("900D")
        assert town.display.shown.notice is not None
        await town.press("450D")
        await town.see("cash.mix")
        await town.choose("fewest")
        await town.no_receipt()
        await town.see("take.card")
        town.slot.pull()
        await town.see("take.cash")
        await settle(town, 1)
        await reckon(town)

    run_town(tmp_path, story)


def test_the_line_is_tried_again_on_request(tmp_path: Path) -> None:
    """Cut after the PIN: "Try again" asks for the PIN once more, and goes on when the line is back."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=100_00)
        await town.see("welcome")
        town.slot.insert(card.stick)
        await town.see("pin")
        town.line.cut = True
        await town.press("4711D")
        await town.see("e.line")
        town.line.cut = False
        await town.choose("again")
        await town.see("pin")
        await town.press("4711D")
        await town.see("menu")
        town.slot.pull()
        await settle(town, 1)
        await reckon(town)

    run_town(tmp_path, story)


def test_the_day_is_over_and_the_card_comes_back(tmp_path: Path) -> None:
    """Nothing left of the day's limit: said so, and D gives the card back."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=2000_00)
        assert await town.withdraw(card, 50) == "take.cash"
        await town.enter_pin(card)
        await town.see("menu")
        await town.choose("cash")
        await town.see("cash")
        await town.choose("other")
        await town.see("cash.limit.reached")
        await town.press("D")
        await town.see("take.card")
        town.slot.pull()

    run_town(tmp_path, story, day_amount=50, withdrawal_amount=50)
