"""Invoice numbers: INV-YYYY-NNNNN, without gaps and without doubles, also under concurrency."""

from __future__ import annotations

from autorisen.billing import store_issue
from autorisen.billing.tax import TAX_ZONE
from autorisen.kit.unit import Unit


def invoice_number(year: int, sequence: int) -> str:
    """INV-YYYY-NNNNN; longer than five digits after 99,999 invoices in a year."""
    return f"INV-{year:04d}-{sequence:05d}"


async def number_invoices(unit: Unit, count: int) -> list[str]:
    """The next numbers of the year in the tax zone, in order.

    Take them last: the counter's row stays locked until the unit ends, and a unit that fails gives its numbers back.
    """
    year = unit.now.astimezone(TAX_ZONE).year
    last = await store_issue.take_numbers(unit.tx, f"INV-{year}", count)
    return [invoice_number(year, sequence) for sequence in range(last - count + 1, last + 1)]
