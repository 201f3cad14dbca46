"""What can go wrong with the bank's database file, each as one sentence that names the file and the way out.

StoreError
├── StoreInUse    another process has it open
└── StoreFailed   the disk or the file failed: nothing more is read or written until the bank is started again
"""

from __future__ import annotations

import apsw


class StoreError(Exception):
    """The database cannot be opened, read or written; `str()` is one sentence for a person."""


class StoreInUse(StoreError):
    """Another process has the database open."""


class StoreFailed(StoreError):
    """The file or its disk failed while it was open; what is on it now is known only after a new start."""


def in_use(path: str) -> StoreInUse:
    return StoreInUse(f"{path} is in use by a running bank; stop that one, or give the command to it")


_SENTENCES: dict[int, tuple[type[StoreError], str]] = {
    apsw.SQLITE_FULL: (StoreError, "the disk that holds {path} is full; free some space (nothing was changed)"),
    apsw.SQLITE_READONLY: (StoreError, "{path} cannot be written; check its owner and rights, and those of its folder"),
    apsw.SQLITE_PERM: (StoreError, "{path} cannot be written; check its owner and rights"),
    apsw.SQLITE_AUTH: (StoreError, "{path} cannot be used; check its owner and rights"),
    apsw.SQLITE_CANTOPEN: (StoreError, "{path} cannot be opened; check that its folder exists and who may write there"),
    apsw.SQLITE_NOTADB: (StoreFailed, "{path} is not a bank's database, or its first page is damaged; restore it"),
    apsw.SQLITE_CORRUPT: (StoreFailed, "{path} is damaged; restore the newest backup"),
    apsw.SQLITE_IOERR: (StoreFailed, "the disk that holds {path} fails; check it, then start the bank again"),
    apsw.SQLITE_NOLFS: (StoreFailed, "{path} has outgrown what its file system can hold"),
    apsw.SQLITE_NOMEM: (StoreFailed, "there is no memory left to work on {path}; start the bank again"),
}


def sentence_for(result: int, path: str) -> StoreError | None:
    """The error for SQLite's primary `result` code; None where it is the statement's fault and not the file's."""
    if result in {apsw.SQLITE_BUSY, apsw.SQLITE_LOCKED}:
        return in_use(path)
    found = _SENTENCES.get(result)
    return found[0](found[1].format(path=path)) if found else None
