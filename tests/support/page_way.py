"""The way to a machine by the simulator's page: journeys in a browser, by mouse on the picture of the machine."""

from __future__ import annotations

import re

from playwright.sync_api import expect
from support.journeys import BILL, CHOSEN, At, Journey
from support.page_browser import PATIENCE_MS, Person
from support.real_processes import PIN, RealBank, RealCard

from kiosk.screens.words.load import Words

#: Where a choice's words are those of another screen.
_WORDS_OF = {
    ("cash.receipt", "phone"): ("receipt.ways", "phone"), ("welcome", "languages"): ("welcome", "more"),
    ("welcome", "code"): ("welcome", "by_code"),
}  # fmt: skip

#: What the bank calls it, in every language.
_BY_THE_BANK = {"product:0": "Everyday", "product:1": "Savings"}


class ByPage:
    """One person before one page, whose card lies beside the machine."""

    def __init__(self, person: Person, bank: RealBank, people: dict[str, RealCard], words: Words) -> None:
        """`people`: `card`, `other` and `biller`. `words`: all that the machine has, to find a choice by what it says."""
        self._person, self._bank, self._people = person, bank, people
        self._words = words
        bank.ask(
            "payee-add", account=people["biller"].account, name="City Water", category="water", digits=len(BILL),
            check="luhn",
        )  # fmt: skip

    def travel(self, journey: Journey, language: str) -> None:
        """`language`: the card's, which the machine speaks after its PIN; it greets in English."""
        before = {name: self._bank.account(one).balance for name, one in self._people.items()}
        given = self._given(journey, language)
        self._words.choose("en")
        for step in journey.steps:
            self._person.until_screen(step.screen)
            if step.screen == "menu":
                self._words.choose(language)
            if language in step.sees:
                self._person.until_seen("#words", step.sees[language])
            self._do(step, given)
        after = {name: self._bank.account(one).balance for name, one in self._people.items()}
        wanted = {name: balance + journey.moved.get(name, 0) for name, balance in before.items()}
        assert after == wanted, f"{journey.name} in {language}"

    def _given(self, journey: Journey, language: str) -> dict[str, str]:
        code = ""
        if any("{code}" in step.keys for step in journey.steps):
            made = self._bank.ask("code-make", account=self._people["card"].account, amount="70", minutes=60)
            code = made["digits"]
        other = self._people["other"].account
        return {"pin": PIN, "other": other, "code": code, "language": language, "chosen": CHOSEN[language]}

    def _do(self, step: At, given: dict[str, str]) -> None:
        person = self._person
        if step.choose:
            self._choose(step.screen, step.choose.format(**given))
        person.key(step.keys.format(**given))
        for units in step.notes:
            expect(person.page.locator("#notes-in.ready")).to_have_count(1, timeout=PATIENCE_MS)
            person.page.get_by_role("button", name=f"Put a note of {units} in").click()
            person.until_seen("#notes-hint", str(units))
        match step.hand:
            case "insert":
                person.insert()
            case "pull":
                person.pull()
            case "take":
                expect(person.page.locator("#tray .note")).not_to_have_count(0, timeout=PATIENCE_MS)
                person.page.locator("#tray").click()

    def _choose(self, screen: str, key: str) -> None:
        """By the digit of the line that says it."""
        code = key.removeprefix("language:")
        label = self._words.languages[code] if code != key else self._label(screen, key)
        self._person.until_seen("#words", label)
        line = next(one for one in self._person.words if re.fullmatch(rf"\W?\d\s+{re.escape(label)}(\s.*)?", one))
        self._person.key(line.lstrip("*- ")[0])
        if code != key:
            self._words.choose(code)

    def _label(self, screen: str, key: str) -> str:
        if key in _BY_THE_BANK:
            return _BY_THE_BANK[key]
        return self._words.say(*_WORDS_OF.get((screen, key), (screen, key)))
