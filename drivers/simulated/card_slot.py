"""A card slot on a laptop: a directory that appears with a card's file in it, and vanishes.

    slot/            there while a card is in; what drivers.stick_files.DirectoryStick(slot, is_mount=False) looks at
    slot/card.atm    the card's file itself: it was moved here, and is moved back when the card is pulled
    slot.origin      where it belongs; outside of the "stick", and left behind by a simulator that was killed
    slot.out/        the directory on its way in or out, so that it appears and vanishes in one step

Nothing is copied, so there is never a second, older card that somebody could use by mistake. A simulator that was
killed with a card in leaves it in, as a real slot would; `pull` then returns it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from drivers.devices import DeviceError, Fault


class CardSlot:
    """The customer's side of the slot. Raises DeviceError (MEDIA) with one sentence."""

    def __init__(self, slot: Path, *, file_name: str = "card.atm") -> None:
        self._slot = slot
        self._out = slot.with_name(slot.name + ".out")
        self._origin = slot.with_name(slot.name + ".origin")
        self._file_name = file_name
        self._finish_pull()

    @property
    def card(self) -> Path | None:
        """Where the card that is in belongs; None without one."""
        return self._belongs() if self._slot.is_dir() else None

    def insert(self, card: Path) -> None:
        """Put the card file `card` in. It is not at its place until `pull`."""
        self._finish_pull()
        if self._slot.exists():
            raise _refused("There is a card in the slot; pull it first.")
        card = card.resolve()
        if not card.is_file():
            raise _refused(f"{card} is no card file; name one that exists.")
        self._out.mkdir(parents=True)
        _write_through(self._origin, str(card))
        shutil.move(card, self._out / self._file_name)
        self._out.rename(self._slot)

    def pull(self) -> Path | None:
        """Pull the card, whatever is under way; its file is back where it belongs, and that path is returned."""
        if not self._slot.is_dir():
            return None
        self._slot.rename(self._out)
        return self._finish_pull()

    def _finish_pull(self) -> Path | None:
        """Bring back what lies in `slot.out`; after a kill in the middle of either way as well."""
        if not self._out.is_dir():
            return None
        card, belongs = self._out / self._file_name, self._belongs()
        if card.exists():
            if belongs is None or belongs.exists():
                raise _refused(f"The card of the last visit lies in {card}; move it where it belongs.")
            shutil.move(card, belongs)
        try:
            self._out.rmdir()
        except OSError as error:
            raise _refused(f"{self._out} holds other files than a card; move them away.") from error
        self._origin.unlink(missing_ok=True)
        return belongs

    def _belongs(self) -> Path | None:
        with contextlib.suppress(FileNotFoundError):
            return Path(self._origin.read_text(encoding="utf-8"))
        return None


def _write_through(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _refused(sentence: str) -> DeviceError:
    return DeviceError("card slot", Fault.MEDIA, sentence)
