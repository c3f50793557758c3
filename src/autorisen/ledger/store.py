"""All SQL of the ledger: transactions and entries are inserted, summed and listed, never changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from autorisen.kit.database import Tx
from autorisen.kit.money import Money
from autorisen.ledger.model import AccountBalance, Line, StatementLine, TrialBalance

# A concurrent post of the same reference waits here for the other's commit, then finds its row.
INSERT_TRANSACTION: LiteralString = """
    INSERT INTO ledger.transactions (id, reference, description, occurred_at, recorded_at)
    VALUES (%(id)s, %(reference)s, %(description)s, %(occurred_at)s, %(recorded_at)s)
    ON CONFLICT (reference) DO NOTHING
"""

# Sorted, so that two posts that open the same accounts can't wait for each other.
OPEN_ACCOUNTS: LiteralString = """
    INSERT INTO ledger.accounts (name, opened_at)
    SELECT name, %(opened_at)s::timestamptz FROM unnest(%(names)s::text[]) AS name ORDER BY name
    ON CONFLICT (name) DO NOTHING
"""

INSERT_ENTRIES: LiteralString = """
    INSERT INTO ledger.entries (transaction_id, position, account, amount_minor, currency)
    SELECT %(transaction_id)s::uuid, position, account, amount_minor, currency
    FROM unnest(%(accounts)s::text[], %(amounts)s::bigint[], %(currencies)s::text[])
        WITH ORDINALITY AS line (account, amount_minor, currency, position)
"""

LINES_OF: LiteralString = """
    SELECT account, amount_minor, currency
    FROM ledger.entries JOIN ledger.transactions ON transactions.id = entries.transaction_id
    WHERE reference = %(reference)s
    ORDER BY position
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


async def insert_transaction(
    tx: Tx, *, transaction_id: UUID, reference: str, description: str, occurred_at: datetime, recorded_at: datetime
) -> bool:
    """Add the head of a transaction; False when its reference is taken."""
    values = {
        "id": transaction_id,
        "reference": reference,
        "description": description,
        "occurred_at": occurred_at,
        "recorded_at": recorded_at,
    }
    return (await tx.execute(INSERT_TRANSACTION, values)).rowcount == 1


async def open_accounts(tx: Tx, names: Iterable[str], opened_at: datetime) -> None:
    """Make sure that these accounts exist."""
    await tx.execute(OPEN_ACCOUNTS, {"names": sorted(names), "opened_at": opened_at})


async def insert_entries(tx: Tx, transaction_id: UUID, lines: Sequence[Line]) -> None:
    """Add the entries of a transaction that this database transaction began."""
    values = {
        "transaction_id": transaction_id,
        "accounts": [line.account for line in lines],
        "amounts": [line.amount.minor for line in lines],
        "currencies": [line.amount.currency for line in lines],
    }
    await tx.execute(INSERT_ENTRIES, values)


async def lines_of(tx: Tx, reference: str) -> list[Line]:
    """What was posted under that reference; empty when nothing was."""
    cursor = await tx.execute(LINES_OF, {"reference": reference})
    return [Line(account, Money(minor, currency)) for account, minor, currency in await cursor.fetchall()]


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
