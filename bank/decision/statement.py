"""An account's last movements, as its owner reads them at a machine."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, case, func, select, union_all

from bank import schema
from bank.store.prepared import Prepared
from bank_link.messages import StatementLine
from bank_link.money import Money

#: As many as a mini-statement has.
MOST_LINES = 10

_NUMBER = ("terminal", "generation", "number")


def last_lines(connection: Connection, account: str) -> tuple[StatementLine, ...]:
    """The newest first. `other`: the biller, or the name of whoever owns the other account; "" for the bank's own."""
    rows = _LAST.rows(connection, account=account)
    return tuple(
        StatementLine(
            at=at_ms, amount=Money(-minor if debit == account else minor, currency), what=kind, other=other or ""
        )
        for debit, minor, currency, kind, at_ms, other in rows
    )  # fmt: skip


def _side(column: str) -> Select[Any]:
    """Each side by its own index: together they would be sorted whole."""
    newest = (
        select(schema.postings)
        .where(schema.postings.c[column] == bindparam("account"))
        .order_by(schema.postings.c.posting.desc())
        .limit(MOST_LINES)
    )
    return select(newest.subquery())


def _last() -> Select[Any]:
    both = union_all(_side("debit_account"), _side("credit_account")).subquery()
    other = case((both.c.debit_account == bindparam("account"), both.c.credit_account), else_=both.c.debit_account)
    return (
        select(
            both.c.debit_account, both.c.amount_minor, both.c.currency, both.c.kind, both.c.at_ms,
            func.coalesce(func.nullif(schema.bills.c.name, ""), schema.customers.c.name),
        )
        .select_from(both)
        .join(schema.accounts, schema.accounts.c.account == other)
        .outerjoin(schema.bills, and_(*(schema.bills.c[name] == both.c[name] for name in _NUMBER), schema.bills.c.account == other))
        .outerjoin(schema.customers, schema.customers.c.customer == schema.accounts.c.owner)
        .order_by(both.c.posting.desc())
        .limit(MOST_LINES)
    )  # fmt: skip


_LAST = Prepared(_last())
