"""The SQL of statements."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString

from psycopg.rows import class_row

from autorisen.kit.database import Tx
from autorisen.kit.money import Money
from autorisen.ledger.model import FamilyBalance
from autorisen.ledger.statements.model import Movement

OPENING: LiteralString = """
    SELECT currency, sum(amount_minor)::bigint
    FROM ledger.entries JOIN ledger.transactions ON transactions.id = entries.transaction_id
    WHERE account = ANY(%(accounts)s::text[]) AND occurred_at < %(start)s::timestamptz
    GROUP BY currency
"""

# What only moves between the accounts asked about, like credits that pay an invoice, changes nothing.
MOVEMENTS: LiteralString = """
    SELECT occurred_at, reference, description, sum(amount_minor)::bigint, currency
    FROM ledger.entries JOIN ledger.transactions ON transactions.id = entries.transaction_id
    WHERE account = ANY(%(accounts)s::text[])
        AND occurred_at >= %(start)s::timestamptz AND occurred_at < %(end)s::timestamptz
    GROUP BY transactions.id, currency HAVING sum(amount_minor) <> 0
    ORDER BY occurred_at, transactions.id, currency LIMIT %(limit)s
"""

ACCOUNT_EXISTS: LiteralString = "SELECT EXISTS (SELECT FROM ledger.accounts WHERE name = %(account)s)"

# Accounts of customers are many: they are summed up by the first word of their name.
FAMILY_BALANCES: LiteralString = """
    SELECT CASE WHEN split_part(account, ':', 1) = ANY(%(grouped)s::text[]) THEN split_part(account, ':', 1)
        ELSE account END AS family,
        currency, count(DISTINCT account)::bigint AS accounts,
        coalesce(sum(amount_minor) FILTER (WHERE amount_minor > 0), 0)::bigint AS debit_minor,
        coalesce(-sum(amount_minor) FILTER (WHERE amount_minor < 0), 0)::bigint AS credit_minor
    FROM ledger.entries GROUP BY 1, 2 ORDER BY 1, 2
"""


async def opening_balances(tx: Tx, accounts: Sequence[str], start: datetime) -> dict[str, Money]:
    """What these accounts stood at together before an instant, by currency."""
    rows = await (await tx.execute(OPENING, {"accounts": list(accounts), "start": start})).fetchall()
    return {currency: Money(minor, currency) for currency, minor in rows}


async def movements(tx: Tx, accounts: Sequence[str], *, start: datetime, end: datetime, limit: int) -> list[Movement]:
    """What each transaction changed on these accounts together, in the order it occurred."""
    values = {"accounts": list(accounts), "start": start, "end": end, "limit": limit}
    rows = await (await tx.execute(MOVEMENTS, values)).fetchall()
    return [Movement(at, reference, text, Money(minor, currency)) for at, reference, text, minor, currency in rows]


async def account_exists(tx: Tx, account: str) -> bool:
    row = await (await tx.execute(ACCOUNT_EXISTS, {"account": account})).fetchone()
    return row is not None and bool(row[0])


async def family_balances(tx: Tx, grouped: Sequence[str]) -> list[FamilyBalance]:
    """The trial balance with the accounts of the `grouped` families summed up."""
    async with tx.cursor(row_factory=class_row(FamilyBalance)) as cursor:
        return await (await cursor.execute(FAMILY_BALANCES, {"grouped": list(grouped)})).fetchall()
