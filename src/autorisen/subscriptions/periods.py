"""When periods end: calendar arithmetic in the customer's time zone. Pure."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from autorisen.catalog import Interval, months_of


def next_period_end(anchor: datetime, interval: Interval, ordinal: int, zone: str) -> datetime:
    """The end of the period number `ordinal` (from 1) since the anchor, in UTC.

    The day of the month and the time of day are the anchor's in that zone; a month that is too short ends on its last
    day, and the next long one returns to the anchor's day (Jan 31, Feb 28, Mar 31). A time of day that a clock change
    skips moves forward by the gap; of one that it repeats, the first counts. A year is a calendar year.
    """
    local = anchor.astimezone(ZoneInfo(zone))
    month_index = local.month - 1 + ordinal * months_of(interval)
    year, month = local.year + month_index // 12, month_index % 12 + 1
    day = min(local.day, monthrange(year, month)[1])
    return local.replace(year=year, month=month, day=day, fold=0).astimezone(UTC)


def days_after(start: datetime, days: int, zone: str) -> datetime:
    """The same time of day so many calendar days later, in that zone, in UTC; clock changes as in `next_period_end`."""
    local = start.astimezone(ZoneInfo(zone))
    return (local + timedelta(days=days)).replace(fold=0).astimezone(UTC)
