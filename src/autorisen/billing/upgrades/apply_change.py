"""Make a plan change that was waiting for its payment, or say why it can't be made any more."""

from __future__ import annotations

from datetime import datetime, timedelta

from autorisen import catalog, subscriptions
from autorisen.billing import store as invoices
from autorisen.billing.build_invoice import unused_part
from autorisen.billing.coupons import spent_coupon
from autorisen.billing.model import Invoice, PendingChange, fee_line_id
from autorisen.billing.upgrades import store
from autorisen.billing.upgrades.paid_fee import paid_in_the_end
from autorisen.kit.unit import Unit

# A quote that takes off unused time is good for so long: later, more of that time has been used.
QUOTE_HONOURED_FOR = timedelta(hours=24)


async def too_late(unit: Unit, change: PendingChange, *, paid_at: datetime) -> str | None:
    """Why a paid change may not be made, or None. Call it under the lock of its invoice."""
    subscription = await subscriptions.subscription(unit.tx, change.subscription_id, lock=True)
    if await invoices.disputed_number(unit.tx, subscription.id) is not None:
        return "an earlier payment is disputed"
    running = await subscriptions.current_period(unit.tx, change.subscription_id)
    reason = why_too_late(change, subscription, running, paid_at=paid_at, now=unit.now)
    if reason is None and await _fee_invoiced_since(unit, change, running):
        return "a fee was invoiced after the quote, which takes nothing off for it"
    if reason is None and await _given_back_since(unit, change):
        return "what the quote takes off was given back since"
    if reason is None and (code := await spent_coupon(unit.tx, change.invoice_id)) is not None:
        return f"another invoice has used up the coupon {code} since"
    return reason


async def _fee_invoiced_since(unit: Unit, change: PendingChange, running: subscriptions.Period) -> bool:
    """Whether the running period's fee was invoiced after the quote: both would be paid, and nothing credited."""
    invoice_id = await invoices.fee_invoice(unit.tx, running.id)
    invoice = None if invoice_id is None else await invoices.find_invoice(unit.tx, invoice_id)
    return invoice is not None and invoice.issued_at is not None and invoice.issued_at > change.created_at


async def _given_back_since(unit: Unit, change: PendingChange) -> bool:
    """Whether a credit note or a refund took back of the fee whose unused part the quote takes off."""
    if not change.credit_minor:
        return False
    fee = await invoices.paid_fee(unit.tx, change.period_id)
    assert fee is not None, "a refund ends the subscription, a dispute stops its changes"
    paid = await paid_in_the_end(unit.tx, fee, lock=True)
    left = unused_part(paid, start_at=fee["period_start"], end_at=fee["period_end"], at=change.created_at)
    return left.minor < change.credit_minor


def why_too_late(
    change: PendingChange,
    subscription: subscriptions.Subscription,
    running: subscriptions.Period,
    *,
    paid_at: datetime,
    now: datetime,
) -> str | None:
    """The rule behind `too_late`. Pure."""
    if not subscription.is_live:
        return "the subscription is over"
    if subscription.plan_version_id != change.from_plan_version_id:
        return "the plan was changed meanwhile"
    after = subscriptions.following(subscription, running)
    is_over = after is None or after.subscription.status is subscriptions.Status.PAUSED
    if subscription.status is subscriptions.Status.PAUSED or (now >= running.end_at and is_over):
        return "the subscription was paused or ended meanwhile"
    expired = paid_at > change.created_at + QUOTE_HONOURED_FOR
    if change.credit_minor and (expired or running.id != change.period_id or now >= running.end_at):
        return "the quote has expired, and its credit with it"
    return None


async def apply_change(unit: Unit, change: PendingChange, invoice: Invoice) -> None:
    """Change the plan now and date the invoice's fee to the period that begins with it."""
    plan = await catalog.plan_version(unit.tx, change.plan_version_id)
    period = await subscriptions.change_plan(
        unit, subscription_id=change.subscription_id, plan_version=plan, at=unit.now, interval=change.interval
    )
    await invoices.redate_fee(unit.tx, invoice.id, start=period.start_at, end=period.end_at)
    await invoices.insert_fees(unit.tx, [(period.id, invoice.id, fee_line_id(invoice))])
    await store.apply_change(unit.tx, change, unit.now)
