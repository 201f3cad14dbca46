"""What a receipt says, as data, and how it is said: on paper, and as the text of a QR code. Nothing here prints.

The QR code holds the e-receipt: plain text in UTF-8, lines with a line feed between them, at most `MOST_BYTES`. First the
bank, then what was done, then the bank's time (`2026-11-27 14:30 +01:00`); then one line a fact, `label: value`. It is for
people, in their language, and it is not signed: the bank's books are what counts.
"""

from __future__ import annotations

import datetime as dt
import enum
import re
from dataclasses import dataclass

from bank_link.money import Money
from config.zone import zone
from drivers.devices import PrintCode, PrintJob, PrintLine
from kiosk.screens.words.load import Words

#: What a code holds that a phone still reads from the screen.
MOST_BYTES = 400
#: A card's or an account's number that somebody forgot to mask.
_WHOLE_NUMBER = re.compile(r"(?:\d[ -]?){9,}\d")


class Done(enum.StrEnum):
    """What was done; each is a word in the table `receipt`."""

    CASH = "cash"
    DEPOSIT = "deposit"
    TRANSFER = "transfer"
    BILL = "bill"
    BALANCE = "balance"
    NEW_PIN = "new_pin"
    OPENED = "opened"
    CLOSED = "closed"
    CODE = "code"
    STATEMENT = "statement"
    NO_CASH = "no_cash"


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """Of one thing that was done. `at_ms` is bank time, `zone` the customers' time zone.

    `card` and `account` are the last four digits at most. `to` is who got money. `reference` is what the bank knows it
    by. `doubt`: it is not known how it ended; the reference is the customer's claim. `rows` are what a statement holds:
    what and how much, for paper alone. Raises ValueError where something in it looks like a whole number of a card or an
    account.
    """

    done: Done
    bank: str
    terminal: str
    at_ms: int
    zone: str = "UTC"
    card: str = ""
    account: str = ""
    amount: Money | None = None
    to: str = ""
    reference: str = ""
    balance: Money | None = None
    doubt: bool = False
    rows: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        rows = (each for row in self.rows for each in row)
        said = (self.bank, self.terminal, self.card, self.account, self.to, self.reference, *rows)
        if len(self.card) > 4 or len(self.account) > 4 or any(_WHOLE_NUMBER.search(each) for each in said):
            raise ValueError("a receipt shows the last four digits of a number, and no more")

    @property
    def when(self) -> str:
        """Date, time, and how far from UTC: the same in every language."""
        local = dt.datetime.fromtimestamp(self.at_ms / 1000, zone(self.zone))
        offset = local.strftime("%z")
        return f"{local:%Y-%m-%d %H:%M} {offset[:3]}:{offset[3:5]}"


def masked(text: str) -> str:
    """With the last four digits of what looks like a whole number; a customer's name may be one."""
    return _WHOLE_NUMBER.sub(lambda number: f"…{number[0][-4:]}", text)


def title(receipt: Receipt, words: Words) -> str:
    """What was done, in the customer's words."""
    return words.say("receipt", receipt.done)


def facts(receipt: Receipt, words: Words) -> tuple[tuple[str, str], ...]:
    """Label and value, in the order of a receipt; what is not known is left out."""
    found = {
        "amount": words.money(receipt.amount) if receipt.amount is not None else "",
        "to": receipt.to,
        "card": words.say("general", "ends", digits=receipt.card) if receipt.card else "",
        "account": words.say("general", "ends", digits=receipt.account) if receipt.account else "",
        "reference": receipt.reference,
        "machine": receipt.terminal,
        "balance": words.money(receipt.balance) if receipt.balance is not None else "",
    }
    return tuple((words.say("receipt", name), value) for name, value in found.items() if value)


def text(receipt: Receipt, words: Words) -> str:
    """The e-receipt."""
    doubt = [words.say("receipt", "doubt")] if receipt.doubt else []
    lines = [f"{label}: {value}" for label, value in facts(receipt, words)]
    whole = "\n".join([receipt.bank, title(receipt, words), receipt.when, *doubt, *lines])
    return whole.encode()[:MOST_BYTES].decode("utf-8", "ignore")


def job(receipt: Receipt, words: Words) -> PrintJob:
    """The paper receipt."""
    return PrintJob(
        (
            PrintLine(receipt.bank, bold=True, centre=True),
            PrintLine(),
            PrintLine(title(receipt, words), bold=True),
            *((PrintLine(words.money(receipt.amount), large=True),) if receipt.amount is not None else ()),
            PrintLine(),
            PrintLine(receipt.when),
            *(PrintLine(label, value) for label, value in facts(receipt, words)),
            *((PrintLine(),) if receipt.rows else ()),
            *(PrintLine(what, amount) for what, amount in receipt.rows),
            *((PrintLine(), PrintLine(words.say("receipt", "doubt"), bold=True)) if receipt.doubt else ()),
            PrintLine(),
            PrintCode(text(receipt, words)),
            PrintLine(words.say("receipt", "thanks"), centre=True),
        )
    )
