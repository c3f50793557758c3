"""The revenue report: what is kept of the days that are over, and what has happened since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from autorisen import ledger
from autorisen.billing.revenue import store
from autorisen.billing.revenue.model import Change, changes_of, moves_of
from autorisen.billing.revenue.report import RevenueReport, Sum, build_report
from autorisen.billing.tax import TAX_ZONE
from autorisen.kit.database import Tx

# Whose months these are: those of the invoices' numbers, and of the month end.
HOUSE_ZONE = TAX_ZONE
MONTHS_MAX = 60
INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Happened:
    """What a stretch of time comes to: changes of MRR, each with its month, and sums."""

    changes: list[tuple[Change, date]]
    sums: list[Sum]


async def happened(tx: Tx, since: datetime, until: datetime) -> Happened:
    """Everything from one instant until before another. For a stretch that is over it is always the same."""
    found = await store.usage(tx, since, until, HOUSE_ZONE.key)
    owed = await ledger.receivable_sums(tx, since=since, until=until, zone=HOUSE_ZONE.key)
    found += [Sum(each.month, each.currency, each.fact, "", each.amount_minor) for each in owed]
    changes = [change for step in await store.steps(tx, since, until) for change in changes_of(step)]
    return Happened([(change, month_of(change.at)) for change in changes], found)


async def read_revenue(tx: Tx, now: datetime, *, months: int = 12) -> RevenueReport:
    """The last months, of which the present one is the last. Read it in a snapshot."""
    since = await store.counted_until(tx) or await store.first_event(tx)
    moves, sums = await store.kept_moves(tx, HOUSE_ZONE.key), await store.kept_sums(tx)
    if since is not None:
        recent = await happened(tx, since, now + INSTANT)
        ids = {change.customer_id for change, _ in recent.changes}
        cohorts = await store.first_payments(tx, ids, HOUSE_ZONE.key)
        moves += moves_of([(change, month, cohorts.get(change.customer_id)) for change, month in recent.changes])
        sums += recent.sums
    return build_report(moves, sums, as_of=now, month=month_of(now), months=months)


def month_of(at: datetime) -> date:
    """The first day of the month in which it is in the house."""
    return at.astimezone(HOUSE_ZONE).date().replace(day=1)
