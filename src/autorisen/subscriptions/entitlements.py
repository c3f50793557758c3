"""What a customer may use now: allowances of the plan against exact usage, and limits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from autorisen import catalog, metering
from autorisen.catalog import PlanVersion, UsagePrice, months_of
from autorisen.kit.database import Tx
from autorisen.subscriptions import store
from autorisen.subscriptions.addons import addon_changes, quantities_at
from autorisen.subscriptions.addons.model import raised
from autorisen.subscriptions.model import Entitlement
from autorisen.subscriptions.plan_in import METERED_LIMITS, plan_in
from autorisen.subscriptions.standing import Standing, standing

# How each limit is shown; "executions" counts what the meter agent.execution counts.
LIMIT_NAMES: Mapping[str, tuple[str, str]] = {
    "agents": ("Agents", "agents"),
    "executions": ("Agent executions", "executions"),
    "projects": ("Projects", "projects"),
    "storage_mb": ("Storage", "MB"),
    "support_hours": ("Support reply within", "hours"),
}


async def standing_of(tx: Tx, customer_id: UUID, now: datetime) -> tuple[Standing, PlanVersion, str] | None:
    """The terms that hold for a customer now, with their plan and currency; None without a live subscription."""
    subscription = await store.subscription_of(tx, customer_id)
    if subscription is None:
        return None
    period = await store.current_period(tx, subscription.id)
    terms = standing(subscription, period, now)
    if terms is None:
        return None
    if terms.plan_version_id is None:
        plan = await catalog.default_plan(tx, now)
    else:
        plan = await catalog.plan_version(tx, terms.plan_version_id)
    addons = plan.addons(subscription.currency, terms.interval)
    if addons and terms.kind == "paid":
        plan = raised(plan, addons, quantities_at(await addon_changes(tx, subscription.id), now))
    return terms, plan_in(plan, terms.kind), subscription.currency


async def entitlements(tx: Tx, *, customer_id: UUID, now: datetime) -> list[Entitlement]:
    """Every meter and limit of the plan in force, with what is used and left in the stretch that runs now.

    Empty for a customer without a live subscription: what is not granted is not allowed.
    """
    found = await standing_of(tx, customer_id, now)
    if found is None:
        return []
    terms, plan, currency = found
    quantities = await metering.quantities(tx, customer_id=customer_id, start=terms.start_at, end=terms.end_at)
    names = {meter.key: meter.name for meter in await metering.meters(tx)}
    used = {meter: quantity.quantity for meter, quantity in quantities.items()}
    months = months_of(terms.interval)
    prices = plan.usage_prices(currency)
    rows = [metered(price, names.get(price.meter, price.meter), used, months) for price in prices]
    return rows + [limited(plan, limit, used, months, currency) for limit in plan.limits]


def metered(price: UsagePrice, name: str, used: Mapping[str, Decimal], months: int) -> Entitlement:
    """The allowance of one usage price."""
    included, quantity = price.included * months, used.get(price.meter, Decimal(0))
    return Entitlement(
        key=price.meter,
        kind="meter",
        name=name,
        unit=price.unit_label,
        included=included,
        used=quantity,
        left=max(included - quantity, Decimal(0)),
        overage_allowed=price.overage_allowed,
        unit_price=price.unit_amount if price.overage_allowed else None,
        currency=price.currency,
    )


def limited(plan: PlanVersion, limit: str, used: Mapping[str, Decimal], months: int, currency: str) -> Entitlement:
    """One limit of a plan; those that a meter counts say what is left, and may be exceeded where its price says so."""
    name, unit = LIMIT_NAMES[limit]
    meter = METERED_LIMITS.get(limit)
    value = plan.limits[limit]
    included = None if value is None else Decimal(value) * (months if meter else 1)
    quantity = None if meter is None else used.get(meter, Decimal(0))
    price = None if meter is None else plan.usage_price(currency, meter)
    overage_allowed = price is not None and price.overage_allowed
    left = None if included is None or quantity is None else max(included - quantity, Decimal(0))
    return Entitlement(
        key=limit,
        kind="limit",
        name=name,
        unit=unit,
        included=included,
        used=quantity,
        left=left,
        overage_allowed=overage_allowed,
        unit_price=price.unit_amount if price is not None and overage_allowed else None,
        currency=currency,
    )
