"""Time zones: by offset everywhere, by name where the machine knows it."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.zone import zone


@pytest.mark.parametrize(("name", "minutes"), [("UTC", 0), ("UTC+05:30", 330), ("UTC-03:00", -180), ("UTC+14:00", 840)])
def test_an_offset_needs_no_database(name: str, minutes: int) -> None:
    """A Pi without tzdata can still end the day at its own midnight."""
    assert zone(name).utcoffset(dt.datetime(2026, 7, 1)) == dt.timedelta(minutes=minutes)  # noqa: DTZ001 - naive on purpose


@given(st.text(max_size=30))
def test_any_text_is_a_zone_or_a_value_error(name: str) -> None:
    """No name reads a file outside the database or raises anything else."""
    try:
        zone(name)
    except ValueError as error:
        assert "zone" in str(error)  # noqa: PT017 - both ways out are allowed
