"""Move credits out of grants that this transaction holds, and record that a balance fell."""

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


async def take(unit: Unit, grant: Grant, kind: MovementKind, reason: str, amount: Money | None = None) -> Movement:
    """Take an amount out of a held grant; all that is left when none is given."""
    taken = amount or grant.remaining
    left = await store.grants_left(unit.tx, [grant.customer_id])
    movement = Movement(
        id=unit.ids.new(),
        grant_id=grant.id,
        customer_id=grant.customer_id,
        kind=kind,
        amount=-taken,
        invoice_id=None,
        reason=reason,
        at=unit.now,
    )
    await store.insert_movements(unit.tx, [movement])
    # What a person took back is no news to anybody, and no reason to charge a card.
    if kind is MovementKind.EXPIRE:
        await record_fall(unit, left, {grant.id: taken})
    return movement


async def record_fall(unit: Unit, left: Sequence[Grant], taken: Mapping[UUID, Money]) -> None:
    """Tell who wants to know how low the balance is now. `left` are the grants as they were before."""
    found = fall(left, taken, unit.now)
    customer_id = next(grant.customer_id for grant in left if grant.id in taken)
    await record(unit, CreditsFell(customer_id, found.after.currency, found.before.minor, found.after.minor))
