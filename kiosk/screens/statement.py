"""The screen of an account's last movements."""

from __future__ import annotations

from collections.abc import Sequence

from bank_link.money import Money
from kiosk.screens.common import PAPER, keys, made
from kiosk.screens.model import Choice, ListScreen, Row
from kiosk.screens.words.load import Words

#: As many rows as a page has.
ROWS = 5
#: Kinds of movements that have words of their own: towards the account, and out of it.
_IN = {"transfer": "received", "bill": "received", "reversal": "back", "opening": "opening"}
_OUT = {"transfer": "sent", "bill": "sent", "reversal": "back", "withdrawal": "cash"}
#: More of a name than this does not fit between the date and the amount.
_NAME = 12


@made
def statement(
    words: Words, lines: Sequence[tuple[str, str, str, Money]], *, page: int = 1, paper: bool = False
) -> ListScreen:  # fmt: skip
    """Page `page` of the last payments: (date, kind of movement, whose, signed amount). The main key turns the page.

    `paper`: all of them can be had on paper.
    """
    pages = max(1, -(-len(lines) // ROWS))
    rows = statement_rows(words, lines)
    return ListScreen(
        id="list",
        title=words.say("list", "title" if lines else "none"),
        rows=rows[(page - 1) * ROWS : page * ROWS],
        page=page,
        pages=pages,
        choices=(Choice(key=PAPER, label=words.say("list", "print"), icon="bill"),) if paper and lines else (),
        private=True,
        keys=keys(words, cancel="", main="more" if page < pages else "done"),
    )


def statement_rows(words: Words, lines: Sequence[tuple[str, str, str, Money]]) -> tuple[Row, ...]:
    """All of them, as they are read on the screen and on paper."""
    return tuple(
        Row(date, _what(words, kind, other, amount), _signed(words, amount)) for date, kind, other, amount in lines
    )


def _what(words: Words, kind: str, other: str, amount: Money) -> str:
    name = other if len(other) <= _NAME else f"{other[: _NAME - 1].rstrip()}…"
    said = (_OUT if amount.minor < 0 else _IN).get(kind, "bank")
    return words.say("list", said, name=name) if name or said not in {"sent", "received"} else words.say("list", "bank")


def _signed(words: Words, amount: Money) -> str:
    """With its sign: a true minus, and a plus where it came."""
    size = words.money(Money(abs(amount.minor), amount.currency))
    return f"{'−' if amount.minor < 0 else '+'}{size}"
