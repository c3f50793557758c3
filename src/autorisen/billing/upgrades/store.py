"""All SQL of plan changes that wait for their payment."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from autorisen.billing.model import PendingChange
from autorisen.billing.store import void_drafts
from autorisen.kit.database import Tx

INSERT_CHANGE = """
INSERT INTO billing.pending_changes (id, subscription_id, customer_id, from_plan_version_id, period_id,
    plan_version_id, interval, invoice_id, credit_minor, status, created_at)
VALUES (%(id)s, %(subscription_id)s, %(customer_id)s, %(from_plan_version_id)s, %(period_id)s, %(plan_version_id)s,
    %(interval)s, %(invoice_id)s, %(credit_minor)s, %(status)s, %(created_at)s)
"""
WAITING_CHANGE = """
SELECT id, subscription_id, customer_id, from_plan_version_id, period_id, plan_version_id, interval, invoice_id,
    credit_minor, status, created_at
FROM billing.pending_changes
WHERE subscription_id = %(subscription_id)s AND plan_version_id = %(plan_version_id)s AND interval = %(interval)s
  AND status = 'waiting'
"""
CHANGE_OF_INVOICE = """
SELECT id, subscription_id, customer_id, from_plan_version_id, period_id, plan_version_id, interval, invoice_id,
    credit_minor, status, created_at
FROM billing.pending_changes WHERE invoice_id = %(invoice_id)s
"""
REQUOTE = "UPDATE billing.pending_changes SET status = 'requoted' WHERE id = %(id)s"
APPLY_CHANGE = "UPDATE billing.pending_changes SET status = 'applied', settled_at = %(at)s WHERE id = %(id)s"
CANCEL_OTHER_CHANGES = """
UPDATE billing.pending_changes SET status = 'cancelled', settled_at = %(at)s
WHERE subscription_id = %(subscription_id)s AND id <> %(but)s AND status IN ('waiting', 'requoted')
RETURNING invoice_id
"""

REFUNDS_EXPLAINED = """
SELECT coalesce(sum(total_minor - due_minor), 0)::bigint FROM billing.credit_notes
WHERE invoice_id = %(invoice_id)s AND settlement = 'refund'
"""


async def insert_change(tx: Tx, change: PendingChange) -> None:
    await tx.execute(INSERT_CHANGE, vars(change))


async def waiting_change(
    tx: Tx, *, subscription_id: UUID, plan_version_id: UUID, interval: str
) -> PendingChange | None:
    """The change to exactly this plan and interval that waits for its payment."""
    parameters = {"subscription_id": subscription_id, "plan_version_id": plan_version_id, "interval": interval}
    async with tx.cursor(row_factory=class_row(PendingChange)) as cursor:
        return await (await cursor.execute(WAITING_CHANGE, parameters)).fetchone()


async def change_of_invoice(tx: Tx, invoice_id: UUID) -> PendingChange | None:
    async with tx.cursor(row_factory=class_row(PendingChange)) as cursor:
        return await (await cursor.execute(CHANGE_OF_INVOICE, {"invoice_id": invoice_id})).fetchone()


async def requote(tx: Tx, id: UUID) -> None:
    await tx.execute(REQUOTE, {"id": id})


async def apply_change(tx: Tx, change: PendingChange, at: datetime) -> None:
    """Mark the change as done, cancel the others that wait, and void their drafts."""
    await tx.execute(APPLY_CHANGE, {"id": change.id, "at": at})
    parameters = {"subscription_id": change.subscription_id, "but": change.id, "at": at}
    cancelled = await (await tx.execute(CANCEL_OTHER_CHANGES, parameters)).fetchall()
    await void_drafts(tx, [row[0] for row in cancelled], at)


async def refunds_explained(tx: Tx, invoice_id: UUID) -> int:
    """How many cents of an invoice its credit notes sent back."""
    row = await (await tx.execute(REFUNDS_EXPLAINED, {"invoice_id": invoice_id})).fetchone()
    assert row is not None, "an aggregate gives a row"
    return int(row[0])
