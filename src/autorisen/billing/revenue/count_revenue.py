"""Count what happened until the beginning of today, and keep it: once a night, what is behind with it week by week."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from autorisen.billing.revenue import store
from autorisen.billing.revenue.read_revenue import countable_until, happened, midnight_before
from autorisen.kit.unit import Unit
from autorisen.kit.work import Job, Recurring, enqueue

COUNT_KIND = "billing.count_revenue"
# What is behind is counted so much in a transaction, so that each is short and the page sees how far it is.
STRETCH = timedelta(days=7)


async def count_revenue(unit: Unit, payload: dict[str, Any]) -> None:
    """Keep what happened before the last midnight of the house's zone: a stretch of it, and the rest after this one.

    Repeated on a day, it keeps nothing.
    """
    await store.count_alone(unit.tx)
    last = countable_until(unit.now)
    since = await store.counted_until(unit.tx) or await store.first_event(unit.tx)
    if since is None or since >= last:
        return
    until = min(last, midnight_before(since + STRETCH))
    found = await happened(unit.tx, since, until)
    await store.keep(
        unit.tx,
        since=since,
        until=until,
        counted_at=unit.now,
        changes=[change for change, _ in found.changes],
        sums=found.sums,
    )
    if until < last:
        # Of its own name: this one is still there while it runs.
        await enqueue(unit, COUNT_KIND, key=f"{COUNT_KIND}:{until.isoformat()}")


async def count_now(unit: Unit) -> None:
    """Have what is behind counted in the background; asked again while that waits, it changes nothing."""
    await enqueue(unit, COUNT_KIND, key=COUNT_KIND)


COUNT_JOB = Job(COUNT_KIND, count_revenue)
# 01:20 in the house.
COUNT_SCHEDULE = Recurring(COUNT_KIND, COUNT_KIND, timedelta(days=1), timedelta(hours=23, minutes=20))
