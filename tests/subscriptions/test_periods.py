"""When periods end: by the customer's calendar, whatever the month, the year, the clock change or the zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autorisen.catalog import Interval, months_of
from autorisen.kit.time_zones import time_zones
from autorisen.subscriptions import days_after, next_period_end

ZONES = [
    "Pacific/Niue",  # -11
    "Pacific/Apia",  # +13; had no 30 December 2011
    "Pacific/Kiritimati",  # +14
    "Pacific/Chatham",  # +12:45, and changes its clocks
    "Australia/Lord_Howe",  # changes by half an hour
    "Asia/Kathmandu",
    "Africa/Johannesburg",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "UTC",
]
EXAMPLES = """
    anchor, there       interval  ordinal  zone                  end, there
    2026-01-31T10:00    month     1        Africa/Johannesburg   2026-02-28T10:00
    2026-01-31T10:00    month     2        Africa/Johannesburg   2026-03-31T10:00
    2026-01-31T10:00    month     3        Africa/Johannesburg   2026-04-30T10:00
    2028-01-31T10:00    month     1        Africa/Johannesburg   2028-02-29T10:00
    2026-01-30T00:00    month     1        UTC                   2026-02-28T00:00
    2026-11-15T23:59    month     2        UTC                   2027-01-15T23:59
    2026-12-31T00:00    month     12       UTC                   2027-12-31T00:00
    2026-03-01T08:00    year      1        Africa/Johannesburg   2027-03-01T08:00
    2028-02-29T08:00    year      1        Africa/Johannesburg   2029-02-28T08:00
    2028-02-29T08:00    year      4        Africa/Johannesburg   2032-02-29T08:00
    2026-02-28T02:30    month     1        Europe/Berlin         2026-03-28T02:30
    2026-02-28T12:00    month     2        Europe/Berlin         2026-04-28T12:00
    2026-03-01T02:30    month     8        America/New_York      2026-11-01T02:30-05:00
    2026-02-08T02:30    month     1        America/New_York      2026-03-08T03:30
    2026-02-28T02:30    month     13       Europe/Berlin         2027-03-28T03:30
    2025-09-26T02:30    month     1        Europe/Berlin         2025-10-26T02:30
    2026-01-31T23:00    month     1        Pacific/Kiritimati    2026-02-28T23:00
    2026-01-31T01:00    month     1        Pacific/Niue          2026-02-28T01:00
    2011-11-30T12:00    month     1        Pacific/Apia          2011-12-31T12:00
"""


@pytest.mark.parametrize("row", EXAMPLES.strip().splitlines()[1:])
def test_worked_examples(row: str) -> None:
    begins, interval, ordinal, zone, ends = row.split()
    there = ZoneInfo(zone)
    anchor = datetime.fromisoformat(begins).replace(tzinfo=there).astimezone(UTC)
    end = next_period_end(anchor, "year" if interval == "year" else "month", int(ordinal), zone)
    expected = datetime.fromisoformat(ends)
    # In UTC: datetimes in a zone are never equal to others in the hour that a clock change repeats.
    assert end == (expected if expected.tzinfo else expected.replace(tzinfo=there)).astimezone(UTC)
    assert end.tzinfo is UTC


def test_a_time_that_occurs_twice_is_the_first_one() -> None:
    anchor = datetime(2025, 9, 26, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    assert next_period_end(anchor, "month", 1, "Europe/Berlin") == datetime(2025, 10, 26, 0, 30, tzinfo=UTC)


def test_of_an_anchor_in_an_hour_that_is_repeated_the_first_one_counts_too() -> None:
    """02:30 came twice on 26 October in 2025 and in 2031; the subscription began in the second one."""
    anchor = datetime(2025, 10, 26, 1, 30, tzinfo=UTC)
    assert next_period_end(anchor, "year", 6, "Europe/Berlin") == datetime(2031, 10, 26, 0, 30, tzinfo=UTC)
    assert days_after(datetime(2025, 10, 19, 0, 30, tzinfo=UTC), 7, "Europe/Berlin") == anchor - timedelta(hours=1)
    assert days_after(anchor, 2191, "Europe/Berlin") == datetime(2031, 10, 26, 0, 30, tzinfo=UTC)


def test_a_trial_of_days_ends_at_the_same_time_of_day() -> None:
    begun = datetime(2026, 3, 20, 12, tzinfo=UTC)  # the clock goes forward on the 29th
    found = days_after(begun, 14, "Europe/Berlin")
    assert (found, found.tzinfo) == (datetime(2026, 4, 3, 11, tzinfo=UTC), UTC)
    assert days_after(begun, 14, "Africa/Johannesburg") == datetime(2026, 4, 3, 12, tzinfo=UTC)


anchors = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001 -- made aware in the same line
intervals = st.sampled_from(["month", "year"])
ordinals = st.integers(1, 120)
zones = st.sampled_from(ZONES)


@given(anchors, intervals, ordinals, zones)
@example(datetime(2026, 1, 31, 12, tzinfo=UTC), "month", 1, "Pacific/Kiritimati")
def test_periods_follow_each_other_and_are_as_long_as_calendar_months(
    anchor: datetime, interval: Interval, ordinal: int, zone: str
) -> None:
    start = anchor if ordinal == 1 else next_period_end(anchor, interval, ordinal - 1, zone)
    length = next_period_end(anchor, interval, ordinal, zone) - start
    slack = timedelta(days=1, hours=3)  # a zone that skips a day or changes its clocks
    shortest, longest = (28, 31) if interval == "month" else (365, 366)
    assert timedelta(days=shortest) - slack <= length <= timedelta(days=longest) + slack


@given(anchors, intervals, ordinals, zones)
def test_the_day_is_the_anchors_or_the_months_last(
    anchor: datetime, interval: Interval, ordinal: int, zone: str
) -> None:
    there = ZoneInfo(zone)
    begun, end = anchor.astimezone(there), next_period_end(anchor, interval, ordinal, zone).astimezone(there)
    months = (end.year - begun.year) * 12 + end.month - begun.month
    if end.time() == begun.time():  # not moved by a gap
        assert months == ordinal * months_of(interval)
        last = (end.replace(day=28, tzinfo=None) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        assert end.day == min(begun.day, last.day)


@given(anchors, zones)
def test_twelve_months_end_when_a_year_does(anchor: datetime, zone: str) -> None:
    assert next_period_end(anchor, "month", 12, zone) == next_period_end(anchor, "year", 1, zone)


@given(anchors, st.sampled_from(sorted(time_zones())))
def test_every_zone_there_is_gives_an_end(anchor: datetime, zone: str) -> None:
    assert next_period_end(anchor, "month", 1, zone) > anchor
