"""All SQL of payments, their history and their checkouts. Saved methods and deliveries have their own folders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from autorisen.kit.database import Tx
from autorisen.kit.money import Money
from autorisen.payments.model import Checkout, Mode, Payment, PaymentKind, PaymentStatus

# Serialises all attempts on one reference, so that two tabs can't both find "no live payment". The unique index is
# the rule; this lock turns its violation into an orderly answer.
LOCK_REFERENCE: LiteralString = "SELECT pg_advisory_xact_lock(hashtextextended('payments:' || %(reference)s, 0))"

INSERT_PAYMENT: LiteralString = """
    INSERT INTO payments.payments (id, customer_id, kind, gateway, mode, reference, attempt, amount_minor, currency,
        description, status, method_id, created_at, updated_at)
    SELECT %(id)s::uuid, %(customer_id)s::uuid, %(kind)s::text, %(gateway)s::text, %(mode)s::text,
        %(reference)s::text, 1 + coalesce(max(attempt), 0), %(amount_minor)s::bigint, %(currency)s::text,
        %(description)s::text, 'pending', %(method_id)s::uuid, %(at)s::timestamptz, %(at)s::timestamptz
    FROM payments.payments WHERE reference = %(reference)s::text
    RETURNING id, customer_id, kind, gateway, mode, reference, attempt, amount_minor, currency, description, status,
        method_id, provider_id, action_url, failure_code, failure_reason, created_at, updated_at, succeeded_at,
        refunded_minor, refund_asked_minor, fee_minor, disputes_won
"""

SELECT_PAYMENT: LiteralString = """
    SELECT id, customer_id, kind, gateway, mode, reference, attempt, amount_minor, currency, description, status,
        method_id, provider_id, action_url, failure_code, failure_reason, created_at, updated_at, succeeded_at,
        refunded_minor, refund_asked_minor, fee_minor, disputes_won
    FROM payments.payments WHERE id = %(id)s::uuid
"""

LOCK_PAYMENT: LiteralString = """
    SELECT id, customer_id, kind, gateway, mode, reference, attempt, amount_minor, currency, description, status,
        method_id, provider_id, action_url, failure_code, failure_reason, created_at, updated_at, succeeded_at,
        refunded_minor, refund_asked_minor, fee_minor, disputes_won
    FROM payments.payments WHERE id = %(id)s::uuid FOR UPDATE
"""

SELECT_PAYMENT_ID_BY_PROVIDER_ID: LiteralString = """
    SELECT id FROM payments.payments WHERE gateway = %(gateway)s::text AND provider_id = %(provider_id)s::text
"""

SELECT_PAYMENTS_FOR_REFERENCE: LiteralString = """
    SELECT id, customer_id, kind, gateway, mode, reference, attempt, amount_minor, currency, description, status,
        method_id, provider_id, action_url, failure_code, failure_reason, created_at, updated_at, succeeded_at,
        refunded_minor, refund_asked_minor, fee_minor, disputes_won
    FROM payments.payments WHERE reference = %(reference)s::text ORDER BY attempt
"""

SELECT_PAYMENTS: LiteralString = """
    SELECT id, customer_id, kind, gateway, mode, reference, attempt, amount_minor, currency, description, status,
        method_id, provider_id, action_url, failure_code, failure_reason, created_at, updated_at, succeeded_at,
        refunded_minor, refund_asked_minor, fee_minor, disputes_won
    FROM payments.payments
    WHERE (%(customer_id)s::uuid IS NULL OR customer_id = %(customer_id)s::uuid)
        AND (%(after)s::uuid IS NULL OR id < %(after)s::uuid)
    ORDER BY id DESC LIMIT %(limit)s::int
"""

SELECT_STUCK_PAYMENT_IDS: LiteralString = """
    SELECT id FROM payments.payments
    WHERE status IN ('pending', 'requires_action', 'processing') AND updated_at <= %(before)s::timestamptz
        AND gateway = ANY(%(gateways)s::text[])
    ORDER BY id LIMIT %(limit)s::int
"""

UPDATE_PAYMENT_STATUS: LiteralString = """
    UPDATE payments.payments
    SET status = %(status)s::text, updated_at = %(at)s::timestamptz, action_url = %(action_url)s::text,
        failure_code = %(failure_code)s::text, failure_reason = %(failure_reason)s::text,
        succeeded_at = %(succeeded_at)s::timestamptz, disputes_won = %(disputes_won)s::int
    WHERE id = %(id)s::uuid
"""

UPDATE_PAYMENT_PROVIDER_ID: LiteralString = """
    UPDATE payments.payments SET provider_id = %(provider_id)s::text WHERE id = %(id)s::uuid AND provider_id IS NULL
"""

UPDATE_PAYMENT_FEE: LiteralString = """
    UPDATE payments.payments SET fee_minor = %(fee_minor)s::bigint WHERE id = %(id)s::uuid
"""

INSERT_HISTORY: LiteralString = """
    INSERT INTO payments.history (payment_id, from_status, to_status, cause, at)
    VALUES (%(payment_id)s::uuid, %(from_status)s::text, %(to_status)s::text, %(cause)s::text, %(at)s::timestamptz)
"""

SELECT_HISTORY: LiteralString = """
    SELECT from_status, to_status, cause, at FROM payments.history WHERE payment_id = %(payment_id)s::uuid ORDER BY id
"""

INSERT_CHECKOUT: LiteralString = """
    INSERT INTO payments.checkouts (id, payment_id, gateway, return_url, expires_at, created_at)
    VALUES (%(id)s::uuid, %(payment_id)s::uuid, %(gateway)s::text, %(return_url)s::text,
        %(expires_at)s::timestamptz, %(at)s::timestamptz)
"""

SELECT_CHECKOUT: LiteralString = """
    SELECT id, payment_id, url, return_url, expires_at, fields, provider_id FROM payments.checkouts
    WHERE id = %(id)s::uuid
"""

SELECT_CHECKOUT_OF_PAYMENT: LiteralString = """
    SELECT id, payment_id, url, return_url, expires_at, fields, provider_id FROM payments.checkouts
    WHERE payment_id = %(payment_id)s::uuid
"""

UPDATE_CHECKOUT_PAGE: LiteralString = """
    UPDATE payments.checkouts
    SET provider_id = %(provider_id)s::text, url = %(url)s::text, fields = %(fields)s::jsonb
    WHERE id = %(id)s::uuid AND provider_id IS NULL
"""


@dataclass(frozen=True)
class Step:
    """One move of a payment, and what caused it."""

    from_status: PaymentStatus
    to_status: PaymentStatus
    cause: str
    at: datetime


@dataclass(frozen=True)
class StoredCheckout:
    """A checkout and the gateway's name for it; `url` is empty until the gateway has answered."""

    checkout: Checkout
    provider_id: str | None


def _payment(row: TupleRow) -> Payment:
    id, customer_id, kind, gateway, mode, reference, attempt, minor, currency, description, status, *rest = row
    terms = (PaymentKind(kind), gateway, Mode(mode), reference, attempt, Money(minor, currency), description)
    return Payment(id, customer_id, *terms, PaymentStatus(status), *rest)


def _checkout(row: TupleRow) -> StoredCheckout:
    checkout = Checkout(id=row[0], payment_id=row[1], url=row[2], return_url=row[3], expires_at=row[4], fields=row[5])
    return StoredCheckout(checkout, row[6])


async def _one(tx: Tx, query: LiteralString, values: Mapping[str, Any]) -> TupleRow | None:
    return await (await tx.execute(query, values)).fetchone()


async def _all(tx: Tx, query: LiteralString, values: Mapping[str, Any]) -> list[TupleRow]:
    return await (await tx.execute(query, values)).fetchall()


async def lock_reference(tx: Tx, reference: str) -> None:
    """Wait until no other transaction starts a payment for this reference; held to the end of the transaction."""
    await tx.execute(LOCK_REFERENCE, {"reference": reference})


async def insert_payment(
    tx: Tx,
    *,
    payment_id: UUID,
    customer_id: UUID,
    kind: PaymentKind,
    gateway: str,
    mode: Mode,
    reference: str,
    amount: Money,
    description: str,
    method_id: UUID | None,
    at: datetime,
) -> Payment:
    """The next attempt for a reference, pending. The caller holds `lock_reference`."""
    values = {
        "id": payment_id,
        "customer_id": customer_id,
        "kind": kind,
        "gateway": gateway,
        "mode": mode,
        "reference": reference,
        "amount_minor": amount.minor,
        "currency": amount.currency,
        "description": description,
        "method_id": method_id,
        "at": at,
    }
    row = await _one(tx, INSERT_PAYMENT, values)
    assert row is not None
    return _payment(row)


async def payment(tx: Tx, payment_id: UUID, *, lock: bool = False) -> Payment | None:
    row = await _one(tx, LOCK_PAYMENT if lock else SELECT_PAYMENT, {"id": payment_id})
    return _payment(row) if row else None


async def payment_id_by_provider_id(tx: Tx, gateway: str, provider_id: str) -> UUID | None:
    values = {"gateway": gateway, "provider_id": provider_id}
    row = await _one(tx, SELECT_PAYMENT_ID_BY_PROVIDER_ID, values)
    return row[0] if row else None


async def payments_for(tx: Tx, reference: str) -> list[Payment]:
    """All attempts for a reference, the first one first."""
    return [_payment(row) for row in await _all(tx, SELECT_PAYMENTS_FOR_REFERENCE, {"reference": reference})]


async def list_payments(
    tx: Tx, *, customer_id: UUID | None = None, after: UUID | None = None, limit: int = 50
) -> list[Payment]:
    """The newest payments first, of one customer or of all; `after` is the last id of the page before."""
    values = {"customer_id": customer_id, "after": after, "limit": limit}
    return [_payment(row) for row in await _all(tx, SELECT_PAYMENTS, values)]


async def stuck_payment_ids(tx: Tx, *, gateways: list[str], before: datetime, limit: int) -> list[UUID]:
    """Live payments of these gateways that nothing has moved since `before`."""
    return [
        row[0]
        for row in await _all(tx, SELECT_STUCK_PAYMENT_IDS, {"gateways": gateways, "before": before, "limit": limit})
    ]


async def move_payment(tx: Tx, after: Payment, *, from_status: PaymentStatus, cause: str) -> None:
    """Write one step and its history. A trigger refuses a step that the state table does not have."""
    values = {
        "id": after.id,
        "status": after.status,
        "at": after.updated_at,
        "action_url": after.action_url,
        "failure_code": after.failure_code,
        "failure_reason": after.failure_reason,
        "succeeded_at": after.succeeded_at,
        "disputes_won": after.disputes_won,
    }
    await tx.execute(UPDATE_PAYMENT_STATUS, values)
    step = {
        "payment_id": after.id,
        "from_status": from_status,
        "to_status": after.status,
        "cause": cause,
        "at": after.updated_at,
    }
    await tx.execute(INSERT_HISTORY, step)


async def set_provider_id(tx: Tx, payment_id: UUID, provider_id: str) -> None:
    await tx.execute(UPDATE_PAYMENT_PROVIDER_ID, {"id": payment_id, "provider_id": provider_id})


async def set_fee(tx: Tx, payment_id: UUID, fee_minor: int) -> None:
    await tx.execute(UPDATE_PAYMENT_FEE, {"id": payment_id, "fee_minor": fee_minor})


async def history(tx: Tx, payment_id: UUID) -> list[Step]:
    """How a payment came to where it is."""
    rows = await _all(tx, SELECT_HISTORY, {"payment_id": payment_id})
    return [Step(PaymentStatus(row[0]), PaymentStatus(row[1]), row[2], row[3]) for row in rows]


async def insert_checkout(
    tx: Tx, *, checkout_id: UUID, payment: Payment, return_url: str, expires_at: datetime, at: datetime
) -> None:
    values = {
        "id": checkout_id,
        "payment_id": payment.id,
        "gateway": payment.gateway,
        "return_url": return_url,
        "expires_at": expires_at,
        "at": at,
    }
    await tx.execute(INSERT_CHECKOUT, values)


async def checkout(tx: Tx, checkout_id: UUID) -> StoredCheckout | None:
    row = await _one(tx, SELECT_CHECKOUT, {"id": checkout_id})
    return _checkout(row) if row else None


async def checkout_of_payment(tx: Tx, payment_id: UUID) -> StoredCheckout | None:
    row = await _one(tx, SELECT_CHECKOUT_OF_PAYMENT, {"payment_id": payment_id})
    return _checkout(row) if row else None


async def set_checkout_page(
    tx: Tx, checkout_id: UUID, *, provider_id: str, url: str, fields: Mapping[str, str]
) -> None:
    values = {"id": checkout_id, "provider_id": provider_id, "url": url, "fields": Jsonb(dict(fields))}
    await tx.execute(UPDATE_CHECKOUT_PAGE, values)
