"""All SQL of the sandbox provider, in its own schema `sandbox`."""

from __future__ import annotations

from datetime import datetime

from psycopg.rows import TupleRow

from autorisen.kit.database import Tx
from autorisen.payments.model import Card
from autorisen.payments.sandbox.model import SandboxCharge, SandboxCheckout, SandboxEvent, SandboxMethod

INSERT_CHECKOUT = """
    INSERT INTO sandbox.checkouts (id, idempotency_key, customer, reference, amount_minor, currency, description,
        return_url, created_at, expires_at)
    VALUES (%(id)s::text, %(idempotency_key)s::text, %(customer)s::text, %(reference)s::text,
        %(amount_minor)s::bigint, %(currency)s::text, %(description)s::text, %(return_url)s::text,
        %(at)s::timestamptz, %(expires_at)s::timestamptz)
    ON CONFLICT (idempotency_key) DO NOTHING
"""

SELECT_CHECKOUT = """
    SELECT id, idempotency_key, customer, reference, amount_minor, currency, description, return_url, expires_at
    FROM sandbox.checkouts WHERE id = %(id)s::text
"""

LOCK_CHECKOUT = """
    SELECT id, idempotency_key, customer, reference, amount_minor, currency, description, return_url, expires_at
    FROM sandbox.checkouts WHERE id = %(id)s::text FOR UPDATE
"""

SELECT_CHECKOUT_BY_KEY = """
    SELECT id, idempotency_key, customer, reference, amount_minor, currency, description, return_url, expires_at
    FROM sandbox.checkouts WHERE idempotency_key = %(idempotency_key)s::text
"""

INSERT_METHOD = """
    INSERT INTO sandbox.methods (token, customer, behaviour, brand, last4, exp_month, exp_year, created_at)
    VALUES (%(token)s::text, %(customer)s::text, %(behaviour)s::text, %(brand)s::text, %(last4)s::text,
        %(exp_month)s::int, %(exp_year)s::int, %(at)s::timestamptz)
"""

SELECT_METHOD = """
    SELECT customer, behaviour, token, brand, last4, exp_month, exp_year FROM sandbox.methods
    WHERE token = %(token)s::text
"""

# A second request with the same key waits here for the first one's commit, and then inserts nothing.
INSERT_CHARGE = """
    INSERT INTO sandbox.charges (id, idempotency_key, checkout_id, merchant_payment_id, reference, token,
        amount_minor, currency, status, failure_code, fee_minor, created_at)
    VALUES (%(id)s::text, %(idempotency_key)s::text, %(checkout_id)s::text, %(merchant_payment_id)s::text,
        %(reference)s::text, %(token)s::text, %(amount_minor)s::bigint, %(currency)s::text, %(status)s::text,
        %(failure_code)s::text, %(fee_minor)s::bigint, %(at)s::timestamptz)
    ON CONFLICT (idempotency_key) DO NOTHING
    RETURNING id
"""

SELECT_CHARGES = """
    SELECT id, checkout_id, merchant_payment_id, reference, token, amount_minor, currency, status, failure_code,
        refunded_minor, fee_minor, disputes_won
    FROM sandbox.charges WHERE merchant_payment_id = %(merchant_payment_id)s::text ORDER BY created_at, id
"""

SELECT_CHARGE = """
    SELECT id, checkout_id, merchant_payment_id, reference, token, amount_minor, currency, status, failure_code,
        refunded_minor, fee_minor, disputes_won
    FROM sandbox.charges WHERE id = %(id)s::text
"""

LOCK_CHARGE = """
    SELECT id, checkout_id, merchant_payment_id, reference, token, amount_minor, currency, status, failure_code,
        refunded_minor, fee_minor, disputes_won
    FROM sandbox.charges WHERE id = %(id)s::text FOR UPDATE
"""

UPDATE_CHARGE = """
    UPDATE sandbox.charges
    SET status = %(status)s::text, failure_code = %(failure_code)s::text, fee_minor = %(fee_minor)s::bigint,
        disputes_won = %(disputes_won)s::int
    WHERE id = %(id)s::text
"""

# A second request with the same key waits here for the first one's commit, and then inserts nothing.
INSERT_REFUND = """
    INSERT INTO sandbox.refunds (idempotency_key, charge_id, amount_minor, created_at)
    VALUES (%(idempotency_key)s::text, %(charge_id)s::text, %(amount_minor)s::bigint, %(at)s::timestamptz)
    ON CONFLICT (idempotency_key) DO NOTHING
"""

ADD_REFUNDED = """
    UPDATE sandbox.charges SET refunded_minor = refunded_minor + %(amount_minor)s::bigint WHERE id = %(id)s::text
"""

INSERT_EVENT = """
    INSERT INTO sandbox.events (id, type, body, created_at)
    VALUES (%(id)s::text, %(type)s::text, %(body)s::bytea, %(at)s::timestamptz)
"""

SELECT_EVENT = """
    SELECT id, type, body, created_at, delivered_at, written_by::text || '-' || position::text
    FROM sandbox.events WHERE id = %(id)s::text
"""

# Only transactions older than every one still running are listed: none of them can commit behind the cursor.
SELECT_EVENTS_SINCE = """
    SELECT id, type, body, created_at, delivered_at, written_by::text || '-' || position::text
    FROM sandbox.events
    WHERE (written_by, position) > (%(written_by)s::text::xid8, %(position)s::bigint)
        AND written_by < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY written_by, position LIMIT %(limit)s::int
"""

COUNT_ATTEMPT = """
    UPDATE sandbox.events SET attempts = attempts + 1, last_status = %(status)s::int WHERE id = %(id)s::text
"""

MARK_DELIVERED = """
    UPDATE sandbox.events
    SET attempts = attempts + 1, last_status = %(status)s::int, delivered_at = %(at)s::timestamptz
    WHERE id = %(id)s::text AND delivered_at IS NULL
"""


def _checkout(row: TupleRow) -> SandboxCheckout:
    return SandboxCheckout(*row)


def _charge(row: TupleRow) -> SandboxCharge:
    return SandboxCharge(*row)


def _event(row: TupleRow) -> SandboxEvent:
    return SandboxEvent(row[0], row[1], bytes(row[2]), row[3], row[4], row[5])


async def insert_checkout(tx: Tx, checkout: SandboxCheckout, *, at: datetime) -> None:
    """Does nothing when there is a checkout with the same idempotency key."""
    await tx.execute(INSERT_CHECKOUT, {**vars(checkout), "at": at})


async def checkout(tx: Tx, checkout_id: str, *, lock: bool = False) -> SandboxCheckout | None:
    query = LOCK_CHECKOUT if lock else SELECT_CHECKOUT
    row = await (await tx.execute(query, {"id": checkout_id})).fetchone()
    return _checkout(row) if row else None


async def checkout_by_key(tx: Tx, idempotency_key: str) -> SandboxCheckout | None:
    row = await (await tx.execute(SELECT_CHECKOUT_BY_KEY, {"idempotency_key": idempotency_key})).fetchone()
    return _checkout(row) if row else None


async def insert_method(tx: Tx, method: SandboxMethod, *, at: datetime) -> None:
    values = {**vars(method.card), "customer": method.customer, "behaviour": method.behaviour, "at": at}
    await tx.execute(INSERT_METHOD, values)


async def method(tx: Tx, token: str) -> SandboxMethod | None:
    row = await (await tx.execute(SELECT_METHOD, {"token": token})).fetchone()
    return SandboxMethod(row[0], row[1], Card(*row[2:])) if row else None


async def insert_charge(tx: Tx, charge: SandboxCharge, *, idempotency_key: str, at: datetime) -> bool:
    """False when there is a charge with the same idempotency key."""
    values = {**vars(charge), "idempotency_key": idempotency_key, "at": at}
    return await (await tx.execute(INSERT_CHARGE, values)).fetchone() is not None


async def charges_of(tx: Tx, merchant_payment_id: str) -> list[SandboxCharge]:
    """All charges for a payment of the merchant, the oldest first."""
    cursor = await tx.execute(SELECT_CHARGES, {"merchant_payment_id": merchant_payment_id})
    return [_charge(row) for row in await cursor.fetchall()]


async def charge(tx: Tx, charge_id: str, *, lock: bool = False) -> SandboxCharge | None:
    row = await (await tx.execute(LOCK_CHARGE if lock else SELECT_CHARGE, {"id": charge_id})).fetchone()
    return _charge(row) if row else None


async def update_charge(tx: Tx, after: SandboxCharge) -> None:
    await tx.execute(UPDATE_CHARGE, vars(after))


async def insert_refund(tx: Tx, *, idempotency_key: str, charge_id: str, amount_minor: int, at: datetime) -> bool:
    """Send a part of a charge back. False when that was done under the same key before."""
    values = {"idempotency_key": idempotency_key, "charge_id": charge_id, "amount_minor": amount_minor, "at": at}
    return (await tx.execute(INSERT_REFUND, values)).rowcount == 1


async def add_refunded(tx: Tx, charge_id: str, amount_minor: int) -> None:
    await tx.execute(ADD_REFUNDED, {"id": charge_id, "amount_minor": amount_minor})


async def insert_event(tx: Tx, *, event_id: str, type: str, body: bytes, at: datetime) -> None:
    await tx.execute(INSERT_EVENT, {"id": event_id, "type": type, "body": body, "at": at})


async def event(tx: Tx, event_id: str) -> SandboxEvent | None:
    row = await (await tx.execute(SELECT_EVENT, {"id": event_id})).fetchone()
    return _event(row) if row else None


async def events_since(tx: Tx, *, written_by: str, position: int, limit: int) -> list[SandboxEvent]:
    """The provider's list after a place in it, oldest first."""
    values = {"written_by": written_by, "position": position, "limit": limit}
    return [_event(row) for row in await (await tx.execute(SELECT_EVENTS_SINCE, values)).fetchall()]


async def count_attempt(tx: Tx, event_id: str, *, status: int) -> None:
    await tx.execute(COUNT_ATTEMPT, {"id": event_id, "status": status})


async def mark_delivered(tx: Tx, event_id: str, *, status: int, at: datetime) -> None:
    await tx.execute(MARK_DELIVERED, {"id": event_id, "status": status, "at": at})
