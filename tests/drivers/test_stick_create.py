"""A card file made on a stick that has none: whole and read back, or not there as a card."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path

import pytest
from support.virtual_time import InlineExecutor, run_virtual

from drivers.devices import DeviceError, Fault
from drivers.simulated.stick import MAKING, SimulatedSlot, SimulatedStick, StickFaults
from drivers.stick_files import DirectoryStick
from drivers.stick_reader import StickReader

SIZE = 16
FILE = bytes(range(SIZE))


def _made(stick: SimulatedStick) -> DeviceError | None:
    """What became of making the file on `stick`."""
    found: list[DeviceError] = []

    async def story() -> None:
        slot = SimulatedSlot()
        reader = StickReader(slot, SIZE, executor=InlineExecutor())
        reader.open()
        slot.insert(stick)
        await reader.inserted()
        try:
            await reader.create(FILE)
            assert await reader.read() == FILE
        except DeviceError as error:
            found.append(error)
        assert slot.open_files <= 1
        await reader.release()
        assert slot.open_files == 0
        slot.pull()
        reader.close()

    run_virtual(story())
    return found[0] if found else None


def test_a_blank_stick_becomes_a_card() -> None:
    """Its whole file is on the flash when the driver says so."""
    stick = SimulatedStick(None)
    assert _made(stick) is None
    assert stick.content == FILE


@pytest.mark.parametrize("left", [b"", FILE[:5], bytes(SIZE)])
def test_an_earlier_try_that_was_broken_off_is_written_over(left: bytes) -> None:
    """Nothing of it stays."""
    stick = SimulatedStick(left)
    assert _made(stick) is None
    assert stick.content == FILE


def test_a_file_that_is_longer_than_a_card_is_somebodys() -> None:
    """It is left as it is."""
    stick = SimulatedStick(bytes(SIZE + 1))
    error = _made(stick)
    assert error is not None
    assert error.fault is Fault.MEDIA
    assert stick.content == bytes(SIZE + 1)


@pytest.mark.parametrize("facts", [{"links": 2}, {"regular": False}])
def test_what_is_no_ordinary_file_is_not_written(facts: dict[str, int | bool]) -> None:
    """A second name, or a device in disguise."""
    stick = SimulatedStick(b"", faults=StickFaults(facts=facts))
    error = _made(stick)
    assert error is not None
    assert error.fault is Fault.MEDIA
    assert stick.content == b""


@pytest.mark.parametrize("torn", [0, 7, SIZE])
@pytest.mark.parametrize("operation", range(len(MAKING)))
def test_pulled_at_any_moment_it_is_said_and_can_be_tried_again(operation: int, torn: int) -> None:
    """Whatever is left of it on the stick, the next try makes it whole."""
    stick = SimulatedStick(None, faults=StickFaults(dies_at=operation, torn_bytes=torn))
    error = _made(stick)
    assert error is not None
    assert error.fault is Fault.UNPLUGGED
    stick.faults = StickFaults()
    assert _made(stick) is None
    assert stick.content == FILE


@pytest.mark.parametrize("code", [errno.EROFS, errno.ENOSPC])
def test_a_stick_that_cannot_be_written_is_said_so(code: int) -> None:
    """Write-protected, or full."""
    error = _made(SimulatedStick(None, faults=StickFaults(refuses={"create": code})))
    assert error is not None
    assert error.fault is (Fault.MEDIA if code == errno.EROFS else Fault.WRITE)


def test_a_stick_that_keeps_nothing_is_found_out() -> None:
    """Read back from the stick itself."""
    error = _made(SimulatedStick(None, faults=StickFaults(worn_out=True)))
    assert error is not None
    assert error.fault in {Fault.WRITE, Fault.MEDIA}


def test_on_a_real_folder_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    """Made where nothing was; a link in its place is never followed."""

    async def story() -> None:
        slot = tmp_path / "slot"
        slot.mkdir()
        reader = StickReader(DirectoryStick(slot, is_mount=False), SIZE, executor=InlineExecutor())
        reader.open()
        await reader.inserted()
        await reader.create(FILE)
        assert (slot / "card.atm").read_bytes() == FILE
        assert (slot / "card.atm").stat().st_mode & 0o077 == 0
        (slot / "card.atm").unlink()
        (slot / "card.atm").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(DeviceError):
            await reader.create(FILE)
        assert not (tmp_path / "elsewhere").exists()
        reader.close()
        await asyncio.sleep(0)

    run_virtual(story())
