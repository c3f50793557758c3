"""Have so many of an add-on, from now on."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from autorisen import accounts, catalog
from autorisen.catalog import AddonPrice
from autorisen.kit.unit import Unit
from autorisen.subscriptions import store
from autorisen.subscriptions.addons import store as addon_store
from autorisen.subscriptions.addons.errors import AddonNotSold, AddonQuantityRefused
from autorisen.subscriptions.addons.model import AddonChange, quantities_at
from autorisen.subscriptions.errors import TransitionRefused
from autorisen.subscriptions.model import Period, Status, Subscription
from autorisen.subscriptions.reach import reach


async def set_addon(unit: Unit, *, subscription_id: UUID, key: str, quantity: int, actor: str) -> None:
    """Let a subscription have `quantity` of an add-on from this instant on. What it has already changes nothing.

    Raises `AddonNotSold`, `AddonQuantityRefused`, and `TransitionRefused` for more of it in a trial or a pause, and
    while a payment is overdue. To have less is always possible.
    """
    held = await store.subscription(unit.tx, subscription_id, lock=True)
    subscription, running = await reach(unit, held, unit.now)
    addon = await _sold(unit, subscription, running, key)
    if not 0 <= quantity <= addon.max_quantity:
        raise AddonQuantityRefused(addon.max_quantity)
    changes = await addon_store.addon_changes(unit.tx, subscription.id)
    own = [each for each in changes if each.addon_key == key]
    at = max(unit.now, running.start_at, *(each.since for each in own))
    before = quantities_at(own, at).get(key, 0)
    if quantity == before:
        return
    if before < quantity and (subscription.status is not Status.ACTIVE or running.kind != "paid"):
        state = _state(subscription, running)
        raise TransitionRefused(f"more of {addon.name} can be had on a plan that is paid for, not while it is {state}")
    await note_change(unit, subscription, own, key, quantity, at, actor)


async def note_change(  # noqa: PLR0917 -- a row of as many columns
    unit: Unit, subscription: Subscription, own: list[AddonChange], key: str, quantity: int, at: datetime, actor: str
) -> None:
    """Write the next change of an add-on, of which `own` are the ones before."""
    await addon_store.insert_change(unit.tx, AddonChange(subscription.id, key, len(own) + 1, quantity, at))
    detail = {"addon": key, "quantity": quantity, "since": at.isoformat()}
    await accounts.record_audit(
        unit, actor=actor, action="subscription.addon", target=subscription.public_id, detail=detail
    )


async def _sold(unit: Unit, subscription: Subscription, running: Period, key: str) -> AddonPrice:
    plan = await catalog.plan_version(unit.tx, subscription.plan_version_id)
    offered = plan.addons(subscription.currency, running.interval)
    for addon in offered:
        if addon.key == key:
            return addon
    known = ", ".join(each.key for each in offered) or "none"
    raise AddonNotSold(f"{plan.name} has these add-ons in {subscription.currency} per {running.interval}: {known}")


def _state(subscription: Subscription, running: Period) -> str:
    return "on trial" if running.kind == "trial" else subscription.status.value.replace("_", " ")
