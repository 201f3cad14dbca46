"""The journeys of `test_every_way` once more in real Chromium, against a real bank and a real kiosk over TLS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support import journeys as j
from support.living_kiosk import bank_in, with_card
from support.page_browser import Person, chromium, needs_chromium
from support.page_guest import with_page
from support.page_way import ByPage
from support.real_processes import PIN, RealKiosk

from config.kiosk import LANGUAGES
from kiosk.screens.words.load import load_words

pytestmark = [needs_chromium, pytest.mark.xdist_group("chromium-ways"), pytest.mark.timeout(300)]


@contextmanager
def a_page(folder: Path) -> Iterator[ByPage]:
    """A bank, a machine and a browser; afterwards the books are right, nobody has a claim, and the page has no complaint."""
    with bank_in(folder) as bank:
        kiosk = RealKiosk.enrolled(bank, folder / "kiosk")
        kiosk.load(top=20, middle=20, bottom=20)
        people = {"card": with_card(bank, kiosk, pin=PIN)}
        people |= {name: bank.customer(folder, pin=PIN) for name in ("other", "biller")}
        with with_page(kiosk) as (_, guest), chromium() as browser:
            person = Person(browser.new_page(viewport={"width": 1280, "height": 800}), guest)
            yield ByPage(person, bank, people, load_words(*LANGUAGES))
            assert person.complaints == []
        bank.sound()
        assert not bank.open_cases()


def test_money_goes_every_way_on_the_page(tmp_path: Path) -> None:
    """Balance, cash with a receipt on the phone, a transfer, a bill, cash by code, and the usual amount, in English."""
    with a_page(tmp_path) as page:
        for journey in (j.BALANCE, j.WITHDRAWAL, j.TRANSFER, j.PAY_BILL, j.CODE, j.USUAL):
            page.travel(journey, "en")


def test_what_a_card_remembers_on_the_page(tmp_path: Path) -> None:
    """Spanish is chosen once: the statement, a deposit, freezing, another account and a new PIN are in it afterwards."""
    with a_page(tmp_path) as page:
        page.travel(j.LANGUAGE, "en")
        for journey in (j.LAST_PAYMENTS, j.DEPOSIT, j.FREEZE, j.OPENING, j.PIN_CHANGE):
            page.travel(journey, "es")
