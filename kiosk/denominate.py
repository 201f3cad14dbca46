"""Which notes make an amount (XFS4IoT Denominate): pure, over what the cassettes hold."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from bank_link.messages import CassetteCount, NoteCount
from bank_link.money import Money


@dataclass(frozen=True)
class Stock:
    """What may be used of one cassette."""

    cassette: str
    value: Money
    count: int


def usable(counts: Sequence[CassetteCount], *, without: frozenset[str] = frozenset()) -> tuple[Stock, ...]:
    """Cassettes that may be paid from: not those that report themselves empty or failing."""
    return tuple(Stock(c.cassette, c.value, c.count) for c in counts if c.count > 0 and c.cassette not in without)


def fewest(amount: Money, stock: Sequence[Stock], most_notes: int) -> tuple[NoteCount, ...] | None:
    """The mix of fewest notes that makes `amount` exactly, largest notes first; None where there is none."""
    return _fewest(amount, tuple(stock), most_notes)


@functools.lru_cache(maxsize=256)  # a menu asks again and again while nothing has moved
def _fewest(amount: Money, stock: tuple[Stock, ...], most_notes: int) -> tuple[NoteCount, ...] | None:
    return _best(amount, sorted(stock, key=lambda s: -s.value.minor), most_notes)


def small(amount: Money, stock: Sequence[Stock], most_notes: int) -> tuple[NoteCount, ...] | None:
    """A mix with as many small notes as still leaves it a handful: half of the amount in smaller notes, where possible."""
    best = fewest(amount, stock, most_notes)
    if best is None:
        return None
    largest = max(note.value for note in best)
    smaller = [s for s in stock if s.value < largest]
    for kept in range(sum(note.count for note in best if note.value == largest) // 2, -1, -1):
        rest = amount - largest.times(kept)
        mix = fewest(rest, smaller, most_notes - kept)
        if mix is not None:
            return (fewest(largest.times(kept), _only(stock, largest), kept) or ()) + mix
    return best


def _only(stock: Sequence[Stock], value: Money) -> list[Stock]:
    return [s for s in stock if s.value == value]


def _best(amount: Money, stock: Sequence[Stock], most_notes: int) -> tuple[NoteCount, ...] | None:
    if amount.minor == 0:
        return ()
    step = math.gcd(*(s.value.minor for s in stock)) if stock else 0
    if amount.minor < 0 or step == 0 or amount.minor % step:
        return None
    target = amount.minor // step
    if target > most_notes * max(s.value.minor for s in stock) // step:
        return None
    return _search(target, [(s, s.value.minor // step) for s in stock], most_notes)


def _search(target: int, units: Sequence[tuple[Stock, int]], most_notes: int) -> tuple[NoteCount, ...] | None:
    """Fewest notes for every reachable sum, cassette by cassette: `reached[sum] = (notes, counts so far)`."""
    reached: dict[int, tuple[int, tuple[int, ...]]] = {0: (0, ())}
    for stock, unit in units:
        following: dict[int, tuple[int, tuple[int, ...]]] = {}
        for total, (used, counts) in reached.items():
            for count in range(min(stock.count, most_notes - used, (target - total) // unit) + 1):
                place, cost = total + count * unit, used + count
                if place not in following or cost < following[place][0]:
                    following[place] = (cost, (*counts, count))
        reached = following
    if target not in reached:
        return None
    chosen = zip((stock for stock, _ in units), reached[target][1], strict=True)
    return tuple(NoteCount(cassette=s.cassette, value=s.value, count=count) for s, count in chosen if count)


def nearest(amount: Money, stock: Sequence[Stock], most_notes: int, *, most: Money) -> tuple[Money, ...]:
    """The nearest payable amounts below and above `amount`, each where there is one; none above `most`."""
    step = math.gcd(*(s.value.minor for s in stock))
    if not step:
        return ()
    below = range(min(amount.minor - 1, most.minor) // step * step, 0, -step)
    above = range(amount.minor // step * step + step, most.minor + 1, step)
    found = (_first(tried, amount.currency, stock, most_notes) for tried in (below, above))
    return tuple(money for money in found if money is not None)


def largest(stock: Sequence[Stock], most_notes: int, *, most: Money) -> Money | None:
    """The largest amount up to `most` that can be paid; None where nothing can."""
    step = math.gcd(*(s.value.minor for s in stock))
    return _first(range(most.minor // step * step, 0, -step), most.currency, stock, most_notes) if step else None


def _first(tried: range, currency: str, stock: Sequence[Stock], most_notes: int) -> Money | None:
    amounts = (Money(minor, currency) for minor in tried)
    return next((amount for amount in amounts if fewest(amount, stock, most_notes)), None)
