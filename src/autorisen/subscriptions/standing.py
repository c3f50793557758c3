"""What a subscription allows at an instant, however late the closing of its period runs. Pure."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from autorisen.catalog import Interval
from autorisen.subscriptions.model import Period, PeriodKind, Subscription, following
from autorisen.subscriptions.periods import next_period_end


@dataclass(frozen=True)
class Standing:
    """What holds for a customer at one instant: the terms, and the stretch that allowances count in."""

    plan_version_id: UUID | None  # None: the default plan of that instant
    interval: Interval
    start_at: datetime
    end_at: datetime
    kind: PeriodKind = "paid"  # what it allows
    charged: PeriodKind = "paid"  # how its use is rated: the rest of a paid period stays one, also paused


def standing(subscription: Subscription, period: Period, now: datetime) -> Standing | None:
    """What the newest period of a subscription allows now, however late the closing of that period runs.

    Nothing before the subscription starts, and nothing of a period once it is over: a subscription that renews goes
    on with the next stretch, one that was to end has fallen back to the default plan, and so has a trial. Paused, it
    allows nothing, also for the rest of a paid period.
    """
    if not subscription.is_live or now < subscription.started_at:
        return None
    if now < period.end_at:
        kind: PeriodKind = "pause" if subscription.allows_nothing else period.kind
        return Standing(period.plan_version_id, period.interval, period.start_at, period.end_at, kind, period.kind)
    after = following(subscription, period)
    anchor, version = period.end_at, None
    interval: Interval = "month"
    ordinal, kind = 1, "paid"
    if after is not None:
        anchor, version = after.subscription.anchor_at, after.subscription.plan_version_id
        interval, ordinal, kind = after.interval, after.ordinal, after.kind
    start, end = period.end_at, next_period_end(anchor, interval, ordinal, subscription.time_zone)
    while end <= now:
        ordinal += 1
        start, end = end, next_period_end(anchor, interval, ordinal, subscription.time_zone)
    allowed: PeriodKind = "pause" if subscription.allows_nothing and after is not None else kind
    return Standing(version, interval, start, end, allowed, kind)
