"""Check what a customer may still use of a meter."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from autorisen import catalog, metering
from autorisen.kit.database import Tx
from autorisen.kit.problems import FieldError
from autorisen.metering import MeterDefinition
from autorisen.subscriptions.entitlements import standing_of
from autorisen.subscriptions.holds import store
from autorisen.subscriptions.holds.errors import MeterUnknown
from autorisen.subscriptions.holds.model import EXACT, ZERO, Quota


async def quota(tx: Tx, *, customer_id: UUID, meter: str, now: datetime, wall_now: datetime) -> Quota:
    """The allowance of the period that runs at `now`, less exact usage and outstanding holds.

    A hold whose time is up counts with what was drawn of it, whether or not somebody has ended it yet. Outside of a
    lock the answer is a moment's view, never above the truth: a hold that is settled while this reads may count twice.
    """
    found = await standing_of(tx, customer_id, now)
    if found is None:
        return Quota(meter, ZERO, ZERO, ZERO, overage_allowed=False, start_at=now)
    terms, plan, currency = found
    held = await store.held(tx, customer_id, meter, start_at=terms.start_at, end_at=terms.end_at, wall_now=wall_now)
    used = await metering.quantity(tx, customer_id=customer_id, meter=meter, start=terms.start_at, end=terms.end_at)
    price = plan.usage_price(currency, meter)
    included = ZERO if price is None else EXACT.multiply(price.included, catalog.months_of(terms.interval))
    overage_allowed = price is not None and price.overage_allowed
    return Quota(meter, included, used.quantity, held, overage_allowed=overage_allowed, start_at=terms.start_at)


async def meter_of(tx: Tx, key: str, *, field: str) -> MeterDefinition:
    """The meter of that key. Raises `MeterUnknown`, naming the field that asked for it."""
    known = {meter.key: meter for meter in await metering.meters(tx)}
    if key not in known:
        raise MeterUnknown(errors=[FieldError(field, f"must be a meter: {', '.join(known) or 'there are none yet'}")])
    return known[key]
