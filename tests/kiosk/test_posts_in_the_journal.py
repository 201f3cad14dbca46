"""What an operator reads of the things that are over in one step."""

from __future__ import annotations

import pytest

from bank_link.money import Money
from kiosk.journal import records as r
from kiosk.operator.journal_text import text

MINE, THEIRS = "1000000016", "1000000024"


@pytest.mark.parametrize(
    ("what", "account", "to", "minor", "said"),
    [
        ("transfer", MINE, THEIRS, 5_00, "transfer done, 5.00 USD from account 10000… to 10000…"),
        ("bill", MINE, THEIRS, 64_30, "bill done, 64.30 USD from account 10000… to 10000…"),
        ("close", MINE, "", 0, "close done, account 10000…"),
        ("opening", "none", THEIRS, 0, "opening done, account 10000…"),
        ("usual", "none", "", 80_00, "usual done"),
        ("freeze", "none", "", 0, "freeze done"),
    ],
)
def test_a_post_is_one_line_with_what_it_moved(what: str, account: str, to: str, minor: int, said: str) -> None:
    """Money with both ends, a change with its account, and no whole number of an account."""
    record = r.Posted(
        transaction=r.Transaction(1, 5),
        number=5,
        what=what,
        account=account,
        to=to,
        amount=Money(minor, "USD"),
        body="",
    )
    assert text(record) == f"number 5: {said}"
