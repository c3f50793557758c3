"""Usage as charts and tables: which stretch of time, and the numbers as the chart and the table want them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

from autorisen import metering
from autorisen.kit.database import Tx
from autorisen.metering import NOTHING, Bucket, BucketSize, Group, MeterDefinition, Quantity
from autorisen.ui.formats import LOCALE

HOURS_SHOWN = 48
DAYS_SHOWN = 30
MONTHS_SHOWN = 12
# More groups than colours can be told apart; the CSV has all of them.
GROUPS_DRAWN = 5
QUANTITIES_MAX = 50_000

RANGES: Mapping[str, str] = {"hours": "48 hours", "days": "30 days", "period": "This period"}
DEFAULT_RANGE = "days"
# What a moment is called in a table: a day by its date, an hour with the time.
_PATTERNS: Mapping[BucketSize, str] = {
    "minute": "d MMM y, HH:mm",
    "hour": "d MMM y, HH:mm",
    "day": "d MMM y",
    "month": "MMM y",
}


@dataclass(frozen=True)
class Stretch:
    """The time that a chart shows, and how it is cut."""

    key: str
    label: str
    start: datetime
    end: datetime
    bucket: BucketSize


@dataclass(frozen=True)
class Part:
    """One group of a chart, or all of it. `value` is that of the dimension; None where it is no single group.

    `share` is of the whole, where groups add up to it.
    """

    label: str
    value: str | None
    used: Quantity
    buckets: tuple[Bucket, ...]
    share: Decimal | None = None


@dataclass(frozen=True)
class Chart:
    """One meter over one stretch; `data` is what static/js/usage-chart.js draws, a series for each part.

    `total` is the meter's own of the whole stretch: that of a highest value or of a number of different ones is not
    the sum of its buckets or groups. `hidden` groups are neither drawn nor put together.
    """

    meter: MeterDefinition
    total: Decimal
    events: int
    parts: tuple[Part, ...]
    hidden: int
    data: Mapping[str, object]


@dataclass(frozen=True)
class UsageRow:
    """One bucket of a table: a quantity per column."""

    label: str
    quantities: tuple[Decimal, ...]


def stretch_of(key: str, *, now: datetime, time_zone: str, period: tuple[datetime, datetime] | None) -> Stretch:
    """The stretch that a query names; days begin at midnight in the customer's zone. Unknown names mean 30 days."""
    zone = ZoneInfo(time_zone)
    local = now.astimezone(zone)
    if key == "hours":
        first = local.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS_SHOWN - 1)
        return Stretch(key, RANGES[key], first, now, "hour")
    if key == "period" and period is not None:
        end = min(max(now, period[0] + timedelta(seconds=1)), period[1])
        return Stretch(key, RANGES[key], period[0], end, bucket_for(period[0], end))
    return Stretch(DEFAULT_RANGE, RANGES[DEFAULT_RANGE], midnight(local, days=DAYS_SHOWN - 1, zone=zone), now, "day")


def midnight(local: datetime, *, days: int, zone: ZoneInfo) -> datetime:
    """The beginning of the day so many days before, by the wall clock of the zone."""
    day = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None) - timedelta(days=days)
    return day.replace(tzinfo=zone)


def bucket_for(start: datetime, end: datetime) -> BucketSize:
    """The steps in which such a stretch reads well."""
    if end - start <= timedelta(hours=3):
        return "minute"
    if end - start <= timedelta(hours=HOURS_SHOWN + 1):
        return "hour"
    return "day" if end - start <= timedelta(days=100) else "month"


async def charts_of(
    tx: Tx,
    *,
    customer_id: UUID,
    meters: Sequence[MeterDefinition],
    stretch: Stretch,
    time_zone: str,
    group_by: str = "",
    only: Group = (),
) -> tuple[Chart, ...]:
    """A chart per meter. `group_by` names a dimension that all of them have.

    Raises `InvalidInput` and `UsageTooLarge` for a stretch of too many buckets and groups.
    """
    keys = [meter.key for meter in meters]
    if not keys:
        return ()
    totals, series = await metering.totals_and_series(
        tx,
        customer_id=customer_id,
        start=stretch.start,
        end=stretch.end,
        keys=keys,
        bucket=stretch.bucket,
        time_zone=time_zone,
        group_by=[group_by] if group_by else [],
        only=only,
        limit=QUANTITIES_MAX,
    )
    ungrouped = totals
    if group_by:
        ungrouped = await metering.grouped_quantities(
            tx, customer_id=customer_id, start=stretch.start, end=stretch.end, keys=keys, only=only
        )
    whole = {key: quantity for (key, _), quantity in ungrouped.items()}
    edges = metering.bucket_edges(stretch.start, stretch.end, stretch.bucket, ZoneInfo(time_zone))
    nothing = [Bucket(first, Decimal(0), 0) for first, _ in pairwise(edges)]
    charts = []
    for meter in meters:
        found: dict[Group, Quantity] = {group: used for (key, group), used in totals.items() if key == meter.key}
        if not group_by:
            found = {(): whole.get(meter.key, NOTHING)}
        parts = [_part(meter, group, used, series.get((meter.key, group), nothing)) for group, used in found.items()]
        charts.append(chart_of(meter, whole.get(meter.key, NOTHING), parts, stretch.bucket, time_zone))
    return tuple(charts)


def _part(meter: MeterDefinition, group: Group, used: Quantity, buckets: Sequence[Bucket]) -> Part:
    value = group[0][1] if group else None
    return Part((value or "without one") if group else meter.name, value, used, tuple(buckets))


def chart_of(
    meter: MeterDefinition, whole: Quantity, found: Sequence[Part], bucket: BucketSize, time_zone: str
) -> Chart:
    """What the chart draws: the largest groups, and all others as one where they add up.

    Quantities go as text: a JSON number would lose digits of a Decimal.
    """
    parts = sorted(found, key=lambda part: (-part.used.quantity, part.label))
    rest = parts[GROUPS_DRAWN:] if len(parts) > GROUPS_DRAWN + 1 else []
    parts = parts[: len(parts) - len(rest)]
    if rest and meter.is_additive:
        parts.append(_together(rest))
        rest = []
    if meter.is_additive and whole.quantity > 0:
        parts = [replace(part, share=part.used.quantity / whole.quantity) for part in parts]
    data = {
        "label": meter.name,
        "unit": meter.unit,
        "bucket": bucket,
        "time_zone": time_zone,
        "stacked": meter.is_additive,
        "starts": [int(each.start.timestamp()) for each in parts[0].buckets] if parts else [],
        "series": [{"label": part.label, "values": [_drawn(meter, each) for each in part.buckets]} for part in parts],
    }
    return Chart(meter, whole.quantity, whole.events, tuple(parts), len(rest), data)


def _drawn(meter: MeterDefinition, bucket: Bucket) -> str | None:
    """None leaves a gap: without an event there is no highest value, and it is not zero."""
    is_known = meter.is_additive or bucket.events or bucket.quantity
    return f"{bucket.quantity:f}" if is_known else None


def _together(parts: Sequence[Part]) -> Part:
    """Several groups of a meter that adds up, as one."""
    buckets = tuple(
        Bucket(same[0].start, sum((each.quantity for each in same), Decimal(0)), sum(each.events for each in same))
        for same in zip(*(part.buckets for part in parts), strict=True)
    )
    used = Quantity(sum((part.used.quantity for part in parts), Decimal(0)), sum(part.used.events for part in parts))
    return Part(f"{len(parts)} others", None, used, buckets)


def rows_of(columns: Sequence[Sequence[Bucket]], bucket: BucketSize, time_zone: str) -> tuple[UsageRow, ...]:
    """The buckets of all columns side by side, newest first, without those in which nothing happened."""
    zone = ZoneInfo(time_zone)
    return tuple(
        UsageRow(moment(same[0].start, bucket, zone), tuple(each.quantity for each in same))
        for same in reversed(list(zip(*columns, strict=True)))
        if any(each.quantity for each in same)
    )


def moment(at: datetime, bucket: BucketSize, zone: ZoneInfo) -> str:
    """What a table calls the bucket that begins at that instant."""
    return str(format_datetime(at.astimezone(zone), _PATTERNS[bucket], locale=LOCALE))
