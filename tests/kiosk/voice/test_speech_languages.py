"""The machine by ear in all its languages: amounts are words of the language, and a voice for it is there."""

from __future__ import annotations

import asyncio
import re
import shutil

import pytest
from support.every_screen import every_screen, usd

from bank_link.money import Money
from config.kiosk import LANGUAGES
from drivers.devices import Manner
from drivers.espeak import EspeakSpeaker
from kiosk.screens import catalogue
from kiosk.screens.words.load import load_words
from kiosk.voice.plain import said
from kiosk.voice.speech import speech

WORDS = {language: load_words(language) for language in LANGUAGES}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sign_is_left_to_be_guessed_at(language: str) -> None:
    """Every screen is said without a currency's sign, a brace or an empty breath, with and without headphones."""
    for name, screen in every_screen(WORDS[language]).items():
        for headphones in (True, False):
            for phrase in speech(screen, WORDS[language], headphones=headphones):
                assert phrase.text.strip(), name
                assert not re.search(r"[$€£₹¥{}]", phrase.text), (name, phrase.text)


@pytest.mark.parametrize(
    ("language", "exact", "less", "one"),
    [
        ("en", "1250 dollars 50", "minus 40 dollars", "1 dollar"),
        ("es", "1250 dólares 50", "menos 40 dólares", "1 dólar"),
        ("fr", "1250 dollars 50", "moins 40 dollars", "1 dollar"),
        ("de", "1250 Dollar 50", "minus 40 Dollar", "1 Dollar"),
        ("hi", "1250 डॉलर 50", "ऋण 40 डॉलर", "1 डॉलर"),
        ("ar", "1250 دولارًا 50", "ناقص 40 دولارًا", "دولار واحد"),
    ],
)
def test_an_amount_is_words_however_it_is_written(language: str, exact: str, less: str, one: str) -> None:
    """Points, commas, spaces and signs of each language's notation are understood: no amount is said too large."""
    words = WORDS[language]
    assert said(words.money(Money(125_050, "USD")), words) == exact
    assert said(words.whole(usd(-40)), words) == less
    assert said(words.whole(usd(1)), words) == one


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("currency", ["USD", "EUR", "CHF", "INR", "JPY", "KWD", "KES"])
def test_every_amount_is_said_at_its_worth(language: str, currency: str) -> None:
    """The figures that are said are those of the amount, in every currency's notation."""
    words = WORDS[language]
    for minor in (1_234_567_000, 25_000, 12_000):
        heard = said(words.money(Money(minor, currency)), words)
        digits = {"JPY": 0, "KWD": 3}.get(currency, 2)
        assert str(minor // 10**digits) in heard, (heard, minor)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_voice_of_the_language_is_there(language: str) -> None:
    """espeak-ng speaks each language, and a menu in it makes more than a second of sound."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed")
    words = WORDS[language]
    speaker = EspeakSpeaker()
    text = said(catalogue.menu(words, ["cash"]).title, words)
    sound = asyncio.run(speaker.render(text, Manner(words.say("voice", "speaker"), 165, 3)))
    assert len(sound) > 22_050
