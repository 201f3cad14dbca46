"""Whole visits in other languages: real bank, real kiosk, by the real keypad's wires and by a finger on the glass."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from support.fingers import Fingers
from support.reckoning import reckon, settle
from support.town import PIN, Town, TownCard, run_town

from bank_link.errors import LinkError
from bank_link.messages import CloseVisit
from config.kiosk import LANGUAGES
from kiosk.screens.model import LANGUAGE_KEY

Story = Callable[[Town, TownCard], Coroutine[Any, Any, None]]


def open_town(tmp_path: Path, story: Story, *, language: str = "en", touch: bool = False) -> None:
    """A town whose machine speaks all languages, and a customer of 500 dollars; the books are reckoned at the end."""

    async def whole(town: Town) -> None:
        town.languages = LANGUAGES
        if touch:
            town.display = Fingers()
        await town.open_for_business()
        await story(town, await town.customer(balance=500_00, language=language))
        await settle(town)
        await reckon(town)

    run_town(tmp_path, whole)


async def by_keypad(town: Town, keys: str) -> None:
    """Fingers on the pad: contacts close, long enough to be scanned."""
    for key in keys:
        town.keypad.press(key)
        await asyncio.sleep(0.15)
        town.keypad.release(key)
        await asyncio.sleep(0.25)


async def language_in_the_books(town: Town) -> list[str]:
    return [row["language"] for row in await town.bank.sql("SELECT language FROM customers ORDER BY customer")]


def test_a_withdrawal_in_spanish_by_keypad(tmp_path: Path) -> None:
    """The card says Spanish: from the PIN on the visit is in it, to the cash; the next customer is greeted in English."""

    async def story(town: Town, card: TownCard) -> None:
        assert (await town.see("welcome")).title == "Welcome"
        town.slot.insert(card.stick)
        assert (await town.see("pin")).title == "Enter your PIN"
        await by_keypad(town, PIN + "D")
        menu = await town.see("menu")
        assert (menu.title, menu.language) == ("¿Qué desea hacer?", "Español")
        await by_keypad(town, "1")
        await town.see("cash")
        await town.choose("other")
        await town.see("cash.other")
        await by_keypad(town, "70")
        assert town.display.shown.entered == "70"
        await by_keypad(town, "D")
        if (await town.see("cash.mix", "cash.receipt")).id == "cash.mix":
            await by_keypad(town, "1")
        assert (await town.see("cash.receipt")).title == "¿Desea recibo?"
        await by_keypad(town, "1")
        take = await town.see("take.card")
        assert (take.title, take.line) == ("Retire su tarjeta", "Después saldrá su dinero")
        town.slot.pull()
        cash = await town.see("take.cash")
        assert (cash.title, cash.value) == ("Retire su dinero", "$70")
        town.dispenser.take_cash()
        welcome = await town.see("welcome")
        assert (welcome.title, town.machine.parts.words.code) == ("Welcome", "en")
        assert await town.balance(card) == (430_00, 0)
        assert await language_in_the_books(town) == ["es"]

    open_town(tmp_path, story, language="es")


def test_a_withdrawal_in_arabic_by_touch_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chosen at the welcome by a finger, Arabic holds for the whole visit, is kept by the bank, and greets the next one.

    The second visit begins in the machine's own language and goes on in Arabic after the PIN.
    """
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")

    async def story(town: Town, card: TownCard) -> None:
        await town.see("welcome")
        await asyncio.sleep(1)
        await town.choose("languages")
        await town.see("languages")
        await asyncio.sleep(0.5)
        await town.choose("language:ar")
        await asyncio.sleep(1)
        assert (await town.see("welcome")).title == "أهلًا بك"
        town.slot.insert(card.stick)
        assert (await town.see("pin")).title == "أدخل رقمك السري"
        await asyncio.sleep(0.5)
        for key in PIN + "D":
            await town.press(key)
        await town.see("menu")
        await asyncio.sleep(0.5)
        await town.choose("cash")
        cash = await town.see("cash")
        assert cash.title == "كم من النقود؟"
        await asyncio.sleep(0.5)
        await town.choose("amount:5000")
        if (await town.see("cash.mix", "cash.receipt")).id == "cash.mix":
            await asyncio.sleep(0.5)
            await town.choose("fewest")
        assert (await town.see("cash.receipt")).title == "هل تريد إيصالًا؟"
        await asyncio.sleep(0.5)
        await town.choose("no")
        await town.see("take.card")
        town.slot.pull()
        assert (await town.see("take.cash")).value == "50\u00a0$"
        town.dispenser.take_cash()
        await town.see("thanks", "welcome")
        assert (await town.see("welcome")).title == "Welcome"
        assert await language_in_the_books(town) == ["ar"]
        town.slot.insert(card.stick)
        assert (await town.see("pin")).title == "Enter your PIN"
        await asyncio.sleep(0.5)
        for key in PIN + "D":
            await town.press(key)
        assert (await town.see("menu")).title == "ماذا تريد أن تفعل؟"
        await asyncio.sleep(0.5)
        await town.press("A")
        await town.see("take.card")
        town.slot.pull()
        assert await town.balance(card) == (450_00, 0)

    open_town(tmp_path, story, touch=True)


def test_help_changes_the_language_in_the_middle_of_a_question(tmp_path: Path) -> None:
    """Digits that were typed stay, the question comes back in the new language, and the bank is told at the end."""

    async def story(town: Town, card: TownCard) -> None:
        await town.enter_pin(card)
        await town.see("menu")
        await town.choose("cash")
        await town.see("cash")
        await town.choose("other")
        await town.see("cash.other")
        await by_keypad(town, "7C")
        await town.see("help")
        await town.choose("language")
        await town.see("languages")
        await town.choose("language:de")
        asked = await town.see("cash.other")
        assert (asked.title, asked.entered) == ("Wie viel Bargeld?", "7")
        await by_keypad(town, "0")
        assert (town.display.shown.title, town.display.shown.entered) == ("Wie viel Bargeld?", "70")
        await by_keypad(town, "A")
        assert (await town.see("cancelled")).title == "Abgebrochen"
        await town.see("take.card")
        town.slot.pull()
        assert (await town.see("welcome")).title == "Welcome"
        assert await language_in_the_books(town) == ["de"]

    open_town(tmp_path, story)


def test_a_touch_on_the_headers_language_leads_to_all_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the header it is one finger; nothing is chosen by going back, and the card's language stays as it was."""
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")

    async def story(town: Town, card: TownCard) -> None:
        await town.enter_pin(card)
        await town.see("menu")
        await asyncio.sleep(0.5)
        await town.press(LANGUAGE_KEY)
        await town.see("languages")
        await asyncio.sleep(0.5)
        await town.press("B")
        assert (await town.see("menu")).title == "आप क्या करना चाहेंगे?"
        await asyncio.sleep(0.5)
        await town.press("A")
        await town.see("take.card")
        town.slot.pull()
        await town.see("welcome")
        assert await language_in_the_books(town) == ["hi"]

    open_town(tmp_path, story, language="hi", touch=True)


@pytest.mark.parametrize(
    ("language", "question", "facts", "done", "rows"),
    [
        (
            "es", "¿Enviar a Ada?", ["$60.00", "final {ending}"], "$60.00 enviados a Ada",
            [("A Ada", "−$60.00"), ("Primer ingreso", "+$500.00")],
        ),
        (
            "ar", "إرسال إلى Ada؟", ["60.00\u00a0$", "آخره {ending}"], "أُرسل 60.00\u00a0$ إلى Ada",
            [("إلى Ada", "−60.00\u00a0$"), ("أول إيداع", "+500.00\u00a0$")],
        ),
        (
            "de", "An Ada senden?", ["60.00\u00a0$", "Nr. …{ending}"], "60,00\u00a0$ gingen an Ada",
            [("An Ada", "−60,00\u00a0$"), ("Ersteinzahlung", "+500,00\u00a0$")],
        ),
    ],
)  # fmt: skip
def test_a_transfer_a_balance_and_the_last_payments(
    tmp_path: Path, language: str, question: str, facts: list[str], done: str, rows: list[tuple[str, str]]
) -> None:
    """The name, the amounts, the statement: each is in the customer's language, and the books say the same as always."""

    async def story(town: Town, card: TownCard) -> None:
        receiver = await town.customer(balance=10_00)
        await town.enter_pin(card)
        await town.see("menu")
        await town.choose("send")
        await town.see("send.number")
        await town.press(receiver.account + "D")
        await town.see("send.amount")
        await town.press("60D")
        asked = await town.see("send.ok")
        assert asked.title == question
        assert asked.facts[1].value == facts[1].format(ending=receiver.account[-4:])
        assert asked.facts[0].value.replace(",", ".") == facts[0]
        await town.press("D")
        assert (await town.see("send.done")).notice.bold == done
        await town.press("D")
        await town.see("menu")
        await town.choose("more")
        await town.see("more")
        await town.choose("list")
        assert [(row.words, row.amount) for row in (await town.see("list")).rows] == rows
        await town.press("D")
        await town.see("menu")
        await town.press("A")
        await town.see("take.card")
        town.slot.pull()
        await town.see("welcome")
        assert (await town.balance(card), await town.balance(receiver)) == ((440_00, 0), (70_00, 0))

    open_town(tmp_path, story, language=language)


def test_a_language_that_was_left_behind_is_not_the_next_ones(tmp_path: Path) -> None:
    """Who chooses a language and walks away leaves the machine's own one after the time to answer."""

    async def story(town: Town, _: TownCard) -> None:
        await town.see("welcome")
        await town.choose("language:es")
        await asyncio.sleep(1)
        assert town.display.shown.title == "Bienvenido"
        await asyncio.sleep(40)
        assert town.display.shown.title == "Welcome"
        assert town.machine.parts.words.chosen == ""

    open_town(tmp_path, story)


def test_the_bank_keeps_a_language_only_at_its_own_visit(tmp_path: Path) -> None:
    """A visit that is over or was never opened changes nobody's language, and what is no language is refused."""

    async def story(town: Town, card: TownCard) -> None:
        await town.enter_pin(card)
        await town.see("menu")
        visit = (await town.bank.sql("SELECT visit FROM visits WHERE state = 'open'"))[0]["visit"]
        for other in ("vT2.1.1", visit + "0", "v"):
            await tell(town, other, "fr")
        with suppress(LinkError):
            await tell(town, visit, "no language")
        assert await language_in_the_books(town) == ["es"]
        assert len(await town.bank.sql("SELECT visit FROM visits WHERE state = 'open'")) == 1
        await tell(town, visit, "fr-CA")
        assert await language_in_the_books(town) == ["fr-CA"]
        await tell(town, visit, "de")
        assert await language_in_the_books(town) == ["fr-CA"]
        await town.press("A")
        await town.see("take.card")
        town.slot.pull()
        await town.see("welcome")

    open_town(tmp_path, story, language="es")


async def tell(town: Town, visit: str, language: str) -> None:
    host = town.machine.host
    message = CloseVisit(visit=visit, ended="card-taken", language=language)
    await town.machine.client.ask(message, until=host.now() + 5_000)
