"""News of a payment is heard after its success: facts are handled by jobs of their own, in any order."""

from __future__ import annotations

from uuid import UUID

from autorisen.billing import store_paid
from autorisen.billing.unapplied.store import unapplied_payment
from autorisen.billing.wallet.top_up import bought_credits
from autorisen.kit.database import Tx


class NewsTooEarly(Exception):
    """What the payment is for is not known yet: the job that hears of it tries again."""


async def await_success(tx: Tx, payment_id: UUID) -> None:
    """Raises `NewsTooEarly` until the payment has paid an invoice, bought credits, or is kept as money for nothing.

    Else a refund or a dispute finds nothing to take back, and the success that is heard after it gives it all.
    """
    for known in (store_paid.invoice_paid_by, bought_credits, unapplied_payment):
        if await known(tx, payment_id) is not None:
            return
    raise NewsTooEarly(f"payment {payment_id} is not applied yet")
