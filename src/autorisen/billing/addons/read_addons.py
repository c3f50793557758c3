"""The add-ons that a customer's plan sells: how many there are, and what they cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from autorisen import catalog, subscriptions
from autorisen.billing.addons.addon_lines import AddonTime, average
from autorisen.billing.errors import SubscriptionMissing
from autorisen.kit.database import Tx
from autorisen.kit.money import Money, round_half_up


@dataclass(frozen=True)
class OwnAddon:
    """One add-on of the plan in force. `this_period` is what the running period will cost if nothing changes."""

    addon: catalog.AddonPrice
    quantity: int
    this_period: Money

    @property
    def adds(self) -> tuple[str, ...]:
        """What one of it adds to the limits of the plan, in words."""
        return catalog.raised_words(self.addon)

    @property
    def each_period(self) -> Money:
        """What a whole period of so many costs."""
        return Money(self.addon.amount.minor * self.quantity, self.addon.currency)


@dataclass(frozen=True)
class OwnAddons:
    """The plan in force and its add-ons, those that ended within the running period too."""

    subscription: subscriptions.Subscription
    plan: catalog.PlanVersion
    end_at: datetime
    addons: tuple[OwnAddon, ...]


async def read_addons(tx: Tx, *, customer_id: UUID, now: datetime) -> OwnAddons:
    """What the customer has and could have. Raises `SubscriptionMissing`."""
    found = await subscriptions.standing_of(tx, customer_id, now)
    subscription = await subscriptions.subscription_of(tx, customer_id)
    if found is None or subscription is None:
        raise SubscriptionMissing("the account is being set up; try again in a moment")
    standing, plan, currency = found
    changes = await subscriptions.addon_changes(tx, subscription.id)
    quantities = subscriptions.quantities_at(changes, now)
    time = AddonTime(standing.start_at, standing.end_at, standing.end_at)
    own = []
    for addon in plan.addons(currency, standing.interval):
        held = subscriptions.held_between(changes, addon.key, time.start_at, time.end_at)
        units = average(held, time) if standing.charged == "paid" else Decimal(0)
        cost = Money(round_half_up(addon.amount.minor * units), currency)
        own.append(OwnAddon(addon, quantities.get(addon.key, 0), cost))
    return OwnAddons(subscription, plan, standing.end_at, tuple(own))
