"""The check digit of card, account and bill numbers."""

from __future__ import annotations


def check_digit(digits: str) -> str:
    """The check digit that belongs behind `digits` (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)
