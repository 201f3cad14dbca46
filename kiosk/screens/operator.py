"""Screens of an operator's visit: by keypad alone, like everybody's. What a sentence says of devices is the journal's English."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bank_link.money import Money
from kiosk.screens.common import SILENT, keys, made
from kiosk.screens.model import (
    Amount,
    Choice,
    Choose,
    Confirm,
    Fact,
    Keys,
    ListScreen,
    Notice,
    NoticeScreen,
    Row,
    Tone,
    Wait,
)
from kiosk.screens.words.load import Words

#: The three numbers of a cassette, in the order in which they are asked for.
STEPS = ("op.found", "op.rejects", "op.left")
#: The choice of an exchange that is no cassette.
BOX_KEY = "box"
#: As many rows as a page has; letters of a label, and of label and sentence together, that fit one.
ROWS = 5
LABEL_LETTERS = 14
ROW_LETTERS = 34
#: More of a cassette's name than this does not fit beside its figures.
_NAME = 14
#: More of a sentence than this does not fit a notice of the smallest panel.
_SENTENCE = 140

_ICONS = {
    "exchange": "cash", "totals": "bill", "cassettes": "pay-in", "devices": "again", "journal": "eye", "machine": "more",
}  # fmt: skip


class CassetteRow(NamedTuple):
    """A cassette in an exchange; `left`: how many notes are in it now, None where it was not counted yet."""

    name: str
    value: Money
    left: int | None


class BoxRow(NamedTuple):
    """The note acceptor's box in an exchange; `found`: so many notes were taken out, None where it was not counted yet."""

    found: int | None


class CassetteState(NamedTuple):
    """A cassette as it is: `notes` by the machine's own word, `on` where it is paid from."""

    name: str
    value: Money
    notes: int
    on: bool


@made
def op_menu(words: Words, offered: Sequence[str]) -> Choose:
    """What an operator can do; A ends the visit."""
    choices = tuple(Choice(key=key, label=words.say("op.menu", key), icon=_ICONS[key]) for key in offered)
    return _choose(words, "op.menu", choices, keys(words, cancel="end", back=""))


@made
def op_exchange(
    words: Words, cassettes: Sequence[CassetteRow], *, ready: bool, box: BoxRow | None = None
) -> Choose:  # fmt: skip
    """Count each cassette; keys `cassette:<name>`, `BOX_KEY`, and the main one once what is there can be booked."""
    choices = tuple(
        Choice(
            key=f"cassette:{row.name}", label=_short(row.name),
            second=words.say("op.exchange", "waits") if row.left is None else words.say("op.exchange", "now", count=str(row.left)),
            chosen=row.left is not None,
        )
        for row in cassettes
    )  # fmt: skip
    if box is not None:
        choices += (_box(words, box),)
    return _choose(words, "op.exchange", choices, keys(words, cancel="end", main="book" if ready else ""))


def _box(words: Words, row: BoxRow) -> Choice:
    waits = words.say("op.exchange", "waits")
    return Choice(
        key=BOX_KEY, label=words.say("op.exchange", "box"), chosen=row.found is not None,
        second=waits if row.found is None else words.say("op.exchange", "found", count=str(row.found)),
    )  # fmt: skip


@made
def op_box(words: Words, value: Money, entered: str = "") -> Amount:
    """How many notes of `value` were found in the note acceptor's box."""
    return Amount(
        id="op.box", title=words.say("op.box", "title"), symbol="", most_digits=5, entered=entered, grouped=False,
        limits=words.say("op.box", "limits", note=words.whole(value)),
        keys=keys(words, cancel="end", back="clear", main="ok"),
    )  # fmt: skip


@made
def op_count(
    words: Words, step: str, cassette: str, value: Money, *, most: int | None = None, too_many: bool = False,
    entered: str = "",
) -> Amount:  # fmt: skip
    """One of `STEPS`: a number of notes. `most` fit; `too_many` were entered."""
    limits = words.say("op.count", "limits", cassette=_short(cassette), note=words.whole(value))
    notice = None
    if too_many and most is not None:
        notice = Notice(Tone.WARNING, words.say("op.left", "bold"), words.say("op.left", "plain", most=str(most)))
    return Amount(
        id=step, title=words.say(step, "title"), symbol="", limits=limits, most_digits=5, entered=entered, notice=notice,
        keys=keys(words, cancel="end", back="clear", main="ok")
    )  # fmt: skip


@made
def op_book(words: Words, now: Money, difference: Money, uncounted: int) -> Confirm:
    """All of the exchange. `uncounted`: so many cassettes for which the machine's own count stands."""
    facts = [
        Fact(words.say("op.book", "now"), words.whole(now)),
        Fact(words.say("op.book", "difference"), _signed(words, difference)),
    ]
    if uncounted:
        facts.append(Fact(words.say("op.book", "uncounted"), str(uncounted)))
    return Confirm(
        id="op.book", title=words.say("op.book", "title"), facts=tuple(facts),
        keys=keys(words, cancel="end", main="book")
    )  # fmt: skip


@made
def op_booked(words: Words, closed: str) -> NoticeScreen:
    """The exchange is booked; `closed`: why the machine does not work yet."""
    if closed:
        return _notice(words, "op.booked", Notice(Tone.WARNING, words.say("op.booked", "closed"), _cut(closed)))
    return _notice(words, "op.booked", Notice(Tone.OK, words.say("op.booked", "bold")))


@made
def op_refused(words: Words, sentence: str) -> NoticeScreen:
    """The exchange does not fit this machine: nothing was booked."""
    return _notice(words, "op.refused", Notice(Tone.WARNING, words.say("op.refused", "bold"), _cut(sentence)))


@made
def op_totals(words: Words) -> Choose:
    """Keys `trial` and `final`."""
    return _plain(words, "op.totals", ("trial", "final"))


@made
def op_cassettes(words: Words, cassettes: Sequence[CassetteState]) -> Choose:
    """Which cassette? Keys `cassette:<name>`."""
    choices = tuple(
        Choice(key=f"cassette:{row.name}", label=_short(row.name), second=_state(words, row)) for row in cassettes
    )
    return _choose(words, "op.cassettes", choices, keys(words, cancel="end"))


@made
def op_cassette(words: Words, row: CassetteState, *, stuck: bool = False) -> Choose:
    """On or off, key `switch`; one note, key `test`. `stuck`: a note in doubt, which a motor could push out."""
    why = "exchange_first" if stuck else "" if row.notes else "count_first"
    choices = (
        Choice(key="switch", label=words.say("op.cassette", "off" if row.on else "on")),
        Choice(
            key="test", label=words.say("op.cassette", "test"), enabled=not why,
            second=words.say("op.cassette", why) if why else "",
        ),
    )  # fmt: skip
    notice = Notice(
        Tone.INFO,
        f"{_short(row.name)}: {_state(words, row)}",
        words.say("op.cassette", "notes", note=words.whole(row.value)),
    )
    return _choose(words, "op.cassette", choices, keys(words, cancel="end"), notice)


@made
def op_test(words: Words, row: CassetteState, *, to_bin: bool) -> Confirm:
    """One note is about to move, into the bin or out at the exit."""
    where = words.say("op.test", "bin" if to_bin else "exit")
    return Confirm(
        id="op.test", title=words.say("op.test", "title"),
        facts=(Fact(_short(row.name), words.whole(row.value)), Fact(words.say("op.test", "where"), where)),
        keys=keys(words, cancel="end", main="move")
    )  # fmt: skip


@made
def op_moving(words: Words) -> Wait:
    """The note moves."""
    return Wait(id="op.moving", title=words.say("op.moving", "title"), keys=SILENT)


@made
def op_tested(words: Words) -> NoticeScreen:
    """The note lies in the reject bin."""
    return _notice(words, "op.tested", Notice(Tone.OK, words.say("op.tested", "bold"), words.say("op.tested", "plain")))


@made
def op_tested_out(words: Words, count: int) -> NoticeScreen:
    """`count` notes came out at the exit: they are the machine's."""
    bold = words.count("op.tested.out", "bold", count, "count")
    return _notice(words, "op.tested.out", Notice(Tone.WARNING, bold, words.say("op.tested.out", "plain")))


@made
def op_trouble(words: Words, sentence: str) -> NoticeScreen:
    """What a device said."""
    return _notice(words, "op.trouble", Notice(Tone.DANGER, words.say("op.trouble", "bold"), _cut(sentence)))


@made
def op_devices(words: Words, offered: Sequence[str]) -> Choose:
    """Which device?"""
    return _plain(words, "op.devices", offered)


@made
def op_keys(words: Words, missing: Sequence[str]) -> NoticeScreen:
    """Every key is to be pressed once. All of them answer: those with words are for a panel without a pad."""
    at = Keys(cancel=words.say("keys", "end"), back=words.say("keys", "back"), main=words.say("keys", "done"))
    bold = words.say("op.keys", "bold")
    plain = words.say("op.keys", "plain", missing=" ".join(missing))
    return NoticeScreen(
        id="op.keys", title=words.say("op.keys", "title"), notice=Notice(Tone.INFO, bold, plain), keys=at,
    )  # fmt: skip


@made
def op_lamp(words: Words, lamp: str) -> NoticeScreen:
    """One lamp flashes."""
    said = Notice(Tone.INFO, words.say("op.lamp", "bold", lamp=lamp))
    return NoticeScreen(id="op.lamp", title=words.say("op.lamp", "title"), notice=said, keys=SILENT)


@made
def op_result(words: Words, sentence: str, *, good: bool) -> NoticeScreen:
    """What a test came to."""
    return _notice(words, "op.result", Notice(Tone.OK if good else Tone.DANGER, _cut(sentence)))


@made
def op_journal(words: Words) -> Choose:
    """Keys `newest`, `service` and `search`."""
    return _plain(words, "op.journal", ("newest", "service", "search"))


@made
def op_search(words: Words, entered: str = "") -> Amount:
    """The number at the end of a customer's reference."""
    return Amount(
        id="op.search", title=words.say("op.search", "title"), symbol="", limits=words.say("op.search", "limits"),
        most_digits=9, entered=entered, grouped=False, keys=keys(words, cancel="end", back="clear", main="ok"),
    )  # fmt: skip


@made
def op_machine(words: Words, *, closed: bool) -> Choose:
    """Keys `versions`, `reasons`, and `switch`: in service where an operator has `closed` it, else out of it."""
    choices = (
        Choice(key="switch", label=words.say("op.machine", "open" if closed else "close")),
        Choice(key="reasons", label=words.say("op.machine", "reasons")),
        Choice(key="versions", label=words.say("op.machine", "versions")),
    )
    return _choose(words, "op.machine", choices, keys(words, cancel="end"))


@made
def op_rows(words: Words, screen_id: str, rows: Sequence[tuple[str, str]], *, page: int) -> ListScreen:
    """Page `page` of rows that are made already. The main key turns the page."""
    pages = max(1, -(-len(rows) // ROWS))
    now = rows[(page - 1) * ROWS : page * ROWS]
    return ListScreen(
        id=screen_id, title=words.say(screen_id, "title" if rows else "none"),
        rows=tuple(Row(label[:LABEL_LETTERS], sentence, "") for label, sentence in now), page=page, pages=pages,
        keys=keys(words, cancel="end", main="more" if page < pages else "done")
    )  # fmt: skip


@made
def op_line(words: Words) -> NoticeScreen:
    """The bank cannot say whose card it is: nothing can be done with it. Key `again`, or the card back."""
    return NoticeScreen(
        id="op.line", title=words.say("op.line", "title"),
        notice=Notice(Tone.WARNING, words.say("op.line", "bold"), words.say("op.line", "plain")),
        choices=(Choice(key="again", label=words.say("e.line", "again"), icon="again"),),
        keys=keys(words, cancel="", back="", main="take_card")
    )  # fmt: skip


@made
def op_only(words: Words) -> NoticeScreen:
    """A customer's card in a machine that is closed: it comes back unread by the bank."""
    return NoticeScreen(
        id="op.only", title=words.say("op.only", "title"),
        notice=Notice(Tone.INFO, words.say("op.only", "bold"), words.say("op.only", "plain")),
        keys=keys(words, cancel="", back="", main="take_card")
    )  # fmt: skip


# ── Inside ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _choose(words: Words, screen: str, choices: tuple[Choice, ...], at: Keys, notice: Notice | None = None) -> Choose:
    return Choose(
        id=screen, title=words.say(screen, "title"), choices=choices, notice=notice, keys=at,
        more=words.say("keys", "more")
    )  # fmt: skip


def _plain(words: Words, screen: str, offered: Sequence[str]) -> Choose:
    choices = tuple(Choice(key=key, label=words.say(screen, key)) for key in offered)
    return _choose(words, screen, choices, keys(words, cancel="end"))


def _notice(words: Words, screen: str, notice: Notice) -> NoticeScreen:
    return NoticeScreen(
        id=screen, title=words.say(screen, "title"), notice=notice,
        keys=keys(words, cancel="", back="", main="done")
    )  # fmt: skip


def _state(words: Words, row: CassetteState) -> str:
    return words.say("op.cassettes", "on" if row.on else "off", count=str(row.notes))


def _signed(words: Words, amount: Money) -> str:
    if not amount.minor:
        return words.whole(amount)
    return f"{'−' if amount.minor < 0 else '+'}{words.whole(Money(abs(amount.minor), amount.currency))}"


def _short(name: str) -> str:
    return name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"


def _cut(sentence: str) -> str:
    return sentence if len(sentence) <= _SENTENCE else f"{sentence[: _SENTENCE - 1].rstrip()}…"
