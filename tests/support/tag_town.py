"""A town whose machine has the contactless reader: what would be a stick is a tag with the same file."""

from __future__ import annotations

from pathlib import Path

from support.town import Town

from bank_link.card_file import SIZE
from drivers.devices import CardReader
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
    """Its slot is an antenna."""

    def __init__(self, directory: Path, seed: int = 1, holds: str = "bundle", **limits: int | str) -> None:
        super().__init__(directory, seed, holds, **limits)
        self._tags = TagSlot()
        self.slot = self._tags  # type: ignore[assignment]

    def _reader(self) -> CardReader:
        return Pn532Reader(self._tags.wire.host, SIZE)
