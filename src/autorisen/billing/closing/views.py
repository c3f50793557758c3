"""The progress of closing as the machine interface and the command line show it. Amounts are cents."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from autorisen.billing.closing.progress import ClosingProgress, FailedPeriod


class ClosedSumView(BaseModel):
    """What was closed in one currency; a period without anything to pay has no invoice."""

    currency: str
    closed: int
    invoices: int
    total_minor: int


class FailedPeriodView(BaseModel):
    """A period that could not be closed: why, how often it was tried, and when it is tried again."""

    period: str
    customer: str
    customer_key: str
    start_at: datetime
    end_at: datetime
    attempts: int
    reason: str
    failed_at: datetime
    retry_at: datetime


class ClosingProgressView(BaseModel):
    """How far the closing is, since the month began. `failures` are the oldest hundred of the `failed`.

    `next_at` is when the next period is due, also one that is due already.
    """

    at: datetime
    since: datetime
    due: int
    closed: int
    failed: int
    invoiced: list[ClosedSumView]
    failures: list[FailedPeriodView]
    next_at: datetime | None


def progress_view(progress: ClosingProgress) -> ClosingProgressView:
    """The progress as JSON."""
    return ClosingProgressView(
        at=progress.at,
        since=progress.since,
        due=progress.due,
        closed=progress.closed,
        failed=progress.failed,
        invoiced=[ClosedSumView(**vars(each)) for each in progress.sums],
        failures=[_failure(each) for each in progress.failures],
        next_at=progress.next_at,
    )


def _failure(failed: FailedPeriod) -> FailedPeriodView:
    return FailedPeriodView(
        period=failed.period.public_id,
        customer=failed.customer.public_id,
        customer_key=failed.customer.key,
        start_at=failed.period.start_at,
        end_at=failed.period.end_at,
        attempts=failed.failure.attempts,
        reason=failed.failure.reason,
        failed_at=failed.failure.failed_at,
        retry_at=failed.failure.retry_at,
    )
