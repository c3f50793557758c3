"""Where the payment stands that a payer has just come back from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from autorisen import payments
from autorisen.billing import store
from autorisen.billing.invoice_reference import invoice_of
from autorisen.billing.model import InvoiceStatus
from autorisen.billing.unapplied.store import unapplied_payment
from autorisen.kit.database import Tx
from autorisen.kit.ids import MalformedId, parse_public_id


@dataclass(frozen=True)
class CheckoutState:
    """`waiting` until the gateway's word has come and what it pays for has happened."""

    state: Literal["waiting", "done", "failed", "unapplied"]
    checkout: str
    reason: str = ""


async def checkout_state(tx: Tx, *, customer_id: UUID, checkout: str) -> CheckoutState | None:
    """The state of one of the customer's checkouts; None for any other text."""
    try:
        checkout_id = parse_public_id("chk", checkout)
    except MalformedId:
        return None
    found = await payments.checkout_with_payment(tx, checkout_id, customer_id=customer_id)
    if found is None:
        return None
    payment = found[1]
    if payment.status == payments.PaymentStatus.FAILED:
        return CheckoutState("failed", checkout, payment.failure_reason or "The payment did not go through.")
    invoice_id = invoice_of(payment.reference)
    invoice = None if invoice_id is None else await store.find_invoice(tx, invoice_id)
    if invoice is not None and invoice.status is InvoiceStatus.PAID:
        return CheckoutState("done", checkout)
    if await unapplied_payment(tx, payment.id) is not None:
        return CheckoutState("unapplied", checkout)
    return CheckoutState("waiting", checkout)
