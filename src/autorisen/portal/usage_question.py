"""What the usage page is asked, as the query says it and as it is meant. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, time, timedelta
from typing import cast, get_args
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from autorisen.kit.time_zones import time_zones
from autorisen.metering import BUCKET_LIMIT, BucketSize, Group, MeterDefinition
from autorisen.portal.usage_chart import MONTHS_SHOWN, Stretch, bucket_for, midnight, stretch_of

PRESETS: Mapping[str, str] = {
    "hours": "48 hours",
    "week": "7 days",
    "days": "30 days",
    "period": "This period",
    "last": "Last period",
    "year": "12 months",
}
BUCKETS: Mapping[str, str] = {"": "As fits", "minute": "Minutes", "hour": "Hours", "day": "Days", "month": "Months"}
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(9000, 1, 1)
_SHORTEST: Mapping[BucketSize, timedelta] = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "month": timedelta(days=28),
}

Times = tuple[datetime, datetime]


@dataclass(frozen=True)
class Asked:
    """The query, name by name. `since` is called `from` in the address; `where` is a dimension and a value."""

    range: str = ""
    since: str = ""
    to: str = ""
    bucket: str = ""
    zone: str = ""
    meter: str = ""
    group_by: str = ""
    where: str = ""

    def address(self, **changes: str) -> str:
        """The page with these answers changed."""
        asked = replace(self, **changes)
        found = {each.name: getattr(asked, each.name) for each in fields(asked)}
        query = urlencode({"from" if name == "since" else name: text for name, text in found.items() if text})
        return f"/app/usage?{query}" if query else "/app/usage"


@dataclass(frozen=True)
class Question:
    """What is meant: `errors` say by field what could not be read, and then the default stands in its place."""

    stretch: Stretch
    zone: str
    meters: tuple[MeterDefinition, ...]
    group_by: str
    only: Group
    errors: Mapping[str, str]

    def api_parameters(self) -> tuple[tuple[str, str], ...]:
        """The same question to GET /api/usage."""
        asked = [
            ("from", self.stretch.start.isoformat()),
            ("to", self.stretch.end.isoformat()),
            ("bucket", self.stretch.bucket),
            ("time_zone", self.zone),
        ]
        if len(self.meters) == 1:
            asked.append(("meter", self.meters[0].key))
        if self.group_by:
            asked.append(("group_by", self.group_by))
        return (*asked, *(("where", f"{name}:{value}") for name, value in self.only))


def dimensions_of(meters: Sequence[MeterDefinition]) -> list[str]:
    """What usage can be grouped by, of any meter."""
    return sorted({dimension.name for meter in meters for dimension in meter.group_by})


def question_of(
    asked: Asked,
    *,
    now: datetime,
    time_zone: str,
    period: Times | None,
    last_period: Times | None,
    meters: Sequence[MeterDefinition],
) -> Question:
    """What is meant by a query. Whatever it says, there is an answer; what broke a rule is named in `errors`."""
    errors: dict[str, str] = {}
    zone = asked.zone or time_zone
    if zone not in time_zones():
        errors["zone"] = "Choose a zone of the list, such as Africa/Johannesburg."
        zone = time_zone
    stretch = _stretch(asked, now, zone, period, last_period, errors)
    group_by, only = _dimensions(asked, meters, errors)
    needed = {group_by, *(name for name, _ in only)} - {""}
    shown = tuple(
        meter for meter in meters if asked.meter in ("", meter.key) and needed <= {each.name for each in meter.group_by}
    )
    if not shown and asked.meter:
        errors["meter"] = "That meter has no such dimension." if needed else "There is no such meter."
    return Question(stretch, zone, shown, group_by, only, errors)


def _dimensions(asked: Asked, meters: Sequence[MeterDefinition], errors: dict[str, str]) -> tuple[str, Group]:
    known = dimensions_of(meters)
    group_by = asked.group_by
    if group_by and group_by not in known:
        errors["group_by"] = f"Usage is grouped by {', '.join(known)}." if known else "No meter has dimensions."
        group_by = ""
    name, colon, value = asked.where.partition(":")
    return group_by, ((name, value),) if colon and name in known else ()


def _stretch(
    asked: Asked, now: datetime, zone: str, period: Times | None, last_period: Times | None, errors: dict[str, str]
) -> Stretch:
    found = _own_dates(asked, now, zone, errors) or _preset(asked.range, now, zone, period, last_period)
    if asked.bucket in get_args(BucketSize):
        size = cast("BucketSize", asked.bucket)
        steps = (found.end - found.start) // _SHORTEST[size] + 1
        if steps > BUCKET_LIMIT:
            errors["bucket"] = f"That is {steps:,} steps; at most {BUCKET_LIMIT:,} are shown.".replace(",", "\xa0")
        else:
            return replace(found, bucket=size)
    return found


def _preset(key: str, now: datetime, zone: str, period: Times | None, last_period: Times | None) -> Stretch:
    local, place = now.astimezone(ZoneInfo(zone)), ZoneInfo(zone)
    if key == "week":
        return Stretch(key, PRESETS[key], midnight(local, days=6, zone=place), now, "day")
    if key == "year":
        first = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        for _ in range(MONTHS_SHOWN - 1):
            first = (first - timedelta(days=1)).replace(day=1)
        return Stretch(key, PRESETS[key], first.replace(tzinfo=place), now, "month")
    if key == "last" and last_period is not None:
        return Stretch(key, PRESETS[key], *last_period, bucket_for(*last_period))
    return stretch_of(key, now=now, time_zone=zone, period=period)


def _own_dates(asked: Asked, now: datetime, zone: str, errors: dict[str, str]) -> Stretch | None:
    """From the first day that is named to the end of the last one, by the clock of the zone; None without dates."""
    if not asked.since and not asked.to:
        return None
    today = now.astimezone(ZoneInfo(zone)).date()
    last = _day("to", asked.to, errors) or today
    first = _day("from", asked.since, errors) or min(last, today) - timedelta(days=29)
    if errors.keys() & {"from", "to"}:
        return None
    if first > last:
        errors["to"] = "The last day is before the first one."
    elif first > today:
        errors["from"] = "That day has not come yet."
    else:
        start, end = (datetime.combine(day, time(0), ZoneInfo(zone)) for day in (first, last + timedelta(days=1)))
        end = min(end, now) if now > start else end
        return Stretch("own", "Own dates", start, end, bucket_for(start, end))
    return None


def _day(name: str, text: str, errors: dict[str, str]) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = LAST_DAY
    if FIRST_DAY <= day < LAST_DAY:
        return day
    errors[name] = "Give a day from the year 2000 on, such as 2026-03-01."
    return None
