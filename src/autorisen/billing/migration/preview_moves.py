"""What every subscriber of other versions of a plan would pay under one of them; nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from uuid import UUID

from autorisen import accounts, catalog, subscriptions
from autorisen.billing.migration import store
from autorisen.billing.migration.errors import VersionUnknown
from autorisen.billing.migration.model import NOTICE, Migration, Move, moves_at
from autorisen.billing.model import Closing, sum_of
from autorisen.billing.rating.rate_period import rate_period
from autorisen.billing.rating.rate_usage import RatingTerms
from autorisen.kit.database import Tx
from autorisen.kit.money import Money

Tell = Callable[[int, int], None]


async def wanted_version(tx: Tx, plan_key: str, version: int) -> catalog.PlanVersion:
    """The version to move to. Raises `VersionUnknown`."""
    versions = await catalog.versions_of(tx, plan_key)
    if not versions:
        raise VersionUnknown("plan", "must be the key of a plan")
    found = next((each for each in versions if each.version == version), None)
    if found is None:
        raise VersionUnknown("to_version", f"must be from 1 to {max(each.version for each in versions)}")
    if found.retired:
        raise VersionUnknown("to_version", "must be one that was sold: this one retires the plan")
    return found


async def preview_moves(
    tx: Tx,
    *,
    plan_key: str,
    to_version: int,
    now: datetime,
    notice: timedelta = NOTICE,
    only: Collection[UUID] = (),
    tell: Tell = lambda done, total: None,
) -> Migration:
    """Each live subscription of the plan that has another version, of these customers or (none named) of all.

    The last closed period is rated again under the new terms, by the code that makes invoices. Raises
    `VersionUnknown`.
    """
    plan = await wanted_version(tx, plan_key, to_version)
    live = await subscriptions.live_on_plan(tx, plan_key)
    found = [each for each in live if each.plan_version_id != plan.id and (not only or each.customer_id in only)]
    ids = [each.id for each in found]
    versions = {each.id: each for each in await catalog.versions_of(tx, plan_key)}
    closings = await store.last_closings(tx, {each.id: each.customer_id for each in found})
    billed = await store.billed_usage(tx, [each.period_id for each in closings.values()])
    told = await store.announced(tx, plan.id, ids)
    moves = []
    for number, each in enumerate(found, start=1):
        closing = closings.get(each.id)
        before = None if closing is None else Money(billed.get(closing.period_id, 0), each.currency)
        moves.append(
            Move(
                subscription=each,
                customer=await accounts.customer(tx, each.customer_id),
                from_version=versions[each.plan_version_id].version,
                moves_at=moves_at(each, await subscriptions.current_period(tx, each.id), now + notice),
                usage_before=before,
                usage_after=None if closing is None else await _rated_again(tx, closing, plan, now),
                fee_before=_fee(versions[each.plan_version_id], each),
                fee_after=_fee(plan, each),
                refusal=_refusal(each, plan, is_told=each.id in told),
            )
        )
        tell(number, len(found))
    return Migration(plan, moves)


async def _rated_again(tx: Tx, closing: Closing, plan: catalog.PlanVersion, at: datetime) -> Money:
    """The usage of a closed period under other terms; what both plans do not price is in neither sum."""
    terms = RatingTerms(
        period_id=closing.period_id,
        customer_id=closing.customer_id,
        plan=plan,
        currency=closing.currency,
        interval=closing.interval,
        start_at=closing.period_start,
        end_at=closing.period_end,
    )
    return sum_of((rated.amount for rated in await rate_period(tx, terms, at=at)), closing.currency)


def _fee(plan: catalog.PlanVersion, subscription: subscriptions.Subscription) -> Money:
    price = plan.flat_price(subscription.currency, subscription.interval)
    return Money.zero(subscription.currency) if price is None else price.amount


def _refusal(subscription: subscriptions.Subscription, plan: catalog.PlanVersion, *, is_told: bool) -> str:
    """Why a subscription is not moved, or nothing. Pure."""
    if is_told:
        return "was announced before"
    if plan.flat_price(subscription.currency, subscription.interval) is None:
        return f"the version has no price in {subscription.currency} per {subscription.interval}"
    if subscription != subscription.kept:
        return "something else is planned for the end of its period"
    if not subscription.renews:
        return "it is on trial"
    return ""
