"""A customer's stick is read as bytes before the kernel mounts it: sound ones pass, whatever else is refused."""

import importlib.util
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.fat_images import SECTOR, fat16, set_link

PROGRAM = Path(__file__).parents[2] / "systemd" / "atm_stick_check.py"
CARD = {b"CARD    ATM": bytes(1_300)}


def program() -> ModuleType:
    """The program as a module, so that a thousand images can be read in one process."""
    spec = importlib.util.spec_from_file_location("atm_stick_check", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


CHECK = program()


def run(path: Path) -> subprocess.CompletedProcess[str]:
    """As the unit starts it: isolated, without site packages."""
    return subprocess.run(
        [sys.executable, "-I", "-S", "-B", str(PROGRAM), str(path)], capture_output=True, text=True, check=False
    )


def sentence(tmp_path: Path, image: bytes) -> str:
    path = tmp_path / "stick.img"
    path.write_bytes(image)
    done = run(path)
    assert done.returncode == 1, done
    assert done.stderr.startswith("not mounted: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_a_stick_with_a_card_file_may_be_mounted(tmp_path: Path) -> None:
    """The usual case, through the program itself."""
    path = tmp_path / "stick.img"
    path.write_bytes(fat16(CARD | {b"PHOTO   JPG": bytes(200_000)}, clusters=5_000))
    done = run(path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "may be mounted: FAT16, 1 small files\n"


@pytest.mark.skipif(shutil.which("mkfs.vfat") is None, reason="mkfs.vfat (Debian: dosfstools) is not installed")
@pytest.mark.parametrize(("bits", "kib"), [(12, 2_048), (16, 16_384), (32, 80_000)])
def test_what_others_format_may_be_mounted(tmp_path: Path, bits: int, kib: int) -> None:
    """FAT12, FAT16 and FAT32 as dosfstools make them."""
    path = tmp_path / "stick.img"
    subprocess.run(["mkfs.vfat", "-C", "-F", str(bits), str(path), str(kib)], check=True, capture_output=True)
    assert run(path).stdout == f"may be mounted: FAT{bits}, 0 small files\n"


@pytest.mark.parametrize(
    ("offset", "value", "said"),
    [
        (510, b"\0\0", "no boot sector"),
        (11, struct.pack("<H", 513), "sectors of a strange size"),
        (13, b"\x03", "clusters of a strange size"),
        (14, b"\0\0", "no room for its boot sector"),
        (16, b"\0", "neither one nor two allocation tables"),
        (17, struct.pack("<H", 3), "root directory of a strange size"),
        (17, b"\0\0", "of two kinds at once"),
        (19, struct.pack("<H", 65_535), "larger than the stick"),
        (22, struct.pack("<H", 1), "allocation table that is too short"),
        (22, struct.pack("<H", 60_000), "no room for data"),
    ],
)
def test_a_boot_sector_that_lies_is_refused(tmp_path: Path, offset: int, value: bytes, said: str) -> None:
    """Each number that the kernel would compute with is checked against the stick's own size."""
    image = fat16(CARD)
    image[offset : offset + len(value)] = value
    assert said in sentence(tmp_path, image)


@pytest.mark.parametrize(
    ("cluster", "link", "said"),
    [
        (3, 2, "chains that meet or go round"),
        (3, 60_000, "leads outside"),
        (3, 0, "leads outside"),
        (3, 0xFFFF, "shorter than it says"),
        (4, 5, "longer than it says"),
    ],
)
def test_a_chain_that_is_broken_is_refused(tmp_path: Path, cluster: int, link: int, said: str) -> None:
    """A loop, a link to nowhere, a file longer or shorter than its entry says."""
    image = fat16(CARD)
    set_link(image, cluster, link)
    set_link(image, 5, 0xFFFF)
    assert said in sentence(tmp_path, image)


def test_two_files_on_the_same_clusters_are_refused(tmp_path: Path) -> None:
    """Writing the one would change the other."""
    image = fat16(CARD | {b"OTHER   TXT": bytes(1_300)})
    root = image.index(b"OTHER   TXT")
    struct.pack_into("<H", image, root + 26, 2)
    assert "chains that meet" in sentence(tmp_path, image)


def test_names_on_the_stick_are_never_printed(tmp_path: Path) -> None:
    """A file's name could hold escape sequences for whoever reads the journal."""
    image = fat16({b"\x1b]0;EVIL   ": bytes(600)})
    set_link(image, 2, 2)
    assert "EVIL" not in sentence(tmp_path, image)


def test_what_is_no_file_system_or_not_there_is_one_sentence(tmp_path: Path) -> None:
    """Nothing, noise, a missing device: refused in words."""
    assert "ends before its file system does" in sentence(tmp_path, b"")
    assert "no boot sector" in sentence(tmp_path, b"\xa5" * 4_096)
    done = run(tmp_path / "none")
    assert done.returncode == 1
    assert "cannot be read (No such file or directory)" in done.stderr


def test_a_stick_larger_than_any_customers_is_refused(tmp_path: Path) -> None:
    """65 GiB of nothing (a sparse file) are refused by their size alone."""
    path = tmp_path / "stick.img"
    with path.open("wb") as file:
        file.truncate(65 * 1024**3)
    assert "larger than 64 GiB" in run(path).stderr


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 40 * SECTOR), st.binary(min_size=1, max_size=8)), max_size=6))
def test_whatever_is_corrupted_the_answer_is_yes_or_no(tmp_path: Path, changes: list[tuple[int, bytes]]) -> None:
    """No bytes anywhere in the structures lead to anything but a verdict, in bounded work."""
    image = fat16(CARD | {b"B       TXT": bytes(3_000)})
    for offset, data in changes:
        image[offset : offset + len(data)] = data
    path = tmp_path / "stick.img"
    path.write_bytes(image)
    with path.open("rb") as file:
        try:
            assert CHECK.check(CHECK.Image(file.fileno())).startswith("FAT")
        except CHECK.StickRefused as error:
            assert str(error).startswith("the stick")  # noqa: PT017 - both verdicts are allowed
