"""Hold a part of a quota before work begins."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from autorisen.kit.problems import FieldError, InvalidInput
from autorisen.kit.unit import Unit
from autorisen.subscriptions.holds import store
from autorisen.subscriptions.holds.check_quota import meter_of, quota
from autorisen.subscriptions.holds.expire_holds import expire_overdue
from autorisen.subscriptions.holds.model import Hold, check_expiry, check_quantity, smallest


async def hold_quota(
    unit: Unit, *, customer_id: UUID, meter: str, quantity: Decimal, key: str, expires_in: timedelta
) -> Hold:
    """Reserve a quantity of a meter for `expires_in` of real time; nobody else can hold or settle it meanwhile.

    The same key gives the same hold again, also after it ended. Raises `QuotaExceeded`, which changes nothing and
    leaves the key free; `HoldKeyTaken` when the key was used for something else; `MeterUnknown`, and `InvalidInput`,
    also for a meter that does not simply add up. Take several holds in one unit in the order of their meters, or two
    such units wait for each other.
    """
    definition = await meter_of(unit.tx, meter, field="/meter")
    if not definition.is_additive or definition.filter is not None:
        rule = "must be a count or a sum without a filter: what is settled has to add up"
        raise InvalidInput(f"meter {rule}", errors=[FieldError("/meter", rule)])
    check_quantity(quantity, definition.aggregation, least=smallest(definition.aggregation))
    seconds = check_expiry(expires_in)
    await store.lock_quota(unit.tx, customer_id, meter)
    known = await store.hold_by_key(unit.tx, customer_id, key)
    if known is not None:
        return known.repeats(meter, quantity, seconds)
    before = await quota(unit.tx, customer_id=customer_id, meter=meter, now=unit.now, wall_now=unit.wall_now)
    after = before.after(quantity)
    made = Hold(
        id=unit.ids.new(),
        customer_id=customer_id,
        meter=meter,
        key=key,
        event_type=definition.event_type,
        aggregation=definition.aggregation,
        value_path=definition.value_path,
        overage_allowed=after.overage_allowed,
        quantity=quantity,
        remaining=after.remaining,
        expires_in_seconds=seconds,
        made_at=unit.now,
        expires_at=unit.wall_now + expires_in,
    )
    if not await store.insert_hold(unit.tx, made):
        # The key went to a hold on another meter, under another lock, a moment ago.
        taken = await store.hold_by_key(unit.tx, customer_id, key)
        assert taken is not None, "what the key conflicts with is committed"
        return taken.repeats(meter, quantity, seconds)
    # A worker that does not run must not keep the use of dead holders from being counted.
    await expire_overdue(unit, customer_id, meter)
    return made
