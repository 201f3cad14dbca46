"""What an operator's visit works with: made by `kiosk.machine` for one visit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bank_link.messages import CassetteCount
from bank_link.money import Money
from kiosk.cabinet import Devices, note_value
from kiosk.journal import records as r
from kiosk.journal.progress import in_box
from kiosk.operator import closing
from kiosk.operator.desk import Desk
from kiosk.operator.exchange import cabinet
from kiosk.parts import Parts, Visit


@dataclass(frozen=True, kw_only=True)
class Bench:
    """`exchanged` tries the devices anew after an exchange, and looks whether the machine can work."""

    visit: Visit
    desk: Desk
    devices: Devices
    exchanged: Callable[[], Awaitable[None]]

    @property
    def parts(self) -> Parts:
        return self.visit.parts

    @property
    def by(self) -> str:
        """Who it is, as the bank calls the card's holder."""
        return self.visit.opened.name

    @property
    def cassettes(self) -> dict[str, Money]:
        """This machine's cassettes and what each of their notes is worth."""
        return {each.name: note_value(self.desk.config, each) for each in self.desk.config.cassettes}

    @property
    def boxes(self) -> dict[str, Money]:
        """What the note acceptor's box can hold: the note's value by the name under which it is counted, largest first."""
        known = {count.cassette: count.value for count in self.parts.journal.counts() if in_box(count.cassette)}
        found = {**cabinet(self.desk.config).boxes, **known}
        return dict(sorted(found.items(), key=lambda each: -each[1].minor))

    def count(self, cassette: str) -> CassetteCount | None:
        """What the machine believes of it; None before it was ever counted."""
        return next((count for count in self.parts.journal.counts() if count.cassette == cassette), None)

    def note(self, what: str) -> None:
        """One line in the journal: who did what."""
        self.parts.note("operator", f"{self.by}: {what}")

    def set_service(self, *, is_open: bool, exchange: bool = False) -> None:
        self.parts.journal.write(r.ServiceSet(open=is_open, exchange=exchange, by=self.by))
        closing.look(self.parts.journal, self.parts.service)
