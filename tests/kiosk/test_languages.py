"""Translations: every sentence is there, says what the English one says, and never fails before a customer."""

from __future__ import annotations

import datetime as dt
import inspect
import string
from pathlib import Path

import pytest
from babel.messages import Catalog
from hypothesis import given
from hypothesis import strategies as st
from support.every_screen import every_screen

from bank_link.money import MINOR_DIGITS, Money, major
from bank_link.money import shown as written
from config.kiosk import LANGUAGES
from kiosk.screens import catalogue
from kiosk.screens.model import Amount, Attract, Choose
from kiosk.screens.words import catalogues, messages, spoken
from kiosk.screens.words.load import WordsError, languages, load_words, placeholders
from kiosk.screens.words.spoken import Words

OTHERS = [language for language in LANGUAGES if language != "en"]


def all_words() -> Words:
    return load_words(*LANGUAGES)


# ── The catalogues ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_sentence_is_translated() -> None:
    """No entry is missing, fuzzy, obsolete or of other placeholders, and the template is up to date; each is named."""
    found = list(messages.all_mistakes(catalogues.translated()))
    assert not found, "\n".join(found)


def test_a_configuration_may_name_exactly_the_languages_that_there_are() -> None:
    """What can be configured can be spoken, and the other way round."""
    assert set(LANGUAGES) == set(languages())


SOURCE = {"pin": {"title": "Your PIN", "tries": "{count} tries", "tries_1": "one try"}}
TITLE, TRIES = "pin.title", "pin.tries"


def _catalog(title: object = "Ihre PIN", tries: object = ("ein Versuch", "{count} Versuche")) -> Catalog:
    catalog = Catalog(locale="de")
    catalog.add("Your PIN", title, context=TITLE)
    catalog.add(("one try", "{count} tries"), tries, context=TRIES)
    return catalog


def _found(catalog: Catalog) -> list[str]:
    return list(catalogues.mistakes(catalog, {entry.context: entry for entry in catalogues.entries(SOURCE)}))


def test_a_whole_catalogue_has_no_mistakes() -> None:
    """A form of one number only may say it in words."""
    assert _found(_catalog()) == []


@pytest.mark.parametrize(
    ("catalog", "told"),
    [
        (_catalog(title=""), "pin.title: not translated: 'Your PIN'"),
        (_catalog(tries=("ein Versuch", "")), "pin.tries: not translated: '{count} tries'"),
        (_catalog(title="Ihre {pin}"), "pin.title: its placeholders must be none"),
        (_catalog(title="Ihre {"), "pin.title: a brace without its partner"),
        (_catalog(tries=("ein Versuch", "Versuche")), "pin.tries: its placeholders must be {count}"),
    ],
)
def test_each_mistake_names_its_sentence(catalog: Catalog, told: str) -> None:
    """Whoever reads the failure knows which entry to mend."""
    assert any(line.startswith(told) for line in _found(catalog)), _found(catalog)


def test_unsure_missing_and_obsolete_entries_are_named() -> None:
    """A fuzzy one, one that is not there at all, one that no sentence is left of."""
    catalog = _catalog()
    catalog.get("Your PIN", TITLE).flags.add("fuzzy")
    catalog.delete(("one try", "{count} tries"), TRIES)
    catalog.add("Gone", "Weg", context="pin.gone")
    found = _found(catalog)
    assert [line.split(":")[0] for line in found] == [TITLE, TRIES, "pin.gone"]
    assert ["fuzzy" in found[0], "missing" in found[1], "obsolete" in found[2]] == [True] * 3


def test_messages_keep_what_is_translated_and_mark_what_has_changed(tmp_path: Path) -> None:
    """A new sentence is empty, a changed one keeps its translation and is fuzzy, a dropped one is dropped."""
    source = tmp_path / "en.toml"
    source.write_text('[pin]\ntitle = "The PIN"\nline = "New"\ntries = "{count} tries"\ntries_1 = "one try"\n')
    old = _catalog()
    old.add("Gone", "Weg", context="pin.gone")
    made = messages.brought_up_to_date(old, messages.template(source))
    by = {message.context: message for message in made if message.id}
    assert list(by) == [TITLE, "pin.line", TRIES]
    assert (by[TITLE].string, by[TITLE].fuzzy) == ("Ihre PIN", True)
    assert (by["pin.line"].string or "", by["pin.line"].fuzzy) == ("", False)
    assert (by[TRIES].string, by[TRIES].fuzzy) == (("ein Versuch", "{count} Versuche"), False)


@pytest.mark.parametrize(
    "spoilt",
    [
        _catalog(title=""),
        _catalog(title="{oops}"),
        _catalog(title="{"),
        _catalog(title="{title!r}"),
        Catalog(locale="de"),
    ],
)
def test_a_sentence_that_cannot_be_said_is_said_in_english(
    spoilt: Catalog, tmp_path: Path, monkeypatch: object
) -> None:
    """One missing or spoilt translation costs that one sentence its language, never a visit."""
    path = tmp_path / "de" / "LC_MESSAGES" / "kiosk.po"
    path.parent.mkdir(parents=True)
    path.write_bytes(messages.as_text(spoilt))
    monkeypatch.setattr(catalogues, "FOLDER", tmp_path)  # type: ignore[attr-defined]
    words = Words(catalogues.read_language("de", {**SOURCE, "about": {"language": "English"}}))
    assert words.say("pin", "title") == "Your PIN"


def test_a_catalogue_that_is_none_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken file is named."""
    path = tmp_path / "de" / "LC_MESSAGES" / "kiosk.po"
    path.parent.mkdir(parents=True)
    path.write_bytes(b'msgid "a\nmsgstr\xff')
    monkeypatch.setattr(catalogues, "FOLDER", tmp_path)
    with pytest.raises(WordsError, match=r"kiosk\.po: cannot be read as a gettext catalogue") as caught:
        load_words("de")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("language", OTHERS)
@given(number=st.integers(0, 10**6))
def test_every_number_has_its_form(language: str, number: int) -> None:
    """Whatever the number, each sentence that changes with it can be said, and shows the number where it must."""
    words = WORDS[language]
    for screen, name in (("pin.wrong", "plain"), ("time", "bold"), ("voice.money", "USD")):
        holder = next(iter(placeholders(words.table(screen)[name])))
        said = words.count(screen, name, number, holder)
        assert "{" not in said
        assert str(number) in said or number < 3


WORDS = {language: load_words(language) for language in LANGUAGES}


def test_arabic_counts_as_arabic_does() -> None:
    """One, two, a few and many seconds are four different words."""
    said = {WORDS["ar"].count("time", "bold", number, "seconds") for number in (1, 2, 5, 15)}
    assert len(said) == 4


# ── Amounts and dates ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("language", "currency", "whole", "exact"),
    [
        ("en", "USD", "$1,250", "$1,250.50"),
        ("es", "USD", "$1,250", "$1,250.50"),
        ("es", "EUR", "1.250 €", "1.250,50 €"),
        ("fr", "EUR", "1 250 €", "1 250,50 €"),
        ("de", "EUR", "1.250 €", "1.250,50 €"),
        ("hi", "INR", "₹1,250", "₹1,250.50"),
        ("ar", "USD", "1,250 $", "1,250.50 $"),
        ("en", "KES", "KES 1,250", "KES 1,250.50"),
    ],
)
def test_amounts_are_written_as_the_language_writes_them(language: str, currency: str, whole: str, exact: str) -> None:
    """Sign, groups and decimals are in their places; digits are Latin; spaces do not break."""
    words = load_words(language)
    flat = str.maketrans("\u00a0\u202f", "  ")
    assert words.whole(major(1_250, currency)).translate(flat) == whole
    assert words.money(Money(125_050, currency)).translate(flat) == exact
    assert " " not in words.money(Money(125_050, currency))


@given(st.integers(-(10**15), 10**15), st.sampled_from(sorted(MINOR_DIGITS)), st.sampled_from(LANGUAGES))
def test_no_digit_of_an_amount_is_lost(minor: int, currency: str, language: str) -> None:
    """In every language and currency the same digits stand in the same order as in plain notation, none rounded."""
    amount = Money(minor, currency)
    digits = [letter for letter in WORDS[language].money(amount) if letter in string.digits]
    assert digits == [letter for letter in written(amount) if letter in string.digits]


def test_an_amount_is_typed_as_it_is_written() -> None:
    """What is entered looks like the amounts around it, from the first digit on."""
    words = all_words()
    for language, idle, entered in (("en", "$0", "$1,200"), ("de", "0 $", "1.200 $"), ("ar", "0 $", "1,200 $")):
        words.choose(language)
        screens = [catalogue.cash_other(words, major(10, "USD"), major(400, "USD"), entered=n) for n in ("", "1200")]
        assert [screen.shown.replace("\u00a0", " ") for screen in screens] == [idle, entered]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_amount_that_is_typed_knows_its_language(language: str) -> None:
    """No screen of the catalogue leaves the customer with another language's figures."""
    for name, screen in every_screen(WORDS[language]).items():
        if isinstance(screen, Amount) and screen.symbol:
            assert screen.locale.partition("_")[0] == language, name


def test_days_are_in_the_language() -> None:
    """The day comes first in all six; the month is a word of the language, its digits Latin."""
    day = dt.datetime(2026, 3, 24, tzinfo=dt.UTC)
    said = {language: words.day(day) for language, words in WORDS.items()}
    assert all(text.startswith("24") for text in said.values())
    assert (said["en"], said["fr"], said["de"]) == ("24 Mar", "24 mars", "24. März")
    assert len(set(said.values())) == 6


# ── Another language in mid-visit ───────────────────────────────────────────────────────────────────────────────────


def _functions() -> dict[str, object]:
    """The catalogue's functions that make a screen."""
    found = {name: getattr(catalogue, name) for name in catalogue.__all__}
    return {
        name: one
        for name, one in found.items()
        if inspect.isfunction(one) and not str(one.__annotations__["return"]).startswith(("tuple", "Choice"))
    }


def test_every_screen_can_be_made_again_in_another_language() -> None:
    """Each function of the catalogue is marked with `made` (kiosk.screens.common), or its screen would stay as it was.

    `with_receipt` keeps what it makes by itself: the next test has its screens.
    """
    assert [name for name, one in _functions().items() if not hasattr(one, "__wrapped__")] == ["with_receipt"]


def test_a_screen_is_the_same_question_in_another_language(monkeypatch: pytest.MonkeyPatch) -> None:
    """Made again in Arabic and back in English, every screen is what it was: same choices, same amounts."""
    monkeypatch.setattr(spoken, "_MOST_KEPT", 1_000)  # here all of them are made at once
    words = all_words()
    for name, screen in every_screen(words).items():
        words.choose("ar")
        arabic = words.again(screen)
        words.choose("en")
        assert words.again(screen) == screen
        assert (arabic.id, type(arabic)) == (screen.id, type(screen))
        assert arabic.title != screen.title, name


def test_what_was_entered_stays_when_the_language_changes() -> None:
    """Digits of an amount and the number of a PIN's are kept; only the words are others."""
    words = all_words()
    amount = catalogue.cash_other(words, major(10, "USD"), major(400, "USD"), entered="12")
    pin = catalogue.pin(words, count=3)
    words.choose("es")
    assert (words.again(amount).title, words.again(amount).entered) == ("¿Cuánto efectivo?", "12")
    assert (words.again(pin).title, words.again(pin).count) == ("Introduzca su PIN", 3)


def test_nothing_of_a_customer_is_kept_for_the_next() -> None:
    """The machine's own language again, and no screen with a name or a balance in memory."""
    words = all_words()
    words.choose("es")
    screen = catalogue.balance_shown(words, major(10, "USD"), major(10, "USD"))
    words.next_customer()
    assert (words.code, words.chosen) == ("en", "")
    assert words.again(screen) is screen


def test_the_card_is_followed_unless_the_customer_chose() -> None:
    """What is on the card holds for languages that the machine speaks; what was chosen here holds before it."""
    words = load_words("en", "de")
    words.follow("xx")
    assert words.code == "en"
    words.follow("de-CH")
    assert (words.code, words.chosen) == ("de", "")
    words.choose("en")
    words.follow("de")
    assert words.code == "en"


def test_the_welcome_offers_two_languages_and_the_way_to_all() -> None:
    """One language: no strip. Three: all three. Six: the machine's first two, or the chosen one, and More languages."""

    def strip(words: Words) -> list[str]:
        screen = catalogue.welcome(words)
        assert isinstance(screen, Attract)
        return [choice.key for choice in screen.choices]

    assert strip(load_words("en")) == []
    assert strip(load_words("en", "es", "fr")) == ["language:en", "language:es", "language:fr"]
    words = all_words()
    assert strip(words) == ["language:en", "language:es", "languages"]
    words.choose("hi")
    assert strip(words) == ["language:en", "language:hi", "languages"]
    every = catalogue.languages(words)
    assert isinstance(every, Choose)
    assert [choice.label for choice in every.choices] == [
        "English",
        "Español",
        "Français",
        "Deutsch",
        "हिन्दी",
        "العربية",
    ]
    assert [choice.label for choice in every.choices if choice.chosen] == ["हिन्दी"]


@pytest.mark.parametrize("language", OTHERS)
def test_no_word_of_a_screen_is_left_in_english(language: str) -> None:
    """Keys, cards, notices and the way to more cards: nothing on a screen is still what it is in English.

    Left out are the bank's own names of accounts and people, and words that the two languages share.
    """
    english = {text for table in ("keys", "welcome") for text in WORDS["en"].table(table).values()}
    english -= set(WORDS[language].table("keys").values())
    for name, screen in every_screen(WORDS[language]).items():
        said = [screen.title, *(getattr(screen.keys, key) for key in screen.keys.__struct_fields__)]
        if isinstance(screen, Choose):
            said += [screen.more, *(choice.label for choice in screen.choices)]
        assert not english & set(said), name


def test_what_is_offered_without_a_card_changes_with_the_language() -> None:
    """The very screen that is shown is made again: no card of the strip keeps the old language."""
    words = load_words("en", "es")
    shown = catalogue.welcome(words, (catalogue.by_code(words), catalogue.welcome_open(words)))
    words.choose("es")
    again = words.again(shown)
    assert isinstance(again, Attract)
    assert [choice.label for choice in again.choices[2:]] == [
        words.say("welcome", "by_code"), words.say("welcome", "open")
    ]  # fmt: skip
