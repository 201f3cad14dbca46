"""The simulator's page in real Chromium, visit by visit: what a person sees, drags, clicks, touches, types and breaks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from support.living_kiosk import LivingKiosk, bank_in, with_card
from support.page_browser import PATIENCE_MS, STRANGER, Person, chromium, kept, needs_chromium
from support.page_guest import Guest, with_page
from support.real_processes import RealBank, RealCard, RealKiosk

from bank_link.money import major
from config.kiosk import LANGUAGES
from kiosk.screens import catalogue
from kiosk.screens.words.load import load_words

PIN = "4711"
pytestmark = [needs_chromium, pytest.mark.xdist_group("chromium"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealBank]:
    with bank_in(tmp_path_factory.mktemp("browser")) as bank:
        yield bank


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


class Hall:
    """One test's machine, its customer, and the person before its page."""

    def __init__(self, living: LivingKiosk, card: RealCard, guest: Guest, person: Person) -> None:
        self.living, self.kiosk, self.card, self.guest, self.person = living, living.kiosk, card, guest, person


@pytest.fixture
def hall(bank: RealBank, browser: Browser, tmp_path: Path) -> Iterator[Hall]:
    kiosk = RealKiosk.enrolled(bank, tmp_path / "kiosk")
    kiosk.load(top=20, middle=20, bottom=20)
    card = with_card(bank, kiosk, pin=PIN)
    with with_page(kiosk) as (living, guest):
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        person = Person(context.new_page(), guest)
        try:
            yield Hall(living, card, guest, person)
        finally:
            context.close()
    assert person.complaints == []


def test_a_whole_withdrawal(bank: RealBank, hall: Hall) -> None:
    """A dragged card, a PIN on the pad, an amount by touching the picture, the card dragged out, notes taken."""
    person, words = hall.person, load_words(*LANGUAGES)
    person.sign_in(PIN)
    person.choose("Take cash")
    person.until_screen("cash")
    person.choose("Other amount")
    person.until_screen("cash.other")
    amount = catalogue.cash_other(words, major(10, "USD"), major(500, "USD"))
    for key, shown in (("7", "$7"), ("0", "$70")):
        person.touch(amount, key)
        person.until_seen("#words", shown)
    person.touch(amount, "D")
    person.until_screen("cash.mix")
    person.choose("Fewest notes")
    person.until_screen("cash.receipt")
    person.choose("No receipt")
    person.until_screen("take.card")
    expect(person.page.locator("#tray .note")).to_have_count(0)
    person.pull()
    expect(person.page.locator("#tray .note")).to_have_text(["50", "20"], timeout=PATIENCE_MS)
    person.until_screen("take.cash")
    person.page.locator("#tray").click()
    person.until_seen("#purse", "70 USD taken")
    person.until_screen("welcome")
    person.until_seen("#journal", "completion, presented: 1 x 20.00 USD from middle, 1 x 50.00 USD from top")
    person.tab("Line")
    expect(person.page.locator("#sends li", has_text="completion").last).to_contain_text("→ acknowledged")
    assert bank.account(hall.card).balance == 430_00
    assert kept(hall.kiosk.directory) == ["card-1.atm"]
    bank.sound()


def test_the_picture_is_the_machines_own(hall: Hall) -> None:
    """Pixel by pixel what the firmware's painter makes of the screen; after a press, the next one."""
    person = hall.person
    person.until_screen("welcome")
    person.insert()
    person.until_screen("pin")
    person.until_glass_shows(catalogue.pin(load_words(*LANGUAGES)))
    person.key("47")
    person.until_glass_shows(catalogue.pin(load_words(*LANGUAGES), count=2))


def test_a_card_pulled_in_the_middle(bank: RealBank, hall: Hall) -> None:
    """The visit ends, nothing is paid, the card's file is back, and the next visit goes well."""
    person = hall.person
    person.sign_in(PIN)
    person.choose("Take cash")
    person.until_screen("cash")
    person.pull()
    person.until_seen("#journal", "visit-ends: card-pulled")
    person.until_screen("welcome")
    assert kept(hall.kiosk.directory) == ["card-1.atm"]
    assert bank.account(hall.card).balance == 500_00
    person.sign_in(PIN)


def test_a_jam_from_the_fault_panel(bank: RealBank, hall: Hall) -> None:
    """The stuck note is nobody's until a person decides; the machine closes, says why, and opens when it is cleared."""
    person = hall.person
    once = person.page.get_by_role("button", name="Once: The next note jams before the exit sensor")
    once.click()
    expect(once).to_have_attribute("aria-pressed", "true")
    person.sign_in(PIN)
    person.choose("Take cash")
    person.until_screen("cash")
    person.choose("$50")
    person.until_screen("cash.mix")
    person.choose("Fewest notes")
    person.until_screen("cash.receipt")
    person.choose("No receipt")
    person.until_screen("take.card")
    person.page.locator("#inside [data-card]").click()
    person.until_screen("e.jam")
    expect(once).to_have_attribute("aria-pressed", "false")
    person.key("D")
    person.until_screen("out")
    person.until_seen("#service-says", "Closed: ")
    person.tab("Inside")
    expect(person.page.locator("#cassettes tr").first).to_have_text("top, 50191910", timeout=PATIENCE_MS)
    person.page.get_by_role("button", name="Take stuck notes out").click()
    person.until_seen("#toast", "Stuck notes taken out: 1.")
    person.page.get_by_label("Notes in every cassette").fill("18")
    person.page.get_by_role("button", name="Load").click()
    person.until_seen("#toast", "Every cassette has 18 notes now.")
    person.until_screen("welcome")
    assert {case.kind for case in bank.open_cases().values()} >= {"doubt"}


def test_the_line_is_cut(bank: RealBank, hall: Hall) -> None:
    """A customer is told that nothing left the account; the machine closes, and opens when the line is mended."""
    person = hall.person
    person.until_screen("welcome")
    person.insert()
    person.until_screen("pin")
    person.page.get_by_role("button", name="Cut the line").click()
    person.key(PIN + "D")
    person.until_screen("e.line")
    person.tab("Line")
    expect(person.page.locator("#sends li.lost").first).to_contain_text("the line is cut")
    person.key("D")
    person.until_screen("take.card")
    person.pull()
    person.until_screen("out")
    person.page.get_by_role("button", name="Mend the line").click()
    person.until_screen("welcome")
    assert bank.account(hall.card).balance == 500_00


def test_the_power_is_cut_and_comes_back(bank: RealBank, hall: Hall) -> None:
    """Dark at once; after the start the card that is still in must come out first, and then the machine serves again."""
    person = hall.person
    person.sign_in(PIN)
    person.page.get_by_role("button", name="Cut the power").click()
    expect(person.page.locator("#dark")).to_have_text("The power is off")
    expect(person.page.locator(".lamp.lit")).to_have_count(0)
    person.until_seen("#service-says", "Off")
    person.page.get_by_role("button", name="Start again").click()
    expect(person.page.locator("#dark")).to_be_hidden()
    person.until_screen("e.stick")
    person.pull()
    person.sign_in(PIN)
    assert bank.account(hall.card).balance == 500_00


def test_a_visit_without_a_mouse(bank: RealBank, hall: Hall) -> None:
    """Everything by keys: Tab to the card, the PIN typed, Enter for OK, Tab to the card and the notes again."""
    person, keyboard = hall.person, hall.person.page.keyboard
    person.until_screen("welcome")
    press_on(person, "Put in Card 1's card")
    person.until_screen("pin")
    keyboard.type(PIN)
    person.until_seen("#words", "● ● ● ●")
    keyboard.press("Enter")
    for screen, key in (("menu", "1"), ("cash", "6"), ("cash.other", "")):
        person.until_screen(screen)
        keyboard.type(key)
    keyboard.type("40")
    person.until_seen("#words", "$40")
    keyboard.press("Backspace")
    expect(person.page.locator("#words")).not_to_contain_text("$40")
    keyboard.type("30")
    person.until_seen("#words", "$30")
    keyboard.press("Enter")
    person.until_screen("cash.mix")
    keyboard.type("1")
    person.until_screen("cash.receipt")
    keyboard.type("1")
    person.until_screen("take.card")
    press_on(person, "Pull Card 1's card")
    person.until_screen("take.cash")
    press_on(person, "Take the notes: 1 × 20, 1 × 10")
    person.until_seen("#purse", "30 USD taken")
    person.until_screen("welcome")
    assert bank.account(hall.card).balance == 470_00


def press_on(person: Person, name: str) -> None:
    """Tab until the control of that name has the focus, then Enter."""
    seen: list[str] = []
    for _ in range(80):
        person.page.keyboard.press("Tab")
        seen.append(str(person.page.evaluate("document.activeElement.getAttribute('aria-label')")))
        if person.page.evaluate("document.activeElement.getAttribute('aria-label')") == name:
            person.page.keyboard.press("Enter")
            return
    raise AssertionError(f"Tab never comes to {name!r}; it came to {seen}")


def test_who_cannot_see_it_is_told(hall: Hall) -> None:
    """Each control has a name, no name is there twice in one place, and the screen's words stand beside its picture."""
    person = hall.person
    person.until_screen("welcome")
    nameless = person.page.evaluate(
        """[...document.querySelectorAll("button, input, [role]")].filter((each) => each.offsetParent
             && !(each.getAttribute("aria-label") || each.getAttribute("aria-labelledby") || each.textContent.trim()
                  || each.labels?.length)).map((each) => each.outerHTML)"""
    )
    assert nameless == []
    twice = person.page.evaluate(
        """[...document.querySelectorAll("[id]")].map((each) => each.id).filter((id, place, all) => all.indexOf(id) !== place)"""
    )
    assert twice == []
    assert person.page.locator("#glass").get_attribute("aria-describedby") == "words"
    assert person.words[0] == "Welcome"


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1440, 900), (1920, 1080)])
def test_it_fits_the_window(hall: Hall, width: int, height: int) -> None:
    """From 1280 x 800 on the whole machine is seen without scrolling, and nothing is cut off at the side."""
    page = hall.person.page
    page.set_viewport_size({"width": width, "height": height})
    hall.person.until_screen("welcome")
    machine = hall.person.box(page.locator("#machine"))
    assert machine["y"] + machine["height"] <= height
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")


def test_a_lost_simulator_is_said(hall: Hall) -> None:
    """When the program has ended the page says so, instead of showing an old picture as if it were new."""
    hall.person.until_screen("welcome")
    gone = hall.person.page.locator("#gone")
    expect(gone).to_be_hidden()
    hall.living.kill()
    expect(gone).to_be_visible(timeout=PATIENCE_MS)
    hall.person.page.locator("#line").click()
    hall.person.until_seen("#toast", "The simulator does not answer.")
    hall.person.complaints.clear()  # of the connection that is gone


def test_other_pages_cannot_reach_it(hall: Hall, browser: Browser) -> None:
    """A stranger's page in the same browser, though it knew the address, neither does nor reads anything."""
    hall.person.until_screen("welcome")
    stranger = browser.new_page()
    stranger.route(f"http://{STRANGER}/", lambda route: route.fulfill(body="<h1>hello</h1>", content_type="text/html"))
    stranger.goto(f"http://{STRANGER}/")
    tried = """async ([url, how]) => {
        try { const answer = await fetch(url, how); return answer.type === "opaque" ? "opaque" : await answer.text(); }
        catch (error) { return "kept out"; }
    }"""
    cut = {"method": "POST", "body": '{"do":"power","on":false}'}
    assert stranger.evaluate(tried, [f"{hall.guest.address}do", {**cut, "mode": "no-cors"}]) in {"opaque", "kept out"}
    json = {"headers": {"Content-Type": "application/json"}}
    assert stranger.evaluate(tried, [f"{hall.guest.address}do", {**cut, **json}]) == "kept out"
    assert stranger.evaluate(tried, [f"{hall.guest.address}page.js", {}]) == "kept out"
    stranger.close()
    hall.person.key("C")
    expect(hall.person.page.locator("#dark")).to_be_hidden()


def test_a_strangers_name_for_this_computer(hall: Hall, browser: Browser) -> None:
    """DNS rebinding in a real browser: the name resolves to 127.0.0.1, and the page is refused."""
    page = browser.new_page()
    answer = page.goto(hall.guest.address.replace("127.0.0.1", STRANGER))
    assert answer is not None
    assert answer.status == 403
    assert "on this computer only" in page.inner_text("body")
    page.close()


def test_without_the_token_there_is_nothing(hall: Hall, browser: Browser) -> None:
    """The address that was printed, less one letter."""
    page = browser.new_page()
    answer = page.goto(hall.guest.address[:-2] + "/")
    assert answer is not None
    assert answer.status == 403
    assert "open the one that the simulator printed" in page.inner_text("body")
    page.close()
