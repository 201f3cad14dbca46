"""Cassettes on and off, and a test dispense: one note that moves while the operator watches."""

from __future__ import annotations

from drivers.devices import DeviceError, PickOutcome
from kiosk.ask import BACK, MAIN
from kiosk.journal import records as r
from kiosk.operator.bench import Bench
from kiosk.screens import operator as screens

READ_S = 60


async def run(bench: Bench) -> None:
    """Which cassette, then what to do with it; back to the menu by Back."""
    parts = bench.parts
    while True:
        rows = [_row(bench, name) for name in bench.cassettes]
        key = await parts.ask.choose(screens.op_cassettes(parts.words, rows))
        if key == BACK:
            return
        await _one(bench, key.removeprefix("cassette:"))


def _row(bench: Bench, name: str) -> screens.CassetteState:
    count = bench.count(name)
    on = name not in bench.parts.journal.switched_off()
    return screens.CassetteState(name, bench.cassettes[name], count.count if count is not None else 0, on)


async def _one(bench: Bench, name: str) -> None:
    parts = bench.parts
    while True:
        row = _row(bench, name)
        key = await parts.ask.choose(screens.op_cassette(parts.words, row, stuck=bool(parts.journal.stuck())))
        if key == BACK:
            return
        if key == "switch":
            parts.journal.write(r.CassetteSwitched(cassette=name, on=not row.on, by=bench.by))
        elif key == "test":
            await _test(bench, row)


async def _test(bench: Bench, row: screens.CassetteState) -> None:
    """One note, journalled before it moves; where it is now, the screen says and the counts know."""
    parts, words = bench.parts, bench.parts.words
    to_bin = parts.vault.tests_to_bin
    if await parts.ask.choose(screens.op_test(words, row, to_bin=to_bin)) != MAIN:
        return
    parts.ask.show(screens.op_moving(words))
    try:
        pick = await parts.vault.test(row.name, row.value, bench.by)
    except DeviceError as error:
        await parts.ask.told(screens.op_trouble(words, str(error)), READ_S)
        return
    if pick.outcome is PickOutcome.DISPENSED:
        screen = screens.op_tested_out(words, pick.dispensed + pick.surplus)
    elif pick.outcome is PickOutcome.REJECTED:
        screen = screens.op_tested(words)
    else:
        screen = screens.op_trouble(words, pick.sentence)
    await parts.ask.told(screen, READ_S)
