"""Upgrade by checkout: the old plan holds until the new one is paid."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from autorisen import accounts, catalog, payments, subscriptions
from autorisen.billing import store as invoices
from autorisen.billing.build_draft import fee_between
from autorisen.billing.build_invoice import Fee
from autorisen.billing.coupons import CouponCoversAll
from autorisen.billing.draft_invoice import draft_upgrade
from autorisen.billing.errors import (
    BillingDetailsNeeded,
    InvoiceDisputed,
    InvoiceWaiting,
    NotAnUpgrade,
    PlanUnknown,
    SubscriptionMissing,
)
from autorisen.billing.issue_invoice import store_draft
from autorisen.billing.model import ChangeStatus, Draft, Interval, Invoice, LineKind, PendingChange
from autorisen.billing.tax import needs_recipient
from autorisen.billing.upgrades import store
from autorisen.billing.upgrades.paid_fee import paid_in_the_end
from autorisen.kit.money import Money
from autorisen.kit.problems import FieldError
from autorisen.kit.unit import Runtime, Unit

# A second click within this time finds the first one's checkout; later the unused time is counted anew.
QUOTE_REUSED_FOR = timedelta(hours=1)


async def start_upgrade(runtime: Runtime, *, customer_id: UUID, plan_key: str, interval: Interval) -> payments.Checkout:
    """The checkout in which the upgrade can be paid; nothing changes before. The same one for a double click.

    Raises `PlanUnknown`, `NotAnUpgrade`, `InvoiceWaiting`, `InvoiceDisputed`, `BillingDetailsNeeded`,
    `SubscriptionMissing`, and what `payments.start_checkout` raises.
    """
    async with runtime.unit() as unit:
        invoice = await quote_upgrade(unit, customer_id=customer_id, plan_key=plan_key, interval=interval)
    fee = invoice.fee_line
    assert fee is not None, "an upgrade has a fee"
    return await payments.start_checkout(
        runtime,
        customer_id=customer_id,
        reference=invoice.reference,
        amount=invoice.total,
        description=fee.description,
        return_url="/app/upgrade/done",
    )


async def quote_upgrade(unit: Unit, *, customer_id: UUID, plan_key: str, interval: Interval) -> Invoice:
    """The draft that has to be paid for the upgrade: the one that waits already, or a new one."""
    subscription, wanted, draft = await _draft(unit, customer_id, plan_key, interval)
    return await _waiting_or_new(unit, subscription, wanted, interval, draft)


async def preview_upgrade(unit: Unit, *, customer_id: UUID, plan_key: str, interval: Interval) -> Draft:
    """What the upgrade would cost now, line by line; nothing is stored. Raises what `start_upgrade` raises."""
    return (await _draft(unit, customer_id, plan_key, interval))[2]


async def _draft(
    unit: Unit, customer_id: UUID, plan_key: str, interval: Interval
) -> tuple[subscriptions.Subscription, catalog.PlanVersion, Draft]:
    found = await subscriptions.subscription_of(unit.tx, customer_id)
    if found is None:
        raise SubscriptionMissing("the account is being set up; try again in a moment")
    # One at a time per subscription, so that two clicks give one draft.
    subscription = await subscriptions.subscription(unit.tx, found.id, lock=True)
    wanted = await wanted_plan(unit, plan_key)
    present = await catalog.plan_version(unit.tx, subscription.plan_version_id)
    new_fee = _new_fee(wanted, subscription, interval, unit.now)
    if subscription.status is subscriptions.Status.PAUSED:
        raise NotAnUpgrade("it is paused; resume it first")
    if subscription.status is not subscriptions.Status.TRIALING:
        require_upgrade(present, subscription.interval, wanted, interval)
    await _require_nothing_open(unit, subscription)
    period = await subscriptions.current_period(unit.tx, subscription.id)
    due = fee_between(present, subscription.currency, period.interval, period.start_at, period.end_at)
    if unit.now >= period.end_at and due is not None:
        raise InvoiceWaiting("the period has just ended and is being invoiced; try again in an hour")
    paid_fee = await _paid_fee(unit, present, period)
    draft = await draft_upgrade(
        unit.tx, unit.settings, subscription, period.id, new_fee=new_fee, paid_fee=paid_fee, at=unit.now
    )
    await _require_billable(unit, draft)
    return subscription, wanted, draft


def require_upgrade(
    present: catalog.PlanVersion, present_interval: str, wanted: catalog.PlanVersion, interval: str
) -> None:
    """Raises `NotAnUpgrade` unless the plan is a higher one, or the same one by the year instead of by the month."""
    if present_interval == "year" and interval == "month":
        raise NotAnUpgrade("a yearly plan can become a monthly one at the end of its year; cancel it with its period")
    if wanted.plan_key == present.plan_key and present_interval == interval:
        raise NotAnUpgrade(f"{present.name} is the present plan")
    if wanted.plan_key != present.plan_key and wanted.rank <= present.rank:
        raise NotAnUpgrade(f"{wanted.name} is below {present.name}; cancel at the period's end to go back to Free")


async def wanted_plan(unit: Unit, plan_key: str) -> catalog.PlanVersion:
    """The plan of that key as it is sold now. Raises `PlanUnknown`, which names those that are."""
    try:
        return await catalog.current_plan(unit.tx, plan_key, unit.now)
    except catalog.PlanNotFound:
        offered = ", ".join(plan.plan_key for plan in await catalog.current_plans(unit.tx, unit.now))
        raise PlanUnknown(errors=[FieldError("/plan", f"must be one of: {offered}")]) from None


def _new_fee(
    plan: catalog.PlanVersion, subscription: subscriptions.Subscription, interval: Interval, at: datetime
) -> Fee:
    end_at = subscriptions.next_period_end(at, interval, 1, subscription.time_zone)
    fee = fee_between(plan, subscription.currency, interval, at, end_at)
    if fee is not None:
        return fee
    if plan.flat_price(subscription.currency, interval) is not None:
        raise NotAnUpgrade(f"{plan.name} costs nothing; cancel at the period's end to go back to it")
    rule = f"must be one in which {plan.name} is sold in {subscription.currency}"
    raise PlanUnknown(errors=[FieldError("/interval", rule)])


async def _require_nothing_open(unit: Unit, subscription: subscriptions.Subscription) -> None:
    for invoice in await invoices.open_invoices(unit.tx, subscription.id):
        raise InvoiceWaiting(f"pay {invoice.number} first", invoice=invoice.public_id)
    disputed = await invoices.disputed_number(unit.tx, subscription.id)
    if disputed is not None:
        raise InvoiceDisputed(f"your bank asks back what paid {disputed}; settle that with us first")


async def _paid_fee(unit: Unit, present: catalog.PlanVersion, period: subscriptions.Period) -> Fee | None:
    """The fee that was paid for the running period: only what was paid is ever credited."""
    row = await invoices.paid_fee(unit.tx, period.id)
    if row is None:
        return None
    amount = await paid_in_the_end(unit.tx, row)
    return Fee(present.name, period.interval, amount, row["price_id"], row["period_start"], row["period_end"])


async def _require_billable(unit: Unit, draft: Draft) -> None:
    if not draft.total and any(line.kind is LineKind.DISCOUNT for line in draft.lines):
        raise CouponCoversAll(f"there is nothing to check out; write to {draft.supplier.email} and we switch you over")
    if not Money.zero(draft.currency) < draft.total:
        raise NotAnUpgrade("the unused time of the present plan is worth more than the new plan; wait for its end")
    customer = await accounts.customer(unit.tx, draft.customer_id)
    if needs_recipient(draft.total) and not customer.billing_address:
        raise BillingDetailsNeeded("a tax invoice over R5 000 names your address; add it under Settings")


async def _waiting_or_new(
    unit: Unit, subscription: subscriptions.Subscription, plan: catalog.PlanVersion, interval: Interval, draft: Draft
) -> Invoice:
    waiting = await store.waiting_change(
        unit.tx, subscription_id=subscription.id, plan_version_id=plan.id, interval=interval
    )
    if waiting is not None:
        invoice = await invoices.find_invoice(unit.tx, waiting.invoice_id)
        assert invoice is not None, "a change has its draft"
        if is_still_good(waiting, invoice, draft, unit.now):
            return invoice
        await store.requote(unit.tx, waiting.id)
    invoice = await store_draft(unit, draft)
    credit = sum(-line.amount.minor for line in draft.lines if line.kind is LineKind.PRORATION_CREDIT)
    await store.insert_change(
        unit.tx,
        PendingChange(
            id=unit.ids.new(),
            subscription_id=subscription.id,
            customer_id=subscription.customer_id,
            from_plan_version_id=subscription.plan_version_id,
            period_id=draft.period_id,
            plan_version_id=plan.id,
            interval=interval,
            invoice_id=invoice.id,
            credit_minor=credit,
            status=ChangeStatus.WAITING,
            created_at=unit.now,
        ),
    )
    return invoice


def is_still_good(waiting: PendingChange, invoice: Invoice, draft: Draft, now: datetime) -> bool:
    """Whether a waiting draft may still be paid: for the same parties and tax, and with a credit only for a while."""
    same = (invoice.customer, invoice.supplier, invoice.tax_terms) == (draft.customer, draft.supplier, draft.tax_terms)
    fresh = now < waiting.created_at + QUOTE_REUSED_FOR and waiting.period_id == draft.period_id
    return same and (invoice.total == draft.total or (fresh and waiting.credit_minor > 0))
