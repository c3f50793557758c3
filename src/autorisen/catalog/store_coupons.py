"""SQL of coupons: versions are inserted once and never changed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from autorisen.catalog.coupons import Coupon, coupon_of, coupon_terms
from autorisen.kit.database import Tx

NEWEST_COUPONS: LiteralString = """
    SELECT DISTINCT ON (coupon_key) * FROM catalog.coupon_versions ORDER BY coupon_key, version DESC
"""

COUPONS_BY_ID: LiteralString = "SELECT * FROM catalog.coupon_versions WHERE id = ANY(%(ids)s::uuid[])"

INSERT_COUPON: LiteralString = """
    INSERT INTO catalog.coupon_versions (id, coupon_key, version, terms, retired, created_at)
    VALUES (%(id)s, %(key)s, %(version)s, %(terms)s, %(retired)s, %(created_at)s)
"""


async def newest_coupons(tx: Tx) -> list[Coupon]:
    """The newest version of every coupon that ever was, retired ones too."""
    async with tx.cursor(row_factory=dict_row) as cursor:
        return [coupon_of(row) for row in await (await cursor.execute(NEWEST_COUPONS)).fetchall()]


async def coupons_by_id(tx: Tx, ids: Iterable[UUID]) -> dict[UUID, Coupon]:
    """These versions, whether they can still be redeemed or not."""
    async with tx.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(COUPONS_BY_ID, {"ids": list(ids)})).fetchall()
    return {row["id"]: coupon_of(row) for row in rows}


async def insert_coupon(tx: Tx, coupon: Coupon, created_at: datetime) -> None:
    row = vars(coupon) | {"terms": Jsonb(coupon_terms(coupon)), "created_at": created_at}
    await tx.execute(INSERT_COUPON, row)
