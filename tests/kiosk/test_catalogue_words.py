"""Words files: a bank may say anything in its own words, and a mistake in them is told, not shown to a customer."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.screens import catalogue
from kiosk.screens.words.load import WordsError, languages, load_words, placeholders


def _brand(tmp_path: Path, text: str) -> Path:
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "en.toml").write_text(text, encoding="utf-8")
    return tmp_path


def test_a_bank_replaces_one_sentence(tmp_path: Path) -> None:
    """The bank's sentence is said, all others stay."""
    words = load_words(brand=_brand(tmp_path, '[welcome]\ntitle = "Ahoy"\n'))
    screen = catalogue.welcome(words)
    assert (screen.title, screen.lines) == ("Ahoy", ("Insert your card",))


def test_a_brand_without_words_is_no_mistake(tmp_path: Path) -> None:
    """A brand folder need not say anything."""
    assert load_words(brand=tmp_path).say("welcome", "title") == "Welcome"


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    """Each wrong table, name and placeholder is one line that names it, with the nearest known one."""
    text = '[welcom]\ntitle = "x"\n[pin]\ntitel = "x"\n["cash.limit"]\nbold = "{sum} more"\ntitle = "a { b"\n'
    with pytest.raises(WordsError) as caught:
        load_words(brand=_brand(tmp_path, text))
    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    assert "[welcom] is no screen; did you mean welcome?" in lines[0]
    assert "[pin] titel is no sentence of it; did you mean title?" in lines[1]
    assert "{sum}; placeholders allowed there: {amount}" in lines[2]
    assert "brace" in lines[3]


@pytest.mark.parametrize("text", ["{amount.__class__}", "{amount!r}", "{amount[0]}", "{amount:>9}", "{}", "{0}"])
def test_words_reach_nothing_but_their_values(tmp_path: Path, text: str) -> None:
    """A placeholder is a bare name: no attribute, index, conversion or width gets in through a words file."""
    with pytest.raises(WordsError):
        load_words(brand=_brand(tmp_path, f'["cash.limit"]\nbold = "{text}"\n'))


@pytest.mark.parametrize("text", ["[welcome\n", "title = 1\n", "[welcome]\ntitle = 3\n", "[welcome.deep]\na='b'\n"])
def test_a_file_that_is_no_words_file_is_one_sentence(tmp_path: Path, text: str) -> None:
    """Broken TOML and values that are no text name the file."""
    with pytest.raises(WordsError, match=r"en\.toml"):
        load_words(brand=_brand(tmp_path, text))


def test_a_language_without_words_names_those_that_there_are() -> None:
    """The sentence names what was asked for and the languages that exist."""
    with pytest.raises(WordsError, match="languages here: ar, de, en"):
        load_words("xx")


def test_english_is_there() -> None:
    """The machine speaks English out of the box."""
    assert "en" in languages()


@given(st.text(alphabet="{}amount!:.[]0 a", max_size=16))
def test_accepted_words_can_always_be_said(text: str) -> None:
    """Whatever a bank writes is refused at start or can be shown: no sentence fails before a customer."""
    with tempfile.TemporaryDirectory() as folder:
        brand = _brand(Path(folder), f'["cash.limit"]\nbold = "{text}"\n')
        try:
            words = load_words(brand=brand)
        except WordsError:
            return
        assert isinstance(words.say("cash.limit", "bold", amount="$120"), str)


def test_placeholders_are_whole_names() -> None:
    """An attribute or index is part of the name, so it is never an allowed one."""
    assert placeholders("{a} of {b.c}") == {"a", "b.c"}


def test_a_bank_replaces_a_sentence_in_another_language(tmp_path: Path) -> None:
    """Its own words of each language lie over that language's, and of a sentence with a number it has all forms."""
    (tmp_path / "words").mkdir()
    text = '[welcome]\ntitle = "Hola"\n["pin.wrong"]\nplain = "Quedan {tries}"\nplain_1 = "Queda uno"\n'
    (tmp_path / "words" / "es.toml").write_text(text, encoding="utf-8")
    words = load_words("en", "es", brand=tmp_path)
    assert words.say("welcome", "title") == "Welcome"
    words.choose("es")
    assert words.say("welcome", "title") == "Hola"
    assert [words.count("pin.wrong", "plain", tries, "tries") for tries in (1, 2)] == ["Queda uno", "Quedan 2"]
    assert words.count("time", "bold", 2, "seconds") == "Su tarjeta saldrá en 2\u00a0segundos"
