"""What can be wrong within the books, each as one question to the database that finds nothing where all is well."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, text

from bank.commands.answers import Finding, amount


def book_findings(connection: Connection) -> list[Finding]:
    """Everything that does not fit; the file's own structure first, since nothing else can be believed without it."""
    damaged = [
        Finding(what="file", sentence=f"the database file is damaged: {row}")
        for row in connection.exec_driver_sql("PRAGMA quick_check(20)").scalars()
        if row != "ok"
    ]
    return damaged or [finding for look in _LOOKS for finding in look(connection)]


def _balances(connection: Connection) -> Iterator[Finding]:
    for row in _ask(connection, _BALANCES):
        stored, posted = amount(row.balance, row.currency), amount(row.posted, row.currency)
        yield Finding(what="balance", sentence=f"account {row.account} says {stored}, its postings come to {posted}")


def _held(connection: Connection) -> Iterator[Finding]:
    for row in _ask(connection, _HELD):
        stored, held = amount(row.held, row.currency), amount(row.of_holds, row.currency)
        yield Finding(what="held", sentence=f"account {row.account} sets {stored} aside, its holds come to {held}")


def _zero(connection: Connection) -> Iterator[Finding]:
    for row in _ask(connection, _ZERO):
        yield Finding(what="sum", sentence=f"the {row.what} come to {amount(row.total, row.currency)}, not to nothing")


def _strangers(connection: Connection) -> Iterator[Finding]:
    for row in _ask(connection, _STRANGERS):
        yield Finding(
            what="posting", sentence=f"posting {row.posting} names account {row.account}, which is not there in its currency"
        )  # fmt: skip


def _floors(connection: Connection) -> Iterator[Finding]:
    for row in _ask(connection, _FLOORS):
        below = amount(-row.available, row.currency)
        yield Finding(what="floor", sentence=f"account {row.account} is {below} below its limit, and no case says why")


def _closed(connection: Connection) -> Iterator[Finding]:
    for row in _ask(connection, _CLOSED):
        inside = amount(row.balance, row.currency)
        yield Finding(what="closed", sentence=f"account {row.account} is closed, has {inside}, and no case says why")


def _holds(connection: Connection) -> Iterator[Finding]:
    for row in _ask(connection, _HOLDS):
        yield Finding(what="hold", sentence=f"hold {row.hold} is said to be in a case, but none is open for it")


def _deposits(connection: Connection) -> Iterator[Finding]:
    for row in _ask(connection, _DEPOSITS):
        said, posted = amount(row.said, row.currency), amount(row.posted, row.currency)
        yield Finding(
            what="deposit",
            sentence=f"deposit {row.claim} says that {said} were credited, its postings come to {posted}",
        )


def _usage(connection: Connection) -> Iterator[Finding]:
    for row in _ask(connection, _USAGE):
        stored, found = amount(row.stored, row.currency), amount(row.found, row.currency)
        yield Finding(
            what="usage",
            sentence=f"on {row.day} card {row.card[:5]}… has {stored} in {row.stored_count} counted against its limit, "
            f"its holds come to {found} in {row.found_count}",
        )  # fmt: skip


def _suspense(connection: Connection) -> Iterator[Finding]:
    for row in _ask(connection, _SUSPENSE):
        waiting = amount(row.waiting, row.currency)
        said = f"case {row.case_id}, which is closed" if row.case_id else "no case"
        yield Finding(what="suspense", sentence=f"{waiting} lie in suspense for {said}")


def _ask(connection: Connection, question: str) -> list[Any]:
    return list(connection.execute(text(question)))


_LOOKS: tuple[Callable[[Connection], Iterator[Finding]], ...] = (
    _balances, _held, _zero, _strangers, _floors, _closed, _holds, _deposits, _usage, _suspense,
)  # fmt: skip

_BALANCES = """
SELECT a.account, a.currency, a.balance_minor AS balance, COALESCE(e.posted, 0) AS posted
FROM accounts a
LEFT JOIN (SELECT account, SUM(amount_minor) AS posted FROM entries GROUP BY account) e ON e.account = a.account
WHERE a.balance_minor <> COALESCE(e.posted, 0) ORDER BY a.account
"""
_HELD = """
SELECT a.account, a.currency, a.held_minor AS held, COALESCE(h.held, 0) AS of_holds
FROM accounts a
LEFT JOIN (
    SELECT account, SUM(amount_minor) AS held FROM holds WHERE state IN ('held', 'released', 'case') GROUP BY account
) h ON h.account = a.account
WHERE a.held_minor <> COALESCE(h.held, 0) ORDER BY a.account
"""
_ZERO = """
SELECT 'entries' AS what, currency, SUM(amount_minor) AS total FROM entries GROUP BY currency HAVING SUM(amount_minor) <> 0
UNION ALL
SELECT 'balances', currency, SUM(balance_minor) FROM accounts GROUP BY currency HAVING SUM(balance_minor) <> 0
"""
_STRANGERS = """
SELECT e.posting, e.account FROM entries e
LEFT JOIN accounts a ON a.account = e.account AND a.currency = e.currency
WHERE a.account IS NULL ORDER BY e.posting
"""
_FLOORS = """
SELECT a.account, a.currency, a.balance_minor - a.held_minor - a.floor_minor AS available
FROM accounts a LEFT JOIN cases c ON c.case_id = a.forced_case
WHERE a.kind = 'customer' AND a.balance_minor - a.held_minor < a.floor_minor AND c.case_id IS NULL ORDER BY a.account
"""
_CLOSED = """
SELECT a.account, a.currency, a.balance_minor AS balance FROM accounts a
WHERE a.kind = 'customer' AND a.state = 'closed' AND (a.balance_minor <> 0 OR a.held_minor <> 0)
    AND NOT EXISTS (SELECT 1 FROM cases c WHERE c.account = a.account) ORDER BY a.account
"""
_HOLDS = """
SELECT h.hold FROM holds h LEFT JOIN cases c ON c.case_id = h.case_id AND c.state = 'open'
WHERE h.state = 'case' AND c.case_id IS NULL ORDER BY h.hold
"""
_DEPOSITS = """
SELECT d.terminal || '-' || d.number AS claim, d.currency, d.amount_minor AS said, COALESCE(SUM(p.amount_minor), 0) AS posted
FROM deposits d
LEFT JOIN postings p ON p.terminal = d.terminal AND p.generation = d.generation AND p.kind = 'deposit'
    AND p.text = d.terminal || '-' || d.number
GROUP BY d.terminal, d.generation, d.number, d.currency, d.amount_minor
HAVING d.amount_minor <> COALESCE(SUM(p.amount_minor), 0)
"""
# A hold without a visit was remembered from a slip after a restore: its day had counted it before.
_USAGE = """
SELECT card, day, currency, SUM(stored) AS stored, SUM(stored_count) AS stored_count, SUM(found) AS found,
    SUM(found_count) AS found_count
FROM (
    SELECT card, day, currency, amount_minor AS stored, count AS stored_count, 0 AS found, 0 AS found_count FROM usage
    UNION ALL
    SELECT card, day, currency, 0, 0,
        CASE WHEN state IN ('posted', 'voided') THEN posted_minor ELSE amount_minor END, 1
    FROM holds WHERE state <> 'voided' OR posted_minor > 0
) GROUP BY card, day, currency
HAVING SUM(stored) <> SUM(found) OR SUM(stored_count) <> SUM(found_count) ORDER BY day, card
"""
# Each posting there waits for its case: what is left under a closed one, or under none, is nobody's.
_SUSPENSE = """
SELECT e.currency, SUM(e.amount_minor) AS waiting, CASE WHEN c.case_id IS NULL THEN '' ELSE c.case_id END AS case_id
FROM entries e
JOIN accounts a ON a.account = e.account AND a.kind = 'suspense'
JOIN postings p ON p.posting = e.posting
LEFT JOIN cases c ON c.case_id = p.case_id
WHERE c.state IS NULL OR c.state <> 'open'
GROUP BY e.currency, c.case_id HAVING SUM(e.amount_minor) <> 0
"""
