"""A newcomer's stick is swapped for somebody's card while the bank is asked."""

from __future__ import annotations

import asyncio
import contextlib
import errno
from pathlib import Path

from support.town import Town, run_town
from support.virtual_time import InlineExecutor, run_virtual
from test_newcomers_kiosk import _open_to_all, _to_stick

from bank_link.card_file import SIZE, compose, parse
from drivers.devices import DeviceError
from drivers.pn532_reader import Pn532Reader
from drivers.simulated.line import VirtualWire
from drivers.simulated.ntag import Ntag21x
from drivers.simulated.pn532 import ElectricPn532
from drivers.simulated.stick import SimulatedSlot, SimulatedStick
from drivers.stick_reader import StickReader


def test_a_card_put_in_while_the_bank_opens_is_not_written_over(tmp_path: Path) -> None:
    """It is looked at once more before anything is written."""

    async def story(town: Town) -> None:
        await _open_to_all(town)
        other = await town.customer(500_00)
        before = other.stick.content

        async def swap(kind: str) -> None:
            if kind == "open-account":
                town.slot.pull()
                await asyncio.sleep(1)
                town.slot.insert(other.stick)
                await asyncio.sleep(1)

        town.line.before = swap
        await _to_stick(town)
        town.slot.insert(SimulatedStick(None))
        shown = await town.see("open.done", "open.unwritten", "open.taken", "open.stick")
        if shown.id == "open.stick":
            shown = await town.see("open.done", "open.unwritten", "open.taken")
        assert other.stick.content == before, (
            f"{shown.id}: {parse(other.stick.content or b'').card} instead of {other.number}"
        )

    run_town(tmp_path, story)


def test_a_card_that_could_not_be_read_at_once_is_not_written_over(tmp_path: Path) -> None:
    """One bad read (a bad contact) is no proof of a blank stick."""

    async def story(town: Town) -> None:
        await _open_to_all(town)
        other = await town.customer(500_00)
        before = other.stick.content
        other.stick.faults.refuses["pread"] = errno.EIO

        async def heals(kind: str) -> None:
            other.stick.faults.refuses.clear()

        town.line.before = heals
        await _to_stick(town)
        town.slot.insert(other.stick)
        shown = await town.see("open.done", "open.unwritten", "open.taken", "e.card")
        assert other.stick.content == before, shown.id

    run_town(tmp_path, story)


def _two() -> tuple[bytes, bytes]:
    from bank_link.digits import check_digit

    numbers = []
    for stem in ("400000123456789", "400000123456780"):
        numbers.append(stem + str(check_digit(stem)))
    return tuple(compose(number, "bank", 203012, 1, 1, bytes(32)) for number in numbers)  # type: ignore[return-value]


def test_the_stick_reader_makes_no_card_over_a_card() -> None:
    """Whatever the firmware believes is in the slot."""
    one, other = _two()
    stick = SimulatedStick(one)

    async def story() -> None:
        slot = SimulatedSlot()
        reader = StickReader(slot, SIZE, executor=InlineExecutor())
        reader.open()
        slot.insert(stick)
        await reader.inserted()
        with contextlib.suppress(DeviceError):
            await reader.create(other)
        reader.close()

    run_virtual(story())
    assert stick.content == one


def test_the_contactless_reader_makes_no_card_over_a_card() -> None:
    """Every card begins alike; that is no sign of an earlier try."""
    one, other = _two()
    tag = Ntag21x()
    tag.user = one

    async def story() -> None:
        wire = VirtualWire()
        chip = ElectricPn532.on(wire)
        reader = Pn532Reader(wire.host, SIZE)
        reader.open()
        chip.place(tag)
        await reader.inserted()
        with contextlib.suppress(DeviceError):
            await reader.create(other)
        reader.close()

    run_virtual(story())
    assert tag.user[:SIZE] == one
