"""Questions about usage as they come in a query string, and the documents and tables that answer them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import cast, get_args
from uuid import UUID
from zoneinfo import ZoneInfo

from autorisen.kit.database import Tx
from autorisen.kit.ids import public_id
from autorisen.kit.time_zones import time_zones
from autorisen.metering import usage
from autorisen.metering.errors import UsageTooLarge
from autorisen.metering.model import NOTHING, Bucket, Group, MeterDefinition, Quantity
from autorisen.metering.query import refuse
from autorisen.metering.usage import BucketSize

ROW_LIMIT = 50_000
_SIZES = get_args(BucketSize)
# What a spreadsheet would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True)
class UsageQuestion:
    """Which use is asked for; `bucket` None means totals only, `meter` None means all."""

    start: datetime
    end: datetime
    bucket: BucketSize | None = None
    meter: str | None = None
    time_zone: str = "UTC"
    group_by: tuple[str, ...] = ()
    only: Group = ()


@dataclass(frozen=True)
class UsageRow:
    """One meter and group: the quantity of the whole stretch and, where asked for, of each bucket."""

    meter: MeterDefinition
    group: Group
    total: Quantity
    buckets: tuple[Bucket, ...] | None


def usage_question(
    bounds: tuple[datetime, datetime],
    *,
    bucket: str | None,
    meter: str | None,
    time_zone: str,
    group_by: Sequence[str] = (),
    where: Sequence[str] = (),
) -> UsageQuestion:
    """The question of these parameters. Raises `InvalidInput` with the one that breaks a rule."""
    if bucket is not None and bucket not in _SIZES:
        raise refuse("bucket", f"must be {', '.join(_SIZES[:-1])} or {_SIZES[-1]}")
    if time_zone not in time_zones():
        raise refuse("time_zone", "must be the IANA name of a time zone, like Africa/Johannesburg")
    names = [name for text in group_by for name in text.split(",")]
    if len(set(names)) != len(names) or "" in names:
        raise refuse("group_by", "must name each dimension once, like model or model,region")
    only = []
    for text in where:
        name, colon, value = text.partition(":")
        if not name or not colon:
            raise refuse("where", "must be a dimension and a value, like model:large")
        only.append((name, value))
    if len({name for name, _ in only}) != len(only):
        raise refuse("where", "must name each dimension once")
    size = cast("BucketSize | None", bucket)
    return UsageQuestion(*bounds, size, meter, time_zone, tuple(names), tuple(only))


async def read_rows(tx: Tx, customer_id: UUID, question: UsageQuestion) -> list[UsageRow]:
    """The answer, by meter and group. Meters without use are there unless the use is grouped.

    For a transaction that sees one moment. Raises `InvalidInput` for a meter or dimension that is none, `UsageTooLarge`
    beyond 50,000 rows.
    """
    meters = _asked(await usage.meters(tx), question)
    keys = [meter.key for meter in meters]
    totals, series = await usage.totals_and_series(
        tx,
        customer_id=customer_id,
        start=question.start,
        end=question.end,
        keys=keys,
        bucket=question.bucket,
        time_zone=question.time_zone,
        group_by=question.group_by,
        only=question.only,
        limit=ROW_LIMIT,
    )
    places = list(totals) if question.group_by else [(key, ()) for key in keys]
    nothing: list[Bucket] = []
    if question.bucket:
        edges = usage.bucket_edges(question.start, question.end, question.bucket, ZoneInfo(question.time_zone))
        if len(places) * len(edges) > ROW_LIMIT:
            raise UsageTooLarge(f"that is {len(places) * len(edges):,} rows: ask for fewer groups, meters or buckets")
        nothing = [Bucket(each, Decimal(0), 0) for each in edges[:-1]]
    by_key = {meter.key: meter for meter in meters}
    return [
        UsageRow(
            by_key[key],
            group,
            totals.get((key, group), NOTHING),
            tuple(series.get((key, group), nothing)) if question.bucket else None,
        )
        for key, group in places
    ]


def _asked(meters: Sequence[MeterDefinition], question: UsageQuestion) -> list[MeterDefinition]:
    """The meters of the question. One without a dimension of it would answer with use that is none of its values."""
    asked = [meter for meter in meters if question.meter in (None, meter.key)]
    if question.meter is not None and not asked:
        raise refuse("meter", f"is not a meter; known: {', '.join(meter.key for meter in meters) or 'none'}")
    known = {each.name for meter in asked for each in meter.group_by}
    for parameter, names in (("group_by", question.group_by), ("where", [name for name, _ in question.only])):
        if not known.issuperset(names):
            listed = ", ".join(sorted(known)) or "none"
            raise refuse(parameter, f"names no dimension of the meters that are asked; known: {listed}")
    needed = {*question.group_by, *(name for name, _ in question.only)}
    return [meter for meter in asked if needed <= {each.name for each in meter.group_by}]


def usage_document(customer_id: UUID, question: UsageQuestion, rows: Sequence[UsageRow]) -> dict[str, object]:
    """The answer as JSON."""
    zone = ZoneInfo(question.time_zone)
    return {
        "customer": public_id("cus", customer_id),
        "from": question.start.astimezone(zone).isoformat(),
        "to": question.end.astimezone(zone).isoformat(),
        "time_zone": question.time_zone,
        "bucket": question.bucket,
        "group_by": list(question.group_by),
        "meters": [_row_document(row, question, zone) for row in rows],
    }


def _row_document(row: UsageRow, question: UsageQuestion, zone: ZoneInfo) -> dict[str, object]:
    document: dict[str, object] = {
        "meter": row.meter.key,
        "name": row.meter.name,
        "unit": row.meter.unit,
        "quantity": f"{row.total.quantity:f}",
        "events": row.total.events,
    }
    if question.group_by:
        document["group"] = dict(row.group)
    if row.buckets is not None:
        document["buckets"] = [
            {
                "start": each.start.astimezone(zone).isoformat(),
                "quantity": f"{each.quantity:f}",
                "events": each.events,
            }
            for each in row.buckets
        ]
    return document


def usage_table(question: UsageQuestion, rows: Sequence[UsageRow]) -> str:
    """The answer as CSV (RFC 4180): a row per meter, group and bucket, or per meter and group."""
    sheet = io.StringIO()
    writer = csv.writer(sheet)
    writer.writerow(["meter", "unit", *question.group_by, "from", "to", "quantity", "events"])
    writer.writerows(_lines(question, rows))
    return sheet.getvalue()


def _lines(question: UsageQuestion, rows: Sequence[UsageRow]) -> Iterator[list[str | int]]:
    zone = ZoneInfo(question.time_zone)
    end = question.end.astimezone(zone).isoformat()
    for row in rows:
        group = [_safe(value) for _, value in row.group]
        buckets = row.buckets
        if buckets is None:
            buckets = (Bucket(question.start, row.total.quantity, row.total.events),)
        starts = [each.start.astimezone(zone).isoformat() for each in buckets]
        for each, start, stop in zip(buckets, starts, [*starts[1:], end], strict=True):
            yield [row.meter.key, _safe(row.meter.unit), *group, start, stop, f"{each.quantity:f}", each.events]


def _safe(text: str) -> str:
    """A text that no spreadsheet runs: producers choose the values of dimensions."""
    return f"'{text}" if text.startswith(_FORMULA) else text
