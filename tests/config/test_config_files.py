"""Files that are missing, unreadable, foreign or hostile each get one sentence, whatever is in them."""

import os
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.configs import KIOSK, write

from config.kiosk_reading import read_kiosk
from config.load import ConfigError, load_bank, load_kiosk
from config.reading import Document, Reading, quoted
from config.toml_file import LARGEST_BYTES, parse_toml, toml_value


def sentence(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_kiosk(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    """The sentence names the file and what writes one."""
    said = sentence(tmp_path / "none.toml")
    assert str(tmp_path / "none.toml") in said
    assert "there is no such file" in said
    assert "atm-provision" in said


def test_a_directory_or_a_pipe_is_no_file(tmp_path: Path) -> None:
    """Neither is read, so a named pipe cannot hold the program up."""
    os.mkfifo(tmp_path / "pipe")
    assert "this is no file" in sentence(tmp_path)
    assert "this is no file" in sentence(tmp_path / "pipe")


def test_a_file_that_fails_while_it_is_read_is_one_sentence() -> None:
    """A dying card gives an error in the middle; here it is a file of the kernel's that does the same."""
    assert "cannot be read (Input/output error)" in sentence(Path("/proc/self/mem"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_rights_is_said_to_be_unreadable(tmp_path: Path) -> None:
    """The system's reason is in the sentence."""
    path = write(tmp_path, KIOSK)
    path.chmod(0)
    assert "Permission denied" in sentence(path)


def test_a_name_that_no_file_can_have_is_one_sentence() -> None:
    """Neither a NUL nor an endless name ends in a traceback."""
    assert "cannot be read" in sentence(Path("a\0b"))
    assert "cannot be read" in sentence(Path("x" * 5_000))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"[terminal]\nstate = 's\xff'\n", "line 2 is not UTF-8"),
        (b"[terminal\n", "not TOML: "),
        (b"a = 1\na = 2\n", "not TOML: "),
        (b"a = " + b"9" * 10_000 + b"\n", "a number too long"),
        (b"a = " + b"[" * 50_000, "not TOML: "),
        (b"\0\0\0\0", "not TOML: "),
        (b"#" * (LARGEST_BYTES + 1), "larger than 256 KiB"),
    ],
)
def test_bytes_that_are_no_configuration_are_one_sentence(tmp_path: Path, data: bytes, said: str) -> None:
    """Wrong encoding, syntax, size: each is named, with the place where there is one."""
    path = tmp_path / "kiosk.toml"
    path.write_bytes(data)
    assert said in sentence(path)


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    """Editors on other systems write one."""
    path = tmp_path / "kiosk.toml"
    path.write_bytes(b"\xef\xbb\xbf" + KIOSK.encode())
    assert load_kiosk(path).terminal.profile == "laptop"


VALUES = st.recursive(
    st.none().map(lambda _: "x") | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.dates(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
SECTIONS = ["terminal", "display", "presets", "limits", "card_reader", "keypad", "dispenser", "cassette", "indicators"]
KEYS = [
    "state",
    "panel",
    "amounts",
    "answer_s",
    "kind",
    "rows",
    "exit_sensor",
    "name",
    "motor",
    "gpio",
    "header",
    "card",
]
TABLES = st.dictionaries(
    st.sampled_from(SECTIONS) | st.text(max_size=10),
    st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=10), VALUES, max_size=5)
    | st.lists(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5), max_size=3)
    | VALUES,
    max_size=6,
)


@settings(max_examples=150, deadline=None)
@given(TABLES)
def test_whatever_the_tables_hold_the_answer_is_lines_of_mistakes(values: dict[str, object]) -> None:
    """No value of any type in any place ends in anything but ConfigError, one line each."""
    with pytest.raises(ConfigError) as caught:
        read_kiosk(Reading(Document(file="f", base=Path(), values=values)))
    assert len(str(caught.value).split("\n")) == len(caught.value.mistakes)
    assert str(caught.value).isprintable() or "\n" in str(caught.value)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_whatever_the_bytes_are_they_parse_or_are_refused(data: bytes) -> None:
    """Hostile bytes give tables or a ConfigError of one line, nothing else."""
    try:
        parse_toml(data, "f")
    except ConfigError as error:
        assert "\n" not in str(error)  # noqa: PT017 - both ways out are allowed, one is looked at


@given(st.text() | st.integers() | st.booleans() | st.lists(st.integers()))
def test_what_is_written_as_toml_reads_back(value: object) -> None:
    """`config show` can be trusted to the character."""
    assert tomllib.loads(f"value = {toml_value(value)}")["value"] == value


def test_a_line_of_a_mistake_stays_one_line_whatever_is_quoted() -> None:
    """A value with line breaks or terminal controls cannot forge a second line."""
    assert quoted('a\n"b"\x1b[31m') == '"a\\u000A\\"b\\"\\u001B[31m"'


def test_a_bank_reads_files_in_the_same_way(tmp_path: Path) -> None:
    """Both programs say the same of a file that is not there."""
    with pytest.raises(ConfigError, match="there is no such file"):
        load_bank(tmp_path / "bank.toml")
