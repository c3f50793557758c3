"""The SQL of the wallet's part of the audit."""

from __future__ import annotations

from autorisen.kit.audit import Stream
from autorisen.kit.database import Tx, stream
from autorisen.kit.money import Money

COUNT_GRANTS = "SELECT count(*) FROM billing.wallet_grants"
# Per grant: what is left, what its movements come to, and whose it is.
GRANTS = """
SELECT customer_id, id, currency, remaining_minor, coalesce(moved_minor, 0)
FROM billing.wallet_grants LEFT JOIN (
    SELECT grant_id, sum(amount_minor)::bigint AS moved_minor FROM billing.wallet_movements GROUP BY grant_id
) AS movements ON grant_id = id
ORDER BY customer_id, id
"""
DRAWS = """
SELECT invoice_id, -sum(movement.amount_minor)::bigint, currency FROM billing.wallet_movements AS movement
JOIN billing.wallet_grants ON wallet_grants.id = grant_id
WHERE movement.kind = 'draw' GROUP BY invoice_id, currency ORDER BY invoice_id, currency
"""


async def count_grants(tx: Tx) -> int:
    row = await (await tx.execute(COUNT_GRANTS)).fetchone()
    assert row is not None, "count gives a row"
    return int(row[0])


def grants(tx: Tx) -> Stream:
    """Each grant by its customer: id, what is left, what its movements come to."""
    return stream(
        tx, GRANTS, make=lambda row: (str(row[0]), (row[1], Money(row[3], row[2]), Money(row[4], row[2])))
    )  # fmt: skip


def draws(tx: Tx) -> Stream:
    """What each invoice took from the wallet."""
    return stream(tx, DRAWS, make=lambda row: (str(row[0]), Money(row[1], row[2])))
