"""Amounts, dates and times of day as each language writes them, by Babel; digits are Latin in all of them.

Money is written as in the currency's own country where Babel knows the language there (Spanish and dollars: as in the
United States), else as the language writes it anywhere. The day is in 24 hours everywhere.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

from babel import Locale, UnknownLocaleError
from babel.dates import format_skeleton
from babel.numbers import format_decimal

from bank_link.money import MINOR_DIGITS, SYMBOLS, Money

#: British, so that the day comes first, as in all the others.
_DATES = {"en": "en_GB"}
#: Marks of direction. The display arranges what it draws by itself.
_MARKS = str.maketrans("", "", "\u200e\u200f\u061c")
_DECIMALS = re.compile(r"\.0+")


def locale_of(language: str, currency: str) -> str:
    """The locale in which `language` writes amounts of `currency`, by Babel's name."""
    try:
        # ISO 4217: a currency's code begins with its country's.
        return str(Locale(language, currency[:2]))
    except UnknownLocaleError:
        return language


def symbol_of(currency: str) -> str:
    """What stands beside the figures: `$`, or the code where there is no sign that everybody knows."""
    return SYMBOLS.get(currency, currency)


def money(amount: Money, language: str, *, decimals: bool = True) -> str:
    """For a person: `$1,250.00`, `1.250,00 €`; `$40` where `decimals` is false and there are none to lose."""
    digits = MINOR_DIGITS[amount.currency]
    kept = digits if decimals or amount.minor % 10**digits else 0
    value = Decimal(amount.minor).scaleb(-digits)
    return _figures(value, symbol_of(amount.currency), locale_of(language, amount.currency), kept)


def entered(digits: str, symbol: str, locale: str, decimals: int = 0) -> str:
    """Money as it is typed: `$1,250`, or with `decimals`, which the last digits are, `$64.30`; 0 where there are none."""
    return _figures(Decimal(digits or "0").scaleb(-decimals), symbol.strip(), locale, decimals)


def _figures(value: Decimal, symbol: str, locale: str, kept: int) -> str:
    pattern = Locale.parse(locale).currency_formats["standard"].pattern
    pattern = _DECIMALS.sub("." + "0" * kept if kept else "", pattern)
    if symbol.isalpha():  # `KES 40`, where a sign would stand close
        pattern = re.sub(r"¤(?=[#0])", "¤\u00a0", pattern)
    made = format_decimal(value, pattern.replace("¤", f"'{symbol}'"), locale, numbering_system="latn")
    return made.translate(_MARKS)


def clock(at: dt.datetime) -> str:
    """The time of day: `14:30`."""
    return f"{at:%H:%M}"


def day(at: dt.datetime, language: str) -> str:
    """A day of this year: `24 Nov`, `24. Nov.`"""
    return format_skeleton("MMMd", at, locale=_DATES.get(language, language)).translate(_MARKS)
