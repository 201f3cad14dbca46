"""The tables of a real bank's database, read from a copy: what changed, and what the audit log says of it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
from support.real_processes import RealBank

_AUDIT = ("audit_events", "audit_blocks")


@contextmanager
def _copy(bank: RealBank) -> Iterator[apsw.Connection]:
    """Of the file and its log as they lie there; nobody may be writing."""
    with tempfile.TemporaryDirectory(prefix="books-") as folder:
        for file in bank.directory.glob("books.sqlite*"):
            shutil.copy(file, folder)
        connection = apsw.Connection(str(Path(folder) / "books.sqlite"))
        try:
            yield connection
        finally:
            connection.close()


def books(bank: RealBank) -> dict[str, list[Any]]:
    """All that the bank knows, the audit log apart: rows by table."""
    with _copy(bank) as connection:
        names = [str(name) for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {
            name: connection.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall()
            for name in names
            if name not in _AUDIT and not name.startswith("sqlite_")
        }


def audited(bank: RealBank, kind: str) -> list[str]:
    """What the audit log says about events of this kind, oldest first: "terminal: detail"."""
    with _copy(bank) as connection:
        found = connection.execute(
            "SELECT terminal || ': ' || detail FROM audit_events WHERE kind = ? ORDER BY event_id", (kind,)
        )
        return [str(line) for (line,) in found]
