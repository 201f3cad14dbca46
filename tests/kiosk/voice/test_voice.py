"""When the machine speaks, how, and what ends it: in virtual time, with a voice that takes as long as a real one."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from support.every_screen import usd
from support.virtual_time import run_virtual

from drivers.devices import Manner
from drivers.simulated.speaker import Said, SimulatedSpeaker
from kiosk.display.face import Look
from kiosk.pace import Pace
from kiosk.screens import catalogue
from kiosk.screens.model import Screen
from kiosk.screens.words.load import load_words
from kiosk.voice.display import HeardDisplay
from kiosk.voice.voice import MOST_S, MOST_S_A_LETTER, Voice

WORDS = load_words()
MENU = catalogue.menu(WORDS, ["cash", "balance"])
CASH = catalogue.cash(WORDS, [catalogue.Preset(usd(20)), catalogue.Preset(usd(50))])
WELCOME = catalogue.welcome(WORDS)
HELLO = ["Star says the screen again. Hash makes it louder."]
OF_MENU = ["What would you like to do?", "Press 1 for Take cash", "Press 2 for Balance", "A, cancels", "C is help"]


class Ear:
    """A voice with whom listens to it."""

    def __init__(self, *, loudspeaker: bool = False) -> None:
        self.speaker = SimulatedSpeaker()
        self.speaker.open()
        self.pace = Pace()
        self.failed: list[str] = []
        self.touched = 0
        self.voice = Voice(
            self.speaker, WORDS, self.pace, loudspeaker=loudspeaker, touched=self._touch, failed=self.failed.append
        )

    def _touch(self) -> None:
        self.touched += 1

    @property
    def heard(self) -> list[str]:
        return [said.text for said in self.speaker.said]

    @property
    def last(self) -> Said:
        return self.speaker.said[-1]

    async def quiet(self) -> None:
        """Until nothing is being said."""
        while self.voice.speaking:
            await asyncio.sleep(0.01)

    async def listening(self, screen: Screen = MENU) -> None:
        """Headphones in, greeting and screen over, nothing of it remembered."""
        self.voice.shown(screen)
        self.voice.plugged(True)
        await self.quiet()
        self.speaker.said.clear()


def told(story: Callable[[Ear], Coroutine[Any, Any, None]], **kind: bool) -> Ear:
    ear: list[Ear] = []

    async def whole() -> None:
        ear.append(Ear(**kind))
        await story(ear[0])
        await ear[0].voice.stop()

    run_virtual(whole())
    assert not ear[0].pace.held
    return ear[0]


def test_nothing_is_said_until_headphones_go_in() -> None:
    """A machine that nobody listens to is silent; with the plug the screen that is there is said, keys first."""

    async def story(ear: Ear) -> None:
        ear.voice.shown(WELCOME)
        ear.voice.shown(MENU)
        ear.voice.pressed("1")
        ear.voice.pressed("*")
        ear.voice.pressed("#")
        await asyncio.sleep(60)
        assert ear.heard == []
        assert ear.voice.help == ()
        ear.voice.plugged(True)
        await ear.quiet()

    ear = told(story)
    assert ear.heard == [*HELLO, *OF_MENU]
    assert ear.touched == 1  # a customer who has just found the jack has all the time again


def test_a_new_screen_is_said_at_the_usual_speed_with_silence_before_each_choice() -> None:
    """165 words a minute; a choice begins 0.6 s after what was before it has ended."""

    async def story(ear: Ear) -> None:
        await ear.listening(WELCOME)
        ear.voice.shown(MENU)
        await ear.quiet()

    said = list(told(story).speaker.said)
    assert [one.text for one in said] == OF_MENU
    assert {one.manner for one in said} == {Manner("en-us", 165, 3)}
    for before, choice in itertools.pairwise(said):
        ended = before.at + len(before.text.split()) * 60 / 165 + 0.3
        assert choice.at - ended == pytest.approx(0.6, abs=0.001)


def test_a_key_ends_what_is_being_said_at_once() -> None:
    """Whoever knows the way need not listen: after a key there is silence, until another screen comes."""

    async def story(ear: Ear) -> None:
        await ear.listening(WELCOME)
        ear.voice.shown(MENU)
        await asyncio.sleep(0.5)
        ear.voice.pressed("1")
        assert not ear.voice.speaking
        assert not ear.pace.held
        await asyncio.sleep(30)
        assert ear.heard == OF_MENU[:1]
        ear.voice.shown(CASH)
        await ear.quiet()
        assert ear.heard[1] == "How much cash?"

    told(story)


def test_a_new_screen_ends_what_was_said_of_the_old_one() -> None:
    """Two sentences are never heard at once, and nothing of the old screen is said after the new one came."""

    async def story(ear: Ear) -> None:
        await ear.listening(WELCOME)
        ear.voice.shown(CASH)
        await asyncio.sleep(0.2)
        ear.voice.shown(MENU)
        await ear.quiet()

    assert told(story).heard == ["How much cash?", *OF_MENU]


def test_the_same_screen_again_is_not_said_again() -> None:
    """A screen that is only drawn anew (its ring, its seconds) stays silent."""

    async def story(ear: Ear) -> None:
        await ear.listening(MENU)
        ear.voice.shown(catalogue.menu(WORDS, ["cash", "balance"]))
        await asyncio.sleep(10)

    assert told(story).heard == []


def test_star_says_the_screen_again() -> None:
    """From its title on, also in the middle of it."""

    async def story(ear: Ear) -> None:
        await ear.listening(WELCOME)
        ear.voice.shown(MENU)
        await asyncio.sleep(4)
        before = len(ear.heard)
        assert 0 < before < len(OF_MENU)
        ear.voice.pressed("*")
        await ear.quiet()
        assert ear.heard[before:] == OF_MENU

    told(story)


def test_hash_makes_it_louder_in_five_steps_and_then_round() -> None:
    """What was interrupted is said on at the new loudness."""

    async def story(ear: Ear) -> None:
        await ear.listening(WELCOME)
        ear.voice.shown(MENU)
        await asyncio.sleep(4)
        at = ear.heard.index("Press 1 for Take cash")
        assert ear.heard[-1] == "Press 1 for Take cash"
        ear.voice.pressed("#")
        await ear.quiet()
        assert ear.heard[at:] == ["Press 1 for Take cash", "Loudness 4 of 5", *OF_MENU[1:]]
        assert ear.last.manner.loudness == 4
        for step in (5, 1, 2, 3):
            ear.voice.pressed("#")
            await ear.quiet()
            assert (ear.last.text, ear.last.manner.loudness) == (f"Loudness {step} of 5", step)

    told(story)


def test_slower_is_130_words_a_minute_and_can_be_taken_back() -> None:
    """Help offers it; while it is on, Help offers the way back."""

    async def story(ear: Ear) -> None:
        await ear.listening()
        assert ear.voice.help == ("again", "slower", "blank")
        ear.voice.chosen("slower")
        assert ear.voice.switched == {"slower"}
        ear.voice.again()
        await ear.quiet()
        assert ear.last.manner.words_per_minute == 130
        ear.voice.chosen("slower")
        ear.voice.again()
        await ear.quiet()
        assert ear.last.manner.words_per_minute == 165

    told(story)


def test_the_next_customer_finds_everything_as_it_was() -> None:
    """Loudness, speed and a hidden screen end with the visit, though the headphones stay in."""

    async def story(ear: Ear) -> None:
        await ear.listening()
        ear.voice.pressed("#")
        ear.voice.chosen("slower")
        ear.voice.chosen("blank")
        await ear.quiet()
        ear.voice.next_customer()
        assert not ear.voice.blank
        assert ear.voice.switched == frozenset()
        ear.voice.shown(WELCOME)
        await ear.quiet()
        assert ear.last.manner == Manner("en-us", 165, 3)
        ear.voice.pressed("#")
        await ear.quiet()
        ear.voice.plugged(False)  # gone, without ever putting a card in
        ear.voice.plugged(True)
        await ear.quiet()
        assert ear.last.manner.loudness == 3

    told(story)


def test_pulling_the_headphones_out_is_silence_at_once_and_the_screen_is_back() -> None:
    """A balance that is being said is not said into the room."""

    async def story(ear: Ear) -> None:
        await ear.listening()
        ear.voice.chosen("blank")
        assert ear.voice.blank
        ear.voice.shown(catalogue.balance_shown(WORDS, usd(1_000), usd(1_000)))
        await asyncio.sleep(0.1)
        heard = len(ear.heard)
        ear.voice.plugged(False)
        assert not ear.voice.blank
        assert not ear.voice.speaking
        await asyncio.sleep(60)
        assert len(ear.heard) == heard
        assert ear.pace.longer(30) == 30

    told(story)


def test_a_loudspeaker_speaks_only_when_asked_and_never_of_what_is_private() -> None:
    """`*` begins it, for this customer; accounts and balances stay unsaid; headphones change that."""

    async def story(ear: Ear) -> None:
        ear.voice.shown(MENU)
        await asyncio.sleep(5)
        assert ear.heard == []
        ear.voice.pressed("*")
        await ear.quiet()
        assert ear.heard == OF_MENU
        assert ear.voice.help == ("again", "slower")
        assert ear.pace.longer(30) == 60
        ear.voice.shown(catalogue.choose_account(WORDS, [("Everyday", "2081")]))
        await ear.quiet()
        assert not [text for text in ear.heard if "Everyday" in text or "2 0 8 1" in text]
        ear.voice.plugged(True)
        await ear.quiet()
        assert "Press 1 for Everyday, ends 2 0 8 1" in ear.heard
        ear.voice.plugged(False)
        ear.voice.next_customer()
        said = len(ear.heard)
        ear.voice.shown(WELCOME)
        await asyncio.sleep(5)
        assert len(ear.heard) == said
        assert ear.pace.longer(30) == 30

    told(story, loudspeaker=True)


def test_whatever_pin_is_typed_sounds_the_same() -> None:
    """A tick for each key, and how many there are: two PINs of the same length cannot be told apart by ear."""

    async def typed(ear: Ear, pin: str) -> None:
        await ear.listening(catalogue.pin(WORDS))
        for count, key in enumerate(pin, start=1):
            ear.voice.pressed(key)
            ear.voice.shown(catalogue.pin(WORDS, count=count))
            await asyncio.sleep(1.5)

    one, other = told(lambda ear: typed(ear, "4711")), told(lambda ear: typed(ear, "0293"))
    assert one.heard == other.heard == ["", "1 of 4", "", "2 of 4", "", "3 of 4", "", "4 of 4"]
    assert [said.at for said in one.speaker.said] == [said.at for said in other.speaker.said]


def test_quick_fingers_hear_each_tick_and_the_last_count() -> None:
    """Each key has its tick at once; only who pauses is told how many there are."""

    async def story(ear: Ear) -> None:
        await ear.listening(catalogue.pin(WORDS))
        for count in range(1, 5):
            ear.voice.pressed("5")
            ear.voice.shown(catalogue.pin(WORDS, count=count))
            await asyncio.sleep(0.02)
        await ear.quiet()

    assert told(story).heard == ["", "", "", "", "4 of 4"]


def test_counted_notes_are_told_without_breaking_off() -> None:
    """The count that is newest when a sentence ends is said next; those that were overtaken are left out."""

    async def story(ear: Ear) -> None:
        await ear.listening()
        for done in range(10):
            ear.voice.shown(catalogue.cash_count(WORDS, done, 9))
            await asyncio.sleep(0.4)
        await ear.quiet()

    heard = told(story).heard
    assert heard[0] == "Counting your cash"
    assert heard[-1] == "9 of 9 notes"
    assert 3 <= len(heard) < 10


def test_a_sound_card_that_fails_is_told_once_and_nothing_waits_for_it() -> None:
    """Silence, time that runs, one line for the operator; when it works again the next screen is said."""

    async def story(ear: Ear) -> None:
        await ear.listening(WELCOME)
        ear.speaker.set_fault("no-sound")
        for screen in (MENU, CASH, MENU):
            ear.voice.shown(screen)
            await asyncio.sleep(1)
            assert not ear.voice.speaking
            assert not ear.pace.held
        assert ear.failed == ["The sound card plays nothing: check the card."]
        ear.speaker.clear_faults()
        ear.voice.shown(CASH)
        await ear.quiet()
        assert ear.heard[0] == "How much cash?"

    told(story)


def test_a_sentence_that_does_not_end_is_given_up() -> None:
    """A sound card that hangs holds the customer's time for a bounded while only."""

    async def story(ear: Ear) -> None:
        await ear.listening(WELCOME)
        ear.speaker.set_fault("hangs")
        ear.voice.shown(MENU)
        await asyncio.sleep(MOST_S + MOST_S_A_LETTER * len(OF_MENU[0]) + 0.1)
        assert not ear.voice.speaking
        assert not ear.pace.held
        assert ear.failed == ["The voice does not come to its end: check the sound card."]

    told(story)


class Panel:
    """A display that remembers what it was told to draw."""

    def __init__(self) -> None:
        self.drawn: list[tuple[str, bool]] = []

    def show(self, screen: Screen, look: Look = Look()) -> None:
        self.drawn.append((screen.id, look.blank))

    def listen(self, pressed: Callable[[str], None]) -> None: ...

    async def run(self) -> None: ...

    def close(self) -> None: ...


def test_a_hidden_screen_is_hidden_at_once_and_stays_so() -> None:
    """Whatever is shown meanwhile is drawn as nothing, and said; the same screen comes back."""

    async def story(ear: Ear) -> None:
        panel = Panel()
        display = HeardDisplay(panel, ear.voice)
        display.show(MENU)
        ear.voice.plugged(True)
        ear.voice.chosen("blank")
        display.show(CASH, Look(left_s=12))
        ear.voice.chosen("blank")
        assert panel.drawn == [("menu", False), ("menu", True), ("cash", True), ("cash", False)]
        await ear.quiet()
        assert "How much cash?" in ear.heard

    told(story)
