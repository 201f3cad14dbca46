"""A prepared statement says what SQLAlchemy's own execution would, and hides what it was given."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import (
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    bindparam,
    insert,
    select,
    tuple_,
)
from sqlalchemy.exc import IntegrityError, OperationalError

from bank.store import apsw_dbapi
from bank.store.dialect import engine_over
from bank.store.prepared import Prepared

METADATA = MetaData()
THINGS = Table(
    "things", METADATA, Column("place", Integer, primary_key=True), Column("name", String), UniqueConstraint("name")
)
ADD = Prepared(insert(THINGS).values(place=bindparam("at"), name=bindparam("name")))
NAMED = select(THINGS.c.place).where(
    THINGS.c.name.in_(bindparam("names", expanding=True)), THINGS.c.place > bindparam("above"), THINGS.c.place != 7
)
EXACT = select(THINGS.c.name).where(tuple_(THINGS.c.place, THINGS.c.name).in_(bindparam("keys", expanding=True)))


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    driver = apsw_dbapi.connect(":memory:")
    with engine_over(driver).connect() as connection:
        METADATA.create_all(connection)
        ADD.many(connection, [{"at": place, "name": f"n{place}"} for place in range(12)])
        yield connection


@given(places=st.lists(st.integers(0, 14), min_size=1, max_size=9), above=st.integers(-1, 12))
def test_its_rows_are_those_of_sqlalchemy(connection: Connection, places: list[int], above: int) -> None:
    """Lists of every length, with values beside them that the statement has of its own."""
    names = [f"n{place}" for place in places]
    values = {"above": above, "names": names}
    expected = [tuple(row) for row in connection.execute(NAMED, values)]
    assert Prepared(NAMED).rows(connection, **values) == expected == KEPT.rows(connection, names=names, above=above)
    keys = [(place, f"n{place + place % 2}") for place in places]
    assert PAIRS.rows(connection, keys=keys) == [tuple(row) for row in connection.execute(EXACT, {"keys": keys})]


KEPT, PAIRS = Prepared(NAMED), Prepared(EXACT)


def test_one_value_is_the_first_of_the_first_row(connection: Connection) -> None:
    """And nothing where there is no row."""
    assert KEPT.value(connection, names=["n3"], above=0) == 3
    assert KEPT.value(connection, names=["n3"], above=3) is None


def test_a_refusal_is_sqlalchemys_and_tells_no_value(connection: Connection) -> None:
    """A constraint's error is an IntegrityError; what was bound may be secret and is in no text."""
    with pytest.raises(IntegrityError, match="UNIQUE") as caught:
        ADD.many(connection, [{"at": 40, "name": "a secret"}, {"at": 41, "name": "a secret"}])
    assert "a secret" not in str(caught.value)
    missing = Prepared(select(Table("missing", MetaData(), Column("name", String)).c.name))
    with pytest.raises(OperationalError, match="no such table"):
        missing.rows(connection)
