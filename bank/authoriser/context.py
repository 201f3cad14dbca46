"""What every rule is handed: the time, the limits, the keys, and who asks. And how a rule says no."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from bank.audit.events import AuditEvent
from bank.ledger.rows import Row, SessionRow, Terminal
from bank.ledger.view import View
from bank_link.messages import Reason, Refused, Signed, SignedOn, SignOn, SignOnClaims, Slip
from bank_link.money import Money
from bank_link.seams import Randomness
from bank_link.sign_on import SessionKeys
from config.zone import zone


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What the bank allows. Amounts in minor units of `currency`, times in milliseconds. `products`: what accounts can be
    opened at a machine, `most_accounts` a card; `open_to_all`: also by who has no card, `open_a_day` of them a terminal.
    `pending_ms`: how long a card may wait to be written. `issuer`: as card files name the bank.
    """

    currency: str
    day_amount_minor: int
    day_count: int
    most_per_withdrawal_minor: int
    send_amount_minor: int = 0
    deposit_amount_minor: int = 0
    hold_ms: int = 300_000
    case_after_ms: int = 600_000
    deposit_case_ms: int = 1_800_000
    visit_idle_ms: int = 600_000
    authority_ms: int = 120_000
    pin_tries: int = 3
    lockout_ms: tuple[int, ...] = (900_000, 3_600_000, 14_400_000, 86_400_000)
    echo_ms: int = 30_000
    zone: str = "UTC"
    products: tuple[str, ...] = ()
    most_accounts: int = 5
    open_to_all: bool = False
    open_a_day: int = 20
    pending_ms: int = 14 * 86_400_000
    card_bin: str = "999900"
    issuer: str = "bank"

    def day(self, now_ms: int) -> str:
        """The bank day of `now_ms`, as 2026-01-31."""
        return self._local(now_ms).date().isoformat()

    def next_day_ms(self, now_ms: int) -> int:
        """When the next bank day begins."""
        local = self._local(now_ms)
        midnight = dt.datetime.combine(local.date() + dt.timedelta(days=1), dt.time(), tzinfo=local.tzinfo)
        return int(midnight.timestamp() * 1000)

    def _local(self, now_ms: int) -> dt.datetime:
        return dt.datetime.fromtimestamp(now_ms / 1000, zone(self.zone))


class Keys(Protocol):
    """The keys that a decision needs; they live outside the database (`bank.keys`)."""

    def check_challenge(self, claims: SignOnClaims, now_ms: int) -> None: ...
    def open_session(self, message: SignOn, random: Randomness, **fields: object) -> tuple[SignedOn, SessionKeys]: ...
    def session_keys(self, wrapped: bytes) -> SessionKeys: ...
    def wrap_session_keys(self, keys: SessionKeys) -> bytes: ...
    def card_reference(self, number: str) -> str: ...
    def card_secret(self, card: str, epoch: int, n: int) -> bytes: ...
    def open_pin(self, block: bytes, key_id: str, number: str) -> str: ...
    def card_number(self, sealed: bytes) -> str: ...
    def draw_card_number(self, bin_digits: str, drawn_by: str) -> str: ...
    def seal_card_number(self, number: str) -> bytes: ...
    def code_digest(self, digits: str) -> bytes: ...
    def new_pvv(self, card: str, salt: bytes, pin: str) -> tuple[bytes, int]: ...
    def pvv_matches(self, expected: bytes, version: int, card: str, salt: bytes, pin: str) -> bool: ...
    def sign_slip(self, slip: Slip) -> Signed: ...
    def read_slip(self, signed: Signed) -> Slip: ...


@dataclass(frozen=True, kw_only=True)
class Tools:
    """Time, limits, keys and randomness as one decision sees them: nothing else reaches it from outside the books."""

    now_ms: int
    limits: Limits
    keys: Keys
    random: Randomness
    audit_head: str = "none"


@dataclass(frozen=True, kw_only=True)
class Context:
    """Who asks, and with what tools. `sent_at`: when by its own word (bank time, ms; 0 where it did not know)."""

    tools: Tools
    terminal: Terminal
    session: SessionRow
    number: int = 0
    sent_at: int = 0
    try_counted: bool = field(default=False)

    @property
    def now_ms(self) -> int:
        return self.tools.now_ms

    def note(self, view: View, kind: str, detail: str = "") -> None:
        """One line into the audit log, about this terminal and number."""
        view.note(
            AuditEvent(kind=kind, terminal=self.terminal.terminal, number=self.number, detail=detail, at_ms=self.now_ms)
        )


class Refusal(Exception):
    """A rule says no. Nothing that the message did stays, but for `events`, which the audit log keeps, and the rows in
    `keeps`.
    """

    def __init__(
        self, reason: Reason, sentence: str, *, possible: Money | None = None, until: int | None = None,
        tries_left: int | None = None, events: Iterable[tuple[str, str]] = (),
    ) -> None:  # fmt: skip
        super().__init__(sentence)
        self.answer = Refused(reason=reason, sentence=sentence, possible=possible, until=until, tries_left=tries_left)
        self.events = tuple(events)
        self.keeps: tuple[Row, ...] = ()
