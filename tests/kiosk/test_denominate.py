"""Mixes of notes: they add up, are there, and are the fewest."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from bank_link.messages import NoteCount
from bank_link.money import Money
from kiosk.denominate import Stock, fewest, largest, nearest, small

VALUES = (5, 10, 20, 50)
stocks = st.lists(
    st.tuples(st.sampled_from(VALUES), st.integers(0, 6)), min_size=1, max_size=3
).map(lambda items: [Stock(f"c{place}", Money(value * 100, "USD"), count) for place, (value, count) in enumerate(items)])  # fmt: skip
amounts = st.integers(1, 60).map(lambda fives: Money(fives * 500, "USD"))


def worth(mix: tuple[NoteCount, ...]) -> int:
    return sum(note.value.minor * note.count for note in mix)


def notes(mix: tuple[NoteCount, ...]) -> int:
    return sum(note.count for note in mix)


def every_mix(stock: list[Stock]) -> list[tuple[int, int]]:
    """(worth, notes) of every way to take notes."""
    counts = itertools.product(*(range(s.count + 1) for s in stock))
    return [
        (sum(s.value.minor * n for s, n in zip(stock, chosen, strict=True)), sum(chosen)) for chosen in counts
    ]  # fmt: skip


@given(amounts, stocks, st.integers(1, 12))
def test_the_fewest_notes_are_the_fewest(amount: Money, stock: list[Stock], most: int) -> None:
    """Found exactly where any mix exists, and none has fewer notes."""
    fitting = [count for total, count in every_mix(stock) if total == amount.minor and count <= most]
    mix = fewest(amount, stock, most)
    if mix is None:
        assert not fitting
    else:
        assert worth(mix) == amount.minor
        assert notes(mix) == min(fitting)
        assert all(note.count <= next(s.count for s in stock if s.cassette == note.cassette) for note in mix)


@given(amounts, stocks)
def test_small_notes_add_up_too(amount: Money, stock: list[Stock]) -> None:
    """The mix of smaller notes pays the same, out of what is there."""
    mix = small(amount, stock, 12)
    assert (mix is None) == (fewest(amount, stock, 12) is None)
    if mix is not None:
        assert worth(mix) == amount.minor
        assert notes(mix) <= 12
        for name in {note.cassette for note in mix}:
            used = sum(note.count for note in mix if note.cassette == name)
            assert used <= next(s.count for s in stock if s.cassette == name)


@given(amounts, stocks, st.integers(0, 80))
def test_the_nearest_amounts_can_be_paid_and_nothing_between(amount: Money, stock: list[Stock], most: int) -> None:
    """Below and above, each the nearest that can be paid, none above what may be."""
    limit = Money(most * 500, "USD")
    payable = {total for total, count in every_mix(stock) if total > 0 and count <= 12}
    below = max((total for total in payable if total < amount.minor and total <= limit.minor), default=0)
    above = min((total for total in payable if amount.minor < total <= limit.minor), default=0)
    found = [money.minor for money in nearest(amount, stock, 12, most=limit)]
    assert found == [total for total in (below, above) if total]


@given(stocks, st.integers(0, 80))
def test_the_largest_amount_is_the_largest(stock: list[Stock], most: int) -> None:
    """What "up to $400" says can be paid, and nothing more can, within the limit."""
    limit = Money(most * 500, "USD")
    payable = [total for total, count in every_mix(stock) if 0 < total <= limit.minor and count <= 12]
    found = largest(stock, 12, most=limit)
    assert (found.minor if found else 0) == max(payable, default=0)
