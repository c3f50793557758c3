"""SQL of prepaid credits: grants, movements, and what invoices took. Top-ups are in store_top_ups.py."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow, dict_row

from autorisen.billing.wallet.model import Grant, GrantKind, Movement, MovementKind, MovementRow
from autorisen.kit.database import Tx
from autorisen.kit.money import Money

# A concurrent grant of the same source waits here for the other's commit, then changes nothing.
INSERT_GRANT = """
INSERT INTO billing.wallet_grants (id, customer_id, currency, kind, priority, amount_minor, source, reason, granted_at,
    expires_at)
VALUES (%(id)s, %(customer_id)s, %(currency)s, %(kind)s, %(priority)s, %(amount_minor)s, %(source)s, %(reason)s,
    %(granted_at)s, %(expires_at)s)
ON CONFLICT (source) DO NOTHING
"""
INSERT_MOVEMENT = """
INSERT INTO billing.wallet_movements (id, grant_id, customer_id, kind, amount_minor, invoice_id, reason, at)
VALUES (%(id)s, %(grant_id)s, %(customer_id)s, %(kind)s, %(amount_minor)s, %(invoice_id)s, %(reason)s, %(at)s)
"""
EXTEND_GRANT = "UPDATE billing.wallet_grants SET expires_at = %(expires_at)s WHERE id = %(id)s"
SELECT_GRANT = "SELECT * FROM billing.wallet_grants WHERE id = %(id)s"
LOCK_GRANT = "SELECT * FROM billing.wallet_grants WHERE id = %(id)s FOR UPDATE"
GRANT_OF_SOURCE = "SELECT * FROM billing.wallet_grants WHERE source = %(source)s"
GRANTS_OF = """
SELECT * FROM billing.wallet_grants WHERE customer_id = %(customer_id)s ORDER BY granted_at DESC, id DESC
"""
# Of many customers at once, locked in one order, so that two closings never wait for each other in a circle.
LOCK_LEFT = """
SELECT * FROM billing.wallet_grants
WHERE customer_id = ANY(%(customer_ids)s::uuid[]) AND remaining_minor > 0
ORDER BY id FOR UPDATE
"""
LEFT = """
SELECT * FROM billing.wallet_grants
WHERE customer_id = ANY(%(customer_ids)s::uuid[]) AND remaining_minor > 0 ORDER BY id
"""
# `after` is the last movement of the page before; newest first.
MOVEMENTS = """
SELECT m.*, g.currency, g.kind AS grant_kind, i.number
FROM billing.wallet_movements m
JOIN billing.wallet_grants g ON g.id = m.grant_id
LEFT JOIN billing.invoices i ON i.id = m.invoice_id
WHERE m.customer_id = %(customer_id)s AND (%(after)s::uuid IS NULL OR m.id < %(after)s::uuid)
ORDER BY m.id DESC LIMIT %(limit)s
"""
MOVEMENTS_OF_INVOICE = """
SELECT m.*, g.currency FROM billing.wallet_movements m JOIN billing.wallet_grants g ON g.id = m.grant_id
WHERE m.invoice_id = %(invoice_id)s ORDER BY m.id
"""
VOIDS_OF_GRANT = """
SELECT coalesce(-sum(amount_minor), 0)::bigint FROM billing.wallet_movements
WHERE grant_id = %(grant_id)s AND kind IN ('void', 'release')
"""


def _grant(row: DictRow) -> Grant:
    return Grant(
        id=row["id"],
        customer_id=row["customer_id"],
        kind=GrantKind(row["kind"]),
        priority=row["priority"],
        amount=Money(row["amount_minor"], row["currency"]),
        remaining=Money(row["remaining_minor"], row["currency"]),
        source=row["source"],
        reason=row["reason"],
        granted_at=row["granted_at"],
        expires_at=row["expires_at"],
    )


def _movement(row: DictRow) -> Movement:
    return Movement(
        id=row["id"],
        grant_id=row["grant_id"],
        customer_id=row["customer_id"],
        kind=MovementKind(row["kind"]),
        amount=Money(row["amount_minor"], row["currency"]),
        invoice_id=row["invoice_id"],
        reason=row["reason"],
        at=row["at"],
    )


async def insert_grant(tx: Tx, grant: Grant) -> bool:
    """Add a grant, empty until its movement comes; False when there is one from this source."""
    values = {
        "id": grant.id,
        "customer_id": grant.customer_id,
        "currency": grant.amount.currency,
        "kind": grant.kind,
        "priority": grant.priority,
        "amount_minor": grant.amount.minor,
        "source": grant.source,
        "reason": grant.reason,
        "granted_at": grant.granted_at,
        "expires_at": grant.expires_at,
    }
    return (await tx.execute(INSERT_GRANT, values)).rowcount == 1


async def insert_movements(tx: Tx, movements: Sequence[Movement]) -> None:
    """Move credits; what would take more than is left breaks a constraint."""
    rows = [
        {
            "id": each.id,
            "grant_id": each.grant_id,
            "customer_id": each.customer_id,
            "kind": each.kind,
            "amount_minor": each.amount.minor,
            "invoice_id": each.invoice_id,
            "reason": each.reason,
            "at": each.at,
        }
        for each in movements
    ]
    async with tx.cursor() as cursor:
        await cursor.executemany(INSERT_MOVEMENT, rows)


async def extend_grant(tx: Tx, id: UUID, expires_at: datetime) -> None:
    """Let a grant live longer; never shorter, by its trigger."""
    await tx.execute(EXTEND_GRANT, {"id": id, "expires_at": expires_at})


async def find_grant(tx: Tx, id: UUID, *, lock: bool = False) -> Grant | None:
    """A grant; `lock` holds it against other movements until the transaction ends."""
    rows = await _rows(tx, LOCK_GRANT if lock else SELECT_GRANT, {"id": id})
    return _grant(rows[0]) if rows else None


async def grant_of_source(tx: Tx, source: str) -> Grant | None:
    rows = await _rows(tx, GRANT_OF_SOURCE, {"source": source})
    return _grant(rows[0]) if rows else None


async def grants_of(tx: Tx, customer_id: UUID) -> list[Grant]:
    """All grants that a customer ever had, newest first."""
    return [_grant(row) for row in await _rows(tx, GRANTS_OF, {"customer_id": customer_id})]


async def grants_left(tx: Tx, customer_ids: Sequence[UUID], *, lock: bool = False) -> list[Grant]:
    """The grants of these customers with something left, expired or not; `lock` holds them."""
    return [_grant(row) for row in await _rows(tx, LOCK_LEFT if lock else LEFT, {"customer_ids": list(customer_ids)})]


async def movements(tx: Tx, customer_id: UUID, *, after: UUID | None = None, limit: int = 50) -> list[MovementRow]:
    """What happened to a customer's credits, newest first."""
    found = await _rows(tx, MOVEMENTS, {"customer_id": customer_id, "after": after, "limit": limit})
    return [MovementRow(_movement(row), GrantKind(row["grant_kind"]), row["number"]) for row in found]


async def movements_of_invoice(tx: Tx, invoice_id: UUID) -> list[Movement]:
    """The draws for an invoice, and what came back of them, in order."""
    return [_movement(row) for row in await _rows(tx, MOVEMENTS_OF_INVOICE, {"invoice_id": invoice_id})]


async def voided(tx: Tx, grant_id: UUID) -> int:
    """How much of a grant is taken back, in minor units."""
    row = await (await tx.execute(VOIDS_OF_GRANT, {"grant_id": grant_id})).fetchone()
    assert row is not None, "a sum gives a row"
    return int(row[0])


async def _rows(tx: Tx, statement: Any, values: dict[str, Any]) -> list[DictRow]:
    async with tx.cursor(row_factory=dict_row) as cursor:
        return await (await cursor.execute(statement, values)).fetchall()
