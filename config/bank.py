"""Everything that can be set at the bank, as frozen dataclasses. Read it with `config.load.load_bank`."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class ListenConfig:
    """Where the bank listens. `public_host` is the name or address that terminals reach it by."""

    host: str = "127.0.0.1"
    port: int = 8443
    enrol_port: int = 8444
    public_host: str = "localhost"


@dataclass(frozen=True, kw_only=True)
class BankLimitsConfig:
    """What a card may do, and how long things wait.

    `day_amount` and `withdrawal_amount` (cash), `send_amount` (to others, a day) and `deposit_amount` (paid in at once; 0:
    none) are whole units of the currency, `day_count` withdrawals; all a card.
    `deposit_case_s`: a deposit of which nothing was heard for so long becomes a case.
    `lockout_s`: the first lock after `pin_tries` wrong PINs, the second, …; the last one stands for all that follow.
    """

    day_amount: int = 500
    day_count: int = 10
    withdrawal_amount: int = 500
    send_amount: int = 500
    deposit_amount: int = 2_000
    hold_s: int = 300
    release_case_s: int = 600
    deposit_case_s: int = 1_800
    visit_idle_s: int = 600
    echo_s: int = 30
    pin_tries: int = 3
    lockout_s: tuple[int, ...] = (900, 3_600, 14_400, 86_400)


@dataclass(frozen=True, kw_only=True)
class BankAccountsConfig:
    """What accounts customers can open at a machine. `products`: their names; none: no account is opened there.

    `most_accounts`: so many a card. `open_to_all`: who has no card can open one too, `open_a_day` of them a machine; what
    has no card file after `pending_days` lapses.
    """

    products: tuple[str, ...] = ("Everyday", "Savings")
    most_accounts: int = 5
    open_to_all: bool = False
    open_a_day: int = 20
    pending_days: int = 14


class Serves(enum.StrEnum):
    """Which kind of terminal a bank was made for; it has no other. Tills are those of `atm` and `bank`."""

    KIOSKS = "kiosks"
    TILLS = "tills"


@dataclass(frozen=True, kw_only=True)
class BankConfig:
    """One bank. `data`: directory of keys, CA and audit log. `database_url`: SQLAlchemy's; may hold a password.

    `zone`: IANA name; its midnight is where a card's day ends. `card_bin`: what new cards' numbers begin with (ISO/IEC
    7812-1, issuer identification number); the default is in no issuer's range.
    """

    name: str
    data: Path
    currency: str
    serves: Serves = Serves.KIOSKS
    zone: str = "UTC"
    card_bin: str = "999900"
    listen: ListenConfig = ListenConfig()
    limits: BankLimitsConfig = BankLimitsConfig()
    accounts: BankAccountsConfig = BankAccountsConfig()
    database_url: str

    def __repr__(self) -> str:
        return f"BankConfig(name={self.name!r}, data={str(self.data)!r})"
