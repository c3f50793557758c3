"""SQL of one customer's past, newest first, from a place on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from autorisen.billing.dunning import DunningEvent
from autorisen.kit.database import Tx
from autorisen.kit.money import Money

DUNNING_EVENTS_OF = """
SELECT event.id, event.invoice_id, event.step, event.kind, event.detail, event.payment_id, event.actor, event.at
FROM billing.dunnings AS dunning JOIN billing.dunning_events AS event ON event.invoice_id = dunning.invoice_id
WHERE dunning.customer_id = %(customer_id)s
    AND (event.at, event.id) < (%(before_at)s::timestamptz, %(before_id)s::uuid)
ORDER BY event.at DESC, event.id DESC LIMIT %(limit)s
"""
# That credits came is a fact of its own.
CREDITS_GONE = """
SELECT movement.id, movement.at, movement.kind, movement.amount_minor, movement.reason, source.currency, invoice.number,
    movement.invoice_id
FROM billing.wallet_movements AS movement
JOIN billing.wallet_grants AS source ON source.id = movement.grant_id
LEFT JOIN billing.invoices AS invoice ON invoice.id = movement.invoice_id
WHERE movement.customer_id = %(customer_id)s AND movement.kind <> 'grant'
    AND (movement.at, movement.id) < (%(before_at)s::timestamptz, %(before_id)s::uuid)
ORDER BY movement.at DESC, movement.id DESC LIMIT %(limit)s
"""


@dataclass(frozen=True)
class CreditsGone:
    """Credits that were used, given back, expired or taken back."""

    id: UUID
    at: datetime
    kind: str
    amount: Money
    reason: str
    invoice_number: str | None
    invoice_id: UUID | None


async def dunning_events_of(
    tx: Tx, customer_id: UUID, *, before: tuple[datetime, UUID], limit: int
) -> list[DunningEvent]:
    """What was done about a customer's unpaid invoices before a place, newest first."""
    values = {"customer_id": customer_id, "before_at": before[0], "before_id": before[1], "limit": limit}
    async with tx.cursor(row_factory=class_row(DunningEvent)) as cursor:
        return await (await cursor.execute(DUNNING_EVENTS_OF, values)).fetchall()


async def credits_gone(tx: Tx, customer_id: UUID, *, before: tuple[datetime, UUID], limit: int) -> list[CreditsGone]:
    """What became of a customer's credits before a place, newest first."""
    values = {"customer_id": customer_id, "before_at": before[0], "before_id": before[1], "limit": limit}
    rows = await (await tx.execute(CREDITS_GONE, values)).fetchall()
    return [
        CreditsGone(id, at, kind, Money(minor, currency), reason, number, invoice_id)
        for id, at, kind, minor, reason, currency, number, invoice_id in rows
    ]
