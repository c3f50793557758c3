"""Go on from period to period: when one is closed, and before a change when the closing is late."""

from __future__ import annotations

from datetime import datetime

from autorisen.kit.unit import Unit
from autorisen.kit.work import record_many
from autorisen.subscriptions import store
from autorisen.subscriptions.errors import PeriodNotBegun, TransitionRefused, TrialBeingSettled
from autorisen.subscriptions.model import Following, Period, Status, Subscription, following
from autorisen.subscriptions.open_period import open_following
from autorisen.subscriptions.renewal import changes_with


async def reach(
    unit: Unit, subscription: Subscription, at: datetime, *, or_its_end: bool = False
) -> tuple[Subscription, Period]:
    """The subscription as it stands at `at`, with its newest period: what has fallen due before is made first.

    The period may begin after `at`: time does not run backwards over a change that has been made. Raises
    `PeriodNotBegun` before the start, `TrialBeingSettled`, and `TransitionRefused` where the last period is over,
    which `or_its_end` gives instead.
    """
    if at < subscription.started_at:
        raise PeriodNotBegun(f"the subscription starts at {subscription.started_at.isoformat()}")
    running = await store.current_period(unit.tx, subscription.id)
    while running.end_at <= at:
        after = following(subscription, running)
        if after is not None:
            subscription, running = after.subscription, await go_on(unit, subscription, after, running)
        elif or_its_end:
            break
        elif subscription.status is Status.TRIALING and not subscription.cancel_at_period_end:
            raise TrialBeingSettled("it has just ended; try again in a moment")
        else:
            raise TransitionRefused(f"it ended at {running.end_at.isoformat()}; choose a plan again")
    return subscription, running


async def go_on(unit: Unit, subscription: Subscription, after: Following, period: Period) -> Period:
    """Open the period that comes after one, and note what changes with it."""
    changed = after.subscription
    if changed != subscription:
        await store.update_subscription(unit.tx, changed)
    await record_many(unit, changes_with(subscription, after, period.end_at))
    return await open_following(unit, after, period)
