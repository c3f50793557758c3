"""SQL of the stretches of time that are kept of revenue, each with its rows, for who counts them again."""

from __future__ import annotations

from datetime import UTC, datetime

from autorisen.billing.revenue.report import Sum
from autorisen.billing.revenue.store import change_of
from autorisen.kit.audit import Stream
from autorisen.kit.database import Tx, stream

COUNT_STRETCHES = "SELECT count(*) FROM billing.revenue_counts"
STRETCHES = "SELECT since, until FROM billing.revenue_counts ORDER BY until"
SUMS_BY_STRETCH = """
SELECT until, month, currency, figure, meter, amount_minor FROM billing.revenue_sums ORDER BY until
"""
CHANGES_BY_STRETCH = """
SELECT until, customer_id, at, currency, kind, before_minor, after_minor FROM billing.mrr_changes ORDER BY until
"""


async def count_stretches(tx: Tx) -> int:
    row = await (await tx.execute(COUNT_STRETCHES)).fetchone()
    assert row is not None, "count gives a row"
    return int(row[0])


async def stretches(tx: Tx) -> list[tuple[datetime, datetime]]:
    """Beginning and end of each stretch that is kept, in order."""
    return [(since, until) for since, until in await (await tx.execute(STRETCHES)).fetchall()]


def stretch_key(until: datetime) -> str:
    """A stretch by its end, as text in the order of time."""
    return until.astimezone(UTC).isoformat(timespec="microseconds")


def sums_by_stretch(tx: Tx) -> Stream:
    """Every `Sum` that is kept, by its stretch."""
    return stream(tx, SUMS_BY_STRETCH, make=lambda row: (stretch_key(row[0]), Sum(*row[1:])))


def changes_by_stretch(tx: Tx) -> Stream:
    """Every `Change` that is kept, by its stretch."""
    return stream(tx, CHANGES_BY_STRETCH, make=lambda row: (stretch_key(row[0]), change_of(row[1:])))
