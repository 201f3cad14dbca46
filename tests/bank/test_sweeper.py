"""What time alone ends is ended in time, and a bank with nothing to end leaves its disk alone."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from support.hall import Hall, run_hall

from bank.commands import requests as r
from bank.decision import sweep

PAUSE_S, EVERY_S = 10, 60


def test_a_hold_that_nobody_released_ends_ten_seconds_after_its_time_at_most(tmp_path: Path) -> None:
    """Also where the bank had nothing to do for an hour before it, and nothing comes after it."""

    async def story(hall: Hall) -> None:
        machine = await hall.machine()
        await machine.exchange(found=0, after=100)
        card = await hall.card(opening="200")
        await asyncio.sleep(3_600)
        await machine.echo(100)
        await machine.hold(card, 40, release=False)
        await asyncio.sleep(299)
        assert (await hall.do(r.AccountShow, account=card.account)).available.amount == "160.00"
        await asyncio.sleep(1 + PAUSE_S)
        assert (await hall.do(r.AccountShow, account=card.account)).available.amount == "200.00"

    run_hall(tmp_path, story)


def test_an_idle_bank_is_looked_at_once_a_minute(tmp_path: Path, monkeypatch: Any) -> None:
    """A look is a read of the database: every ten seconds, day and night, is for nothing where nothing waits."""
    looks: list[float] = []
    first_ends = sweep._first_ends

    def counted(*args: Any) -> int | None:
        looks.append(asyncio.get_running_loop().time())
        return first_ends(*args)

    monkeypatch.setattr(sweep, "_first_ends", counted)

    async def story(hall: Hall) -> None:
        await hall.card()
        await asyncio.sleep(PAUSE_S + 1)
        looks.clear()
        await asyncio.sleep(3_600)
        assert len(looks) == 3_600 // EVERY_S

    run_hall(tmp_path, story)


def test_a_clock_that_is_set_ahead_ends_what_is_over_by_it(tmp_path: Path) -> None:
    """The bank waits by the loop's time; what has ended goes by the clock on the wall."""

    async def story(hall: Hall) -> None:
        machine = await hall.machine()
        await machine.exchange(found=0, after=100)
        card = await hall.card(opening="200")
        await machine.hold(card, 40, release=False)
        await asyncio.sleep(PAUSE_S)
        hall.clock.ahead_ms = 3_600_000
        await asyncio.sleep(EVERY_S)
        assert (await hall.do(r.AccountShow, account=card.account)).available.amount == "200.00"

    run_hall(tmp_path, story)
