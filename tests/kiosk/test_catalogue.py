"""The catalogue: what each screen says and which keys it answers with."""

from __future__ import annotations

import re

import msgspec
import pytest
from support.every_screen import every_screen, usd

from bank_link.money import Money
from kiosk.screens import catalogue
from kiosk.screens.model import Choice, Choose, NoticeScreen, Screen, Tone
from kiosk.screens.words.load import load_words

WORDS = load_words()
SCREENS = every_screen(WORDS)
ID = re.compile(r"[a-z]+(\.[a-z]+)*")


@pytest.mark.parametrize("name", SCREENS)
def test_a_title_fits_every_panel(name: str) -> None:
    """No English title is longer than 26 letters, which is what the smallest panel holds."""
    assert 0 < len(SCREENS[name].title) <= 26


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_is_named_by_its_id(name: str) -> None:
    """The id is the words table's name, so a bank knows where to change a sentence."""
    assert ID.fullmatch(SCREENS[name].id)
    assert WORDS.say(SCREENS[name].id, "title", amount="", name="")
    assert name.split(",", maxsplit=1)[0] == SCREENS[name].id


def _texts(screen: Screen) -> str:
    return msgspec.json.encode(screen).decode()


@pytest.mark.parametrize("name", SCREENS)
def test_nothing_is_said_in_a_machines_words(name: str) -> None:
    """FACE, section 8: never invalid, error, transaction or please wait; and no placeholder is left open."""
    said = _texts(SCREENS[name]).lower()
    assert not re.search(r"invalid|\berror|transaction|please wait", said)
    assert not re.search(r"[{][a-z_]+[}]", said)


@pytest.mark.parametrize("name", SCREENS)
def test_choices_have_keys_of_their_own(name: str) -> None:
    """No two cards of a screen answer with the same key, and no screen has more cards than digits."""
    keys = [choice.key for choice in getattr(SCREENS[name], "choices", ())]
    assert len(set(keys)) == len(keys) <= (8 if name.startswith("op.") else 6)
    assert all(keys)


def test_amounts_come_back_as_minor_units() -> None:
    """The key of a preset is the amount itself, so no table between screen and visit can disagree."""
    screen = catalogue.cash(WORDS, [catalogue.Preset(usd(20)), (usd(50), False, "machine")], usual=usd(20))
    assert [choice.key for choice in screen.choices] == ["amount:2000", "amount:5000", "other"]
    assert [choice.second for choice in screen.choices] == ["my usual", "not here now", ""]
    assert [choice.enabled for choice in screen.choices] == [True, False, True]


def test_a_disabled_preset_says_why() -> None:
    """Each reason has words; a disabled usual amount tells the reason, not that it is the usual one."""
    for reason in catalogue.REASONS:
        screen = catalogue.cash(WORDS, [catalogue.Preset(usd(80), enabled=False, reason=reason)], usual=usd(80))
        assert screen.choices[0].second not in {"", "my usual"}


def test_the_pin_screen_counts_tries() -> None:
    """One try is told in the singular; without a wrong PIN there is no notice."""
    assert catalogue.pin(WORDS).notice is None
    plural, singular = (catalogue.pin(WORDS, tries_left=left).notice for left in (2, 1))
    assert plural
    assert singular
    assert (plural.plain, singular.plain) == ("You have 2 tries left", "You have 1 try left")
    assert catalogue.pin(WORDS, tries_left=2).id == "pin.wrong"


def test_an_entered_amount_is_bounded_by_the_most() -> None:
    """One digit more than the most that can be had, so that too much is refused and not cut short."""
    assert catalogue.cash_other(WORDS, usd(10), usd(400)).most_digits == 4
    assert catalogue.cash_other(WORDS, Money(1000, "JPY"), Money(50_000, "JPY")).most_digits == 6
    assert catalogue.cash_other(WORDS, Money(1000, "JPY"), Money(50_000, "JPY")).symbol == "¥"
    assert catalogue.cash_other(WORDS, Money(10_000, "NOK"), Money(500_000, "NOK")).symbol == "NOK "


def test_what_is_impossible_names_what_is_possible() -> None:
    """Limit, funds and missing notes each say what can be had instead, as cards."""
    for screen in (
        catalogue.cash_limit(WORDS, usd(120)),
        catalogue.cash_short(WORDS, usd(120)),
        catalogue.cash_nearest(WORDS, usd(130), usd(10), [usd(120)]),
    ):
        assert isinstance(screen, Choose)
        assert [choice.key for choice in screen.choices] == ["amount:12000", "other"]
        assert screen.notice
        assert screen.notice.tone is Tone.WARNING


def test_a_doubt_carries_its_reference() -> None:
    """Jam, doubt and no cash show the claim reference and what it is."""
    for screen in (
        catalogue.e_jam(WORDS, usd(60), "H-4821"),
        catalogue.e_doubt(WORDS, "H-4821"),
        catalogue.e_nocash(WORDS, "H-4821"),
    ):
        assert isinstance(screen, NoticeScreen)
        assert screen.reference == "H-4821"
        assert screen.reference_label


def test_a_jam_tells_what_came_out() -> None:
    """The amount that is certain is named; nothing is claimed of the rest."""
    paid, nothing, zero = (catalogue.e_jam(WORDS, amount, "H-1") for amount in (usd(60), None, usd(0)))
    assert "$60 came out" in paid.notice.plain
    assert nothing.notice.plain == zero.notice.plain == "We check what came out"


def test_only_what_the_machine_offers_is_in_the_menu() -> None:
    """The menu has the entries it is given, in their order."""
    assert [choice.label for choice in catalogue.menu(WORDS, ["cash", "balance"]).choices] == ["Take cash", "Balance"]


def test_the_welcome_names_the_digit_for_a_code() -> None:
    """The line about cash by code names the digit that its card has; without the card there is no line."""
    assert catalogue.welcome(WORDS).lines == ("Insert your card",)
    offers = [Choice(key="language:en", label="English"), Choice(key="code", label="Cash by code")]
    assert catalogue.welcome(WORDS, offers).lines[1] == "or press 2 for cash by code"


def test_balance_and_accounts_are_private() -> None:
    """Names and balances are marked, so nothing keeps or speaks them openly."""
    assert catalogue.balance_shown(WORDS, usd(1), usd(1)).private
    assert catalogue.choose_account(WORDS, [("Everyday", "2081")]).private


def test_the_language_is_named_only_where_there_are_several() -> None:
    """The header's language is shown by a machine that speaks more than one."""
    assert catalogue.menu(WORDS, ["cash"]).language == ""
    assert catalogue.menu(load_words("en", "es"), ["cash"]).language == "English"
