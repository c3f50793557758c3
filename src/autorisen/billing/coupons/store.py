"""SQL of coupons: who redeemed which code, and which invoice used it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from autorisen import catalog
from autorisen.billing.coupons.discount_lines import fee_discount
from autorisen.billing.coupons.model import Redemption
from autorisen.kit.database import Tx

# The row stays locked until the transaction ends, so that redeemers of one code come one after the other.
TAKE_NUMBER = """
INSERT INTO billing.coupon_codes AS c (code, redeemed) VALUES (%(code)s, 1)
ON CONFLICT (code) DO UPDATE SET redeemed = c.redeemed + 1
RETURNING redeemed
"""
# Askers with a key come one after the other, so that the second finds what the first one redeemed.
LOCK_KEYS = "SELECT pg_advisory_xact_lock(hashtextextended('redeem:' || %(customer_id)s::text, 0))"
INSERT_REDEMPTION = """
INSERT INTO billing.redemptions (id, customer_id, coupon_version_id, coupon_key, code, number, number_max, uses_max,
    one_per_customer, scope, redeemed_at, key)
VALUES (%(id)s, %(customer_id)s, %(coupon_version_id)s, %(coupon_key)s, %(code)s, %(number)s, %(number_max)s,
    %(uses_max)s, %(one_per_customer)s, %(scope)s, %(redeemed_at)s, %(key)s)
ON CONFLICT (coupon_key, customer_id) WHERE one_per_customer DO NOTHING
"""
REDEMPTIONS_OF = """
SELECT r.id, r.customer_id, r.coupon_version_id, r.code, r.redeemed_at,
    (SELECT count(*) FROM billing.coupon_uses u WHERE u.redemption_id = r.id) AS used
FROM billing.redemptions r WHERE r.customer_id = ANY(%(customer_ids)s::uuid[]) ORDER BY r.redeemed_at, r.id
"""
REDEMPTION = """
SELECT r.id, r.customer_id, r.coupon_version_id, r.code, r.redeemed_at,
    (SELECT count(*) FROM billing.coupon_uses u WHERE u.redemption_id = r.id) AS used
FROM billing.redemptions r WHERE r.id = %(id)s
"""
REDEMPTION_BY_KEY = """
SELECT r.id, r.customer_id, r.coupon_version_id, r.code, r.redeemed_at,
    (SELECT count(*) FROM billing.coupon_uses u WHERE u.redemption_id = r.id) AS used
FROM billing.redemptions r WHERE r.customer_id = %(customer_id)s AND r.key = %(key)s
"""
REDEMPTIONS_IN = """
SELECT r.id, r.customer_id, r.coupon_version_id, r.code, r.redeemed_at,
    (SELECT count(*) FROM billing.coupon_uses u WHERE u.redemption_id = r.id) AS used
FROM billing.invoice_lines l JOIN billing.redemptions r ON r.id = l.redemption_id
WHERE l.invoice_id = %(invoice_id)s ORDER BY l.position
"""
CODE_COUNTS = "SELECT code, redeemed FROM billing.coupon_codes"
# A use takes the next number of its redemption; the key refuses a second with it, the check one beyond the last.
INSERT_USES = """
INSERT INTO billing.coupon_uses (redemption_id, uses_max, number, period_id, invoice_id, amount_minor, used_at)
SELECT r.id, r.uses_max, 1 + (SELECT count(*) FROM billing.coupon_uses u WHERE u.redemption_id = r.id),
    use.period_id, use.invoice_id, use.amount_minor, %(at)s
FROM jsonb_to_recordset(%(rows)s) AS use (redemption_id uuid, period_id uuid, invoice_id uuid, amount_minor bigint)
JOIN billing.redemptions r ON r.id = use.redemption_id
"""


# What an invoice charges, for fees and in all, and what coupons took off of each.
DISCOUNTS_OF = """
SELECT coalesce(sum(l.amount_minor) FILTER (WHERE l.kind IN ('flat_fee', 'addon')), 0)::bigint,
    coalesce(sum(l.amount_minor) FILTER (WHERE l.kind <> 'discount' AND l.amount_minor > 0), 0)::bigint,
    coalesce(-sum(l.amount_minor) FILTER (WHERE r.scope = 'fees'), 0)::bigint,
    coalesce(-sum(l.amount_minor) FILTER (WHERE r.scope = 'all'), 0)::bigint
FROM billing.invoice_lines l LEFT JOIN billing.redemptions r ON r.id = l.redemption_id
WHERE l.invoice_id = %(invoice_id)s
"""


async def fee_discount_of(tx: Tx, invoice_id: UUID, fee_minor: int) -> int:
    """How many cents of an invoice's discounts fell on its fee: they were not paid for it."""
    row = await (await tx.execute(DISCOUNTS_OF, {"invoice_id": invoice_id})).fetchone()
    assert row is not None, "an aggregate gives a row"
    fees, charges, on_fees, on_all = row
    return fee_discount(fee_minor, fees, charges, on_fees=on_fees, on_all=on_all)


async def take_number(tx: Tx, code: str) -> int:
    """The number of this redemption of a code; others wait until the transaction ends."""
    row = await (await tx.execute(TAKE_NUMBER, {"code": code})).fetchone()
    assert row is not None, "INSERT ... RETURNING gives a row"
    return int(row[0])


async def insert_redemption(tx: Tx, values: Mapping[str, object]) -> bool:
    """Keep a redemption; False when the customer has the coupon already, and may have it once."""
    return (await tx.execute(INSERT_REDEMPTION, values)).rowcount == 1


async def redemptions_of(tx: Tx, customer_id: UUID) -> tuple[Redemption, ...]:
    """A customer's coupons in the order in which they were redeemed, used up or not."""
    return (await redemptions_of_many(tx, [customer_id]))[customer_id]


async def redemptions_of_many(tx: Tx, customer_ids: Iterable[UUID]) -> dict[UUID, tuple[Redemption, ...]]:
    """`redemptions_of` for many customers at once."""
    ids = list(customer_ids)
    found: dict[UUID, tuple[Redemption, ...]] = dict.fromkeys(ids, ())
    for each in await _redemptions(tx, REDEMPTIONS_OF, {"customer_ids": ids}):
        found[each.customer_id] = (*found[each.customer_id], each)
    return found


async def redemption(tx: Tx, id: UUID) -> Redemption | None:
    return next(iter(await _redemptions(tx, REDEMPTION, {"id": id})), None)


async def redemption_by_key(tx: Tx, customer_id: UUID, key: str) -> Redemption | None:
    """What a customer has redeemed with a key; others with a key of theirs wait until the transaction ends."""
    await tx.execute(LOCK_KEYS, {"customer_id": customer_id})
    values = {"customer_id": customer_id, "key": key}
    return next(iter(await _redemptions(tx, REDEMPTION_BY_KEY, values)), None)


async def redemptions_in(tx: Tx, invoice_id: UUID) -> list[Redemption]:
    """The coupons that take something off an invoice, in the order of its lines."""
    return await _redemptions(tx, REDEMPTIONS_IN, {"invoice_id": invoice_id})


async def code_counts(tx: Tx) -> dict[str, int]:
    """How many customers have redeemed each code."""
    rows = await (await tx.execute(CODE_COUNTS)).fetchall()
    return dict(rows)


async def insert_uses(tx: Tx, uses: Sequence[Mapping[str, str | int | None]], at: datetime) -> None:
    """Note that invoices use coupons, each with the next number of its redemption."""
    await tx.execute(INSERT_USES, {"rows": Jsonb(uses), "at": at})


async def _redemptions(tx: Tx, query: Any, values: Mapping[str, object]) -> list[Redemption]:
    async with tx.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(query, values)).fetchall()
    coupons = await catalog.coupons_by_id(tx, {row["coupon_version_id"] for row in rows}) if rows else {}
    return [
        Redemption(
            id=row["id"],
            customer_id=row["customer_id"],
            coupon=coupons[row["coupon_version_id"]],
            code=row["code"],
            used=row["used"],
            redeemed_at=row["redeemed_at"],
        )
        for row in rows
    ]
