"""Numbers of generations as ranges: what a sign-on names of many numbers in few words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bank_link.messages import NumberRange

#: A number and the generation that counted it.
Numbered = tuple[int, int]


def group(numbers: Iterable[Numbered]) -> tuple[NumberRange, ...]:
    """The fewest ranges that hold exactly `numbers`, ascending."""
    ranges: list[NumberRange] = []
    for generation, number in sorted(set(numbers)):
        if ranges and (ranges[-1][0], ranges[-1][2]) == (generation, number - 1):
            ranges[-1] = (generation, ranges[-1][1], number)
        else:
            ranges.append((generation, number, number))
    return tuple(ranges)


def spread(ranges: Iterable[NumberRange]) -> Iterator[Numbered]:
    """The numbers in `ranges`, in their order."""
    for generation, first, last in ranges:
        for number in range(first, last + 1):
            yield generation, number


def count(ranges: Iterable[NumberRange]) -> int:
    return sum(last - first + 1 for _, first, last in ranges)
