"""What customers of a town with a cash tray do in many tests, and where the notes are then."""

from __future__ import annotations

from typing import Any

import msgspec
from support.customer_steps import at_menu, choose_cash
from support.town import Town, TownCard


async def to_the_cash(town: Town, balance: int = 900_00, amount: str = "amount:10000") -> TownCard:
    """The notes are about to come."""
    card = await at_menu(town, balance)
    await choose_cash(town, amount)
    return card


async def cases(town: Town) -> list[dict[str, Any]]:
    return [dict(row) for row in await town.bank.sql("SELECT * FROM cases")]


def in_bin(town: Town) -> int:
    return sum(place.reject for place in town.dispenser.physical.values())


def in_tray(town: Town) -> int:
    return town.dispenser.in_tray


def facts(town: Town) -> list[dict[str, Any]]:
    bodies = [
        line.record.body for line in town.machine.journal.lines(last=1_000) if type(line.record).__name__ == "FactMade"
    ]
    return [msgspec.json.decode(body) for body in bodies]


def said(town: Town) -> dict[str, Any]:
    """The completion."""
    return next(fact for fact in facts(town) if fact["type"] == "completion")


async def two_bunches(town: Town) -> TownCard:
    """Three notes of four lie in the tray, and the exit takes no more."""
    card = await at_menu(town, 900_00)
    town.machine.vault._exit_notes = 3
    await choose_cash(town, "amount:20000")
    shown = await town.see("take.bunch")
    assert shown.keys.main == ""
    assert in_tray(town) == 3
    return card
