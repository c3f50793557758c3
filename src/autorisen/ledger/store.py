"""All SQL of the ledger: transactions and entries are inserted, summed and listed, never changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from autorisen.kit.database import Tx, json_rows
from autorisen.kit.money import Money
from autorisen.ledger.model import AccountBalance, Line, StatementLine, TrialBalance
from autorisen.ledger.postings import Posting

# A concurrent post of the same reference waits here for the other's commit, then finds its row.
INSERT_TRANSACTIONS: LiteralString = """
    INSERT INTO ledger.transactions (id, reference, description, occurred_at, recorded_at)
    SELECT id, reference, description, %(occurred_at)s::timestamptz, %(recorded_at)s::timestamptz
    FROM json_to_recordset(%(rows)s::json) AS posting (id uuid, reference text, description text)
    ON CONFLICT (reference) DO NOTHING
    RETURNING reference
"""

# Sorted, so that two posts that open the same accounts can't wait for each other.
OPEN_ACCOUNTS: LiteralString = """
    INSERT INTO ledger.accounts (name, opened_at)
    SELECT name, %(opened_at)s::timestamptz FROM unnest(%(names)s::text[]) AS name ORDER BY name
    ON CONFLICT (name) DO NOTHING
"""

INSERT_ENTRIES: LiteralString = """
    INSERT INTO ledger.entries (transaction_id, position, account, amount_minor, currency)
    SELECT transaction_id, position, account, amount_minor, currency
    FROM json_to_recordset(%(rows)s::json)
        AS line (transaction_id uuid, position int, account text, amount_minor bigint, currency text)
"""

LINES_OF: LiteralString = """
    SELECT reference, account, amount_minor, currency
    FROM ledger.entries JOIN ledger.transactions ON transactions.id = entries.transaction_id
    WHERE reference = ANY(%(references)s::text[])
    ORDER BY reference, position
"""

TRIAL_BALANCE: LiteralString = """
    SELECT account, currency,
        coalesce(sum(amount_minor) FILTER (WHERE amount_minor > 0), 0)::bigint AS debit_minor,
        coalesce(-sum(amount_minor) FILTER (WHERE amount_minor < 0), 0)::bigint AS credit_minor
    FROM ledger.entries
    GROUP BY account, currency
    ORDER BY account, currency
"""

ACCOUNT_BALANCE: LiteralString = """
    SELECT currency, sum(amount_minor)::bigint FROM ledger.entries
    WHERE account = %(account)s
    GROUP BY currency
    ORDER BY currency
"""

STATEMENT: LiteralString = """
    SELECT occurred_at, reference, description, amount_minor, currency,
        sum(amount_minor) OVER (
            PARTITION BY currency ORDER BY occurred_at, transactions.id, position
        )::bigint AS balance_minor
    FROM ledger.entries JOIN ledger.transactions ON transactions.id = entries.transaction_id
    WHERE account = %(account)s
    ORDER BY occurred_at, transactions.id, position
"""


async def insert_transactions(
    tx: Tx, postings: Sequence[tuple[UUID, Posting]], *, occurred_at: datetime, recorded_at: datetime
) -> set[str]:
    """Add the heads of transactions. Gives the references that were free."""
    rows = [{"id": id, "reference": each.reference, "description": each.description} for id, each in postings]
    values = {"rows": json_rows(rows), "occurred_at": occurred_at, "recorded_at": recorded_at}
    return {reference for (reference,) in await (await tx.execute(INSERT_TRANSACTIONS, values)).fetchall()}


async def open_accounts(tx: Tx, names: Iterable[str], opened_at: datetime) -> None:
    """Make sure that these accounts exist."""
    await tx.execute(OPEN_ACCOUNTS, {"names": sorted(names), "opened_at": opened_at})


async def insert_entries(tx: Tx, entries: Iterable[tuple[UUID, Line]]) -> None:
    """Add the entries of transactions that this database transaction began, in their order."""
    rows = []
    positions: Counter[UUID] = Counter()
    for id, line in entries:
        positions[id] += 1
        rows.append(
            {
                "transaction_id": id,
                "position": positions[id],
                "account": line.account,
                "amount_minor": line.amount.minor,
                "currency": line.amount.currency,
            }
        )
    if rows:
        await tx.execute(INSERT_ENTRIES, {"rows": json_rows(rows)})


async def lines_of(tx: Tx, references: Sequence[str]) -> dict[str, list[Line]]:
    """What was posted under these references; those of which nothing was are left out."""
    found: dict[str, list[Line]] = {}
    if references:
        cursor = await tx.execute(LINES_OF, {"references": list(references)})
        for reference, account, minor, currency in await cursor.fetchall():
            found.setdefault(reference, []).append(Line(account, Money(minor, currency)))
    return found


async def trial_balance(tx: Tx) -> TrialBalance:
    """Every account with its debits and credits."""
    cursor = await tx.execute(TRIAL_BALANCE)
    return TrialBalance(tuple(AccountBalance(*row) for row in await cursor.fetchall()))


async def account_balance(tx: Tx, account: str) -> dict[str, Money]:
    """Debits less credits of one account by currency; empty when nothing was ever posted to it."""
    cursor = await tx.execute(ACCOUNT_BALANCE, {"account": account})
    return {currency: Money(minor, currency) for currency, minor in await cursor.fetchall()}


async def statement(tx: Tx, account: str) -> list[StatementLine]:
    """Every entry of an account in the order it occurred, with the running balance per currency."""
    cursor = await tx.execute(STATEMENT, {"account": account})
    return [
        StatementLine(occurred_at, reference, description, Money(minor, currency), Money(balance, currency))
        for occurred_at, reference, description, minor, currency, balance in await cursor.fetchall()
    ]
