"""Statements that every message runs: SQLAlchemy writes their text once, and from then on the driver is asked directly.

Building, caching and unpacking a Core statement costs some ten times what SQLite needs to answer it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ClauseElement, Connection, Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler

#: Makes a statement's positional parameters of its named values.
_Binder = Callable[[Mapping[str, Any]], list[Any]]


class Prepared:
    """A Core statement with named parameters; one that gets a list is expanding (an IN, in which a key may come twice).

    Values go to the driver as they are: an insert names all of its columns, since no default of SQLAlchemy's is bound, and
    no type of a column converts anything.

    Raises what SQLAlchemy would: a subclass of sqlalchemy.exc.DBAPIError, without the parameters, which may be secret.
    """

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._made: dict[tuple[object, ...], tuple[str, _Binder]] = {}

    def rows(self, connection: Connection, **values: Any) -> list[tuple[Any, ...]]:
        """Run a query; its rows. No list may be empty."""
        values = {name: _padded(value) if isinstance(value, list) else value for name, value in values.items()}
        text, bind = self._text(connection.dialect, values)
        driver: Any = connection.connection.dbapi_connection
        try:
            rows: list[tuple[Any, ...]] = driver.rows(text, bind(values))
        except connection.dialect.loaded_dbapi.Error as error:
            raise _told(connection, text, error) from error
        return rows

    def value(self, connection: Connection, **values: Any) -> Any:
        """The first column of the first row, None where there is no row."""
        rows = self.rows(connection, **values)
        return rows[0][0] if rows else None

    def many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run an insert or update for each of `rows`, which name the same parameters; there is at least one."""
        text, bind = self._text(connection.dialect, rows[0])
        driver: Any = connection.connection.dbapi_connection
        try:
            driver.run_many(text, [bind(row) for row in rows])
        except connection.dialect.loaded_dbapi.Error as error:
            raise _told(connection, text, error) from error

    def _text(self, dialect: Dialect, values: Mapping[str, Any]) -> tuple[str, _Binder]:
        shape = (dialect.name, *(len(value) for value in values.values() if isinstance(value, list)))
        made = self._made.get(shape)
        if made is None:
            made = self._made[shape] = self._compiled(dialect, values)
        return made

    def _compiled(self, dialect: Dialect, values: Mapping[str, Any]) -> tuple[str, _Binder]:
        compiled = self._statement.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)
        expanded = compiled.construct_expanded_state({name: _marked(name, value) for name, value in values.items()})
        return expanded.statement, _binder(expanded.positional_parameters)


def _padded(keys: list[Any]) -> list[Any]:
    """Its last element once more, up to a power of two: a text for each length would fill the memory."""
    return keys + keys[-1:] * ((1 << (len(keys) - 1).bit_length()) - len(keys))


class _Mark:
    """Stands for a value while the text is made, to find out in which place it is bound."""

    __slots__ = ("name", "path")

    def __init__(self, name: str, *path: int) -> None:
        self.name, self.path = name, path


def _marked(name: str, value: object) -> Any:
    """A mark; for a list one for each element, and for tuples in it one for each of theirs."""
    if not isinstance(value, list):
        return _Mark(name)
    return [
        tuple(_Mark(name, at, inner) for inner in range(len(one))) if isinstance(one, tuple) else _Mark(name, at)
        for at, one in enumerate(value)
    ]


def _binder(places: Sequence[Any]) -> _Binder:
    assert None not in places, "a parameter that nobody gives"
    names = [place.name if isinstance(place, _Mark) else None for place in places]
    if all(isinstance(place, _Mark) and not place.path for place in places):
        return lambda values: [values[name] for name in names]  # type: ignore[index]  # every name is one

    def bind(values: Mapping[str, Any]) -> list[Any]:
        bound: list[Any] = []
        for place in places:
            value = place
            if isinstance(place, _Mark):
                value = values[place.name]
                for at in place.path:
                    value = value[at]
            bound.append(value)
        return bound

    return bind


def _told(connection: Connection, text: str, error: Exception) -> Exception:
    module = connection.dialect.loaded_dbapi
    return DBAPIError.instance(text, None, error, module.Error, hide_parameters=True, dialect=connection.dialect)
