"""SQLAlchemy's SQLite dialect over `apsw_dbapi`: `begin()` is a BEGIN IMMEDIATE, and nothing else begins one."""

from __future__ import annotations

from typing import Any

import sqlalchemy
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.pool import StaticPool

from bank.store import apsw_dbapi


class ApswDialect(SQLiteDialect):
    """SQLAlchemy's SQLite, spoken through this module."""

    driver = "apsw"
    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls) -> Any:
        return apsw_dbapi

    def do_begin(self, dbapi_connection: Any) -> None:
        dbapi_connection.driver_connection.begin()

    def _get_server_version_info(self, _connection: Any) -> tuple[int, ...]:
        return apsw_dbapi.sqlite_version_info

    def is_disconnect(self, _error: Any, _connection: Any, _cursor: Any) -> bool:
        return False


def engine_over(connection: apsw_dbapi.Connection) -> sqlalchemy.Engine:
    """An engine whose one connection this is. Its errors never show the statements' parameters: they may be secret."""
    registry.register("sqlite.apsw", __name__, ApswDialect.__name__)
    return sqlalchemy.create_engine(
        "sqlite+apsw://", creator=lambda: connection, poolclass=StaticPool, hide_parameters=True
    )
