"""Revenue counted in two ways, to hold one against the other."""

from __future__ import annotations

from datetime import datetime

from autorisen.billing.revenue import RevenueReport, read_revenue, store
from autorisen.billing.revenue.model import moves_of
from autorisen.billing.revenue.read_revenue import HOUSE_ZONE, INSTANT, happened, month_of
from autorisen.billing.revenue.report import build_report
from autorisen.kit.unit import Runtime

ALL = 60


async def kept(runtime: Runtime, now: datetime, *, months: int = ALL) -> RevenueReport:
    """The report as people see it."""
    async with runtime.database.read(snapshot=True) as tx:
        return await read_revenue(tx, now, months=months)


async def counted_anew(runtime: Runtime, now: datetime) -> RevenueReport:
    """The same report, of which nothing is taken from what is kept."""
    async with runtime.database.read(snapshot=True) as tx:
        since = await store.first_event(tx)
        assert since is not None
        found = await happened(tx, since, now + INSTANT)
        cohorts = await store.first_payments(tx, {change.customer_id for change, _ in found.changes}, HOUSE_ZONE.key)
    moves = moves_of([(change, month, cohorts.get(change.customer_id)) for change, month in found.changes])
    return build_report(moves, found.sums, as_of=now, month=month_of(now), months=ALL)
