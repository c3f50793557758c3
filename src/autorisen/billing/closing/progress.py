"""How far the closing of this month's periods has come: what is due, done, and could not be done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from autorisen import accounts, subscriptions
from autorisen.billing.closing import store
from autorisen.billing.closing.close_periods import next_closing
from autorisen.billing.closing.store import ClosedSum, FailedClosing
from autorisen.billing.tax import TAX_ZONE
from autorisen.kit.database import Tx
from autorisen.kit.settings import Settings

FAILURES_SHOWN = 100
# The worker looks several times a second; what waits longer than this waits for a worker.
WAITS_TOO_LONG = timedelta(minutes=2)


@dataclass(frozen=True)
class FailedPeriod:
    """A period that could not be closed, whose it is, and when it is tried again."""

    failure: FailedClosing
    period: subscriptions.Period
    customer: accounts.Customer


@dataclass(frozen=True)
class ClosingProgress:
    """What was closed `since` the month began in the tax zone, by currency, and what waits at `at`.

    `failures` are the oldest of the `failed`. `next_at` is when the next period is due, also one that is due already.
    """

    at: datetime
    since: datetime
    due: int
    sums: Sequence[ClosedSum]
    failed: int
    failures: Sequence[FailedPeriod]
    next_at: datetime | None

    @property
    def closed(self) -> int:
        return sum(each.closed for each in self.sums)

    @property
    def invoices(self) -> int:
        return sum(each.invoices for each in self.sums)

    @property
    def first_day(self) -> date:
        """The day of `since` in the tax zone, whatever day it is for who looks."""
        return self.since.date()

    @property
    def is_running(self) -> bool:
        """Whether there is something to close now."""
        return self.due > 0

    @property
    def is_late(self) -> bool:
        """Whether something has been due for so long that no worker seems to run, or to keep up."""
        return self.is_running and self.next_at is not None and self.at - self.next_at > WAITS_TOO_LONG


async def count_due(tx: Tx, settings: Settings, at: datetime) -> int:
    """How many periods may be closed now and are not."""
    return await subscriptions.count_due_periods(tx, ended_by=at - timedelta(minutes=settings.usage_grace_minutes))


async def read_progress(tx: Tx, settings: Settings, at: datetime) -> ClosingProgress:
    """What the month's closing has come to."""
    since = at.astimezone(TAX_ZONE).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    failed = await store.count_failures(tx)
    return ClosingProgress(
        at=at,
        since=since,
        due=await count_due(tx, settings, at),
        sums=await store.closed_since(tx, since),
        failed=failed,
        failures=await _failed_periods(tx) if failed else (),
        next_at=await next_closing(tx, settings, None),
    )


async def _failed_periods(tx: Tx) -> list[FailedPeriod]:
    failures = await store.failures(tx, FAILURES_SHOWN)
    periods = await subscriptions.periods_by_id(tx, [each.period_id for each in failures])
    customers = await accounts.customers_by_id(tx, {each.customer_id for each in periods.values()})
    found = []
    for failure in failures:
        period = periods[failure.period_id]
        found.append(FailedPeriod(failure, period, customers[period.customer_id]))
    return found
