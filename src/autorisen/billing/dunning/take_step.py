"""Take what is due of the schedule of an unpaid invoice. Once per step, whatever is repeated, killed or jumped over."""

from __future__ import annotations

from uuid import UUID

from autorisen import payments, subscriptions
from autorisen.billing.dunning import store
from autorisen.billing.dunning.mail_dunning import mail_cancelled, mail_reminder, mail_suspended
from autorisen.billing.dunning.model import (
    Attempt,
    Decision,
    Dunning,
    Outcome,
    StepKind,
    begin,
    decide,
    end,
    policy_of,
    why_no_charge,
)
from autorisen.billing.dunning.store import DunningEvent
from autorisen.billing.lock_invoice import lock_invoice
from autorisen.billing.model import Invoice, InvoiceStatus
from autorisen.kit.unit import Unit
from autorisen.kit.work import enqueue

STEP_KIND = "billing.dunning_step"
SCHEDULE_ACTOR = "schedule"

# How an invoice that is not open any more came to its end.
_OUTCOMES = {
    InvoiceStatus.PAID: Outcome.PAID,
    InvoiceStatus.UNCOLLECTIBLE: Outcome.WRITTEN_OFF,
    InvoiceStatus.VOID: Outcome.VOID,
}


async def begin_dunning(unit: Unit, invoice: Invoice, *, first_charge_failed: bool, reason: str = "") -> None:
    """Begin to chase an open invoice; nothing when that has begun, or when it is open no more.

    Call it under the invoice's lock. With `first_charge_failed` that charge was the try of day 0; else day 0 is taken
    by the job that this enqueues.
    """
    made = begin(
        policy_of(unit.settings),
        invoice_id=invoice.id,
        subscription_id=invoice.subscription_id,
        customer_id=invoice.customer_id,
        at=unit.now,
    )
    if invoice.status is not InvoiceStatus.OPEN or not await store.insert_dunning(unit.tx, made):
        return
    await subscriptions.mark_past_due(unit, invoice.subscription_id)
    if first_charge_failed:
        decision = decide(made, unit.now)
        await store.update_dunning(unit.tx, decision.after)
        await note(unit, made, "charge_failed", reason, step=0)
        made = decision.after
    await enqueue_step(unit, made)


async def enqueue_step(unit: Unit, dunning: Dunning) -> None:
    """Have the next step taken when it is due; any number of times gives one job."""
    if dunning.next_at is not None:
        key = f"dunning:{dunning.invoice_id}:{dunning.next_at.isoformat()}"
        await enqueue(unit, STEP_KIND, {"invoice_id": dunning.invoice_id}, due_at=dunning.next_at, key=key)


async def take_step(unit: Unit, invoice_id: UUID) -> None:
    """What is due now of an invoice's schedule; nothing when it is paused, over, or not due yet."""
    invoice = await lock_invoice(unit.tx, invoice_id)
    dunning = await store.find_dunning(unit.tx, invoice_id, lock=True)
    if invoice is None or dunning is None or dunning.ended_at is not None:
        return
    if invoice.status is not InvoiceStatus.OPEN:
        await end_dunning(unit, dunning, _OUTCOMES[invoice.status])
        return
    decision = decide(dunning, unit.now)
    if decision.kind is not None:
        await store.update_dunning(unit.tx, decision.after)
        await _act(unit, invoice, decision)
        await enqueue_step(unit, decision.after)


async def end_dunning(unit: Unit, dunning: Dunning, outcome: Outcome) -> None:
    """The invoice is paid, written off or void: nothing more is done about it."""
    await store.update_dunning(unit.tx, end(dunning, outcome, unit.now))
    await note(unit, dunning, outcome.value, "")


async def _act(unit: Unit, invoice: Invoice, decision: Decision) -> None:
    """Do what the decision says, once, and note it at each step that it covers."""
    dunning, payment_id = decision.after, None
    if decision.kind is StepKind.RETRY:
        kind, detail, payment_id = await try_charge(unit, invoice)
        if payment_id is None:
            await mail_reminder(unit, invoice, dunning)
    elif decision.kind is StepKind.SUSPEND:
        kind, detail = "suspended", ""
        await subscriptions.suspend(unit, invoice.subscription_id)
        await mail_suspended(unit, invoice, dunning)
    else:
        kind, detail = "cancelled", ""
        subscription = await subscriptions.subscription(unit.tx, invoice.subscription_id, lock=True)
        if subscription.is_live:
            await subscriptions.cancel_now(unit, subscription.id, unpaid=True)
        await mail_cancelled(unit, invoice)
    for step in decision.steps[:-1]:
        await note(unit, dunning, "skipped", "time went over it; done once with the next", step=step.number)
    await note(unit, dunning, kind, detail, step=decision.steps[-1].number, payment_id=payment_id)


async def try_charge(unit: Unit, invoice: Invoice) -> tuple[str, str, UUID | None]:
    """Charge the saved method where that can help: what was done, why not, and the payment."""
    method = await payments.default_method(unit.tx, invoice.customer_id)
    attempts = await payments.payments_for(unit.tx, invoice.reference)
    seen = [
        Attempt(each.is_live, each.succeeded_at is not None, each.method_id, each.failure_code) for each in attempts
    ]
    reason = why_no_charge(seen, None if method is None else method.id, payments.HARD_DECLINES)
    if reason is not None:
        return "reminded", reason, None
    payment = await payments.charge_saved_method(
        unit,
        customer_id=invoice.customer_id,
        reference=invoice.reference,
        amount=invoice.amount_due,
        description=f"Invoice {invoice.number}",
    )
    return "charged", "", payment.id


async def note(
    unit: Unit,
    dunning: Dunning,
    kind: str,
    detail: str,
    *,
    step: int | None = None,
    payment_id: UUID | None = None,
    actor: str = SCHEDULE_ACTOR,
) -> None:
    """Keep what was done."""
    event = DunningEvent(unit.ids.new(), dunning.invoice_id, step, kind, detail, payment_id, actor, unit.now)
    await store.insert_event(unit.tx, event)
