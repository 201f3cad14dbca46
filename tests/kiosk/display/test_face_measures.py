"""The face's numbers (FACE.md), computed from the placed elements of every screen on every panel in both themes."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

import pygame
import pytest
from support.every_screen import every_screen

from kiosk.display.face import Look
from kiosk.display.pygame import motion
from kiosk.display.pygame.brand import Brand
from kiosk.display.pygame.geometry import Box
from kiosk.display.pygame.layout.plan import (
    Arc,
    CardArt,
    Disc,
    Ground,
    Icon,
    NoteArt,
    Picture,
    Plan,
    Plate,
    Text,
)
from kiosk.display.pygame.panel import KNOWN, Panel, Shape, panel_for
from kiosk.display.pygame.render import Studio
from kiosk.display.pygame.theme import colour, contrast
from kiosk.screens import catalogue
from kiosk.screens.model import (
    Amount,
    Attract,
    Choice,
    Choose,
    Keys,
    Pin,
    Screen,
    Take,
)
from kiosk.screens.words.load import load_words

WORDS = load_words("en", "de", "hi", "ar", "es", "fr")


def _screens(language: str) -> dict[str, Screen]:
    """Every screen in one language."""
    WORDS.choose(language)
    return every_screen(WORDS)


SCREENS = _screens("en") | {
    "states": Choose(
        id="states",
        title="Which of these?",
        choices=(
            Choice("a", "$20", "my usual"),
            Choice("b", "$50", "not enough", enabled=False),
            Choice("c", "$100", chosen=True),
            Choice("d", "Send money", icon="send"),
            Choice("e", "Pay a bill", icon="bill", chosen=True),
            Choice("f", "Say it in my ear", icon="ear"),
        ),
        keys=Keys(back="Back", help="Help"),
    ),
}
TOUCH_ONLY = Panel(800, 480, 5.2, 450, keypad=False)
PANELS = (*KNOWN, TOUCH_ONLY, panel_for(1366, 768), panel_for(1024, 768))
PANEL_NAMES = [f"{panel.width}x{panel.height}{'' if panel.keypad else '-touch'}" for panel in PANELS]
BRAND = Brand(phone="555 0100")


class Place(NamedTuple):
    """A panel, and every screen in one language."""

    panel: Panel
    screens: dict[str, Screen]


PLACES = [
    pytest.param(Place(panel, SCREENS if language == "en" else _screens(language)), id=f"{name}-{language}")
    for language in WORDS.languages
    for panel, name in zip(PANELS, PANEL_NAMES, strict=True)
]
everywhere = pytest.mark.parametrize("place", PLACES)
every = pytest.mark.parametrize("name", SCREENS)


@pytest.fixture(scope="module", params=[False, True], ids=["standard", "contrast"])
def studio(request: pytest.FixtureRequest) -> Studio:
    return Studio(BRAND, contrast=request.param)


Plans = dict[str, Plan]


def _plans(studio: Studio, place: Place) -> Plans:
    """Every screen, also with its time running out."""
    plans = {}
    for name, screen in place.screens.items():
        plans[name] = studio.plan(screen, Look(), place.panel)
        plans[f"{name}, 12 s"] = studio.plan(screen, Look(left_s=12), place.panel)
    return plans


Measure = Callable[[Studio, Place, Plans], None]
MEASURES: list[Measure] = []


def measure(check: Measure) -> Measure:
    """One of those that every place is measured by."""
    MEASURES.append(check)
    return check


@everywhere
def test_the_face_keeps_its_measures(studio: Studio, place: Place) -> None:
    """All of `MEASURES`: laid out once, since that is what takes time. Each failure is told, not only the first."""
    plans, found = _plans(studio, place), []
    for check in MEASURES:
        try:
            check(studio, place, plans)
        except AssertionError as error:
            found.append(f"{check.__name__}: {error}")
    assert not found, "\n".join(found)


def _apart(one: Box, other: Box) -> int:
    """The free pixels between two boxes along the better axis; negative where they meet."""
    across = max(one.x - other.right, other.x - one.right)
    down = max(one.y - other.bottom, other.y - one.bottom)
    return max(across, down)


@measure
def targets_are_large_and_apart(studio: Studio, place: Place, plans: Plans) -> None:
    """Each target is at least 18 x 18 mm, on the panel, and at least 3 mm from the next (one pixel of rounding)."""
    least, gap = 18 * place.panel.pitch - 1, 3 * place.panel.pitch - 1
    whole = Box(0, 0, place.panel.width, place.panel.height)
    for name, plan in plans.items():
        for target in plan.targets:
            assert min(target.box.w, target.box.h) >= least, (name, target)
            assert whole.holds(target.box), (name, target)
        for one, other in itertools.combinations(plan.targets, 2):
            assert _apart(one.box, other.box) >= gap, (name, one, other)


@measure
def every_key_of_the_screen_has_its_target(studio: Studio, place: Place, plans: Plans) -> None:
    """What the screen says can be pressed can be touched: its lettered keys, its cards, and a pad where there is no real one.

    On a small panel's deep screens Help has no room beside what is to be taken; the real key works.
    """
    for name, screen in place.screens.items():
        keys = [target.key for target in plans[name].targets]
        assert len(set(keys)) == len(keys), name
        wanted = {key for key, words in zip("ABD", _words(screen), strict=True) if words}
        assert wanted <= set(keys), name
        if screen.keys.help and not (place.panel.shape is Shape.COMPACT and not isinstance(screen, Attract)):
            assert "C" in keys, name
        if isinstance(screen, Pin | Amount) and not (place.panel.shape is Shape.COMPACT and place.panel.keypad):
            assert set("0123456789") <= set(keys), name
        choices = getattr(screen, "choices", ())
        if choices and "9" not in keys:
            assert {str(place) for place in range(1, len(choices) + 1)} <= set(keys), name


def _words(screen: object) -> tuple[str, str, str]:
    keys = screen.keys  # type: ignore[attr-defined]
    return keys.cancel, keys.back, keys.main


@measure
def paging_reaches_every_choice(studio: Studio, place: Place, plans: Plans) -> None:
    """Where not all cards fit, turning pages shows each of them with its own digit, and 9 leads on."""
    for name, screen in place.screens.items():
        choices = getattr(screen, "choices", ())
        if not choices:
            continue
        seen = {
            target.key for page in range(6) for target in studio.plan(screen, Look(), place.panel, page=page).targets
        }
        assert {str(place) for place in range(1, len(choices) + 1)} <= seen, name


@measure
def words_stay_in_their_boxes(studio: Studio, place: Place, plans: Plans) -> None:
    """No sentence is cut, none leaves its room or the panel, on any screen."""
    whole = Box(0, 0, place.panel.width, place.panel.height)
    for name, plan in plans.items():
        for text in plan.texts():
            assert not text.cut, (name, text.words)
            assert text.room.x <= text.x, (name, text)
            assert text.x + text.width <= text.room.right, (name, text)
            assert text.room.y <= text.ink.y, (name, text)
            assert text.baseline <= text.room.bottom, (name, text)
            assert whole.holds(text.ink), (name, text)


def _with_tails(text: Text) -> Box:
    """From the capitals' top to where a p ends."""
    return Box(text.x, text.ink.y, text.width, text.ink.h + round(text.face.em * 0.2))


@measure
def nothing_lies_over_words(studio: Studio, place: Place, plans: Plans) -> None:
    """Words overlap no other words, no icon, ring or picture, and no card or button that they are not inside of."""
    for name, plan in plans.items():
        texts = list(plan.texts())
        for one, other in itertools.combinations(texts, 2):
            assert not _with_tails(one).meets(_with_tails(other)), (name, one.words, other.words)
        rings = [element.box for element in plan.elements if isinstance(element, Disc)]
        at_edge = {text for text in texts if any(ring.holds(text.ink) for ring in rings)}  # it has its own ground
        for element, text in itertools.product(plan.elements, texts):
            if isinstance(element, Icon | NoteArt | CardArt) or _mark(element):
                assert not element.box.meets(text.ink), (name, text.words, element)
            if isinstance(element, Disc | Arc | Plate) and not (getattr(element, "low", False) and text in at_edge):
                assert element.box.holds(text.ink) or not element.box.meets(text.ink), (name, text.words, element)


def _mark(element: object) -> bool:
    return isinstance(element, Picture) and element.name == "mark"


@measure
def cards_do_not_overlap(studio: Studio, place: Place, plans: Plans) -> None:
    """Two plates lie inside one another or apart, but for the sheet, and what comes out of a slot."""
    for name, plan in plans.items():
        plates = [
            element.box
            for element in plan.elements
            if isinstance(element, Arc) or (isinstance(element, Plate) and element.fill != "slot" and not element.low)
        ]
        for one, other in itertools.combinations(plates, 2):
            assert one.holds(other) or other.holds(one) or not one.meets(other), (name, one, other)


@measure
def capitals_are_never_small(studio: Studio, place: Place, plans: Plans) -> None:
    """No capital is under 4.8 mm (half a pixel of rounding); titles, cards and buttons have the panel's H."""
    for name, plan in plans.items():
        for text in plan.texts():
            assert text.face.cap >= 4.8 * place.panel.pitch - 0.5, (name, text.words)
            assert text.face.weight >= 500
    menu = place.screens["menu"]
    titles = [text for text in plans["menu"].texts() if text.words in menu.title]
    assert titles[0].face.cap == pytest.approx(place.panel.cap_mm * place.panel.pitch, abs=0.6)


def _ground_under(plan: Plan, text: Text) -> str | None:
    """The colour use that lies under words; None: a picture does."""
    place = plan.elements.index(text)
    for element in reversed(plan.elements[:place]):
        if isinstance(element, Plate | Ground | Disc) and element.box.holds(text.ink):
            return element.colour if isinstance(element, Disc) else element.fill
        if isinstance(element, Picture) and element.box.holds(text.ink):
            return None
    raise AssertionError("words on nothing")


@pytest.mark.parametrize("look", [Look(), Look(pressed="1"), Look(focus="1"), Look(pressed="D"), Look(pressed="A")])
def test_words_are_legible_on_what_is_under_them(studio: Studio, look: Look) -> None:
    """Contrast of all words with their ground is at least 4.5:1, in the contrast theme 7:1, in every state."""
    least = 7 if studio.theme.line_on_dark else 4.5
    for name, screen in SCREENS.items():
        for panel in (KNOWN[1], KNOWN[4]):
            plan = studio.plan(screen, look, panel)
            for text in plan.texts():
                ground = _ground_under(plan, text)
                if ground is not None:
                    ratio = contrast(studio.theme[text.colour], studio.theme[ground])
                    assert ratio >= least, (name, text.words, text.colour, ground, ratio)


@everywhere
def test_the_welcome_is_legible_on_its_picture(place: Place) -> None:
    """Words of the attract screen keep 4.5:1 with every pixel of the picture under them."""
    studio = Studio(BRAND)
    for name in ("welcome", "welcome, languages", "welcome, all"):
        plan = studio.plan(place.screens[name], Look(), place.panel)
        bare = Plan(tuple(e for e in plan.elements if not isinstance(e, Text)), (), plan.deep)
        surface = pygame.Surface((place.panel.width, place.panel.height))
        studio.paint(surface, bare)
        for text in plan.texts():
            if _ground_under(plan, text) is not None:
                continue
            box = text.ink
            for x, y in itertools.product(range(box.x, box.right, 7), range(box.y, box.bottom, 5)):
                under = tuple(surface.get_at((x, y)))[:3]
                assert contrast(studio.theme[text.colour], under) >= 4.5, (name, text.words, (x, y))


def test_three_languages_cash_code_and_an_account_fit_the_smallest_panel(studio: Studio) -> None:
    """A machine of three languages shows all of them by name, and beside them what can be had without a card, and Help."""
    words = load_words("de", "fr", "es")
    offers = (catalogue.by_code(words), catalogue.welcome_open(words))
    for language, panel in itertools.product(words.languages, (KNOWN[0], TOUCH_ONLY)):
        words.choose(language)
        place = Place(panel, {"welcome": catalogue.welcome(words, offers)})
        for measured in (
            targets_are_large_and_apart, every_key_of_the_screen_has_its_target,
            words_stay_in_their_boxes, nothing_lies_over_words, cards_do_not_overlap,
        ):  # fmt: skip
            measured(studio, place, _plans(studio, place))


#: FACE, section 4, "Computed ratios": foreground, ground, ratio.
RATIOS = [
    ("ink", "paper", 14.6), ("ink", "card", 15.7), ("ink", "mist", 12.8),
    ("ink2", "paper", 7.2), ("ink2", "card", 7.8), ("ink2", "mist", 6.3),
    ("paper", "deep", 9.1), ("white", "deep", 9.8), ("mist", "deep", 8.0), ("mist", "deeper", 10.9),
    ("accent", "deep", 5.2), ("accent", "deeper", 7.1), ("deeper", "accent", 7.1),
    ("deep", "mist", 8.0), ("deep", "card", 9.8), ("deep", "paper", 9.1),
    ("success", "success_ground", 5.5), ("success", "card", 6.5), ("warning", "warning_ground", 6.0),
    ("danger", "danger_ground", 6.1), ("disabled", "disabled_ground", 5.0),
    ("edge", "paper", 3.2), ("edge", "card", 3.5), ("focus_line", "paper", 12.4),
    ("white", "key_a", 6.5), ("white", "key_b", 6.5), ("white", "key_c", 6.5), ("white", "key_d", 6.5),
    ("ink", "warning_ground", 12.9), ("ink", "danger_ground", 12.9), ("ink", "success_ground", 12.9),
]  # fmt: skip

BRIGHT = [("white", 21), ("accent", 16.1), ("success", 15.2), ("warning", 13.4), ("danger", 10.4), ("disabled", 10.2)]


@pytest.mark.parametrize(("over", "under", "ratio"), RATIOS)
def test_the_standard_themes_ratios(over: str, under: str, ratio: float) -> None:
    """Every ratio that the design states holds, as stated."""
    theme = Studio(BRAND).theme
    assert contrast(theme[over], theme[under]) >= ratio - 0.06


@pytest.mark.parametrize(("over", "ratio"), BRIGHT)
def test_the_contrast_themes_ratios(over: str, ratio: float) -> None:
    """On black, as stated."""
    theme = Studio(BRAND, contrast=True).theme
    assert contrast(theme[over], colour("#000000")) == pytest.approx(ratio, abs=0.06)


@measure
def motion_covers_little(studio: Studio, place: Place, plans: Plans) -> None:
    """What loops is at most 8 % of the panel's pixels."""
    for name, plan in plans.items():
        area = sum(box.w * box.h for box in motion.moving(plan))
        assert area <= 0.08 * place.panel.width * place.panel.height, name


@measure
def cash_is_drawn_as_it_comes(studio: Studio, place: Place, plans: Plans) -> None:
    """A TAKE shows each denomination that comes out, the largest behind."""
    screen = place.screens["take.cash, many"]
    assert isinstance(screen, Take)
    notes = [element.value for element in plans["take.cash, many"].elements if isinstance(element, NoteArt)]
    assert set(notes) == {100, 50, 20}
    assert notes == sorted(notes, reverse=True)


def test_the_time_left_ring_is_for_the_last_twenty_seconds(studio: Studio) -> None:
    """At 21 seconds there is no ring; from 20 it shows how many are left, on paper as on deep."""
    for name, panel in itertools.product(("take.cash", "time", "menu", "cash", "pin", "pin.wrong"), PANELS):
        for left, shown in ((21, False), (20, True), (3, True)):
            plan = studio.plan(SCREENS[name], Look(left_s=left), panel)
            assert any(isinstance(element, Arc) for element in plan.elements) is shown, (name, panel)
            assert any(text.words == str(left) for text in plan.texts()) is shown


def test_no_key_of_a_pin_lights_up(studio: Studio) -> None:
    """A digit that is pressed or in focus looks like any other on PIN, and is seen on AMOUNT; letters are seen on both."""
    panel = KNOWN[1]
    for digit in "0123456789":
        lit = studio.plan(SCREENS["pin"], Look(pressed=digit, focus=digit), panel)
        assert lit == studio.plan(SCREENS["pin"], Look(), panel)
        pressed = studio.plan(SCREENS["cash.other"], Look(pressed=digit), panel)
        assert pressed != studio.plan(SCREENS["cash.other"], Look(), panel)
    assert studio.plan(SCREENS["pin"], Look(pressed="A"), panel) != studio.plan(SCREENS["pin"], Look(), panel)


def test_the_pad_keeps_its_places(studio: Studio) -> None:
    """Digits have the same targets whether the PIN was wrong or not, and however many are entered."""
    for panel in (KNOWN[1], KNOWN[4], TOUCH_ONLY):
        pads = [
            {target.key: target.box for target in studio.plan(SCREENS[name], Look(), panel).targets}
            for name in ("pin", "pin, twelve", "pin.wrong", "cash.other, refused")
        ]
        assert all(pad == pads[0] for pad in pads)
