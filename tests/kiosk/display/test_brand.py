"""A bank's own face: what holds is used, what does not is refused with a sentence, and a default always stands."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pygame
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.every_screen import every_screen

from kiosk.display.face import Look
from kiosk.display.pygame.brand import ACCENT_WITH_DEEP, DEEP_WITH_PAPER, PAPER, Brand, load_brand
from kiosk.display.pygame.panel import KNOWN
from kiosk.display.pygame.render import Studio, render
from kiosk.display.pygame.theme import colour, contrast, standard
from kiosk.screens.words.load import load_words

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}"><rect width="{w}" height="{h}" fill="#204080"/></svg>'
SCREENS = every_screen(load_words())


def _write(folder: Path, toml: str = "", **pictures: str) -> Path:
    (folder / "brand.toml").write_text(toml, encoding="utf-8")
    for name, text in pictures.items():
        (folder / f"{name}.svg").write_text(text, encoding="utf-8")
    return folder


def test_no_folder_is_the_placeholder_bank() -> None:
    """Without a brand there is a whole face, and nothing to complain of."""
    assert load_brand(None) == (Brand(), [])


def test_a_bank_gets_its_face(tmp_path: Path) -> None:
    """Name, legible colours, currency, phone and pictures are all taken, silently."""
    toml = 'name = "Hill Bank"\ndeep = "#1b2a5e"\naccent = "#ffd166"\ncurrency = "EUR"\nphone = "0800 1"\n'
    folder = _write(tmp_path, toml, mark=SVG.format(w=10, h=10), attract=SVG.format(w=1024, h=600))
    brand, refused = load_brand(folder)
    assert refused == []
    assert (brand.name, brand.deep, brand.accent) == ("Hill Bank", "#1B2A5E", "#FFD166")
    assert (brand.currency, brand.phone) == ("EUR", "0800 1")
    assert (brand.mark, brand.attract) == (tmp_path / "mark.svg", tmp_path / "attract.svg")
    assert brand.attract_tall is None  # ours is painted in our own deep
    assert brand.shimmer is None


def test_every_screen_can_be_drawn_in_another_brand(tmp_path: Path) -> None:
    """A bank with its own colours and half of the pictures has every screen, in both formats."""
    folder = _write(tmp_path, 'deep = "#5A1E3C"\n', attract=SVG.format(w=1024, h=600))
    brand, refused = load_brand(folder)
    assert refused == []
    studio = Studio(brand)
    for panel in (KNOWN[1], KNOWN[4]):
        for screen in SCREENS.values():
            picture = render(screen, Look(), panel, brand, studio=studio)
            assert picture.get_size() == (panel.width, panel.height)
    art = render(SCREENS["welcome"], Look(), KNOWN[1], brand, studio=studio)
    assert tuple(art.get_at((900, 400)))[:3] == colour("#204080")


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ('deep = "#7FB0BA"', r"deep = #7FB0BA has contrast 2\.\d with paper"),
        ('accent = "#7A5A20"', r"accent = #7A5A20 has contrast 1\.\d with deep"),
        ('deep = "teal"', r"deep = 'teal' is not a colour like #0F4A57"),
        ("accent = 7", "accent = 7 is not a colour"),
        ('deep = "#7A0F0F"\naccent = "#E0403A"', "accent = #E0403A has contrast"),
        ('name = ""', "name = '' is not allowed: one line of 1 to 40 letters"),
        ('name = "a\\nb"', "one line"),
        ('currency = "XXX"', "currency = 'XXX' is not allowed: one of AUD"),
        ("shimmer = [1, 2, 3]", "four numbers"),
        ("shimmer = [1, 2, 3, true]", "four numbers"),
        ('nmae = "x"', r"nmae is not known; did you mean name\?"),
        ("name = ", "cannot be read as TOML"),
    ],
)
def test_what_does_not_hold_is_refused_by_name(tmp_path: Path, toml: str, said: str) -> None:
    """Each refusal names the file, the key and what was found, and the default stands."""
    brand, refused = load_brand(_write(tmp_path, toml + "\n"))
    assert len(refused) == 1
    assert refused[0].startswith(str(tmp_path))
    assert re.search(said, refused[0])
    assert (brand.name, brand.accent, brand.currency) == (Brand.name, Brand.accent, Brand.currency)


def test_a_deep_that_spoils_our_accent_is_refused(tmp_path: Path) -> None:
    """A dark enough deep on which the default accent would be illegible does not get in alone."""
    brand, refused = load_brand(_write(tmp_path, 'deep = "#6B3A00"\naccent = "#00FFFF"\n'))
    assert refused == []
    assert brand.accent == "#00FFFF"
    brand, refused = load_brand(_write(tmp_path, 'deep = "#5E4A33"\naccent = "#101010"\n'))
    assert contrast(colour(brand.accent), colour(brand.deep)) >= ACCENT_WITH_DEEP
    assert refused


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Three mistakes, three sentences."""
    _, refused = load_brand(
        _write(tmp_path, 'deep = "#FFFFFF"\nphone = 5\nfoo = 1\n', mark="<svg><text>x</text></svg>")
    )
    assert len(refused) == 4


@pytest.mark.parametrize(
    "text", ["", "no drawing", "<svg><filter/></svg>", "<svg><text>Hi</text></svg>", "<svg" + " " * 1_000_001]
)
def test_a_picture_that_cannot_be_drawn_is_refused(tmp_path: Path, text: str) -> None:
    """Words, filters, other files and huge ones are refused, and the default mark stands."""
    brand, refused = load_brand(_write(tmp_path, mark=text))
    assert brand.mark == Brand.mark
    assert len(refused) == 1
    assert "mark.svg" in refused[0]


def test_a_picture_that_is_not_text_is_refused(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are told by the file's name."""
    (tmp_path / "mark.svg").write_bytes(b"\xff\xfe\x00<svg")
    brand, refused = load_brand(tmp_path)
    assert (brand.mark, len(refused)) == (Brand.mark, 1)


@pytest.mark.parametrize(
    "text", ["<svg", "<svg></svg>", '<svg viewBox="0 0 0 0"></svg>', "<svg><path d='Mxyz'/></svg>"]
)
def test_a_broken_drawing_never_stops_the_machine(tmp_path: Path, text: str) -> None:
    """A file that looks like a drawing and is none is refused at start, and the screen is the default one."""
    brand, refused = load_brand(_write(tmp_path, mark=text, attract=text))
    assert len(refused) == 2
    picture, default = (render(SCREENS["welcome"], Look(), KNOWN[1], one) for one in (brand, Brand()))
    assert pygame.image.tobytes(picture, "RGB") == pygame.image.tobytes(default, "RGB")


hexes = st.integers(0, 0xFFFFFF).map(lambda value: f"#{value:06X}")


@given(hexes, hexes)
def test_whatever_colours_a_bank_chooses_it_stays_legible(deep: str, accent: str) -> None:
    """For any two colours, what ends up on the screen has the contrast that the face demands."""
    with tempfile.TemporaryDirectory() as folder:
        brand, refused = load_brand(_write(Path(folder), f'deep = "{deep}"\naccent = "{accent}"\n'))
    assert contrast(colour(brand.deep), colour(PAPER)) >= DEEP_WITH_PAPER
    assert contrast(colour(brand.accent), colour(brand.deep)) >= ACCENT_WITH_DEEP
    theme = standard(brand.deep, brand.accent)
    for over, under in (
        ("main_word", "main"),
        ("strip_word", "strip"),
        ("second_word", "second"),
        ("on_deep2", "slot"),
    ):
        assert contrast(theme[over], theme[under]) >= 4.5
    assert bool(refused) == ((brand.deep, brand.accent) != (deep, accent))
