"""What a customer leaves behind at the machine, and the next one must not find: cards, codes, sums, notes, settings."""

from __future__ import annotations

import asyncio
from pathlib import Path

from support.code_steps import made, type_code
from support.customer_steps import swap_when, take_card, to_take_card
from support.town import Town, TownCard, run_town

from bank.commands import requests as q
from kiosk.display.face import Look
from kiosk.screens.model import Screen


def _looks(town: Town) -> list[tuple[str, bool]]:
    """What is shown from now on, and whether it is hidden."""
    looks: list[tuple[str, bool]] = []
    real = town.display.show

    def show(screen: Screen, look: Look = Look()) -> None:
        looks.append((screen.id, look.blank))
        real(screen, look)

    town.display.show = show  # type: ignore[method-assign]
    return looks


async def _listening(town: Town, balance: int) -> TownCard:
    """A customer with headphones on, at the menu."""
    await town.open_for_business()
    card = await town.customer(balance)
    town.jack.plug()
    await asyncio.sleep(20)
    await town.enter_pin(card)
    await town.see("menu")
    return card


async def _hears_the_balance(town: Town) -> None:
    await town.choose("balance")
    await town.see("balance")
    await town.choose("say")
    await town.see("balance.shown")


def test_contrast_is_the_machines_own_for_the_next_customer(tmp_path: Path) -> None:
    """Whoever could not read it otherwise has gone."""

    async def story(town: Town) -> None:
        on = [False]

        def toggle() -> None:
            on[0] = not on[0]

        await town.open_for_business()
        town.machine.ask._contrast = toggle  # as Hooks.contrast gives it
        first, second = await town.customer(100_00), await town.customer(100_00)
        await town.enter_pin(first)
        await town.see("menu")
        await town.press("C")
        await town.see("help")
        await town.choose("contrast")
        assert on == [True]
        await town.press("A")
        await take_card(town)
        await town.enter_pin(second)
        await town.see("menu")
        assert on == [False]

    run_town(tmp_path, story)


def test_a_balance_said_in_the_ear_is_not_shown_as_the_headphones_are_pulled(tmp_path: Path) -> None:
    """Getting up is no reason to show it to the queue."""

    async def story(town: Town) -> None:
        looks = _looks(town)
        await _listening(town, 123_45)
        await _hears_the_balance(town)
        await asyncio.sleep(3)
        town.jack.unplug()
        await asyncio.sleep(5)
        seen = [look for look in looks if look[0] == "balance.shown"]
        assert all(blank for _, blank in seen), seen

    run_town(tmp_path, story)


def test_a_balance_is_not_shown_to_whoever_stands_there_after_the_card_went(tmp_path: Path) -> None:
    """The card is pulled while the bank is asked."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        first, second = await town.customer(123_45), await town.customer(10_00)

        swap_when(town, "inquire", second.stick)
        await town.enter_pin(first)
        await town.see("menu")
        await town.choose("balance")
        await town.see("balance")
        await town.choose("show")
        shown = await town.see("balance.shown", "cancelled", "take.card")
        assert shown.id != "balance.shown", shown

    run_town(tmp_path, story)


def test_a_code_that_was_left_at_its_question_is_not_the_next_cards(tmp_path: Path) -> None:
    """A card in the slot begins a visit of its own; the code is as good as before."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        first, second = await town.customer(500_00), await town.customer(10_00)
        code = await made(town, first)
        await type_code(town, code.digits)
        await town.see("code.ok")
        await asyncio.sleep(10)
        town.slot.insert(second.stick)
        await asyncio.sleep(5)
        await town.press("D")
        shown = await town.see("pin", "cash.mix", "take.cash", "cancelled", "welcome")
        if shown.id == "cash.mix":
            await town.choose("fewest")
            shown = await town.see("take.cash")
            town.dispenser.take_cash()
        assert not any(town.customers_notes.values()), (shown.id, town.customers_notes)
        assert await town.balance(first) == (500_00, 0)
        assert [line.state for line in (await town.bank.do(q.CodeList)).codes] == ["open"]

    run_town(tmp_path, story)


def test_a_receipt_on_the_screen_is_gone_as_the_next_card_goes_in(tmp_path: Path) -> None:
    """Nobody reads another's amount beside their own card."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        first, second = await town.customer(500_00), await town.customer(10_00)
        await town.enter_pin(first)
        await town.see("menu")
        await to_take_card(town, "amount:5000", receipt="phone")
        town.slot.pull()
        await town.see("take.cash")
        town.dispenser.take_cash()
        shown = await town.see("receipt.qr", "receipt.code", "receipt", "welcome")
        town.slot.insert(second.stick)
        await asyncio.sleep(10)
        assert town.display.shown.id != shown.id, f"{shown.id} of the first one, with the second one's card in"

    run_town(tmp_path, story)


def test_a_notice_of_a_card_that_is_gone_is_not_the_end_of_the_next_cards_visit(tmp_path: Path) -> None:
    """The next card is served, not sent out unread."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        first, second = await town.customer(500_00), await town.customer(10_00)
        content = first.stick.content
        first.stick.content = bytes(len(content or b""))
        await town.see("welcome")
        town.slot.insert(first.stick)
        await town.see("e.card")
        town.slot.pull()
        await asyncio.sleep(3)
        town.slot.insert(second.stick)
        shown = await town.see("pin", "take.card")
        assert shown.id == "pin", "the second card is sent out unread, after up to 30 s of the first one's notice"

    run_town(tmp_path, story)


def test_a_card_that_flickered_and_is_left_in_starts_no_new_visit(tmp_path: Path) -> None:
    """It was back, and the very one, when it was to be taken; nobody took it."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(500_00)

        swap_when(town, "authorise", card.stick)
        await town.enter_pin(card)
        await town.see("menu")
        await to_take_card(town, "amount:5000")
        await town.see("e.nottaken")
        await asyncio.sleep(120)
        assert town.display.shown.id == "e.nottaken"
        town.slot.pull()
        await town.see("welcome")
        assert not any(town.customers_notes.values())

    run_town(tmp_path, story)


def test_the_same_card_that_flickers_is_no_trap(tmp_path: Path) -> None:
    """A stick that enumerates anew while the bank opens the visit: the card still works at the next visit."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(500_00)
        for _ in range(3):
            swap_when(town, "open-visit", card.stick)
            await town.enter_pin(card)
            await town.see("take.card")
            town.slot.pull()
        await town.enter_pin(card)
        await town.see("menu")

    run_town(tmp_path, story)


def test_a_screen_hidden_at_rest_comes_back_for_the_next_customer(tmp_path: Path) -> None:
    """Headphones that were forgotten hide nothing for ever."""

    async def story(town: Town) -> None:
        looks = _looks(town)
        await town.open_for_business()
        card = await town.customer(100_00)
        await town.see("welcome")
        town.jack.plug()
        await asyncio.sleep(20)
        await town.press("C")
        await town.see("help")
        await town.choose("blank")
        await asyncio.sleep(600)
        town.slot.insert(card.stick)
        await town.see("pin")
        await asyncio.sleep(2)
        assert looks[-1] == ("pin", False), looks[-3:]

    run_town(tmp_path, story)


def test_who_made_it_speak_at_rest_and_went_does_not_make_it_speak_for_the_next(tmp_path: Path) -> None:
    """What a passer-by has pressed is over before the next visit."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        assert town.machine.voice is not None
        town.machine.voice._loudspeaker = True
        card = await town.customer(100_00)
        await town.see("welcome")
        await town.press("*")
        await asyncio.sleep(600)
        said = len(town.speaker.said)
        await town.enter_pin(card)
        await town.see("menu")
        await asyncio.sleep(5)
        assert [one.text for one in list(town.speaker.said)[said:]] == []

    run_town(tmp_path, story)


def test_headphones_pulled_while_a_balance_is_in_the_ear_leave_no_dark_screen(tmp_path: Path) -> None:
    """The customer had hidden the screen before; the rest of the visit can be seen."""

    async def story(town: Town) -> None:
        await _listening(town, 100_00)
        await town.press("C")
        await town.see("help")
        await town.choose("blank")
        await town.see("menu")
        await _hears_the_balance(town)
        await asyncio.sleep(2.5)
        town.jack.unplug()
        await town.see("menu")
        await asyncio.sleep(2.5)
        assert town.machine.voice is not None
        assert not town.machine.voice.blank

    run_town(tmp_path, story)
