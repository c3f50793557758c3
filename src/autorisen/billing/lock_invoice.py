"""Hold an invoice for a change, always in the same order: its subscription first, then the invoice.

A plan change holds the subscription and drops the other drafts; whoever held a draft and asked for the subscription
would wait for it for ever.
"""

from __future__ import annotations

from uuid import UUID

from autorisen import subscriptions
from autorisen.billing import store
from autorisen.billing.model import Invoice
from autorisen.kit.database import Tx


async def lock_invoice(tx: Tx, invoice_id: UUID | None) -> Invoice | None:
    """The invoice as it is now, held until the transaction ends; None when there is none."""
    found = None if invoice_id is None else await store.find_invoice(tx, invoice_id)
    if found is None:
        return None
    await subscriptions.subscription(tx, found.subscription_id, lock=True)
    return await store.find_invoice(tx, found.id, lock=True)
