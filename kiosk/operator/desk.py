"""What an operator can ask of a journal, running kiosk or not: its lines, an exchange, totals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from config.kiosk import KioskConfig
from kiosk.journal import records as r
from kiosk.journal.store import Journal
from kiosk.operator.exchange import Count, cabinet, exchange
from kiosk.operator.journal_text import ShownLine, shown_line
from kiosk.operator.totals import Totals, totals

MOST_LINES = 10_000


@dataclass(frozen=True, kw_only=True)
class Desk:
    """`now` is bank time, 0 where it is not known. `put_in` puts notes into the cassettes where they are simulated."""

    journal: Journal
    config: KioskConfig
    generation: int
    now: Callable[[], int] = lambda: 0
    put_in: Callable[[Mapping[str, Count]], None] = lambda _: None

    def lines(self, *, last: int, contains: str) -> list[ShownLine]:
        """The newest `last` records whose text contains `contains`, oldest first."""
        found = self.journal.lines(last=min(last, MOST_LINES), contains=contains)
        return [shown_line(line, self.config.time.zone) for line in found]

    def load(self, loaded: Mapping[str, Count], found: Mapping[str, Count], by: str) -> Totals:
        """An exchange. Notes go in before the journal says so, as with hands. Raises ExchangeError, JournalError."""
        final = r.FinalTotals(body=msgspec.json.encode(self.totals()).decode(), by=by)
        exchange(
            self.journal, cabinet(self.config), generation=self.generation, loaded=loaded, found=found, by=by,
            now=self.now(), checked=lambda: self.put_in(loaded), also=(final,),
        )  # fmt: skip
        return self.totals()

    def final_totals(self) -> tuple[Totals, str, int] | None:
        """What the last exchange ended, by whom and when; None before there was one."""
        line = self.journal.newest("final-totals")
        if line is None or not isinstance(line.record, r.FinalTotals):
            return None
        return msgspec.json.decode(line.record.body, type=Totals), line.record.by, line.at

    def totals(self) -> Totals:
        return totals(self.journal, self.config)
