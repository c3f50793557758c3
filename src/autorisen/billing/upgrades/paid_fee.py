"""What was paid for the running period in the end: the most that a change of plan may give back of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from autorisen import payments
from autorisen.billing import store_paid
from autorisen.billing.coupons import fee_discount_of
from autorisen.billing.upgrades import store
from autorisen.kit.database import Tx
from autorisen.kit.money import Money


async def paid_in_the_end(tx: Tx, fee: Mapping[str, Any], *, lock: bool = False) -> Money:
    """A fee less what coupons took off, what credit notes took back, and what went back without one.

    No credit note says what such a refund was for, so it counts against the fee: what is given back and what went back
    are never more than was paid. A credit note of what it was for explains it. With `lock`, no refund comes between.
    """
    amount = Money(fee["amount_minor"], fee["currency"])
    off = Money(await fee_discount_of(tx, fee["invoice_id"], amount.minor), amount.currency)
    refunded = await refunded_without_note(tx, fee["invoice_id"], amount.currency, lock=lock)
    return max(amount - off - refunded, Money.zero(amount.currency))


async def refunded_without_note(tx: Tx, invoice_id: UUID, currency: str, *, lock: bool = False) -> Money:
    """How much of what paid an invoice went back, or is asked back, that no credit note explains."""
    payment_id = await store_paid.payment_of(tx, invoice_id)
    payment = None if payment_id is None else await payments.payment(tx, payment_id, lock=lock)
    if payment is None:
        return Money.zero(currency)
    gone = max(payment.refunded_minor, payment.refund_asked_minor)
    return Money(max(0, gone - await store.refunds_explained(tx, invoice_id)), currency)
