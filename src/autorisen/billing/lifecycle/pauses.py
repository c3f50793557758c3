"""Pause and resume as a customer asks for it: what is owed comes first, and the period that begins is invoiced."""

from __future__ import annotations

from uuid import UUID

from autorisen import accounts, subscriptions
from autorisen.billing import store
from autorisen.billing.errors import InvoiceDisputed, InvoiceWaiting
from autorisen.billing.lifecycle.invoice_fee import invoice_fee
from autorisen.billing.model import Invoice
from autorisen.kit.unit import Unit


async def pause(unit: Unit, subscription_id: UUID, *, at_once: bool, actor: str) -> subscriptions.Subscription:
    """Pause with the period, or at once. Raises what the verbs of subscriptions raise."""
    verb = subscriptions.pause_now if at_once else subscriptions.request_pause
    after = await verb(unit, subscription_id)
    await accounts.record_audit(
        unit, actor=actor, action="subscription.pause", target=after.public_id, detail={"at_once": at_once}
    )
    return after


async def resume(unit: Unit, subscription_id: UUID, *, actor: str) -> Invoice | None:
    """End a pause now. Gives the invoice of the period that begins with it; None inside a paid period.

    Raises `InvoiceWaiting` and `InvoiceDisputed`: a pause is no way around what is owed.
    """
    await subscriptions.subscription(unit.tx, subscription_id, lock=True)
    for invoice in await store.open_invoices(unit.tx, subscription_id):
        raise InvoiceWaiting(f"pay {invoice.number} first", invoice=invoice.public_id)
    disputed = await store.disputed_number(unit.tx, subscription_id)
    if disputed is not None:
        raise InvoiceDisputed(f"your bank asks back what paid {disputed}; settle that with us first")
    period = await subscriptions.end_pause(unit, subscription_id)
    after = await subscriptions.subscription(unit.tx, subscription_id)
    await accounts.record_audit(unit, actor=actor, action="subscription.resume", target=after.public_id, detail={})
    return None if period is None else await invoice_fee(unit, period)
