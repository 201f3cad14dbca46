"""A newcomer's stick is swapped for somebody's card while the bank is asked."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable
from pathlib import Path

import pytest
from support.customer_steps import swap_when
from support.newcomer_steps import open_to_all, to_stick
from support.tag_town import TagTown
from support.town import Town, run_town
from support.virtual_time import InlineExecutor, run_virtual

from bank_link.card_file import SIZE, compose
from bank_link.digits import check_digit
from drivers.devices import CardReader, DeviceError
from drivers.pn532_reader import Pn532Reader
from drivers.simulated.line import VirtualWire
from drivers.simulated.ntag import Ntag21x
from drivers.simulated.pn532 import ElectricPn532
from drivers.simulated.stick import SimulatedSlot, SimulatedStick
from drivers.stick_reader import StickReader


@pytest.mark.parametrize("kind", [Town, TagTown], ids=["stick", "tag"])
def test_a_card_put_in_while_the_bank_opens_is_not_written_over(tmp_path: Path, kind: type[Town]) -> None:
    """It is looked at once more before anything is written."""

    async def story(town: Town) -> None:
        await open_to_all(town)
        other = await town.customer(500_00)
        before = other.stick.content
        swap_when(town, "open-account", other.stick)
        await to_stick(town)
        town.slot.insert(SimulatedStick(None))
        assert (await town.see("open.done", "open.unwritten", "open.taken")).id == "open.taken"
        town.slot.pull()
        assert other.stick.content == before

    run_town(tmp_path, story, kind=kind)


def test_a_card_that_could_not_be_read_at_once_is_not_written_over(tmp_path: Path) -> None:
    """One bad read (a bad contact) is no proof of a blank stick."""

    async def story(town: Town) -> None:
        await open_to_all(town)
        other = await town.customer(500_00)
        before = other.stick.content
        other.stick.faults.refuses["pread"] = errno.EIO

        async def heals(kind: str) -> None:
            other.stick.faults.refuses.clear()

        town.line.before = heals
        await to_stick(town)
        town.slot.insert(other.stick)
        shown = await town.see("open.done", "open.unwritten", "open.taken", "e.card")
        assert other.stick.content == before, shown.id

    run_town(tmp_path, story)


def _two() -> tuple[bytes, bytes]:
    """Files of two cards of one bank."""
    numbers = [stem + check_digit(stem) for stem in ("400000123456789", "400000123456780")]
    one, other = (compose(number, "bank", 203012, 1, 1, bytes(32)) for number in numbers)
    return one, other


async def _makes(reader: CardReader, card: bytes, lay_down: Callable[[], None]) -> None:
    """Told to make a card on whatever lies there."""
    reader.open()
    lay_down()
    await reader.inserted()
    with contextlib.suppress(DeviceError):
        await reader.create(card)
    reader.close()


def test_the_stick_reader_makes_no_card_over_a_card() -> None:
    """Whatever the firmware believes is in the slot."""
    one, other = _two()
    slot, stick = SimulatedSlot(), SimulatedStick(one)
    reader = StickReader(slot, SIZE, executor=InlineExecutor())
    run_virtual(_makes(reader, other, lambda: slot.insert(stick)))
    assert stick.content == one


def test_the_contactless_reader_makes_no_card_over_a_card() -> None:
    """Every card begins alike; that is no sign of an earlier try."""
    one, other = _two()
    wire, tag = VirtualWire(), Ntag21x()
    tag.user, chip = one, ElectricPn532.on(wire)
    run_virtual(_makes(Pn532Reader(wire.host, SIZE), other, lambda: chip.place(tag)))
    assert tag.user[:SIZE] == one
