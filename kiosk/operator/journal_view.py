"""Things to read, page by page: the journal with a search by digits, and totals (trial and final)."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from kiosk.ask import BACK, MAIN
from kiosk.operator.bench import Bench
from kiosk.operator.journal_text import ShownLine
from kiosk.operator.totals import Totals, box_line
from kiosk.screens import operator as screens

#: Of the journal this many records are looked through on the screen; `atm-kiosk journal show` has them all.
NEWEST = 100
FOUND = 400


async def run(bench: Bench) -> None:
    """The newest records, or those about one number; back to the menu by Back."""
    parts = bench.parts
    while True:
        key = await parts.ask.choose(screens.op_journal(parts.words))
        if key == BACK:
            return
        if key == "newest":
            await show_text(bench, "op.records", _lines(bench.desk.lines(last=NEWEST, contains="")))
        elif key == "service":
            await show_text(bench, "op.records", _lines(bench.desk.lines(last=NEWEST, contains="operator")))
        else:
            await _search(bench)


async def _search(bench: Bench) -> None:
    """A transaction's records by its number, as the customer's reference ends."""
    parts = bench.parts
    entered = await parts.ask.digits(screens.op_search(parts.words))
    if not entered:
        return
    wanted = f"#{int(entered)}: "
    about = f'"transaction":{{"generation":{bench.desk.generation},"number":{int(entered)}}}'
    found = [line for line in bench.desk.lines(last=FOUND, contains=about) if line.text.startswith(wanted)]
    await show_text(bench, "op.records", _lines(found))


def _lines(found: Sequence[ShownLine]) -> list[tuple[str, str]]:
    """The newest first: what an operator looks for has just happened."""
    return [(_moment(line), f"{line.kind}: {line.text}") for line in reversed(found)]


def _moment(line: ShownLine) -> str:
    return line.at[11:16] or "-"


# ── Totals ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def show_totals(bench: Bench) -> None:
    """Trial totals are the figures of now and clear nothing; final ones are those that the last exchange ended."""
    parts = bench.parts
    while True:
        key = await parts.ask.choose(screens.op_totals(parts.words))
        if key == BACK:
            return
        if key == "trial":
            bench.note("read the trial totals")
            await show_text(bench, "op.trial", _totals(bench.desk.totals()))
            continue
        final = bench.desk.final_totals()
        await show_text(bench, "op.final", [] if final is None else [("by", final[1]), *_totals(final[0])])


def _totals(found: Totals) -> list[tuple[str, str]]:
    lines = [
        (
            row.cassette,
            f"{row.count} x {row.note}, {row.rejected} rejects, {row.dispensed} out, {row.in_doubt} in doubt",
        )
        for row in found.cassettes
    ]
    return [
        *lines, ("value", found.value), *((("note box", said),) if (said := box_line(found)) else ()), ("paid", f"{found.paid} in {found.payments} payments"),
        ("facts", f"{found.waiting} wait, {found.parked} set aside"),
    ]  # fmt: skip


# ── Pages ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def show_text(bench: Bench, screen_id: str, lines: Sequence[tuple[str, str]]) -> None:
    """A label and a sentence a line, the sentence over as many rows as it needs. The main key turns the page."""
    labels = max((min(len(label), screens.LABEL_LETTERS) for label, _ in lines), default=0)
    rows = [row for label, sentence in lines for row in _wrapped(label, sentence, screens.ROW_LETTERS - labels)]
    page = 1
    while page:
        screen = screens.op_rows(bench.parts.words, screen_id, rows, page=page)
        key = await bench.parts.ask.choose(screen)
        if key == MAIN and page == screen.pages:
            return
        page += 1 if key == MAIN else -1


def _wrapped(label: str, sentence: str, letters: int) -> list[tuple[str, str]]:
    parts = textwrap.wrap(sentence, letters) or [""]
    return [(label if not place else "", part) for place, part in enumerate(parts)]
