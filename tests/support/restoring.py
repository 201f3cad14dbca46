"""A town's bank restarted, backed up and restored."""

from __future__ import annotations

import shutil
from pathlib import Path

from support.town import Town


async def restart_bank(town: Town) -> None:
    town.bank_is_up = False
    await town.bank.close()
    await town.bank.open()
    town.bank_is_up = True


def backup(town: Town) -> Path:
    """The database's files as they are now, its write-ahead log too."""
    kept = town.directory / "backup"
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir()
    for file in (town.directory / "bank").glob("books.sqlite*"):
        shutil.copy(file, kept / file.name)
    return kept


async def restore_bank(town: Town, kept: Path) -> None:
    town.bank_is_up = False
    await town.bank.close()
    for file in (town.directory / "bank").glob("books.sqlite*"):
        file.unlink()
    for file in kept.iterdir():
        shutil.copy(file, town.directory / "bank" / file.name)
    await town.bank.open()
    town.bank_is_up = True
