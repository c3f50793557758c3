"""The revenue report: what is kept of the days that are over, and what has happened since."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
# Invoices and closings that a page counts while somebody waits: a few seconds' worth.
EVENTS_AT_ONCE = 20_000
# What begins before midnight may be committed after it: by then it is.
SETTLED = timedelta(hours=1)


@dataclass(frozen=True)
class Happened:
    """What a stretch of time comes to: changes of MRR, each with its month, and sums."""

    changes: list[tuple[Change, date]]
    sums: list[Sum]


@dataclass(frozen=True)
class Reach:
    """How far a report goes. Everything before `since` is kept; from there to `until` it is counted as one looks.

    `whole`: that is until now. Where more has happened since than can be counted while somebody waits, it ends with
    what is kept. `first` is when the first thing happened; without one there is nothing to count. `behind`: more can be
    kept already; if not, it is today of which so much has happened, and the night will count it.
    """

    first: datetime | None
    since: datetime
    until: datetime
    whole: bool
    behind: bool = False

    def done(self, now: datetime) -> int:
        """How much of the time since the first event is counted, in per cent: less than 100 unless it is whole."""
        return (
            100 if self.whole or self.first is None else min(99, 100 * (self.until - self.first) // (now - self.first))
        )


async def reach(tx: Tx, now: datetime) -> Reach:
    """How far a report can go now."""
    first, until = await store.first_event(tx), now + INSTANT
    since = await store.counted_until(tx) or first
    if since is None or since >= until:
        return Reach(first, until, until, whole=True)
    whole = await store.events_since(tx, since, EVENTS_AT_ONCE + 1) <= EVENTS_AT_ONCE
    return Reach(first, since, until if whole else since, whole, behind=since < countable_until(now))


async def happened(tx: Tx, since: datetime, until: datetime) -> Happened:
    """Everything from one instant until before another. For a stretch that is over it is always the same."""
    found = await store.usage(tx, since, until, HOUSE_ZONE.key)
    owed = await ledger.receivable_sums(tx, since=since, until=until, zone=HOUSE_ZONE.key)
    found += [Sum(each.month, each.currency, each.fact, "", each.amount_minor) for each in owed]
    changes = [change for step in await store.steps(tx, since, until) for change in changes_of(step)]
    return Happened([(change, month_of(change.at)) for change in changes], found)


async def read_revenue(tx: Tx, now: datetime, *, months: int = 12) -> RevenueReport:
    """The last months, of which the present one is the last, or as far as `reach` says. Read it in a snapshot."""
    goes = await reach(tx, now)
    moves, sums = await store.kept_moves(tx, HOUSE_ZONE.key), await store.kept_sums(tx)
    if goes.since < goes.until:
        recent = await happened(tx, goes.since, goes.until)
        ids = {change.customer_id for change, _ in recent.changes}
        cohorts = await store.first_payments(tx, ids, HOUSE_ZONE.key)
        moves += moves_of([(change, month, cohorts.get(change.customer_id)) for change, month in recent.changes])
        sums += recent.sums
    if goes.whole:
        return build_report(moves, sums, as_of=now, month=month_of(now), months=months)
    kept = build_report(moves, sums, as_of=goes.until, month=month_of(goes.until - INSTANT), months=months)
    return replace(kept, done=goes.done(now), behind=goes.behind)


def midnight_before(at: datetime) -> datetime:
    """The beginning of that day in the house's zone."""
    return at.astimezone(HOUSE_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)


def countable_until(now: datetime) -> datetime:
    """Before which instant everything can be kept: the last midnight, when all that began before it is committed."""
    return midnight_before(now - SETTLED)


def month_of(at: datetime) -> date:
    """The first day of the month in which it is in the house."""
    return at.astimezone(HOUSE_ZONE).date().replace(day=1)
