"""Words in Devanagari and Arabic: shaped as a shaper shapes them, in their order, in type that has every letter."""

from __future__ import annotations

import itertools
from pathlib import Path

import pygame
import pytest
import uharfbuzz
from fontTools.ttLib import TTFont
from hypothesis import given
from hypothesis import strategies as st
from support.every_screen import every_screen

from config.kiosk import LANGUAGES
from kiosk.display import fonts as shipped
from kiosk.display.face import Look
from kiosk.display.pygame.brand import Brand
from kiosk.display.pygame.geometry import Box
from kiosk.display.pygame.layout.plan import Face, Icon, NoteArt, Picture, Plate, Text
from kiosk.display.pygame.paint.fonts import Fonts
from kiosk.display.pygame.panel import KNOWN, panel_for
from kiosk.display.pygame.render import Studio
from kiosk.display.pygame.scene import Scene
from kiosk.display.pygame.scripts import Script, runs, script_of
from kiosk.screens import catalogue
from kiosk.screens.model import Choose, Confirm, Pin
from kiosk.screens.words.load import load_words

FOLDER = Path(shipped.__file__).parent
FAMILIES = {Script.LATIN: "Figtree", Script.DEVANAGARI: "Mukta", Script.ARABIC: "Vazirmatn"}
WORDS = {language: load_words(language, *(other for other in LANGUAGES if other != language)) for language in LANGUAGES}
SCREENS = {language: every_screen(words) for language, words in WORDS.items()}
REGULAR = panel_for(1024, 600)


def _sentences(language: str) -> list[str]:
    words = WORDS[language]
    tables = catalogue_tables(words)
    return [text for table in tables for name, text in words.table(table).items() if not table.startswith("voice")]


def catalogue_tables(words: object) -> list[str]:
    return list(words._now.tables)  # type: ignore[attr-defined]


def _shaped(text: str, script: Script, weight: int, em: int) -> float:
    """How wide HarfBuzz makes a run, in pixels, with a vowel sign that stands over its edge."""
    blob = uharfbuzz.Blob.from_file_path(str(FOLDER / f"{FAMILIES[script]}-{weight}.ttf"))
    face = uharfbuzz.Face(blob)
    buffer = uharfbuzz.Buffer()
    buffer.add_str(text)
    buffer.script, buffer.direction = script.value, "rtl" if script is Script.ARABIC else "ltr"
    font = uharfbuzz.Font(face)
    uharfbuzz.shape(font, buffer)
    left = right = at = 0
    for glyph, position in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
        ink = font.get_glyph_extents(glyph.codepoint)
        begin = at + position.x_offset + ink.x_bearing
        at += position.x_advance
        left, right = min(left, begin), max(right, begin + ink.width, at)
    return (right - left) * em / face.upem


@pytest.mark.parametrize(("language", "script"), [("hi", Script.DEVANAGARI), ("ar", Script.ARABIC)])
def test_words_are_as_wide_as_a_shaper_makes_them(language: str, script: Script) -> None:
    """Every run of every sentence is within 2 % of HarfBuzz's width: letters are joined and vowels in their places."""
    pygame.font.init()
    fonts = Fonts()
    face = Face(600, 200, rtl=script is Script.ARABIC)
    em = round(200 * (1.10 if script is Script.DEVANAGARI else 1))
    found = {run.text for text in _sentences(language) for run in runs(text, rtl=face.rtl) if run.script is script}
    assert len(found) > 100
    for text in found:
        assert fonts._width(next(iter(runs(text, rtl=face.rtl))), face) == pytest.approx(
            _shaped(text, script, 600, em), rel=0.02, abs=3
        ), text


def test_unshaped_words_would_be_found_out() -> None:
    """The measure above tells shaped from unshaped: a plain font makes these words wider by more than it allows."""
    pygame.font.init()
    for text, script in (("संदर्भ नंबर", Script.DEVANAGARI), ("إلغاء البطاقة", Script.ARABIC)):
        plain = pygame.font.Font(FOLDER / f"{FAMILIES[script]}-600.ttf", 200).size(text)[0]
        assert abs(plain - _shaped(text, script, 600, 200)) > 0.02 * plain


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_letter_is_in_the_type(language: str) -> None:
    """No sentence, name of a language or amount holds a letter that its font would draw as an empty box."""
    held = {script: TTFont(FOLDER / f"{family}-600.ttf").getBestCmap() for script, family in FAMILIES.items()}
    for text in [*_sentences(language), *WORDS[language].languages.values(), "$€£₹¥ −+0123456789"]:
        for run in runs(text, rtl=language == "ar"):
            missing = [
                letter for letter in run.text if ord(letter) not in held[run.script] and letter not in "\u200c\u200d"
            ]
            assert not missing, (text, missing, run.script)


@pytest.mark.parametrize(
    ("text", "rtl", "order"),
    [
        ("Send to Ada?", False, ["Send to Ada?"]),
        ("إرسال إلى Ada Lopez؟", True, ["؟", "Ada Lopez", "إرسال إلى "]),
        ("حتى 1,250 $ اليوم", True, [" اليوم", "$", "\u0020", "1,250", "حتى "]),
        ("2 x 50، 1 x 20", True, ["1 x 20", "، ", "2 x 50"]),
        ("−99.00", True, ["−99.00"]),
        ("14:30", True, ["14:30"]),
        ("H-482107", True, ["H-482107"]),
        ("load cash (atm-kiosk).", True, ["load cash (atm-kiosk)."]),
        ("आज $400 तक", False, ["आज ", "$400 ", "तक"]),
        ("Send to محمد?", False, ["Send to ", "محمد?"]),
    ],
)
def test_the_parts_of_a_line_stand_in_their_order(text: str, rtl: bool, order: list[str]) -> None:
    """From left to right as a reader of that direction expects; figures and names are never turned round."""
    assert "".join(run.text.strip() for run in runs(text, rtl=rtl)) == "".join(part.strip() for part in order)


@given(st.text(alphabet="ab1 $.,-−:مرحبाक्षি\u200d…()%", max_size=24), st.booleans())
def test_no_letter_is_lost_or_made(text: str, rtl: bool) -> None:
    """Whatever is in a line, its parts hold exactly its letters, in the order of reading within each."""
    parts = runs(text, rtl=rtl)
    assert "".join(run.text for run in (reversed(parts) if rtl else parts)) == text


def test_a_lines_first_letter_says_its_script() -> None:
    """Figures and signs before it do not count."""
    assert script_of("$70 لا يمكن") is Script.ARABIC
    assert script_of("2 मदद") is Script.DEVANAGARI
    assert script_of("Send to محمد?") is Script.LATIN
    assert script_of("14:30") is Script.LATIN


# ── From the right ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def studio() -> Studio:
    return Studio(Brand())


def test_arabic_is_on_the_other_side(studio: Studio) -> None:
    """Menu, header and rail are mirrored to the pixel: each card's target is where English has it, seen in a mirror."""
    english, arabic = (
        studio.plan(catalogue.menu(WORDS[language], ["cash", "balance", "send", "more"]), Look(), REGULAR)
        for language in ("en", "ar")
    )
    there = {target.key: target.box for target in arabic.targets}
    for target in english.targets:
        if target.key.isdigit():
            mirrored = there[target.key]
            assert (mirrored.x, mirrored.w) == (REGULAR.width - target.box.right, target.box.w)
    assert there["A"].right == REGULAR.width - next(t.box.x for t in english.targets if t.key == "A")
    assert there["C"].x < REGULAR.width // 4
    assert arabic.rtl
    assert not english.rtl


def test_each_note_stands_beside_its_count_in_arabic() -> None:
    """Notes counted in and a mix of notes: from the right, the first kind and its sign, the comma, then the second kind."""
    counted, mix = SCREENS["ar"]["payin.count"], SCREENS["ar"]["cash.mix"]
    assert isinstance(counted, Confirm)
    assert isinstance(mix, Choose)
    for line, seen in (
        (counted.facts[0].value, ["2 x 50", "$", "،", "2 x 20", "$"]),
        (mix.choices[1].second, ["2 x 20", "$", "،", "6 x 10", "$"]),
    ):
        parts = [run.text.strip() for run in reversed(runs(line, rtl=True))]
        assert [part for part in parts if part] == seen


@pytest.mark.parametrize("panel", KNOWN, ids=lambda panel: f"{panel.width}x{panel.height}")
def test_what_has_its_own_order_keeps_it(studio: Studio, panel: object) -> None:
    """In Arabic too the pad reads 1 2 3, PIN rings fill from the left, and notes lie as they lie."""
    screens = SCREENS["ar"]
    boxes = {target.key: target.box for target in studio.plan(screens["cash.other"], Look(), panel).targets}
    if "5" in boxes:
        for row in ("123", "456", "789"):
            assert [boxes[key].x for key in row] == sorted(boxes[key].x for key in row)
        assert boxes["0"].x == boxes["8"].x
    rings = [e for e in studio.plan(screens["pin, three"], Look(), panel).elements if type(e).__name__ == "Disc"]
    assert [ring.line_px == 0 for ring in sorted(rings, key=lambda ring: ring.box.x)] == [True] * 3 + [False]
    for name in ("take.cash, many",):
        arabic, english = (
            [e.box for e in studio.plan(SCREENS[lang][name], Look(), panel).elements if isinstance(e, NoteArt)]
            for lang in ("ar", "en")
        )
        assert [b.x - arabic[0].x for b in arabic] == [b.x - english[0].x for b in english]


def test_the_back_arrow_points_back_and_the_mark_stays(studio: Studio) -> None:
    """Drawings that point are turned, the bank's mark is not, the picture is."""
    plan = studio.plan(SCREENS["ar"]["cash"], Look(), REGULAR)
    assert [e.turned for e in plan.elements if isinstance(e, Icon) and e.name == "back"] == [True]
    assert [e.turned for e in plan.elements if isinstance(e, Picture)] == [False]
    welcome = studio.plan(SCREENS["ar"]["welcome"], Look(), REGULAR)
    assert {e.name: e.turned for e in welcome.elements if isinstance(e, Picture)} == {"mark": False, "attract": True}


def test_the_paper_comes_from_where_reading_ends() -> None:
    """In Arabic it slides in from the left: half way, the right edge still shows what was there."""
    pixels = {}
    for language in ("en", "ar"):
        surface = pygame.Surface((REGULAR.width, REGULAR.height))
        scene = Scene(Studio(Brand()), REGULAR, surface)
        scene.want(SCREENS[language]["working"], Look())
        scene.advance(0.0)
        scene.want(SCREENS[language]["menu"], Look())
        scene.advance(1.0)
        scene.advance(1.03)
        pixels[language] = [surface.get_at((x, REGULAR.height - 30))[:3] for x in (5, REGULAR.width - 5)]
    deep, paper = (15, 74, 87), (251, 246, 234)
    assert pixels == {"en": [deep, paper], "ar": [paper, deep]}


# ── What is seen ────────────────────────────────────────────────────────────────────────────────────────────────────


def _ink(studio: Studio, text: Text) -> Box:
    """Where the letters' pixels are."""
    line = studio.fonts.words(text.words, text.face, (0, 0, 0))
    seen = line.surface.get_bounding_rect(min_alpha=64)
    return Box(text.x + seen.x, text.baseline - line.ascent + seen.y, seen.w, seen.h)


@pytest.mark.parametrize("panel", [KNOWN[0], KNOWN[1], KNOWN[4]], ids=["800x480", "1024x600", "720x1280"])
@pytest.mark.parametrize("language", ["hi", "ar"])
def test_high_and_low_letters_touch_nothing(studio: Studio, language: str, panel: object) -> None:
    """Vowel signs and dots reach no other line, leave no panel, and lie in what a display repaints for them."""
    whole = Box(0, 0, panel.width, panel.height)  # type: ignore[attr-defined]
    for name, screen in SCREENS[language].items():
        plan = studio.plan(screen, Look(), panel)
        inks = [(text, _ink(studio, text)) for text in plan.texts() if text.words.strip()]
        for text, ink in inks:
            assert whole.holds(ink), (name, text.words)
            assert text.bounds.holds(ink), (name, text.words, ink, text.bounds)
        for (one, ink), (other, beside) in itertools.combinations(inks, 2):
            assert not ink.meets(beside), (name, one.words, other.words)


@pytest.mark.parametrize("panel", [KNOWN[0], KNOWN[1], KNOWN[4]], ids=["800x480", "1024x600", "720x1280"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_words_stay_on_their_cards(studio: Studio, language: str, panel: object) -> None:
    """No letter, however high or low, crosses the edge of a card, button or notice."""
    for name, screen in SCREENS[language].items():
        plan = studio.plan(screen, Look(), panel)
        plates = [e.box for e in plan.elements if isinstance(e, Plate) and not e.low and e.fill != "slot"]
        for text in plan.texts():
            ink = _ink(studio, text)
            if text.words.strip():
                assert all(box.holds(ink) or not box.meets(ink) for box in plates), (name, text.words)


def test_no_digit_of_a_pin_lights_up_in_arabic(studio: Studio) -> None:
    """Mirroring changes nothing about that."""
    screen = SCREENS["ar"]["pin"]
    assert isinstance(screen, Pin)
    for digit in "0123456789":
        assert studio.plan(screen, Look(pressed=digit, focus=digit), REGULAR) == studio.plan(screen, Look(), REGULAR)
