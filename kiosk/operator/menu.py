"""An operator's visit: the service menu, from the PIN to the card's way out. Works in service and out of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from kiosk.leaving import Cancelled, CardPulled, LeftEarly
from kiosk.operator import cassettes, counting, device_tests, journal_view, machine_page
from kiosk.operator.bench import Bench
from kiosk.screens import operator as screens

_RUN: dict[str, Callable[[Bench], Awaitable[None]]] = {
    "exchange": counting.run, "totals": journal_view.show_totals, "cassettes": cassettes.run,
    "devices": device_tests.run, "journal": journal_view.run, "machine": machine_page.run,
}  # fmt: skip


async def run(bench: Bench) -> None:
    """One thing after another until the operator ends it, pulls the card or is away too long."""
    bench.note("came")
    why = "was away too long"
    try:
        while True:
            key = await bench.parts.ask.choose(screens.op_menu(bench.parts.words, list(_RUN)))
            await _RUN[key](bench)
    except LeftEarly as left:
        if isinstance(left, Cancelled):
            why = "left"
        elif isinstance(left, CardPulled):
            why = "pulled the card"
    bench.note(why)
