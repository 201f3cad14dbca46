"""The journeys of `test_every_way` once more in real Chromium, against a real bank and a real kiosk over TLS."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.journeys import DEPOSIT, FREEZE, LANGUAGE, TRANSFER, WITHDRAWAL
from support.living_kiosk import bank_in, with_card
from support.page_browser import Person, chromium, needs_chromium
from support.page_guest import with_page
from support.page_way import ByPage
from support.real_processes import PIN, RealKiosk

from config.kiosk import LANGUAGES
from kiosk.screens.words.load import load_words

pytestmark = [needs_chromium, pytest.mark.xdist_group("chromium"), pytest.mark.timeout(300)]


def test_journeys_in_a_browser_in_two_languages(tmp_path: Path) -> None:
    """Cash and a transfer in English; then Spanish is chosen, which the card remembers for a deposit and a frozen card."""
    with bank_in(tmp_path) as bank:
        kiosk = RealKiosk.enrolled(bank, tmp_path / "kiosk")
        kiosk.load(top=20, middle=20, bottom=20)
        card, other = with_card(bank, kiosk, pin=PIN), bank.customer(tmp_path, pin=PIN)
        with with_page(kiosk) as (_, guest), chromium() as browser:
            person = Person(browser.new_page(viewport={"width": 1280, "height": 800}), guest)
            way = ByPage(person, bank, card, other, load_words(*LANGUAGES))
            way.travel(WITHDRAWAL, "en", "en")
            way.travel(TRANSFER, "en", "en")
            way.travel(LANGUAGE, "en", "en")
            way.travel(DEPOSIT, "en", "es")
            way.travel(FREEZE, "en", "es")
            assert person.complaints == []
        bank.sound()
        assert not bank.open_cases()
