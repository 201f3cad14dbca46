"""The line that both programs print: exact to the cent, whatever the size."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bank_link.till.messages import What
from bank_link.till.output import line, number


@pytest.mark.parametrize(
    ("minor", "text"),
    [
        (0, "0"), (1, "0.01"), (10, "0.1"), (100, "1"), (1_000, "10"), (100_000, "1000"), (6_310, "63.1"), (4_363, "43.63"),
        (429_496_729_599, "4294967295.99"), (10**40 + 1, "1" + "0" * 38 + ".01"),
    ],
)  # fmt: skip
def test_amounts_in_the_fewest_digits(minor: int, text: str) -> None:
    """As the rules' own examples write them."""
    assert number(minor) == text


@pytest.mark.parametrize(
    ("what", "text"),
    [
        (What.OPEN, '{"account":"bob","initial_balance":63.1}'),
        (What.DEPOSIT, '{"account":"bob","deposit":63.1}'),
        (What.WITHDRAW, '{"account":"bob","withdraw":63.1}'),
        (What.BALANCE, '{"account":"bob","balance":63.1}'),
    ],
)
def test_the_four_lines(what: What, text: str) -> None:
    """One object of two keys, with no blanks and no end of line."""
    assert line(what, "bob", 63_10) == text


@given(st.sampled_from(What), st.text("_-.09az", min_size=1, max_size=122), st.integers(0, 2**200))
def test_what_is_read_back_is_what_was_meant(what: What, account: str, minor: int) -> None:
    """To the last cent, without an exponent, whatever the balance has grown to."""
    text = line(what, account, minor)
    found = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    assert list(found) == ["account", next(key for key in found if key != "account")]
    assert found.pop("account") == account
    (amount,) = found.values()
    sign, digits, exponent = amount.as_tuple()
    assert (sign, int("".join(map(str, digits))) * 10 ** (exponent + 2)) == (0, minor)
    assert "e" not in number(minor).lower()
    assert not number(minor).endswith((".0", "."))
