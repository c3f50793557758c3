"""Why a line says what it says: the price version, the rated quantity and the days behind it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from autorisen import catalog, metering
from autorisen.billing import store_rated
from autorisen.billing.coupons import Redemption, redemption
from autorisen.billing.model import Invoice, Line
from autorisen.billing.rated_usage import RatedUsage
from autorisen.kit.database import Tx


@dataclass(frozen=True)
class Explanation:
    """One line with its reasons. `before` is what was billed earlier, for a correction; `days` add up to the quantity
    of `rated` as long as no event came after it."""

    line: Line
    plan: catalog.PlanVersion | None = None
    rated: RatedUsage | None = None
    before: RatedUsage | None = None
    days: tuple[metering.Bucket, ...] = ()
    coupon: Redemption | None = None


async def explain(tx: Tx, invoice: Invoice) -> list[Explanation]:
    """The reasons of every line, in the order of the invoice."""
    return [await _explain_line(tx, invoice, line) for line in invoice.lines]


async def _explain_line(tx: Tx, invoice: Invoice, line: Line) -> Explanation:
    rated = None if line.rated_usage_id is None else await store_rated.rated_usage(tx, line.rated_usage_id)
    if rated is None:
        coupon = None if line.redemption_id is None else await redemption(tx, line.redemption_id)
        return Explanation(line, coupon=coupon)
    plan = await catalog.plan_version(tx, rated.plan_version_id)
    return Explanation(
        line=line,
        plan=plan,
        rated=rated,
        before=await store_rated.rated_before(tx, rated),
        days=await _days(tx, invoice, rated, plan),
    )


async def _days(tx: Tx, invoice: Invoice, rated: RatedUsage, plan: catalog.PlanVersion) -> tuple[metering.Bucket, ...]:
    """The use of each day; of a cell only what it took."""
    price = plan.usage_price(invoice.currency, rated.meter)
    assert price is not None, "it was rated by this version"
    found = await metering.grouped_series(
        tx,
        customer_id=invoice.customer_id,
        keys=[rated.meter],
        start=rated.period_start,
        end=rated.period_end,
        bucket="day",
        time_zone=invoice.time_zone,
        group_by=price.dimensions,
    )
    taken = [days for (_, group), days in found.items() if price.cell_of(dict(group)) == (rated.cell or catalog.Cell())]
    return tuple(
        metering.Bucket(
            day[0].start, sum((each.quantity for each in day), Decimal(0)), sum(each.events for each in day)
        )
        for day in zip(*taken, strict=True)
    )
