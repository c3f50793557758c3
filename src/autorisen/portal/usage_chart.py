"""Usage as charts and tables: which stretch of time, and the numbers as the chart and the table want them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from autorisen import metering
from autorisen.kit.database import Tx
from autorisen.metering import Bucket, MeterDefinition

BucketSize = Literal["hour", "day"]
DAYS_SHOWN = 30
HOURS_SHOWN = 48

RANGES: Mapping[str, str] = {"hours": "48 hours", "days": "30 days", "period": "This period"}
DEFAULT_RANGE = "days"


@dataclass(frozen=True)
class Stretch:
    """The time that a chart shows, and how it is cut."""

    key: str
    label: str
    start: datetime
    end: datetime
    bucket: BucketSize


@dataclass(frozen=True)
class Chart:
    """One meter over one stretch; `data` is what static/js/usage-chart.js draws."""

    meter: MeterDefinition
    total: Decimal
    events: int
    data: Mapping[str, object]


@dataclass(frozen=True)
class UsageRow:
    """One bucket of the table: a quantity per meter, in the order of the charts."""

    start: datetime
    quantities: tuple[Decimal, ...]


def stretch_of(key: str, *, now: datetime, time_zone: str, period: tuple[datetime, datetime] | None) -> Stretch:
    """The stretch that a query names; days begin at midnight in the customer's zone. Unknown names mean 30 days."""
    zone = ZoneInfo(time_zone)
    local = now.astimezone(zone)
    if key == "hours":
        first = local.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS_SHOWN - 1)
        return Stretch(key, RANGES[key], first, now, "hour")
    if key == "period" and period is not None:
        return Stretch(key, RANGES[key], period[0], min(max(now, period[0] + timedelta(seconds=1)), period[1]), "day")
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None) - timedelta(days=DAYS_SHOWN - 1)
    return Stretch(DEFAULT_RANGE, RANGES[DEFAULT_RANGE], midnight.replace(tzinfo=zone), now, "day")


async def charts_of(
    tx: Tx, *, customer_id: UUID, meters: Sequence[MeterDefinition], stretch: Stretch, time_zone: str
) -> tuple[tuple[Chart, ...], tuple[UsageRow, ...]]:
    """A chart per meter and the same numbers as rows, newest first."""
    charts = []
    columns: list[list[Bucket]] = []
    for meter in meters:
        buckets = await metering.series(
            tx,
            customer_id=customer_id,
            meter=meter.key,
            start=stretch.start,
            end=stretch.end,
            bucket=stretch.bucket,
            time_zone=time_zone,
        )
        columns.append(buckets)
        charts.append(chart_of(meter, buckets, stretch.bucket, time_zone))
    return tuple(charts), rows_of(columns)


def chart_of(meter: MeterDefinition, buckets: Sequence[Bucket], bucket: BucketSize, time_zone: str) -> Chart:
    """What the chart draws. Quantities go as text: a JSON number would lose digits of a Decimal."""
    data = {
        "label": meter.name,
        "unit": meter.unit,
        "bucket": bucket,
        "time_zone": time_zone,
        "starts": [int(each.start.timestamp()) for each in buckets],
        "values": [f"{each.quantity:f}" for each in buckets],
    }
    total = sum((each.quantity for each in buckets), start=Decimal(0))
    return Chart(meter, total, sum(each.events for each in buckets), data)


def rows_of(columns: Sequence[Sequence[Bucket]]) -> tuple[UsageRow, ...]:
    """The buckets of all meters side by side, newest first, without those in which nothing happened."""
    rows = [UsageRow(same[0].start, tuple(each.quantity for each in same)) for same in zip(*columns, strict=True)]
    return tuple(row for row in reversed(rows) if any(row.quantities))
