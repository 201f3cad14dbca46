"""The stick reader on the real file system: hostile files, a folder that comes and goes, and the laptop's card slot."""

import asyncio
import contextlib
import gc
import os
import shutil
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from drivers.devices import DeviceError, DeviceState, Fault
from drivers.simulated.card_slot import CardSlot
from drivers.stick_files import DirectoryStick
from drivers.stick_reader import StickReader

SIZE = 144
FILE = bytes(range(SIZE))
SLOT = bytes(reversed(range(44)))
WRITTEN = FILE[:56] + SLOT + FILE[100:]


@pytest.fixture(name="place")
def _place(tmp_path):
    """Where a stick appears."""
    return tmp_path / "slot"


@pytest.fixture(name="card")
def _card(tmp_path):
    """A card file of a customer."""
    card = tmp_path / "wallet" / "alice.card"
    card.parent.mkdir()
    card.write_bytes(FILE)
    return card


@contextlib.asynccontextmanager
async def opened(files):
    with ThreadPoolExecutor(1) as executor:
        reader = StickReader(files, SIZE, executor=executor, poll_ms=10, limit_ms=5000)
        reader.open()
        try:
            yield reader
        finally:
            reader.close()


def visit(place, conversation):
    """Run `conversation(reader)` on a reader for `place`; no file may be left open by it."""

    async def run():
        async with asyncio.timeout(20), opened(DirectoryStick(place, is_mount=False)) as reader:
            await conversation(reader)

    # What others left behind goes now, not in between.
    gc.collect()
    before = open_files()
    asyncio.run(run())
    assert open_files() == before


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


async def refused(awaitable, *faults):
    with pytest.raises(DeviceError) as caught:
        await awaitable
    assert caught.value.fault in faults
    assert str(caught.value).endswith(".")
    return str(caught.value)


def put_in(place, content=FILE):
    place.mkdir()
    (place / "card.atm").write_bytes(content)


def test_a_folder_that_appears_is_a_stick(place):
    """It appears, is read and written in place, and vanishes; nothing else in it is touched."""

    async def conversation(reader):
        assert not reader.present
        put_in(place)
        inode = (place / "card.atm").stat().st_ino
        await reader.inserted()
        assert await reader.read() == FILE
        await reader.write(56, SLOT)
        assert await reader.read() == WRITTEN
        await reader.release()
        assert (place / "card.atm").stat().st_ino == inode
        assert [entry.name for entry in place.iterdir()] == ["card.atm"]
        assert (place / "card.atm").read_bytes() == WRITTEN
        shutil.rmtree(place)
        await reader.removed()

    visit(place, conversation)


def as_link(path, tmp_path):
    (tmp_path / "target").write_bytes(FILE)
    path.symlink_to(tmp_path / "target")


def as_dangling_link(path, _):
    path.symlink_to("/nowhere")


def as_hard_link(path, tmp_path):
    (tmp_path / "target").write_bytes(FILE)
    path.hardlink_to(tmp_path / "target")


def as_huge_hole(path, _):
    with path.open("wb") as file:
        file.truncate(1 << 40)


def as_socket(path, _):
    with socket.socket(socket.AF_UNIX) as bound, contextlib.chdir(path.parent):
        bound.bind(path.name)


def as_link_to_endless(path, _):
    path.symlink_to("/dev/zero")


HOSTILE = {
    "link": as_link,
    "dangling link": as_dangling_link,
    "link to an endless device": as_link_to_endless,
    "hard link": as_hard_link,
    "huge hole": as_huge_hole,
    "FIFO": lambda path, _: os.mkfifo(path),
    "socket": as_socket,
    "folder": lambda path, _: path.mkdir(),
    "one byte short": lambda path, _: path.write_bytes(FILE[:-1]),
    "one byte long": lambda path, _: path.write_bytes(FILE + b"\0"),
    "empty": lambda path, _: path.write_bytes(b""),
    "nothing": lambda path, _: None,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_refused_at_once(place, tmp_path, kind):
    """Links, pipes, folders, huge or short files are refused with a sentence; nothing waits, nothing is followed."""

    async def conversation(reader):
        place.mkdir()
        HOSTILE[kind](place / "card.atm", tmp_path)
        await reader.inserted()
        await refused(reader.read(), Fault.MEDIA)
        await refused(reader.write(56, SLOT), Fault.UNPLUGGED)
        assert not (tmp_path / "target").exists() or (tmp_path / "target").read_bytes() == FILE
        assert reader.report.state is DeviceState.ONLINE

    visit(place, conversation)


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_file_that_turns_hostile_after_the_reading_is_not_written(place, tmp_path, kind):
    """Put in place of the file that was read, none of them is written, nor what they lead to."""

    async def conversation(reader):
        put_in(place)
        await reader.inserted()
        await reader.read()
        (place / "card.atm").unlink()
        HOSTILE[kind](place / "card.atm", tmp_path)
        await refused(reader.write(56, SLOT), Fault.UNPLUGGED, Fault.MEDIA)
        assert not (tmp_path / "target").exists() or (tmp_path / "target").read_bytes() == FILE

    visit(place, conversation)


def test_another_file_of_that_name_is_not_written(place):
    """Replaced by an equal copy, by renaming: it is not the file that was read."""

    async def conversation(reader):
        put_in(place)
        await reader.inserted()
        await reader.read()
        (place / "new").write_bytes(FILE)
        (place / "new").rename(place / "card.atm")
        await refused(reader.write(56, SLOT), Fault.UNPLUGGED)
        assert (place / "card.atm").read_bytes() == FILE

    visit(place, conversation)


def test_vanished_before_the_writing(place, tmp_path):
    """The folder went away since the reading, and the file lives on elsewhere: it is not written there."""

    async def conversation(reader):
        put_in(place)
        await reader.inserted()
        await reader.read()
        place.rename(tmp_path / "elsewhere")
        await refused(reader.write(56, SLOT), Fault.UNPLUGGED)
        assert (tmp_path / "elsewhere" / "card.atm").read_bytes() == FILE
        await reader.removed()

    visit(place, conversation)


def test_vanished_during_the_writing(place, tmp_path, monkeypatch):
    """Pulled while the bytes are flushed: whatever the file holds now, the caller is not told that all is well."""
    flush = os.fsync

    def pull_and_flush(number):
        place.rename(tmp_path / "elsewhere")
        put_in(place)
        flush(number)

    async def conversation(reader):
        put_in(place)
        await reader.inserted()
        await reader.read()
        monkeypatch.setattr(os, "fsync", pull_and_flush)
        await refused(reader.write(56, SLOT), Fault.UNPLUGGED)
        assert (place / "card.atm").read_bytes() == FILE

    visit(place, conversation)


def test_opening_itself_follows_nothing_and_waits_for_nobody(place, tmp_path):
    """Also where a file turns into a link or a pipe between the look and the opening."""
    place.mkdir()
    as_link(place / "link", tmp_path)
    os.mkfifo(place / "pipe")
    files = DirectoryStick(place, is_mount=False)
    with pytest.raises(OSError, match="symbolic"):
        files.open("link", writable=False)
    pipe = files.open("pipe", writable=False)
    assert not pipe.facts().regular
    pipe.close()


def test_a_vanished_stick_is_let_go(place, tmp_path):
    """A stick that is gone is not held open, though nobody released it: the system can unmount it."""

    async def conversation(reader):
        put_in(place)
        await reader.inserted()
        before = open_files()
        await reader.read()
        assert open_files() == before + 1
        place.rename(tmp_path / "elsewhere")
        await reader.removed()
        await reader.release()
        assert open_files() == before

    visit(place, conversation)


@pytest.mark.parametrize("make", ["link to a folder", "dangling link", "file"])
def test_a_place_that_is_no_folder_is_refused(place, tmp_path, make):
    """A link where the stick's folder should be is never followed; the operator is told."""
    put_in(tmp_path / "real")

    async def conversation(reader):
        match make:
            case "link to a folder":
                place.symlink_to(tmp_path / "real")
            case "dangling link":
                place.symlink_to(tmp_path / "nowhere")
            case _:
                place.write_bytes(FILE)
        await asyncio.sleep(0.05)
        assert not reader.present
        assert reader.report.state is DeviceState.HARDWARE_ERROR
        await refused(reader.read(), Fault.MEDIA)
        place.unlink()
        put_in(place)
        await reader.inserted()
        assert reader.report.state is DeviceState.ONLINE
        assert await reader.read() == FILE

    visit(place, conversation)


def test_a_missing_state_folder_is_a_mistake_in_the_configuration(tmp_path):
    """Where the slot's parent does not exist no card can ever appear: one sentence at the start."""

    async def start():
        with ThreadPoolExecutor(1) as executor:
            reader = StickReader(DirectoryStick(tmp_path / "missing" / "slot", is_mount=False), SIZE, executor=executor)
            with pytest.raises(DeviceError, match="missing") as caught:
                reader.open()
            assert caught.value.fault is Fault.CONFIG

    asyncio.run(start())


def test_an_empty_mount_point_is_no_stick(place):
    """In production the folder stays when the stick goes: only what is mounted on it counts, whatever lies in it."""

    async def run():
        put_in(place)
        async with opened(DirectoryStick(place, is_mount=True)) as reader:
            await asyncio.sleep(0.05)
            assert not reader.present
            await refused(reader.read(), Fault.MEDIA)

    asyncio.run(run())


@pytest.mark.skipif(not Path("/dev/shm").is_mount(), reason="needs a mounted folder that a user may write to")
def test_a_mounted_folder_is_a_stick():
    """What is mounted on the place is read and written, here the shared memory's file system."""
    shared = Path("/dev/shm")
    card = shared / f"card-{os.getpid()}.atm"
    card.write_bytes(FILE)

    async def run():
        with ThreadPoolExecutor(1) as executor:
            files = DirectoryStick(shared, is_mount=True)
            reader = StickReader(files, SIZE, executor=executor, file_name=card.name, poll_ms=10)
            reader.open()
            assert reader.present
            assert await reader.read() == FILE
            await reader.write(56, SLOT)
            assert card.read_bytes() == WRITTEN
            reader.close()

    try:
        asyncio.run(run())
    finally:
        card.unlink()


def test_a_card_slot_takes_a_card_and_gives_it_back_written(place, card):
    """The laptop's slot: inserted, the kiosk sees a stick; pulled, what was written is in the customer's own file."""
    slot = CardSlot(place)

    async def conversation(reader):
        for content, new in ((FILE, WRITTEN), (WRITTEN, WRITTEN)):
            slot.insert(card)
            assert slot.card == card
            assert not card.exists()
            await reader.inserted()
            assert await reader.read() == content
            await reader.write(56, SLOT)
            await reader.release()
            assert slot.pull() == card
            await reader.removed()
            assert card.read_bytes() == new
        assert slot.card is None
        assert slot.pull() is None
        assert sorted(entry.name for entry in place.parent.iterdir()) == ["wallet"]

    visit(place, conversation)


def test_a_card_slot_refuses_with_a_sentence(place, card, tmp_path):
    """A second card, a card that is not there, a place that is taken: one sentence, and no card is lost."""
    slot = CardSlot(place)
    with pytest.raises(DeviceError, match="nobody"):
        slot.insert(tmp_path / "nobody")
    slot.insert(card)
    other = tmp_path / "other.card"
    other.write_bytes(FILE)
    with pytest.raises(DeviceError, match="pull it first"):
        slot.insert(other)
    assert other.read_bytes() == FILE
    card.write_bytes(b"re-issued meanwhile")
    with pytest.raises(DeviceError, match="move it"):
        slot.pull()
    assert card.read_bytes() == b"re-issued meanwhile"
    assert (tmp_path / "slot.out" / "card.atm").read_bytes() == FILE
    card.unlink()
    CardSlot(place)
    assert card.read_bytes() == FILE


def test_a_card_survives_a_killed_simulator(place, card):
    """Killed with the card in, at whatever moment: the card is in the slot or back in its place, never lost."""
    script = (
        "import sys, os, signal\n"
        "from pathlib import Path\n"
        "from drivers.simulated.card_slot import CardSlot\n"
        "calls = int(sys.argv[3])\n"
        "def spy(event, _):\n"
        "    global calls\n"
        "    if event in ('os.mkdir', 'os.rename', 'os.remove', 'os.rmdir', 'open'):\n"
        "        calls -= 1\n"
        "        if calls < 0: os.kill(os.getpid(), signal.SIGKILL)\n"
        "slot = CardSlot(Path(sys.argv[1]))\n"
        "sys.addaudithook(spy)\n"
        "slot.insert(Path(sys.argv[2]))\n"
        "slot.pull()\n"
    )
    survived = 0
    for calls in range(40):
        command = [sys.executable, "-c", script, place, card, str(calls)]
        ended = subprocess.run(command, check=False, cwd=Path(__file__).parents[2])
        slot = CardSlot(place)
        assert card.exists() != (slot.card == card)
        slot.pull()
        assert card.read_bytes() == FILE
        assert not place.exists()
        assert not place.with_name("slot.out").exists()
        survived += ended.returncode == 0
        if survived:
            break
    assert calls > 5
    assert survived
