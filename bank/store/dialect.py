"""SQLAlchemy's SQLite dialect over `apsw_dbapi`: `begin()` is a BEGIN IMMEDIATE, and nothing else begins one."""

from __future__ import annotations

import functools
from typing import Any

import sqlalchemy
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.pool import StaticPool
from sqlalchemy.util import LRUCache

from bank.store import apsw_dbapi


class ApswDialect(SQLiteDialect):
    """SQLAlchemy's SQLite, spoken through this module."""

    driver = "apsw"
    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls) -> Any:
        return apsw_dbapi

    def do_begin(self, dbapi_connection: Any) -> None:
        # The store begins its transactions itself; SQLAlchemy hears of one with its first statement.
        if not dbapi_connection.driver_connection.apsw_connection.in_transaction:
            dbapi_connection.driver_connection.begin()

    def _get_server_version_info(self, _connection: Any) -> tuple[int, ...]:
        return apsw_dbapi.sqlite_version_info

    def is_disconnect(self, _error: Any, _connection: Any, _cursor: Any) -> bool:
        return False


def engine_over(connection: apsw_dbapi.Connection) -> sqlalchemy.Engine:
    """An engine whose one connection this is. Its errors never show the statements' parameters: they may be secret."""
    pool = StaticPool(lambda: connection)  # type: ignore[arg-type]  # a DBAPI connection
    return sqlalchemy.Engine(
        pool, _dialect(), _URL, hide_parameters=True, execution_options={"compiled_cache": _COMPILED}
    )


_URL = sqlalchemy.make_url("sqlite+apsw://")
#: What was compiled for one file serves the next: the dialect is the same.
_COMPILED: LRUCache[Any, Any] = LRUCache(500)


@functools.cache
def _dialect() -> ApswDialect:
    """With what it finds out from a first connection."""
    registry.register("sqlite.apsw", __name__, ApswDialect.__name__)
    engine = sqlalchemy.create_engine(_URL, creator=lambda: apsw_dbapi.connect(":memory:"), poolclass=StaticPool)
    with engine.connect():
        dialect = engine.dialect
    engine.dispose()
    assert isinstance(dialect, ApswDialect)
    return dialect
