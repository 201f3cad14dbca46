"""Written words as they are said: money in words, numbers of accounts and claims digit by digit. Pure functions.

Numbers stay figures where a voice reads them right by itself ("34 dollars 50"), in whatever language it speaks.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from bank_link.money import MINOR_DIGITS, SYMBOLS
from kiosk.screens.words.load import Words

_CODE_OF = {symbol: code for code, symbol in SYMBOLS.items()}
_SIGN = "[-\u2212\u2013+]"
#: Spaces and marks that group thousands or stand before decimals, in any of the languages.
_GAP = "[ \u00a0\u202f]"
_NUMBER = r"\d+(?:[.,'\u2019\u00a0\u202f\u066b\u066c]\d+)*"
_UNIT = "|".join((*(re.escape(symbol) for symbol in _CODE_OF), *(rf"\b{code}\b" for code in MINOR_DIGITS)))
_MONEY = re.compile(
    rf"(?P<sign>(?<!\w){_SIGN})?(?:(?P<before>{_UNIT}){_GAP}?(?P<sign2>{_SIGN})?(?P<n1>{_NUMBER})"
    rf"|(?<![\w.,])(?P<n2>{_NUMBER}){_GAP}?(?P<after>{_UNIT}))"
)
_TIMES = re.compile(rf"\b(\d+){_GAP}[x\u00d7]{_GAP}")
_METRES = re.compile(rf"\b(\d+){_GAP}m\b")
#: Groups of digits that are one number together, as of a telephone.
_GROUPS = re.compile(r"(?<![\w.:,])\+?\d{2,}(?:[ \u00a0-]\d{2,})+(?![\w:])")
#: An account's ending, a code: four digits or more, or a zero in front. Not a time of day, not a decimal.
_DIGITS = re.compile(r"(?<![\d:.,])(?:0\d+|\d{4,})(?![\d:]|[.,]\d)")
_LEAST_GROUPED = 6


def said(text: str, words: Words) -> str:
    """`text` of a screen as it is handed to a voice."""
    clean = "".join(_clean(letter) for letter in text).replace("[[", " ").replace("]]", " ")
    parts, end = [], 0
    clean = _TIMES.sub(lambda found: words.say("voice", "times", count=found[1]) + " ", clean)
    for found in _MONEY.finditer(clean):
        parts += [_unmoneyed(clean[end : found.start()], words), _money(found, words)]
        end = found.end()
    parts.append(_unmoneyed(clean[end:], words))
    return " ".join("".join(parts).split())


def _clean(letter: str) -> str:
    """No control character reaches a voice; marks of direction are dropped, spaces that keep a number together stay."""
    if letter.isprintable() or letter in _GAP:
        return letter
    return "" if unicodedata.category(letter) == "Cf" else " "


def spelled(reference: str) -> str:
    """Letter by letter and digit by digit, with a breath where something else stands between: `H, 4 8 2 1`."""
    groups = re.findall(r"[^\W_]+", reference)
    return ", ".join(" ".join(group) for group in groups)


def money_said(minor: int, currency: str, words: Words) -> str:
    """An amount of minor units, not negative: `34 dollars 50`, `50 cents`, `5 dollars 5 cents`."""
    whole, rest = divmod(minor, 10 ** MINOR_DIGITS[currency])
    if not rest:
        return words.count("voice.money", currency, whole, "count")
    small = words.count("voice.money", f"{currency}_minor", rest, "count")
    if not whole:
        return small
    tens = rest >= 10 ** (MINOR_DIGITS[currency] - 1)
    return f"{words.count('voice.money', currency, whole, 'count')} {rest if tens else small}"


def _money(found: re.Match[str], words: Words) -> str:
    unit = found["before"] or found["after"]
    currency = _CODE_OF.get(unit, unit)
    amount = money_said(_minor(found["n1"] or found["n2"], currency), currency, words)
    sign = found["sign"] or found["sign2"] or ""
    if not sign:
        return amount
    return words.say("voice", "plus" if sign == "+" else "minus", amount=amount)


def _minor(number: str, currency: str) -> int:
    """The number in minor units. A last group as long as the currency's decimals are its decimals.

    Where thousands look the same (currencies of three decimals) only a single point or its Arabic kin is one.
    """
    groups = re.findall(r"\d+", number)
    digits = MINOR_DIGITS[currency]
    decimals = len(groups) > 1 and len(groups[-1]) == digits
    if decimals and digits == 3:
        decimals = re.findall(r"\D", number)[-1] in ".\u066b"
    minor = int("".join(groups))
    return minor if decimals else minor * int(10**digits)


def _unmoneyed(text: str, words: Words) -> str:
    for pattern, say in _rules(words):
        text = pattern.sub(say, text)
    return text


def _rules(words: Words) -> tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...]:
    instead = words.table("voice.instead")
    names = "|".join(re.escape(name) for name in instead) or "(?!)"
    return (
        (_GROUPS, _grouped),
        (_METRES, lambda found: words.say("voice", "metres", count=found[1])),
        (_DIGITS, lambda found: " ".join(found[0])),
        (re.compile(rf"\b(?:{names})\b"), lambda found: instead[found[0]]),
    )


def _grouped(found: re.Match[str]) -> str:
    return spelled(found[0]) if sum(letter.isdigit() for letter in found[0]) >= _LEAST_GROUPED else found[0]
