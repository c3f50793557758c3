"""The contract of a customer: its plan, its periods, its status, and what it allows.

Owns the PostgreSQL schema `subscriptions`: `subscriptions` (at most one live per customer) and `periods` (half-open,
without gap or overlap, by constraint). Facts: SubscriptionStarted, PeriodOpened, PeriodCut, PlanChanged,
CancelRequested, CancelWithdrawn, SubscriptionPastDue, SubscriptionRecovered, SubscriptionEnded.
"""

from autorisen.subscriptions.cancel import cancel_now, request_cancel, resume
from autorisen.subscriptions.change_plan import change_plan
from autorisen.subscriptions.close_and_open_next import close_and_open_next
from autorisen.subscriptions.entitlements import entitlements, standing_of
from autorisen.subscriptions.errors import (
    AlreadySubscribed,
    PeriodNotBegun,
    PeriodNotFound,
    PeriodStillRunning,
    PlanNotSold,
    SubscriptionNotFound,
    TransitionRefused,
)
from autorisen.subscriptions.facts import (
    CancelRequested,
    CancelWithdrawn,
    PeriodCut,
    PeriodOpened,
    PlanChanged,
    SubscriptionEnded,
    SubscriptionPastDue,
    SubscriptionRecovered,
    SubscriptionStarted,
)
from autorisen.subscriptions.model import LIVE, Entitlement, Period, Standing, Status, Subscription
from autorisen.subscriptions.past_due import mark_active, mark_past_due
from autorisen.subscriptions.periods import next_period_end, unused_credit
from autorisen.subscriptions.start_subscription import on_customer_created, start_subscription
from autorisen.subscriptions.store import (
    current_period,
    period,
    periods_of,
    status_counts,
    subscription,
    subscription_history,
    subscription_of,
    subscriptions_of,
)

__all__ = [
    "LIVE",
    "AlreadySubscribed",
    "CancelRequested",
    "CancelWithdrawn",
    "Entitlement",
    "Period",
    "PeriodCut",
    "PeriodNotBegun",
    "PeriodNotFound",
    "PeriodOpened",
    "PeriodStillRunning",
    "PlanChanged",
    "PlanNotSold",
    "Standing",
    "Status",
    "Subscription",
    "SubscriptionEnded",
    "SubscriptionNotFound",
    "SubscriptionPastDue",
    "SubscriptionRecovered",
    "SubscriptionStarted",
    "TransitionRefused",
    "cancel_now",
    "change_plan",
    "close_and_open_next",
    "current_period",
    "entitlements",
    "mark_active",
    "mark_past_due",
    "next_period_end",
    "on_customer_created",
    "period",
    "periods_of",
    "request_cancel",
    "resume",
    "standing_of",
    "start_subscription",
    "status_counts",
    "subscription",
    "subscription_history",
    "subscription_of",
    "subscriptions_of",
    "unused_credit",
]
