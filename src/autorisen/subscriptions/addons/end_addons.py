"""After a change of plan: what the new plan does not sell is over, and does not come back with a later plan."""

from __future__ import annotations

from autorisen import catalog
from autorisen.kit.unit import Unit
from autorisen.subscriptions import store
from autorisen.subscriptions.addons.model import quantities_at
from autorisen.subscriptions.addons.set_addon import note_change
from autorisen.subscriptions.addons.store import addon_changes
from autorisen.subscriptions.facts import PlanChanged


async def end_addons(unit: Unit, fact: PlanChanged) -> None:
    """Handle the change of a plan. Nothing is charged for such an add-on meanwhile: the plan has no price for it."""
    subscription = await store.subscription(unit.tx, fact.subscription_id, lock=True)
    plan = await catalog.plan_version(unit.tx, subscription.plan_version_id)
    sold = {addon.key for addon in plan.addons(subscription.currency, subscription.interval)}
    changes = await addon_changes(unit.tx, subscription.id)
    for key in sorted(quantities_at(changes, unit.now).keys() - sold):
        own = [each for each in changes if each.addon_key == key]
        at = max(fact.at, *(each.since for each in own))
        await note_change(unit, subscription, own, key, 0, at, "system")
