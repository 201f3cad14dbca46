"""The page's other mouths in real Chromium: notes in, receipts, doors and headphones, as a person uses them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from support.demo_guest import demonstrated
from support.living_kiosk import bank_in, with_card
from support.page_browser import PATIENCE_MS, Person, chromium, needs_chromium
from support.page_guest import with_page
from support.real_processes import RealBank, RealKiosk

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


@pytest.fixture
def person(bank: RealBank, browser: Browser, tmp_path: Path) -> Iterator[Person]:
    kiosk = RealKiosk.enrolled(bank, tmp_path / "kiosk")
    kiosk.load(top=20, middle=20, bottom=20)
    with_card(bank, kiosk, pin=PIN)
    with with_page(kiosk) as (_, guest):
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        person = Person(context.new_page(), guest)
        try:
            yield person
        finally:
            context.close()
    # A deed that is refused is answered 409, which the browser remarks on.
    assert [said for said in person.complaints if "409" not in said] == []


def test_a_door_is_opened_and_shut(person: Person) -> None:
    """In the middle of a visit: the machine closes for the customer and says why; the service door opens it again."""
    page = person.page
    person.sign_in(PIN)
    page.get_by_role("button", name="Service door closed").click()
    person.until_screen("take.card")
    person.until_seen("#service-says", "the service door is open")
    person.pull()
    person.until_screen("out")
    person.until_seen("#journal", "door-opened: service door")
    page.get_by_role("button", name="Service door open").click()
    person.until_screen("welcome")
    page.get_by_role("button", name="Safe door closed").click()
    page.get_by_role("button", name="Safe door open").click()
    person.until_seen("#service-says", "count every cassette")
    person.tab("Inside")
    page.get_by_role("button", name="Load").click()
    person.until_screen("welcome")


def test_the_printers_sheet_hangs_out_and_is_taken(person: Person) -> None:
    """It hangs out of its slot as paper, is taken by a click, and can be read beside the machine, code and all."""
    page = person.page
    person.until_screen("welcome")
    person.tab("Inside")
    page.get_by_role("button", name="Test sheet").click()
    expect(page.locator("#receipt .paper")).to_contain_text("SELF TEST", timeout=PATIENCE_MS)
    expect(page.locator("#receipt .code")).to_have_count(1)
    page.locator("#receipt").click()
    expect(page.locator("#receipt .paper")).to_have_count(0, timeout=PATIENCE_MS)
    person.tab("Receipts")
    expect(page.locator("#receipts .paper")).to_contain_text("ABCDEFGHIJ")
    expect(page.locator("#receipts .large")).to_have_text("large")


def test_no_note_goes_in_while_the_machine_takes_none(person: Person) -> None:
    """Clicked or dragged, the note stays in the hand, and the page says so; whole slots fit the window."""
    page = person.page
    person.until_screen("welcome")
    expect(page.locator("#to-pay-in .note")).to_have_text(["10", "20", "50", "100"])
    page.get_by_role("button", name="Put a note of 20 in").click()
    person.until_seen("#toast", "The note acceptor takes no note of 20 now.")
    person.drag(page.get_by_role("button", name="Put a note of 50 in"), page.locator("#notes-in"))
    person.until_seen("#toast", "takes no note of 50 now.")
    machine = person.box(page.locator("#machine"))
    for slot in ("#slot", "#notes-in", "#cash", "#paper"):
        box = person.box(page.locator(slot))
        assert box["x"] >= machine["x"]
        assert box["x"] + box["width"] <= machine["x"] + machine["width"]
        assert box["y"] + box["height"] <= 800


def test_notes_are_paid_in(person: Person) -> None:
    """Dragged and clicked into the slot while its rim is lit, counted on the screen, kept, and seen in the box."""
    page = person.page
    person.sign_in(PIN)
    person.choose("Pay in")
    person.until_screen("payin")
    slot = page.locator("#notes-in.ready")
    expect(slot).to_have_count(1, timeout=PATIENCE_MS)
    person.drag(page.get_by_role("button", name="Put a note of 50 in"), page.locator("#notes-in"))
    expect(page.locator("#notes-hint")).to_have_text("Held: 50", timeout=PATIENCE_MS)
    expect(slot).to_have_count(1, timeout=PATIENCE_MS)
    page.get_by_role("button", name="Put a note of 20 in").click()
    person.until_screen("payin.count")
    person.until_seen("#words", "$70")
    person.key("D")
    person.until_screen("payin.done")
    person.tab("Inside")
    expect(page.locator("#box")).to_have_text("2 notes, 70", timeout=PATIENCE_MS)


def test_headphones_let_the_screen_be_heard(person: Person) -> None:
    """Plugged in, the words that are said can be read, and the browser is given their sound; out, it is still."""
    page = person.page
    person.until_screen("welcome")
    with page.expect_response(lambda answer: "/sound/" in answer.url) as answered:
        page.get_by_role("button", name="Headphones out").click()
    sound = answered.value
    assert sound.status == 200
    assert sound.headers["content-type"] == "audio/wav"
    assert sound.body()[:4] == b"RIFF"
    expect(page.locator("#caption")).not_to_be_empty(timeout=PATIENCE_MS)
    page.get_by_role("button", name="Headphones in").click()
    expect(page.locator("#caption")).to_be_hidden(timeout=PATIENCE_MS)


def test_the_clocks_move_forward_together(browser: Browser, tmp_path: Path) -> None:
    """By the fault panel's buttons; the page says how far ahead they are, and a customer is served by then."""
    with demonstrated(tmp_path) as guest:
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        person = Person(context.new_page(), guest)
        person.until_screen("welcome")
        expect(person.page.locator("#ahead")).to_have_text("as this computer's", timeout=PATIENCE_MS)
        person.page.get_by_role("button", name="+1 hour").click()
        person.until_seen("#toast", "Both clocks are 1 h ahead now.")
        person.page.get_by_role("button", name="+10 min").click()
        expect(person.page.locator("#ahead")).to_have_text("1 h 10 min ahead", timeout=PATIENCE_MS)
        person.page.get_by_role("button", name="+1 day").click()
        expect(person.page.locator("#ahead")).to_have_text("1 d 1 h 10 min ahead", timeout=PATIENCE_MS)
        person.page.screenshot(path=str(tmp_path / "page.png"))
        person.sign_in(guest.done({"do": "pin", "card": "ada"})["pin"])
        person.until_seen("#service-says", "Serving a customer")
        context.close()
        assert person.complaints == []


def test_a_kiosk_of_a_bank_that_is_not_its_own_has_no_clocks(person: Person) -> None:
    """Nobody but a demonstration moves a bank's clock."""
    person.until_screen("welcome")
    expect(person.page.locator("#fault-list .fault").first).to_be_visible(timeout=PATIENCE_MS)
    expect(person.page.locator("#clocks")).to_be_hidden()


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1920, 1080)])
def test_a_picture_of_it(person: Person, width: int, height: int, tmp_path: Path) -> None:
    """With a receipt out, a door open and headphones in, nothing lies over anything else that is pressed."""
    page = person.page
    page.set_viewport_size({"width": width, "height": height})
    person.until_screen("welcome")
    person.tab("Inside")
    page.get_by_role("button", name="Test sheet").click()
    expect(page.locator("#receipt .paper")).to_have_count(1, timeout=PATIENCE_MS)
    page.get_by_role("button", name="Service door closed").click()
    person.until_screen("out")
    page.screenshot(path=str(tmp_path / "page.png"))
    covered = page.evaluate(
        """[...document.querySelectorAll("#machine button:not([disabled]), .to-pay-in button")].filter((each) => {
             if (!each.offsetParent) return false;
             const box = each.getBoundingClientRect();
             const top = document.elementFromPoint(box.x + box.width / 2, box.y + Math.min(box.height / 2, 20));
             return top !== each && !each.contains(top);
           }).map((each) => each.outerHTML)"""
    )
    assert covered == []
