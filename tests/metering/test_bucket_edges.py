"""Where buckets begin and end: by the wall clock of a zone, also when clocks change."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from autorisen.kit.problems import InvalidInput
from autorisen.metering.usage import BucketSize, bucket_edges

ZONES = [
    ("day", "Europe/Berlin", "2026-03-28T00:00:00+01:00", "2026-03-31T00:00:00+02:00", [24, 23, 24]),
    ("day", "Europe/Berlin", "2026-10-24T00:00:00+02:00", "2026-10-26T00:00:00+01:00", [24, 25]),
    ("day", "Australia/Lord_Howe", "2026-04-04T00:00:00+11:00", "2026-04-06T00:00:00+10:30", [24, 24.5]),
    ("hour", "Asia/Kathmandu", "2026-03-01T00:10:00+05:45", "2026-03-01T02:00:00+05:45", [50 / 60, 1]),
    ("month", "Africa/Johannesburg", "2024-01-31T00:00:00+02:00", "2024-04-01T00:00:00+02:00", [24, 29 * 24, 31 * 24]),
    ("month", "Pacific/Apia", "2011-12-01T00:00:00-10:00", "2012-01-01T00:00:00+14:00", [30 * 24]),
    ("day", "Pacific/Apia", "2011-12-29T00:00:00-10:00", "2012-01-01T00:00:00+14:00", [24, 24]),
    ("minute", "UTC", "2026-03-01T00:00:30+00:00", "2026-03-01T00:02:00+00:00", [0.5 / 60, 1 / 60]),
]


@pytest.mark.parametrize("bucket, zone, start, end, hours", ZONES)
def test_buckets_are_those_of_the_wall_clock(
    bucket: BucketSize, zone: str, start: str, end: str, hours: list[float]
) -> None:
    edges = bucket_edges(datetime.fromisoformat(start), datetime.fromisoformat(end), bucket, ZoneInfo(zone))
    assert [(last - first).total_seconds() / 3600 for first, last in pairwise(edges)] == hours
    assert edges == sorted(set(edges))


@pytest.mark.parametrize("bucket, days", [("minute", 2), ("hour", 90), ("day", 2100), ("month", 70_000)])
def test_too_many_buckets_are_refused(bucket: BucketSize, days: int) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(InvalidInput):
        bucket_edges(start, start.replace(year=start.year + days // 365 + 1), bucket, ZoneInfo("UTC"))
