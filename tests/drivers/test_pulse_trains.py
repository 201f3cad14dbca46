"""Pulses into trains: exact for clean lines, blind to noise, and never a note out of something strange."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drivers.pulse_trains import MOST_PULSES, PulseTimings, PulseTrains, Train

TIMES = PulseTimings(noise_ms=5, pulse_least_ms=30, pulse_most_ms=150, gap_least_ms=20, gap_most_ms=300)
WIDTHS, GAPS = st.integers(30, 150), st.integers(20, 300)
GOOD = st.tuples(WIDTHS, GAPS)
TRAINS = st.lists(st.lists(GOOD, min_size=1, max_size=8), min_size=1, max_size=4)


def decoded(edges: list[tuple[bool, int]], until_ms: int = 0, punctual: bool = True) -> list[Train]:
    """What comes of edges at milliseconds; `punctual`: `settle` is called when it is due, as a timer does."""
    trains, found = PulseTrains(TIMES), []
    for on, at_ms in edges:
        while punctual and trains.due is not None and trains.due + 0.02 <= at_ms / 1000:
            found += trains.settle(trains.due + 0.02)
        found += trains.saw(on, at_ms / 1000)
    while trains.due is not None:
        found += trains.settle(trains.due + 0.02)
    del until_ms
    return found


def edges_of(trains: list[list[tuple[int, int]]]) -> list[tuple[bool, int]]:
    """Each (width, pause after it); after a train there is a second's pause."""
    edges, now = [], 1_000
    for train in trains:
        for width, gap in train:
            edges += [(True, now), (False, now + width)]
            now += width + gap
        now += 1_000
    return edges


@given(TRAINS, st.booleans())
def test_a_clean_line_is_counted_exactly(trains: list[list[tuple[int, int]]], punctual: bool) -> None:
    """Whatever widths and pauses the limits allow, each note has its pulses; also where the loop came late to all of it."""
    assert decoded(edges_of(trains), punctual=punctual) == [Train(len(train)) for train in trains]


@given(TRAINS, st.data())
def test_noise_changes_nothing(trains: list[list[tuple[int, int]]], data: st.DataObject) -> None:
    """Glitches shorter than the noise limit, anywhere in the middle of a level, are neither pulses nor pauses."""
    clean = edges_of(trains)
    noisy: list[tuple[bool, int]] = []
    for (on, at), (_, then) in zip(clean, [*clean[1:], (False, clean[-1][1] + 1_000)], strict=True):
        noisy.append((on, at))
        if then - at > 20 and data.draw(st.booleans()):
            glitch = data.draw(st.integers(at + 6, then - 12))
            noisy += [(not on, glitch), (on, glitch + data.draw(st.integers(1, 4)))]
    assert decoded(noisy) == [Train(len(train)) for train in trains]


BAD = st.one_of(st.integers(5, 29), st.integers(151, 2_000))


@given(st.lists(GOOD, max_size=4), BAD, st.lists(GOOD, max_size=4), st.booleans())
def test_a_pulse_of_the_wrong_width_spoils_its_train(
    before: list[tuple[int, int]], width: int, after: list[tuple[int, int]], punctual: bool
) -> None:
    """Too short or too long: no train that holds it can be taken for a note, and the pulses that were right are told."""
    found = decoded(edges_of([[*before, (width, 50), *after]]), punctual=punctual)
    assert found[0].strange
    assert found[0].pulses == len(before) + (len(after) if width < 30 else 0)
    assert sum(train.pulses for train in found) == len(before) + len(after)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20_000)), max_size=60))
def test_any_edges_at_all_come_to_an_end(raw: list[tuple[bool, int]]) -> None:
    """However the line flickers, nothing is raised, no train is counted above the limit, and at rest nothing is pending."""
    edges = sorted(raw, key=lambda edge: edge[1])
    trains, found = PulseTrains(TIMES), []
    for on, at_ms in edges:
        found += trains.saw(on, at_ms / 1000)
    found += trains.saw(False, 30.0)
    while trains.due is not None:
        found += trains.settle(trains.due + 0.02)
    assert trains.quiet
    assert not trains.stuck
    assert all(0 <= train.pulses <= MOST_PULSES + 1 for train in found)
    assert all(train.pulses > 0 or train.strange for train in found)


def test_a_line_that_stays_on_is_told_once_and_ends() -> None:
    """A stuck line is one strange train, with the pulses before it; when it lets go, the next note is counted again."""
    trains = PulseTrains(TIMES)
    found = [*trains.saw(True, 1.0), *trains.saw(False, 1.05), *trains.saw(True, 1.1)]
    assert not found
    due = trains.due
    while due is not None:
        found += trains.settle(due + 0.02)
        due = trains.due
    assert found == [Train(1, "a pulse that did not end in time")]
    assert trains.stuck
    assert not [*trains.saw(False, 60.0), *trains.settle(60.5)]
    assert not trains.stuck
    assert [*trains.saw(True, 61.0), *trains.saw(False, 61.05), *trains.settle(62.0)] == [Train(1)]


def test_a_line_that_never_rests_has_an_end() -> None:
    """Pulses without an end become one strange train, not a number that grows."""
    found = decoded(edges_of([[(40, 40)] * (MOST_PULSES + 5)]))
    assert found[0].strange == "pulses without an end"
    assert len(found) == 2
