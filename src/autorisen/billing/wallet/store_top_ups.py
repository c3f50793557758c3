"""SQL of top-ups, and of what customers agreed to for automatic ones."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow, dict_row

from autorisen.billing.wallet.model import AutomaticTopUp, TopUp, TopUpStatus
from autorisen.kit.database import Tx
from autorisen.kit.money import Money

INSERT_TOP_UP = """
INSERT INTO billing.top_ups (id, customer_id, amount_minor, currency, automatic, status, created_at)
VALUES (%(id)s, %(customer_id)s, %(amount_minor)s, %(currency)s, %(automatic)s, 'pending', %(created_at)s)
"""
SETTLE_TOP_UP = """
UPDATE billing.top_ups SET status = %(status)s, failure = %(failure)s, settled_at = %(at)s WHERE id = %(id)s
"""
TOP_UP = "SELECT * FROM billing.top_ups WHERE id = %(id)s"
LOCK_TOP_UP = "SELECT * FROM billing.top_ups WHERE id = %(id)s FOR UPDATE"
TOP_UPS = """
SELECT * FROM billing.top_ups WHERE customer_id = %(customer_id)s ORDER BY created_at DESC, id DESC LIMIT %(limit)s
"""
# A second click finds the first one's page.
WAITING = """
SELECT * FROM billing.top_ups
WHERE customer_id = %(customer_id)s AND currency = %(currency)s AND amount_minor = %(amount_minor)s
  AND NOT automatic AND status = 'pending' AND created_at > %(since)s
ORDER BY created_at DESC, id DESC LIMIT 1
"""
LATEST_AUTOMATIC = """
SELECT * FROM billing.top_ups
WHERE customer_id = %(customer_id)s AND currency = %(currency)s AND automatic
  AND (created_at > %(since)s OR status = 'pending')
ORDER BY created_at DESC, id DESC
"""
# One at a time per customer, also before there is a row to lock.
LOCK_CUSTOMER = "SELECT pg_advisory_xact_lock(hashtextextended('topup:' || %(customer_id)s::text, 0))"
AUTOMATIC = """
SELECT * FROM billing.automatic_top_ups WHERE customer_id = %(customer_id)s AND currency = %(currency)s
"""
LOCK_AUTOMATIC = """
SELECT * FROM billing.automatic_top_ups WHERE customer_id = %(customer_id)s AND currency = %(currency)s FOR UPDATE
"""
SET_AUTOMATIC = """
INSERT INTO billing.automatic_top_ups (customer_id, currency, enabled, threshold_minor, amount_minor, per_day, failures,
    off_because, changed_at)
VALUES (%(customer_id)s, %(currency)s, %(enabled)s, %(threshold_minor)s, %(amount_minor)s, %(per_day)s, %(failures)s,
    %(off_because)s, %(changed_at)s)
ON CONFLICT (customer_id, currency) DO UPDATE SET enabled = EXCLUDED.enabled,
    threshold_minor = EXCLUDED.threshold_minor, amount_minor = EXCLUDED.amount_minor, per_day = EXCLUDED.per_day,
    failures = EXCLUDED.failures, off_because = EXCLUDED.off_because, changed_at = EXCLUDED.changed_at
"""


def _top_up(row: DictRow) -> TopUp:
    return TopUp(
        id=row["id"],
        customer_id=row["customer_id"],
        amount=Money(row["amount_minor"], row["currency"]),
        automatic=row["automatic"],
        status=TopUpStatus(row["status"]),
        failure=row["failure"],
        created_at=row["created_at"],
        settled_at=row["settled_at"],
    )


async def insert_top_up(tx: Tx, top_up: TopUp) -> None:
    """Add a waiting top-up; a second automatic one at a time breaks the key."""
    values = {
        "id": top_up.id,
        "customer_id": top_up.customer_id,
        "amount_minor": top_up.amount.minor,
        "currency": top_up.amount.currency,
        "automatic": top_up.automatic,
        "created_at": top_up.created_at,
    }
    await tx.execute(INSERT_TOP_UP, values)


async def settle(tx: Tx, id: UUID, status: TopUpStatus, at: datetime, failure: str = "") -> None:
    await tx.execute(SETTLE_TOP_UP, {"id": id, "status": status, "at": at, "failure": failure})


async def find_top_up(tx: Tx, id: UUID, *, lock: bool = False) -> TopUp | None:
    rows = await _rows(tx, LOCK_TOP_UP if lock else TOP_UP, {"id": id})
    return _top_up(rows[0]) if rows else None


async def top_ups(tx: Tx, customer_id: UUID, *, limit: int = 10) -> list[TopUp]:
    """A customer's top-ups, newest first."""
    return [_top_up(row) for row in await _rows(tx, TOP_UPS, {"customer_id": customer_id, "limit": limit})]


async def waiting(tx: Tx, customer_id: UUID, amount: Money, since: datetime) -> TopUp | None:
    """The newest top-up of that amount that a person began after `since` and that waits for its payment."""
    values = {
        "customer_id": customer_id,
        "currency": amount.currency,
        "amount_minor": amount.minor,
        "since": since,
    }
    rows = await _rows(tx, WAITING, values)
    return _top_up(rows[0]) if rows else None


async def latest_automatic(tx: Tx, customer_id: UUID, currency: str, since: datetime) -> list[TopUp]:
    """The automatic top-ups that began after `since`, and the one that waits."""
    values = {"customer_id": customer_id, "currency": currency, "since": since}
    return [_top_up(row) for row in await _rows(tx, LATEST_AUTOMATIC, values)]


async def lock_customer(tx: Tx, customer_id: UUID) -> None:
    """Let one transaction at a time begin top-ups of a customer."""
    await tx.execute(LOCK_CUSTOMER, {"customer_id": customer_id})


async def automatic(tx: Tx, customer_id: UUID, currency: str, *, lock: bool = False) -> AutomaticTopUp | None:
    """What the customer agreed to; `lock` holds it."""
    statement = LOCK_AUTOMATIC if lock else AUTOMATIC
    rows = await _rows(tx, statement, {"customer_id": customer_id, "currency": currency})
    if not rows:
        return None
    (row,) = rows
    return AutomaticTopUp(
        customer_id=customer_id,
        enabled=row["enabled"],
        threshold=Money(row["threshold_minor"], currency),
        amount=Money(row["amount_minor"], currency),
        per_day=row["per_day"],
        failures=row["failures"],
        off_because=row["off_because"],
        changed_at=row["changed_at"],
    )


async def set_automatic(tx: Tx, setting: AutomaticTopUp) -> None:
    values = {
        "customer_id": setting.customer_id,
        "currency": setting.amount.currency,
        "enabled": setting.enabled,
        "threshold_minor": setting.threshold.minor,
        "amount_minor": setting.amount.minor,
        "per_day": setting.per_day,
        "failures": setting.failures,
        "off_because": setting.off_because,
        "changed_at": setting.changed_at,
    }
    await tx.execute(SET_AUTOMATIC, values)


async def _rows(tx: Tx, statement: Any, values: dict[str, Any]) -> list[DictRow]:
    async with tx.cursor(row_factory=dict_row) as cursor:
        return await (await cursor.execute(statement, values)).fetchall()
