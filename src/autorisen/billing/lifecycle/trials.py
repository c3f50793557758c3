"""Trials: start one, remind of its end, and end it with the paid time or without."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from autorisen import accounts, catalog, payments, subscriptions
from autorisen.billing.errors import SubscriptionMissing
from autorisen.billing.lifecycle import mails
from autorisen.billing.lifecycle.invoice_fee import invoice_fee
from autorisen.billing.model import Interval
from autorisen.billing.upgrades.start_upgrade import wanted_plan
from autorisen.kit.unit import Unit
from autorisen.kit.work import Job, enqueue

REMIND_BEFORE = timedelta(days=3)
REMIND_TRIAL = "billing.remind_trial"
END_TRIAL = "billing.end_trial"


async def start_trial(
    unit: Unit, *, customer_id: UUID, plan_key: str, interval: Interval, actor: str
) -> subscriptions.Period:
    """Put a customer of the default plan on trial; `interval` is the cycle of the paid time after it.

    Raises `PlanUnknown`, `SubscriptionMissing`, and what `subscriptions.start_trial` raises.
    """
    found = await subscriptions.subscription_of(unit.tx, customer_id)
    if found is None:
        raise SubscriptionMissing("the account is being set up; try again in a moment")
    plan = await wanted_plan(unit, plan_key)
    trial = await subscriptions.start_trial(unit, found.id, plan=plan, interval=interval)
    await accounts.record_audit(
        unit, actor=actor, action="subscription.trial", target=found.public_id, detail={"plan": plan.plan_key}
    )
    return trial


async def can_try(unit: Unit, subscription: subscriptions.Subscription, plan: catalog.PlanVersion) -> bool:
    """Whether a plan may be tried by the customer of a subscription, now."""
    present = await catalog.plan_version(unit.tx, subscription.plan_version_id)
    tried = await subscriptions.tried_plans(unit.tx, subscription.customer_id)
    return present.is_default and plan.trial_days is not None and plan.plan_key not in tried


async def schedule_trial_end(unit: Unit, fact: subscriptions.TrialStarted) -> None:
    """Have the customer reminded, and the trial ended when it is over."""
    payload = {"subscription_id": fact.subscription_id}
    remind_at = max(unit.now, fact.ends_at - REMIND_BEFORE)
    await enqueue(unit, REMIND_TRIAL, payload, due_at=remind_at, key=f"remind:{fact.subscription_id}")
    await enqueue(unit, END_TRIAL, payload, due_at=fact.ends_at, key=f"end-trial:{fact.subscription_id}")


async def _remind(unit: Unit, payload: dict[str, Any]) -> None:
    subscription = await subscriptions.subscription(unit.tx, UUID(payload["subscription_id"]))
    if subscription.status is not subscriptions.Status.TRIALING:
        return
    trial = await subscriptions.current_period(unit.tx, subscription.id)
    paid_on = await _paid_on(unit, subscription)
    await mails.mail_trial_ends(unit, subscription, ends_at=trial.end_at, paid_on=paid_on)


async def _end(unit: Unit, payload: dict[str, Any]) -> None:
    subscription = await subscriptions.subscription(unit.tx, UUID(payload["subscription_id"]), lock=True)
    period = await subscriptions.end_trial(unit, subscription.id, paid_on=await _paid_on(unit, subscription))
    if period is not None:
        await invoice_fee(unit, period)


async def _paid_on(unit: Unit, subscription: subscriptions.Subscription) -> bool:
    """Nobody who gave no card finds an invoice: only a saved one pays on."""
    method = await payments.default_method(unit.tx, subscription.customer_id)
    return method is not None and not subscription.cancel_at_period_end


REMIND_TRIAL_JOB = Job(REMIND_TRIAL, _remind)
END_TRIAL_JOB = Job(END_TRIAL, _end)
