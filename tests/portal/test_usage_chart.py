"""Which time a chart shows, and that no digit is lost on the way to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from autorisen.metering import NOTHING, Aggregation, Bucket, BucketSize, MeterDefinition, Quantity
from autorisen.portal.usage_chart import Part, chart_of, moment, rows_of, stretch_of

NOW = datetime(2026, 3, 15, 22, 30, tzinfo=UTC)  # 00:30 on the 16th in Johannesburg
PERIOD = (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
METER = MeterDefinition("agent.execution", "Agent executions", "executions", "agent.execution", Aggregation.COUNT)


def test_thirty_days_begin_at_the_customers_midnight() -> None:
    stretch = stretch_of("", now=NOW, time_zone="Africa/Johannesburg", period=PERIOD)
    assert stretch.key == "days"
    assert stretch.start.isoformat() == "2026-02-15T00:00:00+02:00"
    assert stretch.end == NOW


def test_a_day_of_the_clock_change_is_not_cut() -> None:
    stretch = stretch_of("days", now=datetime(2026, 4, 10, tzinfo=UTC), time_zone="Europe/Berlin", period=None)
    assert stretch.start.isoformat() == "2026-03-12T00:00:00+01:00"


def test_hours_are_whole_and_end_now() -> None:
    stretch = stretch_of("hours", now=NOW, time_zone="Asia/Kolkata", period=None)
    assert stretch.bucket == "hour"
    assert stretch.start.isoformat() == "2026-03-14T05:00:00+05:30"


def test_the_period_is_shown_until_now_and_never_empty() -> None:
    assert stretch_of("period", now=NOW, time_zone="UTC", period=PERIOD).start == PERIOD[0]
    just_begun = stretch_of("period", now=PERIOD[0], time_zone="UTC", period=PERIOD)
    assert just_begun.end > just_begun.start
    late = stretch_of("period", now=PERIOD[1] + timedelta(hours=1), time_zone="UTC", period=PERIOD)
    assert late.end == PERIOD[1]
    assert stretch_of("period", now=NOW, time_zone="UTC", period=None).key == "days"


def part(label: str, *quantities: int | Decimal, value: str | None = None) -> Part:
    buckets = tuple(Bucket(NOW + n * timedelta(days=1), Decimal(each), 1) for n, each in enumerate(quantities))
    return Part(label, value, Quantity(sum((Decimal(each) for each in quantities), Decimal(0)), len(buckets)), buckets)


def test_quantities_keep_every_digit() -> None:
    exact = Decimal("123456789012345678.123456789012")
    chart = chart_of(METER, Quantity(exact + 1000, 3), [part("all", exact, Decimal("1E+3"))], "day", "UTC")
    assert chart.data["series"] == [{"label": "all", "values": ["123456789012345678.123456789012", "1000"]}]
    assert (chart.total, chart.events, chart.hidden) == (exact + 1000, 3, 0)


def test_the_largest_groups_are_drawn_and_the_others_as_one() -> None:
    found = [part(f"g{n}", n, 1, value=f"g{n}") for n in range(1, 9)]
    chart = chart_of(METER, Quantity(Decimal(44), 16), found, "day", "UTC")
    assert [each.label for each in chart.parts] == ["g8", "g7", "g6", "g5", "g4", "3 others"]
    assert chart.parts[-1].value is None
    assert [each.quantity for each in chart.parts[-1].buckets] == [6, 3]
    assert chart.parts[-1].used == Quantity(Decimal(9), 6)
    assert round(sum((each.share or Decimal(0) for each in chart.parts), Decimal(0)), 6) == 1
    six = chart_of(METER, Quantity(Decimal(27), 12), found[:6], "day", "UTC")
    assert [each.label for each in six.parts] == ["g6", "g5", "g4", "g3", "g2", "g1"], "one other has its own name"


def test_what_does_not_add_up_is_never_put_together() -> None:
    highest = replace(METER, aggregation=Aggregation.MAX)
    found = [part(f"g{n}", n, value=f"g{n}") for n in range(1, 9)]
    chart = chart_of(highest, Quantity(Decimal(8), 8), found, "day", "UTC")
    assert [each.label for each in chart.parts] == ["g8", "g7", "g6", "g5", "g4"]
    assert chart.hidden == 3
    assert chart.total == 8
    assert chart.data["stacked"] is False
    assert {each.share for each in chart.parts} == {None}


def test_without_an_event_there_is_no_highest_value() -> None:
    empty = Part(
        "all", None, NOTHING, (Bucket(NOW, Decimal(0), 0), Bucket(NOW, Decimal(3), 0), Bucket(NOW, Decimal(0), 1))
    )
    highest = chart_of(replace(METER, aggregation=Aggregation.MAX), NOTHING, [empty], "day", "UTC")
    assert highest.data["series"] == [{"label": "all", "values": [None, "3", "0"]}]
    assert chart_of(METER, NOTHING, [empty], "day", "UTC").data["series"] == [
        {"label": "all", "values": ["0", "3", "0"]}
    ]


def test_nothing_found_draws_nothing() -> None:
    chart = chart_of(METER, NOTHING, [], "day", "UTC")
    assert (chart.parts, chart.data["starts"], chart.data["series"]) == ((), [], [])


def test_rows_are_newest_first_without_empty_ones() -> None:
    later = NOW + timedelta(days=1)
    one = [Bucket(NOW, Decimal(1), 1), Bucket(later, Decimal(0), 0)]
    two = [Bucket(NOW, Decimal(0), 0), Bucket(later, Decimal(5), 1)]
    rows = rows_of([one, two], "day", "Africa/Johannesburg")
    assert [(row.label, row.quantities) for row in rows] == [
        ("17 Mar 2026", (Decimal(0), Decimal(5))),
        ("16 Mar 2026", (Decimal(1), Decimal(0))),
    ]
    assert rows_of([[Bucket(NOW, Decimal(0), 0)]], "day", "UTC") == ()
    assert rows_of([], "day", "UTC") == ()


@pytest.mark.parametrize(
    "bucket,label",
    [("minute", "16 Mar 2026, 00:30"), ("hour", "16 Mar 2026, 00:30"), ("day", "16 Mar 2026"), ("month", "Mar 2026")],
)
def test_a_moment_is_called_by_the_clock_of_the_zone(bucket: BucketSize, label: str) -> None:
    assert moment(NOW, bucket, ZoneInfo("Africa/Johannesburg")) == label
