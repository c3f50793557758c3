"""What customers are told by mail about their subscription: what they may not have seen coming, and what to do."""

from __future__ import annotations

from datetime import datetime

from autorisen import accounts, catalog, subscriptions
from autorisen.billing.document.present import date_text
from autorisen.billing.model import Invoice
from autorisen.billing.parties import supplier_party
from autorisen.kit.mail import Message, send
from autorisen.kit.unit import Unit


async def mail_trial_ends(
    unit: Unit, subscription: subscriptions.Subscription, *, ends_at: datetime, paid_on: bool
) -> None:
    """Some days before the end of a trial: what will happen, and how to have it otherwise."""
    plan = await catalog.plan_version(unit.tx, subscription.plan_version_id)
    day = date_text(ends_at, subscription.time_zone)
    price = plan.flat_price(subscription.currency, subscription.interval)
    if paid_on and price is not None:
        text = (
            f"Your trial of {plan.name} ends on {day}. Then it goes on for {price.amount.format()} a "
            f"{subscription.interval}, charged to your saved card. If you do not want that, cancel before:"
        )
    else:
        text = (
            f"Your trial of {plan.name} ends on {day}. You owe nothing, and are on the free plan again then, with all "
            f"your data. To go on with {plan.name}, choose it here:"
        )
    await _send(unit, subscription, f"Your trial of {plan.name} ends on {day}", text)


async def on_trial_ended(unit: Unit, fact: subscriptions.TrialEnded) -> None:
    """The paid time has begun, or the free plan has."""
    subscription = await subscriptions.subscription(unit.tx, fact.subscription_id)
    plan = await catalog.plan_version(unit.tx, subscription.plan_version_id)
    if fact.converted:
        text = f"Your trial of {plan.name} is over and your paid time has begun. Your plan and its invoice:"
    else:
        text = f"Your trial of {plan.name} is over. You owe nothing and are on the free plan; all your data is there."
        text += f" You can have {plan.name} at any time:"
    await _send(unit, subscription, f"Your trial of {plan.name} is over", text)


async def on_plan_changed(unit: Unit, fact: subscriptions.PlanChanged) -> None:
    """A change that was planned has come; one at once was seen by who made it."""
    if not fact.planned:
        return
    subscription = await subscriptions.subscription(unit.tx, fact.subscription_id)
    before = await catalog.plan_version(unit.tx, fact.from_plan_version_id)
    plan = await catalog.plan_version(unit.tx, fact.to_plan_version_id)
    day = date_text(fact.at, subscription.time_zone)
    if (before.plan_key, fact.from_interval) == (plan.plan_key, fact.to_interval) and before.id != plan.id:
        subject = f"New terms of {plan.name} hold now"
        text = f"As we wrote to you, other terms of {plan.name} hold from {day} on. Your plan:"
    else:
        subject = (
            f"You are on {catalog.plan_words(plan, fact.to_interval if before.plan_key == plan.plan_key else '')} now"
        )
        change = catalog.switch_words(before, plan, fact.from_interval, fact.to_interval)
        text = f"As you asked, your plan changed on {day}: {change}. Your plan:"
    await _send(unit, subscription, subject, text)


async def on_cancelled(unit: Unit, fact: subscriptions.SubscriptionCancelled) -> None:
    """A paid subscription was stopped at once: by its customer, by us, or because its payment went back.

    Of what ended for want of payment dunning writes itself.
    """
    subscription = await subscriptions.subscription(unit.tx, fact.subscription_id)
    plan = await catalog.plan_version(unit.tx, subscription.plan_version_id)
    if plan.is_default or fact.unpaid:
        return
    text = f"{plan.name} ended on {date_text(fact.at, subscription.time_zone)}, and you are on the free plan."
    text += " What was used until then beyond the allowance is invoiced once more. Your plan:"
    await _send(unit, subscription, f"{plan.name} has ended", text)


async def mail_first_payment_failed(
    unit: Unit, subscription: subscriptions.Subscription, invoice: Invoice, *, reason: str, until: datetime
) -> None:
    """The saved card could not be charged: why, until when there is time, and where to pay."""
    plan = await catalog.plan_version(unit.tx, subscription.plan_version_id)
    day = date_text(until, subscription.time_zone)
    text = (
        f"We could not collect {invoice.total.format()} for {plan.name}: {reason}\n"
        f"Nothing has changed yet. Pay by {day}, with the same or another card, and it begins at once:"
    )
    await _send(unit, subscription, f"{plan.name} waits for its payment", text)


async def mail_expired(unit: Unit, subscription: subscriptions.Subscription) -> None:
    """The first payment did not come: nothing is owed."""
    plan = await catalog.plan_version(unit.tx, subscription.plan_version_id)
    text = f"The payment for {plan.name} did not come, so it has not begun, and you owe nothing. To try again:"
    await _send(unit, subscription, f"{plan.name} has not begun", text)


async def _send(unit: Unit, subscription: subscriptions.Subscription, subject: str, text: str) -> None:
    customer = await accounts.customer(unit.tx, subscription.customer_id)
    body = f"Dear {customer.name},\n\n{text}\n\n  {unit.settings.base_url}/app/billing\n\n"
    await send(unit, Message(customer.email, subject, f"{body}{supplier_party(unit.settings, unit.now).name}\n"))
