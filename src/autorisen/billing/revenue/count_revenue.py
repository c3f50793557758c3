"""Count what happened until the beginning of today, and keep it: once a night, the months before with it if need be."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from autorisen.billing.revenue import store
from autorisen.billing.revenue.read_revenue import HOUSE_ZONE, happened
from autorisen.kit.unit import Unit
from autorisen.kit.work import Job, Recurring

COUNT_KIND = "billing.count_revenue"
# What begins before midnight may be committed after it: by then it is.
SETTLED = timedelta(hours=1)


async def count_revenue(unit: Unit, payload: dict[str, Any]) -> None:
    """Keep everything until the last midnight of the house's zone. Repeated on a day, it keeps nothing."""
    until = midnight_before(unit.now - SETTLED)
    since = await store.counted_until(unit.tx) or await store.first_event(unit.tx)
    if since is None or since >= until:
        return
    found = await happened(unit.tx, since, until)
    await store.keep(
        unit.tx,
        since=since,
        until=until,
        counted_at=unit.now,
        changes=[change for change, _ in found.changes],
        sums=found.sums,
    )


def midnight_before(at: datetime) -> datetime:
    """The beginning of that day in the house's zone. Pure."""
    return at.astimezone(HOUSE_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)


COUNT_JOB = Job(COUNT_KIND, count_revenue)
# 01:20 in the house.
COUNT_SCHEDULE = Recurring(COUNT_KIND, COUNT_KIND, timedelta(days=1), timedelta(hours=23, minutes=20))
