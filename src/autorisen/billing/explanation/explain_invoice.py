"""Why a line says what it says: the price version, the rated quantity, the days and events behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from autorisen import catalog, metering, subscriptions
from autorisen.billing.coupons import Redemption, redemption
from autorisen.billing.explanation import store as store_explain
from autorisen.billing.model import Invoice, Line, LineKind
from autorisen.billing.rated_usage import RatedUsage
from autorisen.billing.rating import store as store_rated
from autorisen.kit.database import Tx

# A page names so many; the evidence file has every event.
CAUSES_LIMIT = 50


@dataclass(frozen=True)
class Explanation:
    """One line with its reasons. `before` is what was billed earlier, for a correction; `days` add up to the quantity
    of `rated` as long as no event came after it. `causes` are what came or was corrected between the two.
    `prorated` is the fee that a credit for unused time gives back in part."""

    line: Line
    plan: catalog.PlanVersion | None = None
    rated: RatedUsage | None = None
    before: RatedUsage | None = None
    days: tuple[metering.Bucket, ...] = ()
    causes: tuple[metering.Cause, ...] = ()
    prorated: store_explain.Prorated | None = None
    coupon: Redemption | None = None
    held: tuple[subscriptions.HeldAddon, ...] = ()

    @property
    def price(self) -> catalog.Price | None:
        """The price by which the line was charged; where a meter's use has prices by cell, the price of the meter."""
        prices = () if self.plan is None else self.plan.prices
        if self.line.meter is None:
            return next((each for each in prices if each.id == self.line.price_id), None)
        priced = (each for each in prices if isinstance(each, catalog.UsagePrice))
        currency = self.line.amount.currency
        return next((each for each in priced if (each.meter, each.currency) == (self.line.meter, currency)), None)


async def explain(tx: Tx, invoice: Invoice) -> list[Explanation]:
    """The reasons of every line, in the order of the invoice."""
    plans = await catalog.plans_of_prices(tx, [line.price_id for line in invoice.lines if line.price_id is not None])
    return [await _explain_line(tx, invoice, line, plans) for line in invoice.lines]


async def explain_line(tx: Tx, invoice: Invoice, line: Line) -> Explanation:
    """The reasons of one line of the invoice."""
    plans = await catalog.plans_of_prices(tx, [] if line.price_id is None else [line.price_id])
    return await _explain_line(tx, invoice, line, plans)


async def _explain_line(tx: Tx, invoice: Invoice, line: Line, plans: Mapping[UUID, catalog.PlanVersion]) -> Explanation:
    plan = None if line.price_id is None else plans[line.price_id]
    if line.kind is LineKind.PRORATION_CREDIT:
        prorated = await store_explain.prorated_fee(tx, invoice.id, line.period_start)
        return Explanation(line, plan, prorated=prorated)
    rated = None if line.rated_usage_id is None else await store_rated.rated_usage(tx, line.rated_usage_id)
    if line.kind is LineKind.ADDON and plan is not None:
        return await _explain_addon(tx, invoice, line, plan)
    if rated is None or plan is None:
        coupon = None if line.redemption_id is None else await redemption(tx, line.redemption_id)
        return Explanation(line, plan, coupon=coupon)
    before = await store_rated.rated_before(tx, rated)
    return Explanation(
        line=line,
        plan=plan,
        rated=rated,
        before=before,
        days=await _days(tx, invoice, rated, plan),
        causes=() if line.kind is LineKind.USAGE else await _causes(tx, rated, before),
    )


async def _causes(tx: Tx, rated: RatedUsage, before: RatedUsage | None) -> tuple[metering.Cause, ...]:
    """What became known since the period was billed. A cell of which nothing was billed is as old as its period."""
    found = await metering.causes_of_change(
        tx,
        customer_id=rated.customer_id,
        meter=rated.meter,
        start=rated.period_start,
        end=rated.period_end,
        since=rated.period_end if before is None else before.rated_at,
        until=rated.rated_at,
        limit=CAUSES_LIMIT,
    )
    return tuple(found)


async def _explain_addon(tx: Tx, invoice: Invoice, line: Line, plan: catalog.PlanVersion) -> Explanation:
    """How many there were in which stretch of the period."""
    period = await subscriptions.period(tx, invoice.period_id)
    [addon] = [each for each in plan.addons(invoice.currency, period.interval) if each.id == line.price_id]
    changes = await subscriptions.addon_changes(tx, period.subscription_id)
    held = subscriptions.held_between(changes, addon.key, period.start_at, period.end_at)
    return Explanation(line, plan, held=tuple(held))


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
