"""Which time a chart shows, and that no digit is lost on the way to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from autorisen.metering import Aggregation, Bucket, MeterDefinition
from autorisen.portal.usage_chart import chart_of, rows_of, stretch_of

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


def test_quantities_keep_every_digit() -> None:
    exact = Decimal("123456789012345678.123456789012")
    chart = chart_of(METER, [Bucket(NOW, exact, 2), Bucket(NOW, Decimal("1E+3"), 1)], "day", "UTC")
    assert chart.data["values"] == ["123456789012345678.123456789012", "1000"]
    assert chart.total == exact + 1000
    assert chart.events == 3


def test_rows_are_newest_first_without_empty_ones() -> None:
    later = NOW + timedelta(days=1)
    one = [Bucket(NOW, Decimal(1), 1), Bucket(later, Decimal(0), 0)]
    two = [Bucket(NOW, Decimal(0), 0), Bucket(later, Decimal(5), 1)]
    rows = rows_of([one, two])
    assert [(row.start, row.quantities) for row in rows] == [
        (later, (Decimal(0), Decimal(5))),
        (NOW, (Decimal(1), Decimal(0))),
    ]
    assert rows_of([[Bucket(NOW, Decimal(0), 0)]]) == ()
    assert rows_of([]) == ()
