"""Change a plan or cycle, with a preview: at once by a checkout, or with the end of the period."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from autorisen import accounts, catalog, payments, subscriptions
from autorisen.billing.errors import InvoiceWaiting, PlanUnknown, SubscriptionMissing
from autorisen.billing.lifecycle.model import ChangePreview, Way, way_of
from autorisen.billing.model import Interval
from autorisen.billing.upgrades.start_upgrade import preview_upgrade, start_upgrade, wanted_plan
from autorisen.kit.money import Money
from autorisen.kit.problems import FieldError
from autorisen.kit.unit import Runtime, Unit


@dataclass(frozen=True)
class Changed:
    """What became of a change: it is planned, or it waits for the payment of its checkout."""

    preview: ChangePreview
    checkout: payments.Checkout | None


async def preview_change(
    unit: Unit, *, customer_id: UUID, plan_key: str, interval: Interval, at_period_end: bool = False
) -> ChangePreview:
    """What a change would do and cost now; nothing is stored. Raises what the change would raise."""
    found = await subscriptions.subscription_of(unit.tx, customer_id)
    if found is None:
        raise SubscriptionMissing("the account is being set up; try again in a moment")
    wanted = await wanted_plan(unit, plan_key)
    present = await catalog.plan_version(unit.tx, found.plan_version_id)
    way = way_of(found, present, wanted, interval, at_period_end=at_period_end)
    draft = None
    if way is Way.AT_ONCE:
        draft = await preview_upgrade(unit, customer_id=customer_id, plan_key=plan_key, interval=interval)
    period = await subscriptions.current_period(unit.tx, found.id)
    if way is not Way.AT_ONCE and unit.now >= period.end_at:
        raise InvoiceWaiting("the period has just ended and is being invoiced; try again in an hour")
    takes_effect_at = unit.now if way is Way.AT_ONCE else period.end_at
    price = wanted.flat_price(found.currency, interval)
    if price is None and way is not Way.CANCEL:
        rule = f"must be one in which {wanted.name} is sold in {found.currency}"
        raise PlanUnknown(errors=[FieldError("/interval", rule)])
    fee = Money.zero(found.currency) if price is None else price.amount
    return ChangePreview(way, wanted, interval, takes_effect_at, draft, fee)


async def change_subscription(
    runtime: Runtime,
    *,
    customer_id: UUID,
    plan_key: str,
    interval: Interval,
    actor: str,
    at_period_end: bool = False,
) -> Changed:
    """Make the change: plan it, or give the checkout in which it is paid. Asked again, the same is the answer."""
    async with runtime.unit() as unit:
        preview = await preview_change(
            unit, customer_id=customer_id, plan_key=plan_key, interval=interval, at_period_end=at_period_end
        )
        if preview.way is not Way.AT_ONCE:
            await _plan(unit, customer_id, preview, actor)
            return Changed(preview, None)
    checkout = await start_upgrade(runtime, customer_id=customer_id, plan_key=plan_key, interval=interval)
    return Changed(preview, checkout)


async def _plan(unit: Unit, customer_id: UUID, preview: ChangePreview, actor: str) -> None:
    found = await subscriptions.subscription_of(unit.tx, customer_id)
    assert found is not None, "previewed by this transaction"
    if preview.way is Way.CANCEL:
        await subscriptions.request_cancel(unit, found.id)
        action, detail = "subscription.cancel", {}
    else:
        await subscriptions.schedule_change(unit, found.id, plan_version=preview.plan, interval=preview.interval)
        action, detail = "subscription.schedule", {"plan": preview.plan.plan_key, "interval": preview.interval}
    await accounts.record_audit(unit, actor=actor, action=action, target=found.public_id, detail=detail)
