"""Whom the demonstration has: customers with cards, somebody whose bills are paid, an operator, and a stick with nothing on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from bank_link.card_file import SIZE
from bank_link.money import major
from bank_link.seams import SystemRandomness
from kiosk.exit_codes import CommandError
from kiosk.simulator.demonstration.bank_process import BankProcess
from kiosk.simulator.demonstration.both_sides import Account
from kiosk.telling import out
from kiosk.where import CARDS

CURRENCY = "USD"
#: Name, opening balance in whole units. Ben shows what happens where there is not enough, and can be sent money.
CUSTOMERS = (("Ada", 500), ("Ben", 40))
BILLER, CATEGORY = "City Water", "water"
#: A number whose last digit is right.
BILL = "49927398716"
OPERATOR = "Olga"
BLANK = "blank-stick"
#: A cash code's amount, and how long it is good: whoever reads it has the afternoon.
CODE_UNITS, CODE_MINUTES = 50, 240


@dataclass(frozen=True)
class Set:
    """A town that is ready. Its PINs are here, and on the screen of a person who stays; never in a file or a log."""

    bank: BankProcess
    kiosk: Path
    tells_secrets: bool
    accounts: dict[str, Account] = field(default_factory=dict)
    pins: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<Set {self.kiosk}>"

    @property
    def cards(self) -> dict[str, Path]:
        """Every card file by its name, the stick with nothing on it last."""
        return {name: self.kiosk / CARDS / f"{name}.atm" for name in (*self.pins, BLANK)}

    def pin_of(self, card: str) -> str:
        """Raises CommandError where nobody was told one."""
        if card not in self.pins:
            raise CommandError(f"Nobody here knows the PIN of {card}.")
        return self.pins[card]


def draw_pin() -> str:
    """Four digits that nobody can foretell."""
    return f"{int.from_bytes(SystemRandomness().token_bytes(8), 'big') % 10_000:04d}"


def settle(ready: Set) -> None:
    """Everybody moves in. Raises CommandError."""
    (ready.kiosk / CARDS).mkdir(exist_ok=True)
    for name, opening in CUSTOMERS:
        _customer(ready, name, opening)
    _biller(ready.bank)
    _operator(ready)
    (ready.kiosk / CARDS / f"{BLANK}.atm").write_bytes(bytes(SIZE))
    out(f"3. {BLANK}.atm is a stick with nothing on it, for somebody who opens an account without a card.")


def make_code(ready: Set) -> str:
    """Ada's cash code, in groups as it is read out. Raises CommandError."""
    account = ready.accounts["ada"].number
    made = ready.bank.ask("code", "make", account, str(CODE_UNITS), "--minutes", str(CODE_MINUTES))
    return str(made["code"])


def _customer(ready: Set, name: str, opening: int) -> None:
    bank = ready.bank
    customer = bank.ask("customer", "add", name)["customer"]
    account = bank.ask("account", "open", customer, "--opening", str(opening))["account"]
    told = _card(ready, name, "card", "issue", customer)
    ready.accounts[name.lower()] = Account(name, account, major(opening, CURRENCY))
    out(f"3. {name} has {opening} dollars in account {account} and a card, {name.lower()}.atm.{told}")


def _operator(ready: Set) -> None:
    told = _card(ready, OPERATOR, "operator", "add", OPERATOR, "--all")
    out(f"3. {OPERATOR} looks after the machine, with a card of her own, {OPERATOR.lower()}.atm.{told}")


def _card(ready: Set, name: str, *words: str) -> str:
    """A card of that name by the bank's command; what may be told of its PIN."""
    key, pin = name.lower(), draw_pin()
    ready.bank.ask(*words, "--out", str(ready.kiosk / CARDS / f"{key}.atm"), "--pin-file", "-", text=pin)
    ready.pins[key] = pin
    return f" PIN {pin}, told here and nowhere else." if ready.tells_secrets else ""


def _biller(bank: BankProcess) -> None:
    customer = bank.ask("customer", "add", BILLER)["customer"]
    account = bank.ask("account", "open", customer, "--opening", "0")["account"]
    bank.ask("payee", "add", BILLER, account, "--category", CATEGORY, "--digits", str(len(BILL)), "--check", "luhn")
    out(f"3. {BILLER} has its bills paid at the machine; {BILL} is the number of one.")
