"""The ends of periods are those that another calendar gives: PostgreSQL's, with its own rules of time zones.

Left out are the hours that a clock change repeats or skips, where the two choose differently on purpose, and years
before 2005, whose zones the two databases tell in different detail.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random  # noqa: TID251 -- the same samples every time
from zoneinfo import ZoneInfo

from autorisen.catalog import Interval, months_of
from autorisen.kit.unit import Unit
from autorisen.subscriptions import days_after, next_period_end

ZONES = (
    "Pacific/Niue",
    "Pacific/Kiritimati",
    "Pacific/Chatham",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Africa/Johannesburg",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "UTC",
)
MONTHS = """
SELECT ((a.anchor AT TIME ZONE a.zone) + make_interval(months => a.months, days => a.days)) AT TIME ZONE a.zone
FROM unnest(%s::timestamptz[], %s::text[], %s::int[], %s::int[]) WITH ORDINALITY AS a (anchor, zone, months, days, n)
ORDER BY a.n
"""
Sample = tuple[datetime, str, Interval, int, int]


def samples(count: int) -> list[Sample]:
    """Anchors at any second, and of each month's last days at midnight, which is where calendars go wrong."""
    chance = Random(7)  # noqa: S311 -- a seed, so that a failure can be looked at again
    found: list[Sample] = []
    while len(found) < count:
        zone, cycle = chance.choice(ZONES), chance.choice(("month", "month", "year"))
        anchor = datetime(2005, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(25 * 365 * 86_400))
        if chance.random() < 0.5:
            there = anchor.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0)
            anchor = (there + timedelta(days=31 - there.day)).astimezone(UTC)
        interval: Interval = "year" if cycle == "year" else "month"
        found.append((anchor, zone, interval, chance.randint(1, 24), chance.randint(1, 60)))
    return found


def is_plain(end: datetime, zone: str) -> bool:
    """Whether the wall clock shows that time once, and no change of clocks is near."""
    there = ZoneInfo(zone)
    offsets = {(end + timedelta(hours=hours)).astimezone(there).utcoffset() for hours in (-4, 0, 4)}
    return len(offsets) == 1


async def test_twelve_thousand_ends_are_what_postgresql_says(unit: Unit) -> None:
    rows = samples(12_000)
    anchors, zones = [row[0] for row in rows], [row[1] for row in rows]
    months = [ordinal * months_of(interval) for _, _, interval, ordinal, _ in rows]
    days, none = [row[4] for row in rows], [0] * len(rows)
    by_month = await (await unit.tx.execute(MONTHS, (anchors, zones, months, none))).fetchall()
    by_day = await (await unit.tx.execute(MONTHS, (anchors, zones, none, days))).fetchall()
    compared = 0
    for (anchor, zone, interval, ordinal, after), (month_end,), (day_end,) in zip(rows, by_month, by_day, strict=True):
        ours = next_period_end(anchor, interval, ordinal, zone)
        if is_plain(ours, zone) and is_plain(anchor, zone):
            assert ours == month_end, (anchor, zone, interval, ordinal)
            compared += 1
        trial_end = days_after(anchor, after, zone)
        if is_plain(trial_end, zone) and is_plain(anchor, zone):
            assert trial_end == day_end, (anchor, zone, after)
    assert compared > 11_000
