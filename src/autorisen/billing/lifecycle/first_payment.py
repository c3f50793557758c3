"""Subscribe with the saved card: incomplete until the charge succeeds, and expired when it does not in time."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from autorisen import accounts, payments, subscriptions
from autorisen.billing import store
from autorisen.billing.build_draft import fee_between
from autorisen.billing.coupons import CouponCoversAll, spent_coupon
from autorisen.billing.draft_invoice import draft_start
from autorisen.billing.errors import BillingDetailsNeeded, InvoiceDisputed, InvoiceWaiting, NotAnUpgrade, NothingToPay
from autorisen.billing.invoice_reference import invoice_of
from autorisen.billing.issue_invoice import store_draft
from autorisen.billing.lifecycle import mails
from autorisen.billing.lifecycle.store import first_draft
from autorisen.billing.lock_invoice import lock_invoice
from autorisen.billing.model import Interval, Invoice, InvoiceStatus, Purpose, fee_line_id
from autorisen.billing.tax import needs_recipient
from autorisen.billing.upgrades.start_upgrade import wanted_plan
from autorisen.kit.problems import Conflict
from autorisen.kit.unit import Runtime, Unit
from autorisen.kit.work import Job, enqueue

EXPIRE = "billing.expire_first_payment"


async def subscribe(
    unit: Unit, *, customer_id: UUID, plan_key: str, interval: Interval, actor: str
) -> subscriptions.Subscription:
    """Want a paid plan and charge the saved card for it; until the payment the default plan holds.

    Raises `PlanUnknown`, `NotAnUpgrade`, `CouponCoversAll`, `BillingDetailsNeeded`, `InvoiceWaiting`,
    `InvoiceDisputed`, `NoSavedMethod` (who has no card goes by the checkout of a change), and what
    `subscriptions.want_subscription` raises.
    """
    customer = await accounts.customer(unit.tx, customer_id)
    plan = await wanted_plan(unit, plan_key)
    if plan.is_default:
        raise NotAnUpgrade(f"{plan.name} costs nothing; cancel at the period's end to go back to it")
    free = await subscriptions.default_subscription(unit, customer_id)
    await _require_nothing_owed(unit, customer_id)
    wanted = await subscriptions.want_subscription(unit, customer=customer, plan=plan, interval=interval)
    until = subscriptions.next_period_end(unit.now, interval, 1, customer.time_zone)
    fee = fee_between(plan, customer.currency, interval, unit.now, until)
    if fee is None:
        raise NotAnUpgrade(f"{plan.name} costs nothing by the {interval}; change the plan instead")
    period = await subscriptions.current_period(unit.tx, free.id)
    draft = await draft_start(unit.tx, unit.settings, wanted, period.id, fee, unit.now)
    if not draft.total:
        raise CouponCoversAll(f"there is nothing to charge; write to {draft.supplier.email} and we switch you over")
    if needs_recipient(draft.total) and not customer.billing_address:
        raise BillingDetailsNeeded("a tax invoice over R5 000 names your address; add it under Settings")
    invoice = await store_draft(unit, draft)
    await payments.charge_saved_method(
        unit, customer_id=customer_id, reference=invoice.reference, amount=invoice.total, description=fee_words(invoice)
    )
    due_at = unit.now + subscriptions.FIRST_PAYMENT_WITHIN
    await enqueue(unit, EXPIRE, {"invoice_id": invoice.id}, due_at=due_at, key=f"expire:{invoice.id}")
    detail = {"plan": plan.plan_key, "interval": interval}
    await accounts.record_audit(unit, actor=actor, action="subscription.want", target=wanted.public_id, detail=detail)
    return wanted


def fee_words(invoice: Invoice) -> str:
    """What the payer reads beside the amount."""
    assert invoice.fee_line is not None, "a first invoice has a fee"
    return invoice.fee_line.description


async def first_invoice(unit: Unit, customer_id: UUID) -> Invoice | None:
    """The draft whose payment a customer's wanted subscription waits for; None without one."""
    wanted = await subscriptions.wanted_subscription(unit.tx, customer_id)
    draft_id = None if wanted is None else await first_draft(unit.tx, wanted.id)
    return None if draft_id is None else await store.find_invoice(unit.tx, draft_id)


async def pay_first(runtime: Runtime, *, customer_id: UUID) -> payments.Checkout:
    """The checkout of a first payment that did not come by itself. Raises `NothingToPay`."""
    async with runtime.unit() as unit:
        invoice = await first_invoice(unit, customer_id)
    if invoice is None:
        raise NothingToPay("no first payment is waited for")
    return await payments.start_checkout(
        runtime,
        customer_id=customer_id,
        reference=invoice.reference,
        amount=invoice.total,
        description=fee_words(invoice),
        return_url="/app/upgrade/done",
    )


async def drop(unit: Unit, wanted: subscriptions.Subscription) -> None:
    """Want the plan no more: nothing is owed, and a payment that comes all the same is kept for its payer."""
    draft_id = await first_draft(unit.tx, wanted.id)
    await subscriptions.cancel_now(unit, wanted.id)
    await store.void_drafts(unit.tx, [] if draft_id is None else [draft_id], unit.now)


def is_first(invoice: Invoice) -> bool:
    """Whether the invoice is the draft of a first payment."""
    return invoice.status is InvoiceStatus.DRAFT and invoice.purpose is Purpose.START


async def begin(unit: Unit, invoice: Invoice) -> str | None:
    """Start the wanted subscription that the draft was paid for, or say why it can't start. Hold the invoice first."""
    if (code := await spent_coupon(unit.tx, invoice.id)) is not None:
        return f"another invoice has used up the coupon {code} since"
    try:
        period = await subscriptions.begin_wanted(unit, invoice.subscription_id)
    except Conflict as refusal:
        return refusal.detail or refusal.title
    await store.redate_fee(unit.tx, invoice.id, start=period.start_at, end=period.end_at)
    await store.insert_fees(unit.tx, [(period.id, invoice.id, fee_line_id(invoice))])
    return None


async def on_first_payment_failed(unit: Unit, fact: payments.PaymentFailed) -> None:
    """The charge of the saved card came to nothing: the customer is asked to pay by hand, while there is time."""
    invoice = await lock_invoice(unit.tx, invoice_of(fact.reference))
    if invoice is None or not is_first(invoice) or fact.kind == payments.PaymentKind.CHECKOUT:
        return
    wanted = await subscriptions.mark_past_due(unit, invoice.subscription_id)
    if wanted.status is subscriptions.Status.INCOMPLETE:
        await mails.mail_first_payment_failed(unit, wanted, invoice, reason=fact.reason, until=_until(invoice))


def _until(invoice: Invoice) -> datetime:
    return invoice.created_at + subscriptions.FIRST_PAYMENT_WITHIN


async def _expire(unit: Unit, payload: dict[str, Any]) -> None:
    invoice = await lock_invoice(unit.tx, UUID(payload["invoice_id"]))
    assert invoice is not None, "a draft is never deleted"
    if is_first(invoice) and await subscriptions.expire_wanted(unit, invoice.subscription_id):
        await store.void_drafts(unit.tx, [invoice.id], unit.now)
        await mails.mail_expired(unit, await subscriptions.subscription(unit.tx, invoice.subscription_id))


async def _require_nothing_owed(unit: Unit, customer_id: UUID) -> None:
    for each in await subscriptions.subscription_history(unit.tx, customer_id):
        for invoice in await store.open_invoices(unit.tx, each.id):
            raise InvoiceWaiting(f"pay {invoice.number} first", invoice=invoice.public_id)
        disputed = await store.disputed_number(unit.tx, each.id)
        if disputed is not None:
            raise InvoiceDisputed(f"your bank asks back what paid {disputed}; settle that with us first")


EXPIRE_FIRST_PAYMENT_JOB = Job(EXPIRE, _expire)
