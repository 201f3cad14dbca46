"""An exchange by keypad: cassettes are counted (found, rejects, left), and the acceptor's box; all is booked as one fact."""

from __future__ import annotations

from bank_link.money import Money
from kiosk.ask import BACK, MAIN
from kiosk.journal import records as r
from kiosk.operator import closing
from kiosk.operator.bench import Bench
from kiosk.operator.draft import draft, found, loaded
from kiosk.operator.exchange import ExchangeError, uncounted
from kiosk.screens import operator as screens
from kiosk.service_state import Cause

READ_S = 60


async def run(bench: Bench) -> None:
    """Back to the menu when it is booked or left. What was counted stays for the next time, and the machine closed."""
    parts = bench.parts
    if not draft(parts.journal) and not closing.by_word(parts.journal):
        bench.set_service(is_open=False, exchange=True)
    while True:
        counted = draft(parts.journal)
        key = await parts.ask.choose(
            screens.op_exchange(
                parts.words, _rows(bench, counted), box=_box(bench, counted), ready=_ready(bench, counted)
            )
        )
        if key == BACK:
            _leave(bench, counted)
            return
        if key == MAIN:
            if await _book(bench, counted):
                return
        elif key == screens.BOX_KEY:
            await _count_box(bench)
        else:
            await _count(bench, key.removeprefix("cassette:"))


def _ready(bench: Bench, counted: dict[str, r.Counted]) -> bool:
    """After a lost journal the machine's own figures are worth nothing: then cassettes and box must all be counted."""
    if Cause.EXCHANGE in bench.parts.service.causes:
        return set(counted) >= {*bench.cassettes, *bench.boxes}
    return bool(counted) and not uncounted(bench.parts.journal, list(bench.cassettes), counted)


def _rows(bench: Bench, counted: dict[str, r.Counted]) -> list[screens.CassetteRow]:
    rows = []
    for name, value in bench.cassettes.items():
        record = counted.get(name)
        rows.append(screens.CassetteRow(name, value, None if record is None else record.left))
    return rows


def _box(bench: Bench, counted: dict[str, r.Counted]) -> screens.BoxRow | None:
    """None where the machine takes no notes."""
    if not bench.boxes:
        return None
    return screens.BoxRow(
        sum(counted[name].found for name in bench.boxes) if counted.keys() >= bench.boxes.keys() else None
    )


def _leave(bench: Bench, counted: dict[str, r.Counted]) -> None:
    """Nothing was counted: nothing was touched."""
    if not counted and not closing.by_word(bench.parts.journal):
        bench.set_service(is_open=True)


# ── One cassette ────────────────────────────────────────────────────────────────────────────────────────────────────


async def _count(bench: Bench, name: str) -> None:
    """Three numbers, each by digits; Back leaves the cassette as it was."""
    config = next(each for each in bench.desk.config.cassettes if each.name == name)
    value, numbers = bench.cassettes[name], []
    for step in screens.STEPS:
        most = config.most if step == "op.left" else None
        number = await _number(bench, step, name, value, most)
        if number is None:
            return
        numbers.append(number)
    bench.parts.journal.write(
        r.Counted(cassette=name, found=numbers[0], rejected=numbers[1], left=numbers[2], by=bench.by)
    )


async def _count_box(bench: Bench) -> None:
    """How many notes of each value were found; it is emptied whole. Back leaves it as it was."""
    parts, found = bench.parts, {}
    for name, value in bench.boxes.items():
        entered = await parts.ask.digits(screens.op_box(parts.words, value))
        if not entered:
            return
        found[name] = int(entered)
    parts.journal.write(
        *(r.Counted(cassette=name, found=count, rejected=0, left=0, by=bench.by) for name, count in found.items())
    )


async def _number(bench: Bench, step: str, name: str, value: Money, most: int | None) -> int | None:
    too_many = False
    while True:
        screen = screens.op_count(bench.parts.words, step, name, value, most=most, too_many=too_many)
        entered = await bench.parts.ask.digits(screen)
        if not entered:
            return None
        if most is None or int(entered) <= most:
            return int(entered)
        too_many = True


# ── All of it ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def _book(bench: Bench, counted: dict[str, r.Counted]) -> bool:
    """Whether it is done; one write makes it a fact for the bank."""
    parts, words = bench.parts, bench.parts.words
    uncounted = len(bench.cassettes.keys() - counted.keys())
    screen = screens.op_book(words, _worth(bench, counted), _difference(bench, counted), uncounted)
    if await parts.ask.choose(screen) != MAIN:
        return False
    try:
        bench.desk.load(loaded(counted), found(counted), bench.by)
    except ExchangeError as error:
        await parts.ask.told(screens.op_refused(words, str(error)), READ_S)
        return False
    bench.note("booked an exchange")
    await bench.exchanged()
    await parts.ask.told(screens.op_booked(words, parts.service.at_the_machine), READ_S)
    return True


def _worth(bench: Bench, counted: dict[str, r.Counted]) -> Money:
    total = Money(0, bench.parts.currency)
    for name, value in bench.cassettes.items():
        count = bench.count(name)
        left = counted[name].left if name in counted else count.count if count is not None else 0
        total += value.times(left)
    return total


def _difference(bench: Bench, counted: dict[str, r.Counted]) -> Money:
    """What was found, less what the machine believed: rejects belong to it."""
    minor, values = 0, {**bench.cassettes, **bench.boxes}
    for name, record in counted.items():
        count = bench.count(name)
        believed = count.count + count.rejected if count is not None else 0
        minor += values[name].minor * (record.found + record.rejected - believed)
    return Money(minor, bench.parts.currency)
