"""Where a checkout stands, for the page that a payer comes back to."""

from __future__ import annotations

from uuid import UUID

from autorisen.kit.database import Tx
from autorisen.payments import store
from autorisen.payments.model import Checkout, Payment


async def checkout_with_payment(tx: Tx, checkout_id: UUID, *, customer_id: UUID) -> tuple[Checkout, Payment] | None:
    """A customer's checkout and its payment; None for one that does not exist or belongs to somebody else."""
    stored = await store.checkout(tx, checkout_id)
    payment = await store.payment(tx, stored.checkout.payment_id) if stored else None
    if stored is None or payment is None or payment.customer_id != customer_id:
        return None
    return stored.checkout, payment
