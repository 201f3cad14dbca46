"""What a person sees of a kiosk's configuration: profiles, overrides, and each mistake in a line of its own."""

import dataclasses
import re
import tomllib
from pathlib import Path

import pytest
from support.configs import KIOSK, write

from config.kiosk import LANGUAGES, DisplayKind, KioskConfig, Pn532ReaderConfig, StickReaderConfig, Theme
from config.load import (
    ConfigError,
    diff_kiosk,
    example_kiosk,
    load_kiosk,
    profile_names,
    profile_text,
    show_kiosk,
)
from config.pins import Active, Pull

BARE = {
    "display": 'kind = "touch"\npanel = "800x480"\npixels_per_mm = 5.2\n',
    "presets": "amounts = [20, 40]\n",
    "card_reader": 'kind = "stick"\nmount = "slot"\n',
}


def mistakes(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_kiosk(path)
    return str(caught.value).splitlines()


def only_mistake(path: Path) -> str:
    lines = mistakes(path)
    assert len(lines) == 1, lines
    return lines[0]


@pytest.mark.parametrize("name", profile_names())
def test_each_profile_makes_a_kiosk_with_nothing_added_but_its_own_places(tmp_path: Path, name: str) -> None:
    """Every shipped profile is complete: a kiosk's own file needs only where its state, auth file and key are."""
    path = write(tmp_path, example_kiosk(name, state="state", auth_file="a", key_file="k"))
    config = load_kiosk(path)
    assert config.terminal.profile == name
    assert len(config.keypad.rows) == len(config.keypad.columns) == 4
    assert all(amount >= min(each.value for each in config.cassettes) for amount in config.presets)


def test_the_cabinets_that_are_promised_are_there(tmp_path: Path) -> None:
    """A 7-inch counter machine, a 10-inch floor machine and the laptop have the panels and cassettes they are sold with."""

    def cabinet(name: str) -> KioskConfig:
        return load_kiosk(write(tmp_path, example_kiosk(name, state="s", auth_file="a", key_file="k")))

    counter, floor, laptop = cabinet("counter-7"), cabinet("floor-10"), cabinet("laptop")
    assert (counter.display.width_px, counter.display.height_px, len(counter.cassettes)) == (800, 480, 2)
    assert (floor.display.width_px, floor.display.height_px, len(floor.cassettes)) == (1024, 600, 4)
    assert [each.value for each in laptop.cassettes] == [50, 20, 10]
    assert isinstance(counter.card_reader, StickReaderConfig)
    assert isinstance(floor.card_reader, Pn532ReaderConfig)
    assert counter.time.require_synchronised
    assert floor.time.require_synchronised


@pytest.mark.parametrize("name", profile_names())
def test_no_motor_of_a_profile_runs_between_power_on_and_firmware(tmp_path: Path, name: str) -> None:
    """The Pi pulls GPIO0 to 8 up at power-on, all others down: a motor sits where its power-on level is off."""
    config = load_kiosk(write(tmp_path, example_kiosk(name, state="s", auth_file="a", key_file="k")))
    for motor in [each.motor for each in config.cassettes]:
        assert (motor.gpio > 8) == (motor.active is Active.HIGH)
        assert not motor.safe_on


def test_relative_paths_start_at_the_file_that_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the command was started makes no difference to where a machine keeps its journal."""
    path = write(tmp_path, KIOSK)
    monkeypatch.chdir("/")
    config = load_kiosk(path)
    assert config.terminal.state == tmp_path / "state"
    assert config.terminal.key_file == tmp_path / "terminal.key"
    assert isinstance(config.card_reader, StickReaderConfig)
    assert config.card_reader.mount == tmp_path / "slot"


def test_a_kiosks_file_overrides_its_profile_key_by_key(tmp_path: Path) -> None:
    """One changed theme, one changed low-water mark, and everything else of the cabinet stays."""
    plain = load_kiosk(write(tmp_path, KIOSK))
    text = KIOSK + '[display]\ntheme = "contrast"\n[[cassette]]\nname = "middle"\nlow = 7\n'
    changed = load_kiosk(write(tmp_path, text))
    assert changed.display == dataclasses.replace(plain.display, theme=Theme.CONTRAST)
    assert [each.low for each in changed.cassettes] == [50, 7, 50]
    assert [each.motor for each in changed.cassettes] == [each.motor for each in plain.cassettes]


def test_a_cassette_of_a_new_name_is_added(tmp_path: Path) -> None:
    """A machine may have more cassettes than its cabinet's profile."""
    pin = '{ gpio = "GPIO11", header = 23, active = "high", safe = "off" }'
    text = f'{KIOSK}[[cassette]]\nname = "extra"\nvalue = 100\nmost = 300\nlow = 30\nmotor = {pin}\n'
    config = load_kiosk(write(tmp_path, text))
    assert [each.name for each in config.cassettes] == ["top", "middle", "bottom", "extra"]


def test_a_machine_that_speaks_must_be_heard(tmp_path: Path) -> None:
    """A voice needs a jack or a loudspeaker, its card a name that ALSA knows; without the table there is none."""
    voice = load_kiosk(write(tmp_path, KIOSK)).voice
    assert voice is not None
    assert voice.jack is not None
    assert (voice.jack.gpio, voice.device, voice.loudspeaker) == (3, "", False)
    bare = KIOSK.replace('profile = "laptop"\n', "") + 'currency = "USD"\n'
    profile = tomllib.loads(profile_text("laptop"))
    own = "".join(f"[{name}]\n{text}" for name, text in BARE.items()) + _rest(profile_text("laptop"))
    assert load_kiosk(write(tmp_path, bare + own)).voice is None
    assert profile["voice"]
    path = write(tmp_path, bare + own + '[voice]\ndevice = "two words"\n')
    assert mistakes(path) == [
        f'{path}: voice.device: found "two words"; allowed: a sound card as ALSA names it, like "plughw:CARD=Headphones"',
        f"{path}: voice.jack: found nothing; allowed: a pin, or loudspeaker = true",
    ]
    loud = load_kiosk(write(tmp_path, bare + own + '[voice]\nloudspeaker = true\ndevice = "hw:1,0"\n')).voice
    assert loud is not None
    assert (loud.jack, loud.device, loud.loudspeaker) == (None, "hw:1,0", True)


def test_the_voice_of_a_profile_can_be_taken_away(tmp_path: Path) -> None:
    """A cabinet of the profile without a jack: it does not speak, and the jack's pin is free for something else."""
    text = (
        KIOSK
        + '[voice]\nfitted = false\n[indicators]\ncard = { gpio = "GPIO3", header = 5, active = "high", safe = "off" }\n'
    )
    config = load_kiosk(write(tmp_path, text))
    assert config.voice is None
    assert config.lamps["card"].gpio == 3
    assert "voice.jack.gpio" in only_mistake(write(tmp_path, text.replace("fitted = false\n", "")))


def _rest(profile: str) -> str:
    """The laptop's board and pins without its voice."""
    return '[board]\nkind = "module"\n' + profile[profile.index("[keypad]") : profile.index("[voice]")]


def test_a_pin_says_everything_about_itself(tmp_path: Path) -> None:
    """Number, header position, pull, active level, safe level, wire and note reach the program as they were written."""
    config = load_kiosk(write(tmp_path, KIOSK))
    sensor, motor = config.dispenser.exit_sensor, config.cassettes[0].motor
    assert (sensor.gpio, sensor.header, sensor.pull, sensor.active) == (25, 22, Pull.UP, Active.LOW)
    assert sensor.wire == "exit"
    assert sensor.note
    assert (motor.gpio, motor.header, motor.active, motor.safe_on) == (17, 11, Active.HIGH, False)


def test_every_mistake_is_told_at_once_in_a_line_of_its_own(tmp_path: Path) -> None:
    """Three mistakes in three sections are three lines, each with file, key, value found and what is allowed."""
    text = KIOSK + '[display]\nrotation = 45\nkind = "tuch"\n[limits]\nanswer_s = 5\n'
    path = write(tmp_path, text)
    assert mistakes(path) == [
        f'{path}: display.kind: found "tuch"; allowed: "touch", "terminal" or "none"',
        f"{path}: display.rotation: found 45; allowed: 0, 90, 180 or 270",
        f"{path}: limits.answer_s: found 5; allowed: a whole number of seconds from 20 to 600",
    ]


@pytest.mark.parametrize(
    ("text", "key", "near"),
    [
        ("[limits]\nanser_s = 30\n", "limits.anser_s", "limits.answer_s"),
        ("[limts]\nanswer_s = 30\n", "limts", "limits"),
        ("[display]\nanswer_s = 30\n", "display.answer_s", "limits.answer_s"),
        ('[[cassette]]\nname = "top"\nlo = 3\n', "cassette[top].lo", "cassette.low"),
        ('[dispenser.exit_sensor]\npul = "up"\n', "dispenser.exit_sensor.pul", "dispenser.exit_sensor.pull"),
    ],
)
def test_an_unknown_key_is_a_mistake_and_the_nearest_known_one_is_named(
    tmp_path: Path, text: str, key: str, near: str
) -> None:
    """A slip of the pen never passes silently, and the line says what was probably meant."""
    line = only_mistake(write(tmp_path, KIOSK + text))
    assert f": {key}: found " in line
    assert line.endswith(f"; nearest known key: {near}")
    assert "; allowed: one of " in line


def test_an_unknown_key_unlike_any_other_names_what_there_is(tmp_path: Path) -> None:
    """Where nothing is near, the line still says which keys the table has."""
    line = only_mistake(write(tmp_path, KIOSK + "[presets]\nzzzzzz = 1\n"))
    assert line.endswith("presets.zzzzzz: found 1; allowed: one of amounts")


def test_a_quoted_key_with_dots_is_no_way_around(tmp_path: Path) -> None:
    """`"limits.answer_s" = 5` at the top is an unknown key, not a hidden setting."""
    path = write(tmp_path, '"limits.answer_s" = 5\n' + KIOSK)
    assert '"limits.answer_s"' in only_mistake(path)


def test_true_is_no_number(tmp_path: Path) -> None:
    """TOML's true is not taken for 1, nor a number for a flag, nor a date for anything."""
    text = KIOSK + "[limits]\nextensions = true\n[display]\nreduced_motion = 1\nviewing_distance_mm = 2024-01-01\n"
    lines = mistakes(write(tmp_path, text))
    assert [re.findall(r": found (.*); allowed", line)[0] for line in lines] == ["1", "a date or time", "true"]


@pytest.mark.parametrize("value", ["nan", "inf", "-5", '"4.6"', "[4.6]", "0xffffffffffffffffffffffffffffffffffff"])
def test_a_number_out_of_the_world_is_refused(tmp_path: Path, value: str) -> None:
    """Not a number, infinity and their like do not pass a range check."""
    assert "display.pixels_per_mm" in only_mistake(write(tmp_path, KIOSK + f"[display]\npixels_per_mm = {value}\n"))


def test_a_missing_key_is_named_with_what_it_should_be(tmp_path: Path) -> None:
    """Without a profile, each missing table is one line and its keys are not listed one by one."""
    path = write(tmp_path, '[terminal]\nstate = "s"\nauth_file = "a"\nkey_file = "k"\n')
    assert mistakes(path) == [
        f'{path}: terminal.currency: found nothing; allowed: an ISO 4217 code like "EUR"',
        *(
            f"{path}: {section}: found nothing; allowed: a table, [{section}]"
            for section in ("display", "presets", "card_reader", "keypad", "dispenser")
        ),
        f"{path}: cassette: found nothing; allowed: a list of 1 to 8 tables",
    ]


def test_a_mistake_in_a_profile_names_the_profile_and_one_in_the_file_the_file(tmp_path: Path) -> None:
    """The file in the line is the one to edit, also where the key's table stands in both."""
    path = write(tmp_path, KIOSK + '[dispenser.exit_sensor]\ngpio = "GPIO2"\n')
    lines = mistakes(path)
    assert lines[0].startswith("profile laptop: dispenser.exit_sensor.header: found 22; allowed: 3, where GPIO2 is")


@pytest.mark.parametrize(
    ("profile", "near"), [('"laptob"', "laptop"), ('"counter-10"', "counter-7"), ("7", ""), ("[]", "")]
)
def test_an_unknown_profile_is_one_line_beside_the_files_own_mistakes(tmp_path: Path, profile: str, near: str) -> None:
    """A wrong profile does not drown the file's other mistakes in missing keys."""
    text = KIOSK.replace('"laptop"', profile) + "[limits]\nanswer_s = 0\n"
    lines = mistakes(write(tmp_path, text))
    assert len(lines) == 2
    assert "terminal.profile" in lines[0]
    assert lines[0].endswith(f"nearest known key: {near}" if near else 'or "" for none')
    assert "limits.answer_s" in lines[1]


def test_a_list_of_keys_names_the_row(tmp_path: Path) -> None:
    """Keypad lines have no names, so a mistake counts them from 1."""
    columns = "".join(
        f'{{ gpio = "GPIO{gpio}", header = {header}, pull = "{pull}", active = "low" }},'
        for gpio, header, pull in ((12, 32, "up"), (16, 36, "sideways"), (20, 38, "up"), (21, 40, "up"))
    )
    path = write(tmp_path, f"{KIOSK}[keypad]\ncolumns = [{columns}]\n")
    assert only_mistake(path) == (f'{path}: keypad.columns[2].pull: found "sideways"; allowed: "up", "down" or "none"')


def test_a_keypad_has_four_rows(tmp_path: Path) -> None:
    """Three rows are refused: keys would change their meaning."""
    row = '{ gpio = "GPIO5", header = 29, active = "low", safe = "off" }'
    line = only_mistake(write(tmp_path, f"{KIOSK}[keypad]\nrows = [{row}, {row}, {row}]\n"))
    assert line.endswith("keypad.rows: found a list of 3; allowed: a list of 4 tables")


@pytest.mark.parametrize("both", [True, False])
def test_either_a_key_file_or_a_passphrase_file(tmp_path: Path, both: bool) -> None:
    """An auth file is sealed in one way: naming both or neither is a mistake."""
    text = KIOSK + 'passphrase_file = "p"\n' if both else KIOSK.replace('key_file = "terminal.key"\n', "")
    assert "allowed: either key_file or passphrase_file" in only_mistake(write(tmp_path, text))


@pytest.mark.parametrize(
    "text",
    [
        'key_file = ["hunter2-marked"]\n',
        'passphrase = "hunter2-marked"\n',
        'enrolment_token = "hunter2-marked"\n',
        "[terminal.pin]\ncode = 1\n[display]\npin = 'hunter2-marked'\n",
        '[line]\nclient_key = "hunter2-marked"\n',
        '[display]\nbrand = "-----BEGIN PRIVATE KEY-----hunter2-marked"\nrotation = "-----BEGIN PRIVATE KEY-----hunter2-marked"\n',
    ],
)
def test_a_value_that_may_be_a_secret_is_never_repeated(tmp_path: Path, text: str) -> None:
    """Somebody pasted the secret where its file belongs: the complaint must not carry it into a log."""
    base = KIOSK.replace('key_file = "terminal.key"\n', "") if text.startswith("key_file") else KIOSK
    for line in mistakes(write(tmp_path, base + text)):
        assert "hunter2" not in line


def test_presets_that_notes_cannot_make_are_refused(tmp_path: Path) -> None:
    """A customer is never offered an amount that no mix of the machine's notes pays."""
    line = only_mistake(write(tmp_path, KIOSK + "[presets]\namounts = [20, 55]\n"))
    assert line.endswith("presets.amounts: found 55; allowed: amounts that notes of 50, 20, 10 add up to")
    text = KIOSK.replace('"laptop"', '"counter-7"')
    assert "found 30;" in only_mistake(write(tmp_path, text + "[presets]\namounts = [20, 30, 110]\n"))


@pytest.mark.parametrize("amounts", ["[]", "[40, 20]", "[20, 20]", "[0]", "20", '["20"]', "[true]", "[20.0]"])
def test_presets_are_an_ascending_list_of_whole_amounts(tmp_path: Path, amounts: str) -> None:
    """What is no such list is refused with what was found."""
    assert "presets.amounts: found " in only_mistake(write(tmp_path, f"{KIOSK}[presets]\namounts = {amounts}\n"))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("double_note_ms = 10\n", "dispenser.double_note_ms"),
        ("longest_note_ms = 100\n", "dispenser.longest_note_ms"),
        ("gap_ms = 10\n", "dispenser.gap_ms"),
        ("pick_timeout_ms = 50\nshortest_note_ms = 60\n", "dispenser.pick_timeout_ms"),
    ],
)
def test_times_of_the_dispenser_that_contradict_one_another_are_refused(tmp_path: Path, text: str, key: str) -> None:
    """The order that the dispenser's driver asks for is checked before any pin is touched."""
    assert key in only_mistake(write(tmp_path, f"{KIOSK}[dispenser]\n{text}"))


def test_a_stuck_key_is_held_for_longer_than_a_held_one(tmp_path: Path) -> None:
    """Otherwise a held key could never be reported before it is a fault."""
    assert "keypad.stuck_ms" in only_mistake(write(tmp_path, KIOSK + "[keypad]\nhold_ms = 5000\nstuck_ms = 5000\n"))


def test_a_motor_that_is_on_where_nobody_drives_it_is_refused(tmp_path: Path) -> None:
    """A safe level of "on" would pay out at every stop."""
    text = KIOSK + '[[cassette]]\nname = "top"\nmotor = { safe = "on" }\n'
    line = only_mistake(write(tmp_path, text))
    assert 'cassette[top].motor.safe: found "on"; allowed: "off"' in line


def test_two_cassettes_of_one_name_are_refused(tmp_path: Path) -> None:
    """Laid over a profile, the second would silently change the first."""
    text = KIOSK + '[[cassette]]\nname = "top"\nlow = 3\n[[cassette]]\nname = "top"\nlow = 4\n'
    assert 'cassette.name: found "top"; allowed: each name once' in only_mistake(write(tmp_path, text))


@pytest.mark.parametrize("text", ["limits = 3\n", "limits = []\n", "[[limits]]\nanswer_s = 30\n"])
def test_a_section_that_is_no_table_is_one_line(tmp_path: Path, text: str) -> None:
    """And nothing else is said about what should have been inside."""
    kiosk = text + KIOSK if not text.startswith("[") else KIOSK + text
    assert ": limits: found " in only_mistake(write(tmp_path, kiosk))


def test_a_time_zone_is_known_or_refused(tmp_path: Path) -> None:
    """What stands on a receipt is a time that the machine can compute."""
    assert load_kiosk(write(tmp_path, KIOSK + '[time]\nzone = "UTC+05:30"\n')).time.zone == "UTC+05:30"
    for name in ("Middle/Earth", "../etc/passwd", "UTC+99:00", ""):
        assert "time.zone" in only_mistake(write(tmp_path, f'{KIOSK}[time]\nzone = "{name}"\n'))


def test_what_is_shown_loads_as_the_same_machine_and_says_where_each_value_came_from(tmp_path: Path) -> None:
    """`config show` prints TOML that makes the same kiosk, each line with its file, profile or "default"."""
    path = write(tmp_path, KIOSK + '[display]\ntheme = "contrast"\n')
    text = show_kiosk(path)
    assert f'theme = "contrast"  # {path}\n' in text
    assert 'panel = "1024x600"  # profile laptop\n' in text
    assert "card_s = 30  # default\n" in text
    for line in text.splitlines():
        assert not line or line.startswith("[") or line.endswith(("= [", "]")) or "  # " in line
    assert tomllib.loads(text)["display"]["theme"] == "contrast"
    again = load_kiosk(write(tmp_path, text.replace('profile = "laptop"', 'profile = ""'), "again.toml"))
    first = load_kiosk(path)
    assert dataclasses.replace(again, terminal=first.terminal) == first


def test_the_difference_to_the_profile_is_what_the_file_changed(tmp_path: Path) -> None:
    """`config diff` names a changed key with the profile's value, a new key as new, and nothing that is the same."""
    text = KIOSK + '[display]\nkind = "touch"\nrotation = 90\npanel = "600x1024"\n'
    lines = diff_kiosk(write(tmp_path, text)).splitlines()
    assert 'display.panel = "600x1024"  # profile: "1024x600"' in lines
    assert "display.rotation = 90  # not in the profile" in lines
    assert not any("display.kind" in line for line in lines)


def test_an_example_of_no_profile_names_the_profiles_there_are() -> None:
    """Asking for a cabinet that does not exist is answered with those that do."""
    with pytest.raises(ConfigError, match=r'"lapdog" is no profile; there are .*did you mean laptop'):
        example_kiosk("lapdog", state="s", auth_file="a", key_file="k")


def test_each_profile_starts_with_a_line_that_says_which_cabinet_it_is() -> None:
    """A person who picks a profile reads its first line."""
    for name in profile_names():
        assert profile_text(name).startswith("# ")


def test_without_a_profile_the_file_says_everything(tmp_path: Path) -> None:
    """A cabinet of one's own needs no profile in the program."""
    body = profile_text("laptop").replace("[terminal]\n", "", 1)
    path = write(tmp_path, KIOSK.replace('profile = "laptop"\n', "") + body)
    config = load_kiosk(path)
    assert config.terminal.profile == ""
    assert config.display.kind is DisplayKind.TOUCH


def test_a_machine_speaks_what_it_is_told_to_and_else_everything(tmp_path: Path) -> None:
    """Without the key all languages are offered; with it those, the first being the machine's own."""
    assert load_kiosk(write(tmp_path, KIOSK)).display.languages == LANGUAGES
    spoken = load_kiosk(write(tmp_path, KIOSK + '[display]\nlanguages = ["ar", "en"]\n')).display.languages
    assert spoken == ("ar", "en")


@pytest.mark.parametrize("value", ["[]", '["xx"]', '["en", "en"]', '"en"', "[1]", '["en", ["es"]]'])
def test_a_language_that_there_are_no_words_for_is_one_line(tmp_path: Path, value: str) -> None:
    """The line names the key, and every language that there is."""
    line = only_mistake(write(tmp_path, KIOSK + f"[display]\nlanguages = {value}\n"))
    assert "display.languages" in line
    assert line.endswith("allowed: a list of some of en, es, fr, de, hi, ar, none twice")
