"""Every invoice, void and credit note of some days as CSV, made as it is read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

from autorisen import ledger, metering
from autorisen.billing.export import store
from autorisen.billing.export.model import csv_row, header
from autorisen.billing.tax import TAX_ZONE
from autorisen.kit.database import Database
from autorisen.kit.unit import Runtime


def export_days(runtime: Runtime, first: str, last: str) -> ledger.Days:
    """South African days, both included. Raises `InvalidInput`, which names the field."""
    return ledger.days_of(first, last, now=runtime.clock.now(), time_zone=TAX_ZONE.key)


async def export_invoices(
    database: Database, days: ledger.Days, *, customer_id: UUID | None = None, lines: bool = False
) -> AsyncIterator[str]:
    """The table line by line, its header first: one row a document, or with `lines` one row a line of one.

    The sums of the rows are what was posted in these days as revenue, earned or deferred, and as VAT output, but for
    bad debts.
    """
    yield header(lines=lines)
    # One moment for the whole file, and as long as its reader takes.
    async with metering.snapshot(database) as tx:
        async for row in store.rows_of(tx, lines=lines, start=days.start_at, end=days.end_at, customer_id=customer_id):
            yield csv_row(row, lines=lines)
