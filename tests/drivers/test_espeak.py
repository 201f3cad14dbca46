"""The real voice: espeak-ng renders every screen, and what plays it is killed at once, fails loudly, or is missing."""

from __future__ import annotations

import asyncio
import io
import re
import shutil
import subprocess
import time
import wave
from pathlib import Path

import pytest
from support.every_screen import every_screen

from bank_link.money import Money, shown
from drivers.devices import LOUDEST, DeviceError, DeviceState, Fault, Manner
from drivers.espeak import AMPLITUDE, RATE, EspeakSpeaker, tick_sound
from kiosk.screens.words.load import load_words
from kiosk.voice.plain import said
from kiosk.voice.speech import speech

needs_espeak = pytest.mark.skipif(
    shutil.which("espeak-ng") is None, reason="espeak-ng (Debian: espeak-ng) is not installed: no voice was tried"
)
WORDS = load_words()
USUAL = Manner("en-us", 165, 3)
SLOW = Manner("en-us", 130, 3)
SCREENS = every_screen(WORDS)


def seconds(sound: bytes) -> float:
    with wave.open(io.BytesIO(sound)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        assert len(file.readframes(file.getnframes())) == 2 * file.getnframes()
        return file.getnframes() / file.getframerate()


def peak(sound: bytes) -> int:
    with wave.open(io.BytesIO(sound)) as file:
        frames = file.readframes(file.getnframes())
    return max(abs(int.from_bytes(frames[at : at + 2], "little", signed=True)) for at in range(0, len(frames), 2))


def rendered(text: str, manner: Manner = USUAL) -> bytes:
    return asyncio.run(EspeakSpeaker().render(text, manner))


def phonemes(text: str) -> str:
    done = subprocess.run(
        ["espeak-ng", "--stdin", "-q", "-x", "-v", "en-us"], input=text, capture_output=True, text=True, check=True
    )
    # Stress and the length of a vowel may differ: "forty" alone and in "two hundred forty".
    return re.sub(r"[^a-z0-9@]", "", done.stdout.lower())


@needs_espeak
@pytest.mark.parametrize("name", SCREENS)
def test_every_screen_becomes_sound_of_a_plausible_length(name: str) -> None:
    """Each phrase is heard: neither an empty file nor a minute of noise, somewhere near 165 words a minute."""
    for phrase in speech(SCREENS[name], WORDS, headphones=True):
        length = seconds(rendered(phrase.text))
        letters = sum(letter.isalnum() for letter in phrase.text)
        digits = sum(letter.isdigit() for letter in phrase.text)
        assert 0.02 * letters + 0.1 < length < 0.12 * letters + 0.4 * digits + 1.2, (phrase.text, length)


@needs_espeak
def test_slower_takes_longer_and_louder_is_louder() -> None:
    """130 words a minute instead of 165; each of the five steps is louder than the one before."""
    text = "Your card comes back in twenty seconds. What would you like to do?"
    assert 1.15 < seconds(rendered(text, SLOW)) / seconds(rendered(text)) < 1.45
    peaks = [peak(rendered(text, Manner("en-us", 165, step))) for step in range(1, LOUDEST + 1)]
    assert peaks == sorted(set(peaks))
    assert peaks[-1] > 6 * peaks[0]


@needs_espeak
@pytest.mark.parametrize(
    ("minor", "in_words"),
    [
        (3_450, "thirty-four dollars fifty"),
        (4_000, "forty dollars"),
        (100, "one dollar"),
        (99, "ninety-nine cents"),
        (124_550, "one thousand two hundred forty-five dollars fifty"),
    ],
)
def test_money_sounds_like_its_words(minor: int, in_words: str) -> None:
    """What is handed over in figures is pronounced as the words that FACE asks for."""
    assert phonemes(said(shown(Money(minor, "USD")), WORDS)) == phonemes(in_words)


@needs_espeak
def test_the_letter_of_a_key_and_a_pin_are_pronounced_as_people_do() -> None:
    """The letter A is no article, and a PIN is not spelled out."""
    assert phonemes(WORDS.say("voice", "cancel")).startswith("ei")
    assert phonemes(said("Enter your PIN", WORDS)) == phonemes("enter your pin")


@needs_espeak
def test_a_language_that_is_not_there_is_one_sentence() -> None:
    """The sentence names the language."""
    with pytest.raises(DeviceError, match="espeak-ng cannot speak xx-none") as error:
        rendered("hello", Manner("xx-none", 165, 3))
    assert error.value.fault is Fault.CONFIG


@needs_espeak
def test_nothing_to_say_makes_no_sound() -> None:
    """A phrase without a word is no error, and is not played."""
    assert rendered("") == rendered("  ") == b""


def test_a_tick_is_short_and_alike_for_all_keys() -> None:
    """A tenth of a second at most, louder with the steps; it is made of nothing but the loudness."""
    assert seconds(tick_sound(3)) < 0.1
    peaks = [peak(tick_sound(step)) for step in range(1, LOUDEST + 1)]
    assert peaks == sorted(set(peaks))
    assert len(AMPLITUDE) == LOUDEST


# ── Playing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def player(folder: Path, script: str) -> str:
    """A program in the place of aplay."""
    path = folder / "player"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def opened(folder: Path, script: str, **more: str) -> EspeakSpeaker:
    speaker = EspeakSpeaker(player=player(folder, script), program=shutil.which("cat") or "cat", **more)
    speaker.open()
    return speaker


def test_a_sound_is_played_on_the_card_that_is_configured(tmp_path: Path) -> None:
    """The card is named on the player's command line, the sound comes by its standard input and nowhere else."""
    speaker = opened(
        tmp_path, f'echo "$@" >{tmp_path}/arguments; cat >{tmp_path}/sound', device="plughw:CARD=Headphones"
    )
    asyncio.run(speaker.tick(USUAL))
    assert (tmp_path / "arguments").read_text() == "-q -D plughw:CARD=Headphones\n"
    assert (tmp_path / "sound").read_bytes() == tick_sound(3)
    assert speaker.report.state is DeviceState.ONLINE


@needs_espeak
def test_what_is_said_is_what_espeak_makes_of_it(tmp_path: Path) -> None:
    """The player gets the very sound that `render` returns."""
    speaker = EspeakSpeaker(player=player(tmp_path, f"cat >{tmp_path}/sound"))
    speaker.open()
    asyncio.run(speaker.say("Take your card", SLOW))
    assert (tmp_path / "sound").read_bytes() == rendered("Take your card", SLOW)


def test_a_balance_stands_on_no_command_line(tmp_path: Path) -> None:
    """What every user of the system can read of a process has speed and loudness in it, and none of the text."""
    script = f'echo "$@" >{tmp_path}/arguments; cat >{tmp_path}/text'
    speaker = EspeakSpeaker(program=player(tmp_path, script), player="true")
    speaker.open()
    asyncio.run(speaker.say("34 dollars 50", SLOW))
    assert (tmp_path / "arguments").read_text() == "--stdin --stdout -b 1 -v en-us -s 130 -a 100\n"
    assert (tmp_path / "text").read_text() == "34 dollars 50"


def test_what_is_being_played_is_killed_at_once(tmp_path: Path) -> None:
    """A key is pressed in the middle of a sentence: the player's process is gone before anything else is said."""
    speaker = opened(tmp_path, f"echo $$ >{tmp_path}/pid; exec sleep 60")

    async def story() -> float:
        playing = asyncio.create_task(speaker.tick(USUAL))
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
            await asyncio.sleep(0.01)
        begun = time.monotonic()
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
        return time.monotonic() - begun

    assert asyncio.run(story()) < 2
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()
    assert speaker.report.state is DeviceState.ONLINE


def test_a_card_that_cannot_be_played_on_is_one_sentence_until_it_can(tmp_path: Path) -> None:
    """The player's last line, the card and the way out; the report says it until something was played."""
    speaker = opened(
        tmp_path, f'test -e {tmp_path}/card && exec cat >/dev/null; echo first >&2; echo "no such card" >&2; exit 1'
    )
    with pytest.raises(DeviceError) as error:
        asyncio.run(speaker.tick(USUAL))
    sentence = "cannot play on the default sound card (no such card): check the card, and device under [voice]."
    assert str(error.value).endswith(sentence)
    assert (error.value.device, error.value.fault) == ("voice", Fault.UNPLUGGED)
    assert (speaker.report.state, speaker.report.sentence) == (DeviceState.HARDWARE_ERROR, str(error.value))
    (tmp_path / "card").touch()
    asyncio.run(speaker.tick(USUAL))
    assert speaker.report.state is DeviceState.ONLINE


@pytest.mark.parametrize(("gone", "package"), [("espeak-ng", "espeak-ng"), ("aplay", "alsa-utils")])
def test_a_program_that_is_missing_is_named_with_its_package(gone: str, package: str) -> None:
    """Noticed when the machine starts, with what to install; saying something fails with the same sentence."""
    speaker = EspeakSpeaker(find=lambda program: None if program == gone else f"/usr/bin/{program}")
    with pytest.raises(DeviceError, match=rf"{gone} is not installed.*apt install {package}") as error:
        speaker.open()
    assert (speaker.report.state, speaker.report.sentence) == (DeviceState.NO_DEVICE, str(error.value))
    with pytest.raises(DeviceError, match="is not installed"):
        asyncio.run(speaker.say("hello", USUAL))


def test_a_program_that_vanished_is_one_sentence(tmp_path: Path) -> None:
    """It was there at the start and is not any more."""
    speaker = opened(tmp_path, "exit 0")
    (tmp_path / "player").unlink()
    with pytest.raises(DeviceError, match=r"player cannot be run: No such file"):
        asyncio.run(speaker.tick(USUAL))


@needs_espeak
@pytest.mark.skipif(shutil.which("aplay") is None, reason="aplay (Debian: alsa-utils) is not installed")
def test_a_machine_without_a_sound_card_says_so() -> None:
    """The real player, told of a card that no machine has."""
    speaker = EspeakSpeaker(device="plughw:CARD=NoSuchCard")
    speaker.open()
    with pytest.raises(DeviceError, match=r"aplay cannot play on the sound card plughw:CARD=NoSuchCard \(.+\): check"):
        asyncio.run(speaker.say("hello", USUAL))
