"""Rows between the database and a decision: read by key, changed in layers, written as they differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, bindparam

from bank import schema
from bank.audit.tables import audit_events
from bank.ledger.moves import house_account, transfer
from bank.ledger.read import Lookup
from bank.ledger.rows import Account, NumberRow, Usage, Visit
from bank.ledger.view import Books, View
from bank.ledger.write import write
from bank.store import apsw_dbapi
from bank.store.dialect import engine_over
from bank_link.money import Money

assert audit_events.metadata is schema.metadata


@pytest.fixture
def connection() -> Iterator[Connection]:
    """A database with the bank's tables, in memory and in a transaction."""
    driver = apsw_dbapi.connect(":memory:")
    with engine_over(driver).connect() as connection:
        connection.begin()
        schema.metadata.create_all(connection)
        yield connection
    driver.close()


def numbers(*which: tuple[str, int]) -> list[NumberRow]:
    return [NumberRow(terminal=terminal, generation=1, number=number, state="answered") for terminal, number in which]


def written(connection: Connection, *rows: Any) -> None:
    view = View(Books())
    for row in rows:
        view.put(row)
    write(connection, Books(), view)


def statements_in(connection: Connection) -> list[str]:
    """Every statement that the driver is asked from now on."""
    seen: list[str] = []
    driver: Any = connection.connection.driver_connection
    for name in ("rows", "run_many"):
        setattr(driver, name, _noted(getattr(driver, name), seen))
    return seen


def _noted(ask: Any, seen: list[str]) -> Any:
    return lambda statement, *rest: (seen.append(statement), ask(statement, *rest))[1]


def test_rows_are_found_by_their_whole_key(connection: Connection) -> None:
    """A number of another terminal is another number."""
    written(connection, *numbers(("T1", 1), ("T1", 2), ("T2", 1)))
    books = Books()
    found = Lookup(NumberRow)(connection, books, {("T1", 1, 1), ("T2", 1, 1), ("T2", 1, 9)})
    assert sorted(row.key for row in found) == [("T1", 1, 1), ("T2", 1, 1)]
    assert books.get(NumberRow, ("T2", 1, 1)) in found
    assert books.get(NumberRow, ("T1", 1, 2)) is None


def test_rows_are_found_by_other_columns_and_narrowed_by_what_a_call_says(connection: Connection) -> None:
    """A card's usage of the days that are asked for, and of no other day or card."""
    usage = [Usage(card=card, day=day, currency="EUR", count=1) for card in "ab" for day in ("01", "02", "03")]
    written(connection, *usage)
    lookup = Lookup(Usage, "card", where=[schema.usage.c.day.in_(bindparam("days", expanding=True))])
    found = lookup(connection, Books(), ["a"], days=["01", "03"])
    assert sorted(row.key for row in found) == [("a", "01", "EUR"), ("a", "03", "EUR")]


def test_no_keys_are_no_statement(connection: Connection) -> None:
    """Neither nothing nor the empty text asks the database anything."""
    seen = statements_in(connection)
    assert Lookup(Visit)(connection, Books(), ["", ""]) == []
    assert Lookup(NumberRow)(connection, Books(), set()) == []
    assert seen == []


def test_many_rows_are_one_statement_each_way(connection: Connection) -> None:
    """However many rows a batch has of a table: one INSERT, one SELECT, one UPDATE."""
    seen = statements_in(connection)
    rows = numbers(*(("T1", number) for number in range(1, 101)))
    written(connection, *rows)
    books = Books()
    found = Lookup(NumberRow)(connection, books, [row.key for row in rows])
    view = View(books)
    for row in found:
        view.put(replace(row, state="ended"))
    write(connection, books, view)
    assert [statement.split()[0] for statement in seen] == ["INSERT", "SELECT", "UPDATE"]
    again = Lookup(NumberRow)(connection, Books(), [row.key for row in rows])
    assert {row.state for row in again} == {"ended"}


def test_what_did_not_change_is_not_written(connection: Connection) -> None:
    """A row that was put back as it was costs nothing."""
    written(connection, *numbers(("T1", 1)))
    books = Books()
    view = View(books)
    for row in Lookup(NumberRow)(connection, books, [("T1", 1, 1)]):
        view.put(replace(row))
    seen = statements_in(connection)
    write(connection, books, view)
    assert seen == []


def test_accounts_are_written_before_the_postings_that_name_them(connection: Connection) -> None:
    """Foreign keys hold after every statement, whatever order a decision worked in."""
    connection.exec_driver_sql("PRAGMA foreign_keys = ON")
    view = View(Books())
    transfer(view, debit="vault.EUR", credit="cash.T1.EUR", amount=Money(500, "EUR"), kind="exchange", at_ms=1)
    write(connection, Books(), view)
    found = Lookup(Account)(connection, Books(), ["vault.EUR", "cash.T1.EUR"])
    assert {row.account: row.balance_minor for row in found} == {"vault.EUR": -500, "cash.T1.EUR": 500}


def test_a_view_shows_each_row_once_in_its_newest_state() -> None:
    """Loaded, changed in the batch, changed on the branch: the last word counts, and the rows below stay."""
    books = Books()
    for name in ("a.EUR", "b.EUR", "c.EUR"):
        books.load(house_account(name, 1))
    batch = View(books)
    batch.put(replace(batch.need(Account, "b.EUR"), held_minor=1))
    branch = batch.branch()
    branch.put(replace(branch.need(Account, "b.EUR"), held_minor=2))
    branch.put(house_account("d.EUR", 1))
    held = {"a.EUR": 0, "b.EUR": 2, "c.EUR": 0, "d.EUR": 0}
    assert sorted((row.account, row.held_minor) for row in branch.all(Account)) == sorted(held.items())
    assert {row.account: row.held_minor for row in batch.all(Account)} == {"a.EUR": 0, "b.EUR": 1, "c.EUR": 0}
    batch.merge(branch)
    assert {row.account: row.held_minor for row in batch.all(Account)} == held
    assert {row.account: row.held_minor for row in books.all(Account)} == {"a.EUR": 0, "b.EUR": 0, "c.EUR": 0}
    assert list(branch.all(Visit)) == []


def test_rows_that_were_not_loaded_are_read_when_asked_for() -> None:
    """Commands do not know beforehand what they need; what is not there is asked for once."""
    asked: list[tuple[Any, ...]] = []

    def missing(kind: type[Any], key: tuple[Any, ...]) -> Any:
        asked.append(key)
        return house_account(key[0], 1) if key == ("a.EUR",) else None

    view = View(Books(missing))
    assert view.need(Account, "a.EUR").account == "a.EUR"
    assert view.get(Account, "b.EUR") is None
    assert view.get(Account, "b.EUR") is None
    assert [row.account for row in view.all(Account)] == ["a.EUR"]
    assert asked == [("a.EUR",), ("b.EUR",)]
