"""Read what decides on the closing of many periods: a fixed number of statements, however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from autorisen import catalog, metering, subscriptions
from autorisen.billing.closing.model import ClosingRules, ClosingState
from autorisen.billing.coupons import redemptions_of_many
from autorisen.billing.parties import supplier_party
from autorisen.billing.rating.find_late_usage import billed_periods
from autorisen.billing.rating.rate_period import usage_of
from autorisen.billing.rating.rate_usage import terms_of_period
from autorisen.kit.database import Tx
from autorisen.kit.settings import Settings


async def load_closings(
    tx: Tx, settings: Settings, ended: Sequence[subscriptions.EndedPeriod], *, at: datetime
) -> tuple[ClosingRules, list[ClosingState]]:
    """The rules that hold for all, and the state of each, in the order given."""
    plans = await catalog.plan_versions_by_id(tx, _plan_ids(ended))
    meters = await metering.meters(tx)
    building = {rebuild.meter.definition.key for rebuild in await metering.rebuilds(tx)}
    rules = ClosingRules(
        at=at,
        supplier=supplier_party(settings, at),
        meter_names={meter.key: meter.name for meter in meters},
        uncounted=frozenset(building - {meter.key for meter in meters}),
        plans=plans | {each.default_plan.id: each.default_plan for each in ended if each.default_plan},
    )
    terms = [
        terms_of_period(each.period, plans[each.period.plan_version_id], each.subscription.currency) for each in ended
    ]
    used = await usage_of(tx, terms)
    earlier = await billed_periods(tx, {(each.customer_id, each.currency) for each in terms})
    coupons = await redemptions_of_many(tx, {each.customer_id for each in terms})
    addons = await subscriptions.addon_changes_of(tx, {each.subscription.id for each in ended})
    states = [
        ClosingState(
            over=over,
            terms=own,
            usage=usage,
            earlier=earlier[own.customer_id, own.currency],
            coupons=coupons[own.customer_id],
            addons=addons[over.subscription.id],
        )
        for over, own, usage in zip(ended, terms, used, strict=True)
    ]
    return rules, states


def _plan_ids(ended: Sequence[subscriptions.EndedPeriod]) -> set[UUID]:
    """The plans of these periods, and of those that follow them."""
    found = {each.period.plan_version_id for each in ended} | {each.subscription.plan_version_id for each in ended}
    found |= {each.following.plan_version_id for each in ended if each.following is not None}
    planned = (each.subscription.next_plan_version_id for each in ended)
    return found | {plan_id for plan_id in planned if plan_id is not None}
