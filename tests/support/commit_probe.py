"""Runs `atm-bank` and kills it at a commit of its database: before the commit is on disk, or right after.

    python -m support.commit_probe --fuse FILE -- --dir DIR serve

`FILE` is looked for before each commit: where it holds `before 3`, the third commit from then on is not made and the
process is killed; `after 3` kills it once the third one is; `off 0` takes back what was said before. The file is taken
away when it is read, so a bank that is started again is not killed again.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from support.journal_probe import die

from bank.cli import main
from bank.store import apsw_dbapi


class Fuse:
    """Stands in front of the database driver's COMMIT."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._when = ""
        self._left = 0

    def attach(self) -> None:
        commit = apsw_dbapi.Connection.commit

        def fused(connection: apsw_dbapi.Connection) -> None:
            if not connection.apsw_connection.in_transaction or not self._burns():
                commit(connection)
                return
            if self._when == "after":
                commit(connection)
            die()

        apsw_dbapi.Connection.commit = fused  # type: ignore[method-assign]

    def _burns(self) -> bool:
        """Whether it is this commit's turn."""
        if self._path.exists():
            self._when, _, count = self._path.read_text(encoding="utf-8").partition(" ")
            self._left = int(count)
            self._path.unlink()
        if not self._left:
            return False
        self._left -= 1
        return self._left == 0


def run(arguments: Sequence[str]) -> int:
    option, path, end = arguments[:3]
    assert (option, end) == ("--fuse", "--")
    Fuse(Path(path)).attach()
    return main(arguments[3:])


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
