"""A contactless machine, and one customer's card in the place of another's, as quick as hands are."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import support.town
from support.town import Town, run_town
from test_newcomers_kiosk import _open_to_all, _to_stick

from bank_link.card_file import SIZE
from drivers.pn532_reader import Pn532Reader
from drivers.simulated.line import VirtualWire
from drivers.simulated.ntag import Ntag21x
from drivers.simulated.pn532 import ElectricPn532
from drivers.simulated.stick import SimulatedStick


class TagSlot:
    """`SimulatedSlot`'s hand, on an antenna: a stick's content as a tag's."""

    def __init__(self) -> None:
        self.wire = VirtualWire()
        self.chip = ElectricPn532.on(self.wire)
        self.stick: SimulatedStick | None = None
        self._tag: Ntag21x | None = None

    def insert(self, stick: SimulatedStick) -> None:
        content = stick.content or bytes(SIZE)
        self.stick, self._tag = stick, Ntag21x(uid=b"\x04" + (content[8:14] if any(content) else b"\x99" * 6))
        self._tag.user = content
        self.chip.place(self._tag)

    def pull(self) -> None:
        if self.stick is not None and self._tag is not None:
            self.chip.take(self._tag)
            if any(self._tag.user):
                self.stick.content = bytes(self._tag.user[:SIZE])
        self.stick = self._tag = None


class TagTown(Town):
    def __init__(self, directory: Path, seed: int = 1, holds: str = "bundle", **limits: int | str) -> None:
        super().__init__(directory, seed, holds, **limits)
        self.slot = TagSlot()  # type: ignore[assignment]


@pytest.fixture(autouse=True)
def _reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(support.town, "StickReader", lambda slot, size, executor: Pn532Reader(slot.wire.host, size))


async def _to_take_card(town: Town, card: object) -> None:
    await town.enter_pin(card)  # type: ignore[arg-type]
    await town.see("menu")
    await town.choose("cash")
    await town.see("cash")
    await town.choose("amount:5000")
    if (await town.see("cash.mix", "cash.receipt")).id == "cash.mix":
        await town.choose("fewest")
    await town.no_receipt()
    await town.see("take.card")


def test_a_plain_withdrawal_works_here(tmp_path: Path) -> None:
    """The reader, the slot and the customer's hand get on with one another."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        first = await town.customer(300_00)
        await _to_take_card(town, first)
        town.slot.pull()
        await town.see("take.cash")

    run_town(tmp_path, story, kind=TagTown)


def test_who_took_the_card_has_the_cash_though_another_card_lies_there_at_once(tmp_path: Path) -> None:
    """The queue's haste costs nobody the cash."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        first, second = await town.customer(300_00), await town.customer(10_00)
        await _to_take_card(town, first)
        await asyncio.sleep(1)
        town.slot.pull()
        town.slot.insert(second.stick)
        shown = await town.see("take.cash", "e.nottaken", "e.left")
        assert shown.id == "take.cash", shown.id

    run_town(tmp_path, story, kind=TagTown)


def test_the_next_one_is_served_though_quick(tmp_path: Path) -> None:
    """Nobody is told to take a card that is their own and was never asked for."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        first, second = await town.customer(300_00), await town.customer(10_00)
        await town.enter_pin(first)
        await town.see("menu")
        await town.press("A")
        await town.see("take.card")
        await asyncio.sleep(1)
        town.slot.pull()
        town.slot.insert(second.stick)
        shown = await town.see("pin", "e.left")
        assert shown.id == "pin", shown.id

    run_town(tmp_path, story, kind=TagTown)


def test_a_card_laid_down_while_the_bank_opens_is_not_written_over(tmp_path: Path) -> None:
    """A newcomer's tag is gone, and somebody's card lies in its place."""

    async def story(town: Town) -> None:
        await _open_to_all(town)
        other = await town.customer(500_00)
        before = other.stick.content

        async def swap(kind: str) -> None:
            if kind == "open-account":
                town.slot.pull()
                await asyncio.sleep(1)
                town.slot.insert(other.stick)
                await asyncio.sleep(2)

        town.line.before = swap
        await _to_stick(town)
        town.slot.insert(SimulatedStick(None))
        shown = await town.see("open.done", "open.unwritten", "open.taken")
        town.slot.pull()
        assert other.stick.content == before, shown.id

    run_town(tmp_path, story, kind=TagTown)
