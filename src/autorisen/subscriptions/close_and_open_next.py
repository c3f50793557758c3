"""Close periods and open what follows, or end the subscriptions with them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from autorisen import accounts, catalog
from autorisen.kit.database import Tx
from autorisen.kit.unit import Unit
from autorisen.kit.work import record_many
from autorisen.subscriptions import store, store_renewals
from autorisen.subscriptions.errors import AlreadySubscribed, PeriodNotFound
from autorisen.subscriptions.model import Period, Subscription
from autorisen.subscriptions.renewal import EndedPeriod, Renewal, renew, start_on_default


async def close_and_open_next(unit: Unit, period_id: UUID) -> Period | None:
    """Mark a period closed, for ever, and give the period that renews it, whose fee is now to be invoiced.

    The next one opens where this one ends, unless it exists already. A subscription that was to be cancelled with its
    period, or a trial that nobody pays on for, ends there, and the default plan starts at the same instant: then that
    plan's period is given. None when no fee is due: after a change of plan, which has one of its own, and in a pause.
    A closed period stays as it is and gives None, so it may be repeated. Raises `PeriodStillRunning` before its end.
    """
    await store.period(unit.tx, period_id, lock=True)
    (over,) = await ended_periods(unit.tx, [period_id], at=unit.now)
    renewal = renew(over, at=unit.now, new_id=unit.ids.new)
    if over.period.status == "open":
        await keep_renewals(unit, [renewal])
    return renewal.following


async def ended_periods(tx: Tx, period_ids: Sequence[UUID], *, at: datetime) -> list[EndedPeriod]:
    """These periods with all that decides on what follows them, in the order asked. Raises `PeriodNotFound`.

    Whoever goes on to write what follows holds their subscriptions (`claim_due_periods`, `period(lock=True)`).
    """
    periods = await store_renewals.periods_by_id(tx, period_ids)
    if missing := set(period_ids) - set(periods):
        raise PeriodNotFound(f"no period has the id {min(missing)}")
    held = await store_renewals.subscriptions_by_id(tx, [each.subscription_id for each in periods.values()])
    following = await store_renewals.following_periods(tx, period_ids)
    customers = await accounts.customers_by_id(tx, {each.customer_id for each in periods.values()})
    sold = await catalog.current_plans(tx, at)
    default = next((plan for plan in sold if plan.is_default), None)
    return [
        EndedPeriod(
            period=period,
            subscription=held[period.subscription_id],
            customer=customers[period.customer_id],
            following=following.get(period.id),
            default_plan=default,
        )
        for period in map(periods.__getitem__, period_ids)
    ]


async def keep_renewals(unit: Unit, renewals: Sequence[Renewal]) -> None:
    """Write what follows many periods, of which no two are of one customer, and record it."""
    await store_renewals.close_periods(unit.tx, [each.period_id for each in renewals])
    await store_renewals.update_subscriptions(unit.tx, [each.changed for each in renewals if each.changed])
    started = [each.started for each in renewals if each.started is not None]
    if await store_renewals.insert_subscriptions(unit.tx, started) < len(started):
        raise AlreadySubscribed("change the plan of the live subscription instead")
    opened = [(each.opened, each.started is None) for each in renewals if each.opened is not None]
    await store_renewals.insert_periods(unit.tx, opened)
    await record_many(unit, [fact for each in renewals for fact in each.facts])


async def start_default(unit: Unit, ended: Subscription, start_at: datetime) -> Period:
    """Put the customer of an ended subscription on the default plan, without a gap."""
    customer = await accounts.customer(unit.tx, ended.customer_id)
    plan = await catalog.default_plan(unit.tx, unit.now)
    started, first, facts = start_on_default(plan, customer, ended, start_at, unit.ids.new)
    if not await store.insert_subscription(unit.tx, started):
        raise AlreadySubscribed("change the plan of the live subscription instead")
    await store.insert_period(unit.tx, first, None)
    await record_many(unit, facts)
    return first
