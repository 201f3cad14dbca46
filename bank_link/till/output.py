"""The line of JSON that `atm` and `bank` both print when something is done."""

from __future__ import annotations

from bank_link.till.messages import What

_KEYS = {
    What.OPEN: "initial_balance",
    What.DEPOSIT: "deposit",
    What.WITHDRAW: "withdraw",
    What.BALANCE: "balance",
}


def line(what: What, account: str, minor: int) -> str:
    """The object, without a line's end. `account` is of the characters that JSON leaves as they are.

    The amount, given in minor units, is an exact number of the fewest digits: 1000, 63.1, 43.63.
    """
    return f'{{"account":"{account}","{_KEYS[what]}":{number(minor)}}}'


def number(minor: int) -> str:
    """Minor units (0 or more) as a decimal number. Never by way of floating point: a balance may have any size."""
    whole, cents = divmod(minor, 100)
    return f"{whole}.{cents:02}".rstrip("0").rstrip(".")
