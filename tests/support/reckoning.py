"""What must hold once everything has ended: notes, debits, holds, facts and cases agree."""

from __future__ import annotations

import asyncio

from support.town import Town

VALUES = {"top": 50_00, "middle": 20_00, "bottom": 10_00}


async def settle(town: Town, minutes: float = 15) -> None:
    """Let facts arrive and time end what it ends."""
    until = asyncio.get_running_loop().time() + minutes * 60
    while asyncio.get_running_loop().time() < until:
        await asyncio.sleep(10)
        town.alive()


async def reckon(town: Town) -> dict[str, int]:
    """Check everything; returns what was given, debited and in doubt (minor units)."""
    await books_are_sound(town)
    assert town.machine.journal.outbox_length() == 0, "a fact still waits"
    assert not town.machine.journal.open_transactions(), "a transaction is still open"
    holds = await town.bank.sql("SELECT * FROM holds WHERE state IN ('held', 'released')")
    assert not holds, f"holds still open: {holds}"
    given = sum(VALUES[name] * where.customer for name, where in town.dispenser.physical.items())
    debited = await _posted(town, "withdrawal")
    cases = await town.bank.sql("SELECT * FROM cases WHERE state = 'open'")
    doubt = sum(case["amount_minor"] for case in cases if case["kind"] in {"doubt", "unknown", "silent", "surplus"})
    assert debited <= given, f"debited {debited}, given only {given}: {cases}"
    assert given - debited <= doubt, f"given {given}, debited {debited}, in doubt only {doubt}: {cases}"
    return {"given": given, "debited": debited, "doubt": doubt}


async def _posted(town: Town, kind: str) -> int:
    rows = await town.bank.sql("SELECT COALESCE(SUM(amount_minor), 0) AS total FROM postings WHERE kind = :k", k=kind)
    return int(rows[0]["total"])


async def books_are_sound(town: Town) -> None:
    """Balances are what the postings say, holds are what the accounts hold, entries sum to zero."""
    sums = {r["account"]: r["s"] for r in await town.bank.sql(
        "SELECT account, SUM(amount_minor) AS s FROM entries GROUP BY account"
    )}  # fmt: skip
    held = {r["account"]: r["s"] for r in await town.bank.sql(
        "SELECT account, SUM(amount_minor) AS s FROM holds WHERE state IN ('held', 'released', 'case') GROUP BY account"
    )}  # fmt: skip
    for account in await town.bank.sql("SELECT * FROM accounts"):
        name = account["account"]
        assert account["balance_minor"] == sums.get(name, 0), name
        assert account["held_minor"] == held.get(name, 0), name
    assert sum(sums.values()) == 0
