"""An exchange: cassettes are counted by notes, rejects apart; the bank learns it as a fact."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from bank_link.messages import Accuracy, CassetteCount, Exchange, Maker, kind
from bank_link.money import Money, major
from config.kiosk import KioskConfig
from kiosk.cabinet import note_value
from kiosk.journal import records as r
from kiosk.journal.progress import BOX, box, in_box
from kiosk.journal.store import Journal

_COUNT = re.compile(r"([A-Za-z0-9_.:-]{1,64})=([0-9]{1,6})(?:\+([0-9]{1,6}))?", re.ASCII)


#: What a journal line and the bank's books have room for.
LONGEST_NAME = 60


class ExchangeError(Exception):
    """What the operator said does not fit this machine; one sentence."""


@dataclass(frozen=True)
class Count:
    """Notes in a cassette, and in the reject bin out of it."""

    notes: int
    rejected: int = 0


def parse_count(text: str) -> tuple[str, Count]:
    """`1=500` or `1=500+3` (three more in the reject bin). Raises ExchangeError."""
    found = _COUNT.fullmatch(text)
    if found is None:
        raise ExchangeError(f"{text[:40]!r} is no count; write CASSETTE=NOTES, like 1=500 (or 1=500+3 with 3 rejects)")
    return found[1], Count(int(found[2]), int(found[3] or 0))


@dataclass(frozen=True, kw_only=True)
class Cabinet:
    """What this machine's cassettes are set to: the note's value by cassette, and how many fit.

    `boxes`: what the note acceptor takes, by the names under which its box is counted.
    """

    values: Mapping[str, Money]
    most: Mapping[str, int]
    boxes: Mapping[str, Money] = field(default_factory=dict)


def exchange(
    journal: Journal, cabinet: Cabinet, *, generation: int, loaded: Mapping[str, Count], found: Mapping[str, Count],
    by: str, now: int, checked: Callable[[], None] = lambda: None, also: tuple[r.AnyRecord, ...] = (),
) -> Exchange:  # fmt: skip
    """Set the counts and put the fact into the outbox, in one write. Raises ExchangeError, JournalError.

    `loaded`: what is in a cassette now (its rejects were taken out). `found`: what was counted in it on opening; where
    nobody counted, the machine's own figure stands. `checked` is called once all of it fits, before anything is written;
    `also` is kept in the same write, before it. The note acceptor's box is counted by value (`in.20`) and emptied whole
    (`in`).
    """
    before = {count.cassette: count for count in journal.counts()}
    known = {name: count.value for name, count in before.items() if in_box(name)}
    # A journal that is new knows nothing of what was paid in before: what the acceptor takes can be found all the same.
    boxes = {**cabinet.boxes, **known}
    used = {name: value for name, value in boxes.items() if name in known or name in found}
    loaded = _emptied(loaded, used)
    cabinet = Cabinet(values={**cabinet.values, **boxes}, most={**cabinet.most, **dict.fromkeys(boxes, 0)})
    _check(cabinet, loaded, found, by)
    missing = uncounted(journal, [name for name in cabinet.values if not in_box(name)], {*loaded, *found})
    if missing:
        raise ExchangeError(
            f"{missing[0]}: count {'it' if len(missing) == 2 else 'them'} too ({', '.join(missing[1:])})"
        )
    checked()
    for name, value in cabinet.values.items():
        if name in boxes and name not in used:
            continue
        before.setdefault(name, CassetteCount(cassette=name, value=value, count=0, accuracy=Accuracy.ACCURATE_SET))
    counted = {name: _counted(count, found.get(name)) for name, count in before.items()}
    after = {name: _after(cabinet, count, loaded.get(name)) for name, count in counted.items()}
    number = journal.next_number(generation)
    fact = Exchange(
        number=number, made_by=Maker(generation=generation, boot=journal.boot_id or "operator"),
        before=_sorted(before), found=_sorted(counted), after=_sorted(after), by=by, at=now,
    )  # fmt: skip
    journal.write(
        *also,
        r.CountsSet(after=_sorted(after), by=by),
        r.FactMade(
            transaction=r.Transaction(generation, number), number=number, kind=kind(fact),
            body=msgspec.json.encode(fact).decode(),
        ),
    )  # fmt: skip
    return fact


def uncounted(journal: Journal, cassettes: Sequence[str], counted: Collection[str]) -> tuple[str, ...]:
    """Why an exchange of these alone would end what is not looked after yet, and the cassettes that are missing; or ()."""
    stuck = [name for name in journal.stuck() if name in cassettes and name not in counted]
    if stuck:
        return ("a note of theirs got stuck", *stuck)
    others = tuple(name for name in cassettes if name not in counted)
    if others and journal.cash_reached():
        return ("a door was opened, and cash could be reached", *others)
    if len(others) == len(cassettes) and journal.stuck():
        return ("nobody knows what a payment left in the path", *others)
    return ()


def _emptied(loaded: Mapping[str, Count], boxes: Mapping[str, Money]) -> Mapping[str, Count]:
    """`in=0` is every value that is in the acceptor's box."""
    if BOX not in loaded:
        return loaded
    if loaded[BOX] != Count(0):
        raise ExchangeError(f"the note acceptor's box is emptied at an exchange: write {BOX}=0")
    others = {name: count for name, count in loaded.items() if name != BOX}
    return {**others, **dict.fromkeys(boxes, Count(0))}


def _check(cabinet: Cabinet, loaded: Mapping[str, Count], found: Mapping[str, Count], by: str) -> None:
    if not loaded:
        raise ExchangeError("say what was loaded: CASSETTE=NOTES")
    if not by.strip():
        raise ExchangeError("say who did it (--by NAME)")
    if len(by) > LONGEST_NAME or not by.isprintable():
        raise ExchangeError(f"--by takes a name of 1 to {LONGEST_NAME} characters on one line")
    for name in (*loaded, *found):
        if name not in cabinet.values:
            raise ExchangeError(f"this machine has no cassette {name!r}; it has {', '.join(cabinet.values)}")
    for name, count in loaded.items():
        if count.notes > cabinet.most[name]:
            raise ExchangeError(f"{count.notes} notes do not fit cassette {name}: it holds {cabinet.most[name]}")
        if count.rejected:
            raise ExchangeError(f"rejects of cassette {name} are taken out at an exchange; give them with --found")


def _counted(before: CassetteCount, found: Count | None) -> CassetteCount:
    if found is None:
        return before
    return msgspec.structs.replace(before, count=found.notes, rejected=found.rejected, accuracy=Accuracy.ACCURATE_SET)


def _after(cabinet: Cabinet, count: CassetteCount, loaded: Count | None) -> CassetteCount:
    if loaded is None:
        return count
    return CassetteCount(
        cassette=count.cassette, value=cabinet.values[count.cassette], count=loaded.notes,
        accuracy=Accuracy.ACCURATE_SET,
    )  # fmt: skip


def _sorted(counts: Mapping[str, CassetteCount]) -> tuple[CassetteCount, ...]:
    return tuple(counts[name] for name in sorted(counts))


def cabinet(config: KioskConfig) -> Cabinet:
    """The cassettes as an exchange counts them."""
    return Cabinet(
        values={cassette.name: note_value(config, cassette) for cassette in config.cassettes},
        most={cassette.name: cassette.most for cassette in config.cassettes},
        boxes=_boxes(config),
    )


def _boxes(config: KioskConfig) -> dict[str, Money]:
    if config.note_acceptor is None:
        return {}
    values = (major(units, config.terminal.currency) for units in config.note_acceptor.pulses.values())
    return {box(value): value for value in values}
