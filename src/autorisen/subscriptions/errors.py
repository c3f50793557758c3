"""Broken rules of subscriptions."""

from __future__ import annotations

from autorisen.kit.problems import Conflict, InvalidInput, NotFound


class TransitionRefused(Conflict):
    """The subscription's status does not allow that."""

    code, title = "subscription_transition_refused", "The subscription does not allow that now"


class AlreadySubscribed(Conflict):
    """A customer has at most one live subscription; change its plan instead."""

    code, title = "already_subscribed", "There is a live subscription already"


class PeriodStillRunning(Conflict):
    """A period is closed once it is over, and not before."""

    code, title = "period_still_running", "The period is not over"


class PeriodNotBegun(Conflict):
    """Nothing can change in a period that has not begun."""

    code, title = "period_not_begun", "The period has not begun"


class TrialBeingSettled(Conflict):
    """A trial is over, and what follows it is being decided."""

    code, title = "trial_being_settled", "The trial has just ended"


class TrialRefused(Conflict):
    """One trial per customer and plan, from the default plan only, and only where the plan offers one."""

    code, title = "trial_refused", "This plan can't be tried"


class PlanNotSold(InvalidInput):
    """The plan has no price in that currency for that interval."""

    code, title = "plan_not_sold", "The plan is not sold that way"


class SubscriptionNotFound(NotFound):
    code, title = "subscription_not_found", "There is no such subscription"


class PeriodNotFound(NotFound):
    code, title = "period_not_found", "There is no such period"
