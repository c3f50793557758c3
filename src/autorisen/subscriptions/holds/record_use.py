"""Write what an ended hold used, as usage events, in the transaction that ends it."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from autorisen import accounts, metering
from autorisen.kit.unit import Unit
from autorisen.metering import Receipt
from autorisen.subscriptions.holds.model import Hold, usage_events


async def record_use(unit: Unit, ended: Hold, data: Mapping[str, object]) -> Receipt:
    """Count what the hold used at the instant it was made. Raises `InvalidInput` and `InvalidEvent` for bad data."""
    customer = await accounts.customer(unit.tx, ended.customer_id)
    meters = await metering.meters(unit.tx)
    attributes = usage_events(ended, subject=customer.public_id, data=data, meters=meters)
    # Under the operator's name: a customer's key can't use up these identities beforehand.
    operator: UUID | None = None
    return await metering.ingest(unit, operator, [metering.new_event(each) for each in attributes])
