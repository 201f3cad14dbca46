"""The number of a bill: how many digits it has, and the check that catches a wrong one before money moves."""

from __future__ import annotations

from bank_link.card_file import check_digit

#: As many digits as a number that is typed at a machine may have.
MOST_DIGITS = 20
#: What may guard a bill's number. "luhn": its last digit (ISO/IEC 7812-1). "mod97": the whole leaves 1 (ISO 7064, MOD
#: 97-10).
CHECKS = ("", "luhn", "mod97")


def fits(number: str, digits: int, check: str) -> bool:
    """Whether `number` is of that form. A check that is not known lets nothing through."""
    if len(number) != digits or not (number.isascii() and number.isdecimal()):
        return False
    if check == "luhn":
        return check_digit(number[:-1]) == number[-1]
    if check == "mod97":
        return int(number) % 97 == 1
    return check == ""
