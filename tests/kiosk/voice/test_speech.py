"""What a screen sounds like: nothing is left unsaid, nothing private is said aloud, and numbers are said as people say them."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.every_screen import every_screen, usd

from bank_link.money import MINOR_DIGITS, SYMBOLS, Money, shown
from kiosk.screens import catalogue
from kiosk.screens import model as m
from kiosk.screens.words.load import load_words
from kiosk.voice.plain import money_said, said, spelled
from kiosk.voice.speech import BETWEEN_CHOICES_S, TICK, change, speech

WORDS = load_words()
LISTED = m.ListScreen(
    id="list", title="Your last payments", rows=(m.Row("24 Nov", "Cash", "−$100.00"), m.Row("20 Nov", "Pay", "+$612.00")),
    page=1, pages=2, private=True, keys=m.Keys(back="Back", main="Done", help="Help"),
)  # fmt: skip
SCREENS = {**every_screen(WORDS), "list": LISTED}
every = pytest.mark.parametrize("name", SCREENS)


def heard(screen: m.Screen, *, headphones: bool = True) -> list[str]:
    return [phrase.text for phrase in speech(screen, WORDS, headphones=headphones)]


@every
def test_no_screen_is_silent(name: str) -> None:
    """Every screen of the catalogue is said, with headphones and without; no phrase of it is empty."""
    for headphones in (True, False):
        phrases = heard(SCREENS[name], headphones=headphones)
        assert phrases
        assert all(phrases)


@every
def test_every_choice_is_said_with_its_digit(name: str) -> None:
    """What can be chosen is offered with the key that chooses it, what cannot is said without one, in the screen's order."""
    text = " | ".join(heard(SCREENS[name]))
    places = []
    for digit, choice in enumerate(getattr(SCREENS[name], "choices", ()), start=1):
        label = said(choice.label, WORDS)
        places.append(text.index(f"Press {digit} for {label}" if choice.enabled else f"{label}: {choice.second}"))
        assert choice.enabled or f"Press {digit}" not in text
    assert places == sorted(places)


@every
def test_every_lettered_key_is_said(name: str) -> None:
    """Whoever cannot see the keys' words hears of each that works, and of none that does not."""
    keys = SCREENS[name].keys
    phrases = heard(SCREENS[name])
    for said_of_it, word in (
        ("A, ", keys.cancel),
        ("B ", keys.back),
        ("C is help", keys.help),
        ("Press D ", keys.main),
    ):
        assert any(phrase.startswith(said_of_it) for phrase in phrases) == bool(word), said_of_it


def test_a_menu_is_said_as_it_is_written_down() -> None:
    """Title, choices with their digits, the ways out, with 0.6 s of silence before each choice."""
    phrases = speech(catalogue.menu(WORDS, ["cash", "balance"]), WORDS, headphones=True)
    assert [phrase.text for phrase in phrases] == [
        "What would you like to do?", "Press 1 for Take cash", "Press 2 for Balance", "A, cancels", "C is help",
    ]  # fmt: skip
    assert [phrase.before_s for phrase in phrases] == [0, *[BETWEEN_CHOICES_S] * 4]
    assert BETWEEN_CHOICES_S == 0.6


# ── Private ─────────────────────────────────────────────────────────────────────────────────────────────────────────

_LETTERS = st.text(alphabet="qzxjk", min_size=3, max_size=9)
_NOTICE = st.none() | st.builds(m.Notice, st.just(m.Tone.INFO), _LETTERS, _LETTERS)
_CHOICES = st.lists(st.builds(m.Choice, _LETTERS, _LETTERS, _LETTERS), min_size=1, max_size=6).map(tuple)
_KEYS = m.Keys(cancel="Cancel", back="Back", main="OK", help="Help")
_SHARED = {"id": st.just("x"), "title": _LETTERS, "private": st.just(True), "keys": st.just(_KEYS)}
_PRIVATE = st.one_of(
    st.builds(m.Choose, choices=_CHOICES, notice=_NOTICE, **_SHARED),
    st.builds(m.Confirm, facts=st.lists(st.builds(m.Fact, _LETTERS, _LETTERS), min_size=1, max_size=3).map(tuple),
              choices=_CHOICES, notice=_NOTICE, **_SHARED),
    st.builds(m.Amount, symbol=st.sampled_from(["", "$"]), limits=_LETTERS, most_digits=st.just(8),
              entered=st.text("0123456789", max_size=8), notice=_NOTICE, **_SHARED),
    st.builds(m.NoticeScreen, notice=st.builds(m.Notice, st.just(m.Tone.OK), _LETTERS), reference=_LETTERS, **_SHARED),
    st.builds(m.ListScreen, rows=st.lists(st.builds(m.Row, _LETTERS, _LETTERS, _LETTERS), max_size=5).map(tuple), **_SHARED),
    st.builds(m.Take, slot=st.just(m.Slot.CASH), value=_LETTERS, line=_LETTERS, **_SHARED),
    st.builds(m.Out, lines=st.lists(_LETTERS, max_size=3).map(tuple), **_SHARED),
    st.builds(m.Wait, line=_LETTERS, **_SHARED),
)  # fmt: skip


@given(_PRIVATE, _PRIVATE)
def test_nothing_private_is_said_without_headphones(one: m.Screen, other: m.Screen) -> None:
    """Whatever stands on a private screen, without headphones it sounds like any other private screen."""
    assert heard(one, headphones=False) == heard(other, headphones=False)
    assert heard(one) != heard(one, headphones=False)


def test_names_and_balances_are_said_in_headphones_only() -> None:
    """Accounts with their endings, and a balance, are in the ear and not in the room."""
    account = catalogue.choose_account(WORDS, [("Everyday", "2081")])
    assert "Press 1 for Everyday, ends 2 0 8 1" in heard(account)
    assert not re.search("Everyday|2 0 8 1|2081", " ".join(heard(account, headphones=False)))
    balance = catalogue.balance_shown(WORDS, Money(3_450, "USD"), Money(5_000, "USD"))
    assert "You can use: 34 dollars 50" in heard(balance)
    assert not re.search(r"\d", " ".join(heard(balance, headphones=False)))


# ── What is entered ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_pin_is_counted_and_every_key_sounds_alike() -> None:
    """One tick for whichever key, then how many digits are in: "2 of 4"; after four only how many."""
    for count, told in (
        (1, "1 of 4"),
        (2, "2 of 4"),
        (4, "4 of 4"),
        (5, "5 digits"),
        (12, "12 digits"),
        (0, "cleared"),
    ):
        old, new = catalogue.pin(WORDS, count=count - 1 if count else 3), catalogue.pin(WORDS, count=count)
        phrases = change(old, new, WORDS, headphones=True)
        assert phrases == change(old, new, WORDS, headphones=False)
        assert phrases
        assert phrases[0] == TICK
        assert [phrase.text for phrase in phrases[1:]] == [told]


def test_an_entered_amount_is_said_as_money_and_only_in_headphones() -> None:
    """Each digit makes the amount be said anew; aloud there is a tick and nothing else."""
    old, new = (catalogue.cash_other(WORDS, usd(10), usd(400), entered=entered) for entered in ("8", "80"))
    assert [p.text for p in change(old, new, WORDS, headphones=True) or ()] == ["", "80 dollars"]
    assert change(old, new, WORDS, headphones=False) == (TICK,)
    assert "80 dollars" in heard(new)
    assert "80 dollars" not in heard(new, headphones=False)
    emptied = catalogue.cash_other(WORDS, usd(10), usd(400))
    assert [p.text for p in change(new, emptied, WORDS, headphones=True) or ()] == ["", "cleared"]


def test_an_account_number_is_said_digit_by_digit_as_it_is_typed() -> None:
    """The digit that was pressed is heard; a number that is there already is read out singly."""
    screen = m.Amount(id="send.number", title="Their account number", symbol="", limits="8 digits", most_digits=8)
    grown = [m.Amount(**{**_fields(screen), "entered": entered}) for entered in ("20", "208")]
    assert [p.text for p in change(*grown, WORDS, headphones=True) or ()] == ["", "8"]
    assert "2 0 8" in heard(grown[1])


def _fields(screen: m.Screen) -> dict[str, object]:
    return {name: getattr(screen, name) for name in screen.__struct_fields__}


def test_seconds_are_not_counted_into_the_ear() -> None:
    """The question for more time is said once, not each second anew; the counting of notes is told by its line alone."""
    first, second = catalogue.time_more(WORDS, 20), catalogue.time_more(WORDS, 19)
    assert change(first, second, WORDS, headphones=True) == ()
    six, seven = catalogue.cash_count(WORDS, 6, 9), catalogue.cash_count(WORDS, 7, 9)
    assert [p.text for p in change(six, seven, WORDS, headphones=True) or ()] == ["7 of 9 notes"]


@pytest.mark.parametrize(("one", "other"), list(itertools.pairwise(SCREENS)))
def test_another_screen_is_said_from_its_title_on(one: str, other: str) -> None:
    """Only a count, an entry or a line is told by itself; whatever else changes, the screen is said anew."""
    if SCREENS[one].id != SCREENS[other].id:
        assert change(SCREENS[one], SCREENS[other], WORDS, headphones=True) is None


# ── Numbers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("$34.50", "34 dollars 50"),
        ("$40", "40 dollars"),
        ("$1", "1 dollar"),
        ("$0.01", "1 cent"),
        ("$5.05", "5 dollars 5 cents"),
        ("-$1,245.50", "minus 1245 dollars 50"),
        ("−$100.00", "minus 100 dollars"),
        ("+$612.00", "plus 612 dollars"),
        ("$1,234,567.89", "1234567 dollars 89"),
        ("34,50 €", "34 euros 50"),
        ("1.245,50 €", "1245 euros 50"),
        ("1 245,50 €".replace(" ", "\u202f"), "1245 euros 50"),
        ("₹1,23,456.00", "123456 rupees"),
        ("¥1,250", "1250 yen"),
        ("KWD 1.250", "1 Kuwaiti dinar 250"),
        ("KWD 1,250", "1250 Kuwaiti dinars"),
        ("NOK 500", "500 Norwegian crowns"),
        ("In steps of $10, up to $400 today", "In steps of 10 dollars, up to 400 dollars today"),
        ("2 x $50, 2 x $20", "2 times 50 dollars, 2 times 20 dollars"),
        ("ends 4417", "ends 4 4 1 7"),
        ("ends 0093", "ends 0 0 9 3"),
        ("call 555\u00a00100", "call 5 5 5, 0 1 0 0"),
        ("2081 4417", "2 0 8 1, 4 4 1 7"),
        ("6 of 9 notes", "6 of 9 notes"),
        ("8 digits, used once", "8 digits, used once"),
        ("today at\u00a014:30", "today at 14:30"),
        ("at 09:05", "at 09:05"),
        ("Market Street, 300 m", "Market Street, 300 metres"),
        ("\u200e-5,00\u00a0€", "minus 5 euros"),
        ("Enter your PIN", "Enter your pin"),
        ("Ada [[z]]\x1b[2J", "Ada z [2J"),
    ],
)  # fmt: skip
def test_numbers_are_said_as_people_say_them(written: str, spoken: str) -> None:
    """Money in words whatever its marks, endings and telephone numbers digit by digit, all else as it stands."""
    assert said(written, WORDS) == spoken


def test_a_reference_is_spelled() -> None:
    """A claim can be written down by ear."""
    assert (spelled("H-482107"), spelled("T1-10")) == ("H, 4 8 2 1 0 7", "T 1, 1 0")
    assert "Your reference: H, 4 8 2 1 0 7" in heard(SCREENS["e.jam"])


@given(
    st.integers(-(10**9), 10**9),
    st.sampled_from(sorted(MINOR_DIGITS)),
    st.sampled_from(["{}", "Up to {} today", "{}."]),
)
def test_every_amount_is_said_in_words(minor: int, currency: str, around: str) -> None:
    """No amount of any currency keeps its sign, symbol or code, wherever in a sentence it stands."""
    amount = money_said(abs(minor), currency, WORDS)
    spoken = said(around.format(shown(Money(minor, currency))), WORDS)
    assert spoken == around.format(f"minus {amount}" if minor < 0 else amount)
    assert not re.search(rf"\b{currency}\b|[{''.join(SYMBOLS.values())},-]", spoken)


@given(st.text(max_size=60))
def test_whatever_stands_on_a_screen_can_be_handed_to_a_voice(text: str) -> None:
    """No words make it fail, none reach the voice as control characters or as its own phoneme codes."""
    spoken = said(text, WORDS)
    assert spoken.isprintable()
    assert "[[" not in spoken
