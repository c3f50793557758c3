"""Windows and buckets of time."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorisen.kit.problems import InvalidInput
from autorisen.metering.model import HOUR, hour_of, window
from autorisen.metering.usage.read_usage import bucket_edges

moments = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- given one
UTC_ZONE = ZoneInfo("UTC")


@given(start=moments, length=st.timedeltas(timedelta(microseconds=1), timedelta(hours=5)))
def test_a_window_has_no_gap_and_no_overlap(start: datetime, length: timedelta) -> None:
    """Goal: head, whole hours and tail are the stretch, whatever its edges."""
    cut = window(start, start + length)
    assert start == cut.head_start <= cut.hours_start <= cut.hours_end <= cut.tail_end == start + length
    if cut.hours_start < cut.hours_end:
        assert hour_of(cut.hours_start) == cut.hours_start
        assert hour_of(cut.hours_end) == cut.hours_end
        assert cut.hours_start - cut.head_start < HOUR
    assert cut.tail_end - cut.hours_end < HOUR or cut.hours_start == cut.hours_end


@given(
    start=moments,
    length=st.timedeltas(timedelta(microseconds=1), timedelta(days=40)),
    zone=st.sampled_from(["UTC", "Africa/Johannesburg", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe"]),
    size=st.sampled_from(["hour", "day"]),
)
def test_edges_rise_from_start_to_end(start: datetime, length: timedelta, zone: str, size: str) -> None:
    edges = bucket_edges(start, start + length, "hour" if size == "hour" else "day", ZoneInfo(zone))
    assert edges[0] == start
    assert edges[-1] == start + length
    assert edges == sorted(set(edges))
    assert all(later - earlier <= timedelta(hours=25) for earlier, later in itertools.pairwise(edges))


def test_days_follow_the_wall_clock_over_a_change_of_summer_time() -> None:
    start = datetime(2026, 3, 7, 5, tzinfo=UTC)
    edges = bucket_edges(start, start + timedelta(hours=71), "day", ZoneInfo("America/New_York"))
    hours = [(later - earlier) / HOUR for earlier, later in itertools.pairwise(edges)]
    assert hours == [24, 23, 24]


def test_no_more_buckets_than_can_be_shown() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    assert len(bucket_edges(start, start + 2_000 * HOUR, "hour", UTC_ZONE)) == 2_001
    with pytest.raises(InvalidInput):
        bucket_edges(start, start + 2_001 * HOUR, "hour", UTC_ZONE)
    assert bucket_edges(start, start, "day", UTC_ZONE) == []
