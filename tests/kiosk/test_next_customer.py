"""What a customer leaves behind at the machine, and the next one must not find: cards, codes, sums, notes, settings."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from support.customer_steps import take_card
from support.town import Town, run_town
from test_code_visit import made, type_code
from test_deposit_doubts import _escrow_at_a_power_cut

from drivers.devices import DeviceError, Fault
from kiosk.display.face import Look


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
        looks: list[tuple[str, bool]] = []
        real = town.display.show

        def show(screen: Any, look: Look = Look()) -> None:
            looks.append((screen.id, look.blank))
            real(screen, look)

        town.display.show = show  # type: ignore[method-assign]
        await town.open_for_business()
        card = await town.customer(123_45)
        town.jack.plug()
        await asyncio.sleep(20)
        await town.enter_pin(card)
        await town.see("menu")
        await town.choose("balance")
        await town.see("balance")
        await town.choose("say")
        await town.see("balance.shown")
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

        async def swap(kind: str) -> None:
            if kind == "inquire":
                town.slot.pull()
                await asyncio.sleep(5)
                town.slot.insert(second.stick)
                await asyncio.sleep(2)

        town.line.before = swap
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
        assert not any(town.customers_notes.values()), (shown.id, town.customers_notes, await town.balance(first))

    run_town(tmp_path, story)


def test_a_receipt_on_the_screen_is_gone_as_the_next_card_goes_in(tmp_path: Path) -> None:
    """Nobody reads another's amount beside their own card."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        first, second = await town.customer(500_00), await town.customer(10_00)
        await town.enter_pin(first)
        await town.see("menu")
        await town.choose("cash")
        await town.see("cash")
        await town.choose("amount:5000")
        if (await town.see("cash.mix", "cash.receipt")).id == "cash.mix":
            await town.choose("fewest")
            await town.see("cash.receipt")
        await town.choose("phone")
        await town.see("take.card")
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

        async def flicker(kind: str) -> None:
            if kind == "authorise":
                town.slot.pull()
                await asyncio.sleep(1)
                town.slot.insert(card.stick)
                await asyncio.sleep(1)

        town.line.before = flicker
        await town.enter_pin(card)
        await town.see("menu")
        await town.choose("cash")
        await town.see("cash")
        await town.choose("amount:5000")
        if (await town.see("cash.mix", "cash.receipt")).id == "cash.mix":
            await town.choose("fewest")
        await town.no_receipt()
        await town.see("take.card")
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
        flick = [3]

        async def flicker(kind: str) -> None:
            if kind == "open-visit" and flick[0]:
                flick[0] -= 1
                town.slot.pull()
                await asyncio.sleep(1)
                town.slot.insert(card.stick)
                await asyncio.sleep(1)

        town.line.before = flicker
        for _ in range(3):
            await town.enter_pin(card)
            await town.see("take.card")
            town.slot.pull()
        await town.enter_pin(card)
        await town.see("menu")

    run_town(tmp_path, story)


def test_a_screen_hidden_at_rest_comes_back_for_the_next_customer(tmp_path: Path) -> None:
    """Headphones that were forgotten hide nothing for ever."""

    async def story(town: Town) -> None:
        last: list[tuple[str, bool]] = []
        real = town.display.show

        def show(screen: Any, look: Look = Look()) -> None:
            last.append((screen.id, look.blank))
            real(screen, look)

        town.display.show = show  # type: ignore[method-assign]
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
        assert last[-1] == ("pin", False), last[-3:]

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
        await town.open_for_business()
        card = await town.customer(100_00)
        town.jack.plug()
        await asyncio.sleep(20)
        await town.enter_pin(card)
        await town.see("menu")
        await town.press("C")
        await town.see("help")
        await town.choose("blank")
        await town.see("menu")
        await town.choose("balance")
        await town.see("balance")
        await town.choose("say")
        await town.see("balance.shown")
        await asyncio.sleep(2.5)
        town.jack.unplug()
        await town.see("menu")
        await asyncio.sleep(2.5)
        assert town.machine.voice is not None
        assert not town.machine.voice.blank

    run_town(tmp_path, story)


def test_an_escrow_that_could_not_be_emptied_before_the_operator_is_not_emptied_before_a_passer_by(
    tmp_path: Path,
) -> None:
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
