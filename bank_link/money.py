"""Amounts: integers of minor units with their currency, and how a person writes and reads them."""

from __future__ import annotations

import re

import msgspec

#: ISO 4217 minor-unit digits of the currencies a machine can be set to; others are refused by name.
MINOR_DIGITS = {
    "AUD": 2, "BRL": 2, "CAD": 2, "CHF": 2, "CZK": 2, "DKK": 2, "EUR": 2, "GBP": 2, "HUF": 2, "INR": 2,
    "JPY": 0, "KES": 2, "KRW": 0, "KWD": 3, "MXN": 2, "NOK": 2, "NZD": 2, "PLN": 2, "SEK": 2, "TND": 3,
    "USD": 2, "XAF": 0, "XOF": 0, "ZAR": 2,
}  # fmt: skip
SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "INR": "₹", "JPY": "¥"}

#: No amount on the line, in a journal or in the books is larger (it keeps sums inside SQL's 64 bits).
MOST_MINOR = 10**15

_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,17})(?:\.([0-9]{1,3}))?", re.ASCII)


class MoneyError(ValueError):
    """Text or numbers that are no amount; the sentence names what was found."""


class Money(msgspec.Struct, frozen=True, order=True, forbid_unknown_fields=True):
    """An amount: `minor` units (cents, pence; may be negative in a balance) of an ISO 4217 `currency`."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if self.currency not in MINOR_DIGITS:
            raise MoneyError(f"{self.currency[:8]!r} is not a currency known here")
        if not -MOST_MINOR <= self.minor <= MOST_MINOR:
            raise MoneyError("the amount is larger than any that is handled here")

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def times(self, count: int) -> Money:
        return Money(self.minor * count, self.currency)

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise MoneyError(f"{self.currency} and {other.currency} cannot be added")

    def __str__(self) -> str:
        return plain(self)


def major(units: int, currency: str) -> Money:
    """`units` whole units (dollars, not cents) as money: what a banknote says."""
    return Money(units * 10 ** MINOR_DIGITS[currency], currency)


def parse(text: str, currency: str) -> Money:
    """Decimal text as money, exactly: `10`, `10.5`, `10.50`; ASCII digits only, no sign, exponent or leading zero.

    Raises MoneyError for anything else, and for more decimals than the currency has.
    """
    digits = MINOR_DIGITS.get(currency)
    if digits is None:
        raise MoneyError(f"{currency[:8]!r} is not a currency known here")
    found = _DECIMAL.fullmatch(text[:64]) if len(text) <= 64 else None
    if found is None:
        raise MoneyError(f"{text[:24]!r} is not an amount; write it like 40 or 40.00")
    whole, fraction = found[1], found[2] or ""
    if len(fraction) > digits:
        raise MoneyError(f"{text[:24]!r} has more decimals than {currency} has")
    return Money(int(whole) * 10**digits + int(fraction.ljust(digits, "0") or "0"), currency)


def plain(money: Money) -> str:
    """For machines and logs: `-12.50 USD`."""
    digits = MINOR_DIGITS[money.currency]
    whole, fraction = divmod(abs(money.minor), 10**digits)
    sign = "-" if money.minor < 0 else ""
    return f"{sign}{whole}.{fraction:0{digits}d} {money.currency}" if digits else f"{sign}{whole} {money.currency}"


def shown(money: Money, *, decimals: bool = True) -> str:
    """For a person: `$1,250.00`, or `$40` where `decimals` is false and there are none to lose."""
    digits = MINOR_DIGITS[money.currency]
    whole, fraction = divmod(abs(money.minor), 10**digits)
    sign = "-" if money.minor < 0 else ""
    symbol = SYMBOLS.get(money.currency, money.currency + " ")
    tail = f".{fraction:0{digits}d}" if digits and (decimals or fraction) else ""
    return f"{sign}{symbol}{whole:,}{tail}"
