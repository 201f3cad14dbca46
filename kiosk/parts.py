"""What a visit works with: made by `kiosk.machine`, handed to visit and transactions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from bank_link.card_file import CardFile
from bank_link.messages import AccountView, NoteCount, VisitOpened
from bank_link.money import Money
from config.zone import zone
from drivers.devices import CardReader, Indicators, Light, ReceiptPrinter
from kiosk.ask import Ask
from kiosk.cash_in import CashIn
from kiosk.handover import Handover
from kiosk.host import Host
from kiosk.journal import records as r
from kiosk.journal.store import Journal
from kiosk.screens import catalogue
from kiosk.screens.words.load import Words
from kiosk.service_state import ServiceState
from kiosk.vault import Vault


@dataclass(frozen=True, kw_only=True)
class Parts:
    """One machine. `presets` are what the cash screen offers at once; `zone` is the customers' time zone, `bank` its name;
    `cash_in`: where notes can be paid in; `handover`: of a machine that sees whether cash was taken; `staff`: what an operator's visit is for.
    """

    ask: Ask
    words: Words
    reader: CardReader
    host: Host
    vault: Vault
    journal: Journal
    service: ServiceState
    indicators: Indicators
    presets: tuple[Money, ...]
    currency: str
    zone: str = "UTC"
    cash_in: CashIn | None = None
    handover: Handover | None = None
    printer: ReceiptPrinter | None = None
    bank: str = ""
    staff: Callable[[Visit], Awaitable[None]] | None = None

    def working(self, *, card_out: bool = False, code: bool = False) -> AbstractAsyncContextManager[None]:
        """The bank is being asked."""
        screen = catalogue.working(self.words, card_out=card_out, code=code)
        return self.ask.waiting(screen, catalogue.working(self.words, slow=True))

    def reading(self) -> AbstractAsyncContextManager[None]:
        """The card is being read or written."""
        return self.ask.waiting(catalogue.reading(self.words), catalogue.reading(self.words, slow=True))

    def note(self, what: str, detail: str = "") -> None:
        """One line for the operator's journal."""
        self.journal.write(r.Event(what=what, detail=detail))

    def lamp(self, lamp: str, light: Light) -> None:
        self.indicators.set(lamp, light)

    def when(self, at_ms: int) -> str:
        """Bank time as a customer reads it: 14:30, with the day where it is not today."""
        local = self._local(at_ms)
        return f"{local:%H:%M}" if self.is_today(at_ms) else f"{self.words.day(local)}, {local:%H:%M}"

    def date(self, at_ms: int) -> str:
        """A day of this year as a customer reads it."""
        return self.words.day(self._local(at_ms))

    def is_today(self, at_ms: int) -> bool:
        return self._local(at_ms).date() == self._local(self.host.now()).date()

    def _local(self, at_ms: int) -> dt.datetime:
        return dt.datetime.fromtimestamp(at_ms / 1000, zone(self.zone))


@dataclass(frozen=True)
class Wanted:
    """Cash that is wanted at the end of the visit: from which account, in which notes, with what receipt."""

    account: AccountView
    amount: Money
    mix: tuple[NoteCount, ...]
    receipt: str = ""


@dataclass(kw_only=True)
class Visit:
    """One customer between card in and card out. `n` names the secret that is on the card now. No `card`: by code.

    `has_posted`: money was sent or paid in; `sent_minor` of it went to others. `is_done`: nothing more is asked; the card
    comes back.
    """

    parts: Parts
    card: CardFile | None
    opened: VisitOpened
    card_is_out: bool = False
    ended: str = "card-taken"
    has_posted: bool = False
    sent_minor: int = 0
    wish: Wanted | None = None
    is_done: bool = False

    @property
    def last4(self) -> str:
        """The card's last digits; "" where there is none."""
        return self.card.card[-4:] if self.card is not None else ""

    @property
    def n(self) -> int:
        return self.opened.next_n

    @property
    def send_left(self) -> Money | None:
        """What may still be sent to others today; None where the bank has not said."""
        left = self.opened.send_left
        return None if left is None else Money(max(0, left.minor - self.sent_minor), left.currency)

    def accounts(self, what: str) -> list[AccountView]:
        """The accounts that may do `what` ("withdraw", "balance", …), in this machine's currency."""
        return [a for a in self.opened.accounts if what in a.may and a.currency == self.parts.currency]
