"""Cash codes in bad weather, from a seed: lost and doubled messages, power cuts, a bank that restarts or is restored."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from support.reckoning import VALUES, reckon, settle
from support.restoring import backup, restart_bank, restore_bank
from support.town import Town, TownCard, run_town

from bank.commands import requests as q

KINDS = ("open-visit", "authorise", "release", "completion", "reversal")
AMOUNT = 70
TRIES = 4


class Weather:
    """What goes wrong with one use of a code; the seed says."""

    def __init__(self, town: Town, chance: random.Random) -> None:
        self.town, self.chance = town, chance
        self.came: list[str] = []

    def begins(self) -> None:
        line, chance = self.town.line, self.chance
        lost, late = chance.choice(KINDS), chance.choice(KINDS)
        line.copies = {chance.choice(KINDS): 2} if chance.random() < 0.5 else {}
        how = chance.choice(("nothing", "answer", "request", "slow", "power", "bank"))
        self.came.append(f"{how} at {lost}")

        async def after(kind: str) -> None:
            if kind == lost and how == "answer":
                await asyncio.sleep(300)

        async def before(kind: str) -> None:
            if kind == lost and how == "request":
                await asyncio.sleep(300)
            if kind == late and how == "slow":
                await asyncio.sleep(chance.random() * 15)
            if kind == lost and how == "bank" and self.town.bank_is_up:
                self.town.bank_is_up = False
                asyncio.get_running_loop().call_later(20, self._bank_up)

        line.before, line.after = before, after
        if how == "power":
            asyncio.get_running_loop().create_task(self._power(chance.random() * 12))

    def _bank_up(self) -> None:
        self.town.bank_is_up = True

    async def _power(self, after_s: float) -> None:
        await asyncio.sleep(after_s)
        await self.town.power_cut()
        await asyncio.sleep(2)
        self.town.start_kiosk()

    def ends(self) -> None:
        self.town.line.before = self.town.line.after = None
        self.town.line.copies = {}


async def _uses(town: Town, digits: str) -> None:
    """Presses on as a customer would, for two minutes, whatever the screen says."""
    until = asyncio.get_running_loop().time() + 120
    typed = False
    while asyncio.get_running_loop().time() < until:
        await asyncio.sleep(0.7)
        shown = town.display.shown
        if shown is None:
            continue
        if shown.id == "welcome":
            if typed:
                return
            await town.choose("code")
        elif shown.id == "code":
            await town.press("A" if typed else digits + "D")
            typed = True
        elif shown.id == "cash.mix":
            await town.press("1")
        elif shown.id in {
            "code.ok",
            "code.line",
            "code.refused",
            "code.inuse",
            "code.nopay",
            "e.nocash",
            "e.jam",
            "e.doubt",
        }:
            await town.press("D")
        town.dispenser.take_cash()


async def _restored(town: Town, chance: random.Random, kept: list[Path]) -> None:
    if kept and chance.random() < 0.4:
        await restore_bank(town, kept.pop())
    elif chance.random() < 0.3:
        await restart_bank(town)


@pytest.mark.parametrize("seed", range(8))
def test_a_code_is_paid_once_in_any_weather(tmp_path: Path, seed: int) -> None:
    """One code, tried again and again: what came out for it is at most its amount, and debits and cases agree with it."""
    chance = random.Random(f"code {seed}")

    async def story(town: Town) -> None:
        await town.open_for_business()
        card: TownCard = await town.customer(balance=1_000_00)
        code = await town.bank.do(q.CodeMake, account=card.account, amount=str(AMOUNT), minutes=1_440)
        await settle(town, 1)
        weather = Weather(town, chance)
        for _ in range(TRIES):
            kept = [backup(town)] if chance.random() < 0.5 else []
            weather.begins()
            await _uses(town, code.digits)
            weather.ends()
            await settle(town, 2)
            await _restored(town, chance, kept)
            await settle(town, 16)
            if town.machine.journal.stuck():
                town.dispenser.clear_path()
                town.load_cash(**{name: where.cassette for name, where in town.dispenser.physical.items()})
            await town.in_service()
        given = sum(VALUES[name] * where.customer for name, where in town.dispenser.physical.items())
        assert given <= AMOUNT * 100, weather.came
        assert (await reckon(town))["debited"] <= AMOUNT * 100, weather.came

    run_town(tmp_path, story, seed=seed + 1)
