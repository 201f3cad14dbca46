"""What lies in the suspense account, and for which case: each posting there names the case that it waits for.

So a case's remainder is the sum of its postings, and the account's balance is the sum of all open cases' remainders.
A negative remainder is money that the bank is owed (cash is missing), a positive one money that it owes.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, case, func, or_, select

from bank import schema
from bank.ledger.moves import suspense_account
from bank.ledger.rows import Case

_POSTINGS = schema.postings.c
_REMAINDER: Select[Any] = select(
    func.coalesce(
        func.sum(
            case((_POSTINGS.credit_account == bindparam("suspense"), _POSTINGS.amount_minor), else_=0)
            - case((_POSTINGS.debit_account == bindparam("suspense"), _POSTINGS.amount_minor), else_=0)
        ),
        0,
    )
).where(_POSTINGS.case_id == bindparam("case_id"))

_CASES = schema.cases.c
_NUMBERS = schema.numbers.c


def remainder(connection: Connection, about: Case) -> int:
    """What still lies in suspense for this case, in minor units."""
    if not about.currency:
        return 0
    values = {"suspense": suspense_account(about.currency), "case_id": about.case_id}
    return int(connection.execute(_REMAINDER, values).scalar_one())


def exchanged_since(connection: Connection, about: Case) -> bool:
    """Whether an operator has exchanged the machine's cash after what the case is about, in the machine's own order."""
    found = connection.execute(
        select(_NUMBERS.number)
        .where(
            _NUMBERS.terminal == about.terminal, _NUMBERS.kind == "exchange", _NUMBERS.state == "answered",
            _later(_NUMBERS, about),
        )
        .limit(1)
    )  # fmt: skip
    return found.first() is not None


def differences_since(connection: Connection, about: Case) -> list[str]:
    """The open cases of differences that exchanges of this machine have found since, the earliest first."""
    found = connection.execute(
        select(_CASES.case_id)
        .where(
            _CASES.terminal == about.terminal, _CASES.currency == about.currency, _CASES.state == "open",
            _CASES.kind == "cash-difference", _later(_CASES, about),
        )
        .order_by(_CASES.generation, _CASES.number)
    )  # fmt: skip
    return list(found.scalars())


def _later(columns: Any, about: Case) -> ColumnElement[bool]:
    return or_(
        columns.generation > about.generation,
        and_(columns.generation == about.generation, columns.number > about.number),
    )
