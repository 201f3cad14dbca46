"""Whole visits by ear, in the town: real bank, real kiosk, real jack on simulated pins, a voice that can be read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from support.reckoning import reckon, settle
from support.town import Town, TownCard, run_town

from kiosk.control import KioskControl, status_text
from kiosk.operator.desk import Desk


def heard(town: Town, since: int = 0) -> list[str]:
    return [said.text for said in list(town.speaker.said)[since:]]


async def quiet(town: Town) -> None:
    """Until nothing is being said."""
    while town.machine.voice.speaking:
        await asyncio.sleep(0.05)


async def hears(town: Town, text: str, seconds: float = 60) -> None:
    """Until this is said."""
    try:
        async with asyncio.timeout(seconds):
            while text not in heard(town):
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"{text!r} was not said; heard {heard(town)}") from None


def open_town(tmp_path: Path, story: Callable[[Town, TownCard], Coroutine[Any, Any, None]]) -> None:
    """A town in service with a customer of 500 dollars; the books are reckoned at the end."""

    async def whole(town: Town) -> None:
        await town.open_for_business()
        await story(town, await town.customer(balance=500_00))
        await settle(town)
        await reckon(town)

    run_town(tmp_path, whole)


def test_a_withdrawal_by_ear(tmp_path: Path) -> None:
    """Headphones in, card in, PIN, amount, card, cash: each step is said, and the customer needs no eyes for any."""

    async def story(town: Town, card: TownCard) -> None:
        town.jack.plug()
        await hears(town, "Insert your card")
        assert await town.withdraw(card, 70) == "take.cash"
        await quiet(town)
        wanted = [
            "Welcome", "Insert your card", "Enter your pin", "", "1 of 4", "What would you like to do?",
            "How much cash?", "Take your card", "Take your cash", "70 dollars", "Thank you",
        ]  # fmt: skip
        await town.see("welcome")
        said = iter(heard(town))
        assert [text for text in wanted if text not in said] == []  # in this order
        assert town.customers_notes == {"top": 1, "middle": 1, "bottom": 0}

    open_town(tmp_path, story)


def test_no_digit_of_the_pin_is_in_the_ear(tmp_path: Path) -> None:
    """Two visits with two wrong PINs sound alike to the last tick and moment."""

    async def story(town: Town, card: TownCard) -> None:
        town.jack.plug()
        await hears(town, "Insert your card")
        told = []
        for pin in ("1830", "9952"):
            await town.see("welcome", seconds=900)
            await quiet(town)
            since, begun = len(town.speaker.said), asyncio.get_running_loop().time()
            town.slot.insert(card.stick)
            await town.see("pin")
            for key in pin:
                await town.press(key)
                await asyncio.sleep(2)
            told.append([(round(said.at - begun, 1), said.text) for said in list(town.speaker.said)[since:]])
            await town.press("A")
            await town.see("take.card")
            town.slot.pull()
        one, other = ([text for _, text in visit] for visit in told)
        assert one == other
        assert one[-8:] == ["", "1 of 4", "", "2 of 4", "", "3 of 4", "", "4 of 4"]

    open_town(tmp_path, story)


def test_who_listens_has_twice_the_time_and_none_runs_while_it_speaks(tmp_path: Path) -> None:
    """The machine asks for more time 30 s after the menu for who reads; 60 s after its last word for who listens."""

    async def asked_after(town: Town, card: TownCard) -> float:
        await town.enter_pin(card)
        await town.see("menu")
        await quiet(town)
        begun = asyncio.get_running_loop().time()
        await town.see("time")
        return asyncio.get_running_loop().time() - begun

    async def story(town: Town, card: TownCard) -> None:
        assert 29 <= await asked_after(town, card) <= 31
        await town.press("A")
        await town.see("take.card")
        town.slot.pull()
        await town.see("welcome")
        town.jack.plug()
        assert 59 <= await asked_after(town, card) <= 61
        since = len(town.speaker.said)
        await hears(town, "Your card comes back in 40 seconds")
        await quiet(town)
        assert [said.text for said in list(town.speaker.said)[since:]].count("Need more time?") <= 1
        assert town.display.shown.notice.bold.endswith("40\u00a0seconds")  # nothing was counted while it was said
        await town.press("A")
        await town.see("take.card")
        town.slot.pull()

    open_town(tmp_path, story)


def test_star_is_a_sign_of_life(tmp_path: Path) -> None:
    """Whoever has a screen said again has all the time for it again, and is not taken to have answered."""

    async def story(town: Town, card: TownCard) -> None:
        town.jack.plug()
        await town.enter_pin(card)
        await town.see("menu")
        await quiet(town)
        for _ in range(4):
            await asyncio.sleep(50)
            assert town.display.shown.id == "menu"
            since = len(town.speaker.said)
            await town.press("*")
            await quiet(town)
            assert heard(town, since)[0] == "What would you like to do?"
        await town.press("A")
        await town.see("take.card")
        town.slot.pull()

    open_town(tmp_path, story)


def test_headphones_in_the_middle_of_a_visit(tmp_path: Path) -> None:
    """The screen that is shown is said at once, with all the time for it; pulled out, there is silence."""

    async def story(town: Town, card: TownCard) -> None:
        await town.enter_pin(card)
        await town.see("menu")
        await asyncio.sleep(25)
        assert heard(town) == []
        town.jack.plug()
        await hears(town, "What would you like to do?")
        await quiet(town)
        await asyncio.sleep(55)
        assert town.display.shown.id == "menu"
        await town.press("1")
        await hears(town, "How much cash?")
        town.jack.unplug()
        await asyncio.sleep(0.1)
        since = len(town.speaker.said)
        await town.press("A")
        await town.see("take.card")
        town.slot.pull()
        await town.see("welcome")
        assert heard(town, since) == []

    open_town(tmp_path, story)


def test_help_offers_what_can_be_heard(tmp_path: Path) -> None:
    """With headphones: 1 Say it again, 2 Slower, and the screen can be hidden; without them none of it."""

    async def story(town: Town, card: TownCard) -> None:
        await town.enter_pin(card)
        await town.see("menu")
        await town.press("C")
        assert [choice.key for choice in town.display.shown.choices] == ["person"]
        await town.press("B")
        town.jack.plug()
        await hears(town, "What would you like to do?")
        await town.press("C")
        assert [choice.label for choice in town.display.shown.choices] == [
            "Say it again", "Slower", "Call a person", "Hide screen",
        ]  # fmt: skip
        await town.press("*#")  # heard, but no answer: Help stays
        assert town.display.shown.id == "help"
        since = len(town.speaker.said)
        await town.press("1")
        await quiet(town)
        assert "What would you like to do?" in heard(town, since)
        await town.press("C2")
        await quiet(town)
        assert town.speaker.said[-1].manner.words_per_minute == 130
        await town.press("C")
        assert town.display.shown.choices[1].label == "Faster"
        await town.press("4")
        assert town.machine.voice.blank
        await town.press("C")
        assert town.display.shown.choices[3].label == "Show screen"
        await town.press("BA")
        await town.see("take.card")
        town.slot.pull()
        await town.see("welcome")
        assert not town.machine.voice.blank
        await quiet(town)
        assert town.speaker.said[-1].manner.words_per_minute == 165

    open_town(tmp_path, story)


def test_a_voice_that_breaks_ends_no_visit(tmp_path: Path) -> None:
    """The sound card dies in the middle: one line in the journal, and the customer has the cash."""

    async def story(town: Town, card: TownCard) -> None:
        town.jack.plug()
        await town.enter_pin(card)
        await town.see("menu")
        town.speaker.set_fault("no-sound")
        await town.choose("cash")
        await town.see("cash")
        await town.press("A")
        await town.see("take.card")
        town.slot.pull()
        await town.see("welcome")
        assert await town.withdraw(card, 70) == "take.cash"
        noted = [record for record in town.machine.journal.since("booted") if "voice: The sound card" in str(record)]
        assert len(noted) == 1

    open_town(tmp_path, story)


def test_a_machine_without_the_program_says_so_once_and_serves_in_silence(tmp_path: Path) -> None:
    """espeak-ng is not installed: journal and status name it, the machine is in service all the same."""

    async def story(town: Town) -> None:
        town.speaker.set_fault("missing")
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        town.jack.plug()
        assert await town.withdraw(card, 70) == "take.cash"
        await town.see("welcome")
        assert heard(town) == []
        noted = [str(record) for record in town.machine.journal.since("booted") if "voice" in str(record)]
        assert len(noted) == 1
        assert "is not installed" in noted[0]
        machine = town.machine
        desk = Desk(journal=machine.journal, config=machine.config, generation=1, now=machine.host.now)
        status = status_text(KioskControl(machine, desk, "T1").status())
        assert "voice: no-device The program that speaks is not installed" in status
        assert "headphone jack: online" in status
        await settle(town)
        await reckon(town)

    run_town(tmp_path, story)


def test_speech_delays_no_note(tmp_path: Path) -> None:
    """A withdrawal with headphones in is over as soon as one without: nothing waits for a sentence but the customer's time."""

    async def counted(town: Town, card: TownCard) -> float:
        """From the card's being taken to the notes' being out."""
        await town.enter_pin(card)
        await town.see("menu")
        await town.choose("cash")
        await town.see("cash")
        await town.choose("amount:10000")
        await town.see("cash.mix")
        await town.choose("fewest")
        await town.no_receipt()
        await town.see("take.card")
        town.slot.pull()
        begun = asyncio.get_running_loop().time()
        await town.see("take.cash")
        town.dispenser.take_cash()
        return asyncio.get_running_loop().time() - begun

    async def story(town: Town, card: TownCard) -> None:
        silent = await counted(town, card)
        town.jack.plug()
        await hears(town, "Insert your card")
        assert abs(await counted(town, card) - silent) < 0.3

    open_town(tmp_path, story)
