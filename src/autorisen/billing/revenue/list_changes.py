"""Who is behind a figure: the changes of MRR of one month, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from uuid import UUID

from autorisen.billing.revenue import store
from autorisen.billing.revenue.model import Change, Kind, changes_of, month_after
from autorisen.billing.revenue.read_revenue import HOUSE_ZONE, reach
from autorisen.kit.database import Tx
from autorisen.kit.money import Money


@dataclass(frozen=True)
class MrrChange:
    """One customer's change of MRR."""

    customer_id: UUID
    at: datetime
    kind: Kind
    before: Money
    after: Money

    @property
    def delta(self) -> Money:
        return self.after - self.before


async def list_changes(
    tx: Tx,
    now: datetime,
    *,
    month: date,
    currency: str,
    kind: Kind | None = None,
    before: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> list[MrrChange]:
    """The changes of a month, as far as a report goes; `before` is the last one of the page before."""
    start, end = (datetime.combine(day, time(), HOUSE_ZONE) for day in (month, month_after(month)))
    found = [
        each
        for each in await _recent(tx, start, end, now)
        if each.currency == currency and kind in (None, each.kind) and (before is None or _place(each) < before)
    ]
    found = sorted(found, key=_place, reverse=True)[:limit]
    if len(found) < limit:
        found += await store.list_changes(
            tx, currency=currency, since=start, until=end, kind=kind, before=before, limit=limit - len(found)
        )
    return [
        MrrChange(
            each.customer_id,
            each.at,
            each.kind,
            *(Money(minor, each.currency) for minor in (each.before_minor, each.after_minor)),
        )
        for each in found
    ]


async def _recent(tx: Tx, start: datetime, end: datetime, now: datetime) -> list[Change]:
    """What is not kept yet: all of it is newer than what is."""
    goes = await reach(tx, now)
    since, until = max(start, goes.since), min(end, goes.until)
    return (
        [change for step in await store.steps(tx, since, until) for change in changes_of(step)] if since < until else []
    )


def _place(change: Change) -> tuple[datetime, UUID]:
    return change.at, change.customer_id
