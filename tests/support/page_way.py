"""The way to a machine by the simulator's page: journeys in a browser, by mouse on the picture of the machine."""

from __future__ import annotations

import re

from playwright.sync_api import expect
from support.journeys import CHOSEN, At, Journey
from support.page_browser import PATIENCE_MS, Person
from support.real_processes import PIN, RealBank, RealCard

from kiosk.screens.words.load import Words

#: Where a choice's words are those of another screen.
_WORDS_OF = {
    ("cash.receipt", "phone"): ("receipt.ways", "phone"), ("welcome", "languages"): ("welcome", "more"),
    ("welcome", "code"): ("welcome", "by_code"),
}  # fmt: skip


class ByPage:
    """One person before one page, whose card lies beside the machine."""

    def __init__(self, person: Person, bank: RealBank, card: RealCard, other: RealCard, words: Words) -> None:
        """`words` are those that the machine speaks, which are read to find a choice by what it says."""
        self._person, self._bank = person, bank
        self._people = {"card": card, "other": other}
        self._words = words

    def travel(self, journey: Journey, begins: str, language: str) -> None:
        """`begins`: in which language the machine greets; `language`: that of the journey, and of the card after its PIN."""
        before = {name: self._bank.account(one).balance for name, one in self._people.items()}
        given = {"pin": PIN, "other": self._people["other"].account, "chosen": CHOSEN[language]}
        self._words.choose(begins)
        for step in journey.steps:
            self._person.until_screen(step.screen)
            if step.screen == "menu":
                self._words.choose(language)
            if language in step.sees:
                self._person.until_seen("#words", step.sees[language])
            self._do(step, given)
        after = {name: self._bank.account(one).balance for name, one in self._people.items()}
        assert after == {name: balance + journey.moved.get(name, 0) for name, balance in before.items()}

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
        label = (
            self._words.languages[code]
            if code != key
            else self._words.say(*_WORDS_OF.get((screen, key), (screen, key)))
        )
        self._person.until_seen("#words", label)
        line = next(one for one in self._person.words if re.fullmatch(rf"\W?\d\s+{re.escape(label)}(\s.*)?", one))
        self._person.key(line.lstrip("*- ")[0])
