"""Move credits out of grants that this transaction holds, and record that the balance fell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from autorisen.billing.wallet import store
from autorisen.billing.wallet.facts import CreditsFell
from autorisen.billing.wallet.model import Grant, Movement, MovementKind, fall
from autorisen.kit.money import Money
from autorisen.kit.unit import Unit
from autorisen.kit.work import record


async def hold(unit: Unit, grant_id: UUID) -> Grant | None:
    """A grant, with all that its owner has left held in the one order in which everybody holds grants."""
    found = await store.find_grant(unit.tx, grant_id)
    if found is not None:
        await store.grants_left(unit.tx, [found.customer_id], lock=True)
        found = await store.find_grant(unit.tx, grant_id)
    return found


async def take(unit: Unit, grant: Grant, kind: MovementKind, reason: str) -> Movement:
    """Take all that is left of a held grant."""
    left = await store.grants_left(unit.tx, [grant.customer_id])
    movement = Movement(
        id=unit.ids.new(),
        grant_id=grant.id,
        customer_id=grant.customer_id,
        kind=kind,
        amount=-grant.remaining,
        invoice_id=None,
        reason=reason,
        at=unit.now,
    )
    await store.insert_movements(unit.tx, [movement])
    await record_fall(unit, left, {grant.id: grant.remaining})
    return movement


async def record_fall(unit: Unit, left: Sequence[Grant], taken: Mapping[UUID, Money]) -> None:
    """Tell who wants to know how low the balance is now. `left` are the grants as they were before."""
    found = fall(left, taken, unit.now)
    customer_id = next(grant.customer_id for grant in left if grant.id in taken)
    await record(unit, CreditsFell(customer_id, found.after.currency, found.before.minor, found.after.minor))
