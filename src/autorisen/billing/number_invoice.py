"""Invoice numbers: INV-YYYY-NNNNN, without gaps and without doubles, also under concurrency."""

from __future__ import annotations

from autorisen.billing import store
from autorisen.billing.tax import TAX_ZONE
from autorisen.kit.unit import Unit


def invoice_number(year: int, sequence: int) -> str:
    """INV-YYYY-NNNNN; longer than five digits after 99,999 invoices in a year."""
    return f"INV-{year:04d}-{sequence:05d}"


async def number_invoice(unit: Unit) -> str:
    """The next number of the year in the tax zone.

    Take it last: the counter's row stays locked until the unit ends, and a unit that fails gives its number back.
    """
    year = unit.now.astimezone(TAX_ZONE).year
    return invoice_number(year, await store.next_number(unit.tx, f"INV-{year}"))
