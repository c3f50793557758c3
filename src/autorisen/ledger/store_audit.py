"""The SQL of the ledger's part of the audit."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import LiteralString

from psycopg.rows import TupleRow

from autorisen.kit.audit import Stream
from autorisen.kit.database import Tx, stream
from autorisen.kit.money import Money
from autorisen.ledger.model import Line

COUNT_TRANSACTIONS: LiteralString = "SELECT count(*) FROM ledger.transactions"
UNBALANCED: LiteralString = """
    SELECT reference, currency, sum(amount_minor)::bigint
    FROM ledger.entries JOIN ledger.transactions ON transactions.id = entries.transaction_id
    GROUP BY transactions.id, currency HAVING sum(amount_minor) <> 0 ORDER BY reference, currency
"""
TOO_SHORT: LiteralString = """
    SELECT reference, count(entries.account)
    FROM ledger.transactions LEFT JOIN ledger.entries ON transactions.id = entries.transaction_id
    GROUP BY transactions.id HAVING count(entries.account) < 2 ORDER BY reference
"""
ACCOUNT_NAMES: LiteralString = "SELECT name FROM ledger.accounts ORDER BY name"
POSTED: LiteralString = """
    SELECT reference, array_agg(account ORDER BY position), array_agg(amount_minor ORDER BY position),
        array_agg(currency ORDER BY position)
    FROM ledger.transactions JOIN ledger.entries ON transactions.id = entries.transaction_id
    WHERE starts_with(reference, %(prefix)s)
    GROUP BY transactions.id ORDER BY reference COLLATE "C"
"""
BALANCES: LiteralString = """
    SELECT account, currency, sum(amount_minor)::bigint FROM ledger.entries
    WHERE starts_with(account, %(prefix)s)
    GROUP BY account, currency ORDER BY account COLLATE "C", currency
"""
REFERENCE_KINDS: LiteralString = """
    SELECT split_part(reference, ':', 1), count(*) FROM ledger.transactions GROUP BY 1 ORDER BY 1
"""


def unbalanced(tx: Tx) -> AsyncGenerator[tuple[str, Money]]:
    """References of transactions that leave something, and what, by currency."""
    return stream(tx, UNBALANCED, make=lambda row: (row[0], Money(row[2], row[1])))


def too_short(tx: Tx) -> AsyncGenerator[tuple[str, int]]:
    """References of transactions with fewer than two entries, and how many they have."""
    return stream(tx, TOO_SHORT, make=lambda row: (row[0], row[1]))


def account_names(tx: Tx) -> AsyncGenerator[str]:
    return stream(tx, ACCOUNT_NAMES, make=lambda row: str(row[0]))


def posted(tx: Tx, kind: str) -> Stream:
    """All transactions whose reference begins with `kind`, by what follows it: the rest of the reference, the lines."""

    def make(row: TupleRow) -> tuple[str, tuple[str, tuple[Line, ...]]]:
        reference, *columns = row
        about, _, suffix = reference.removeprefix(f"{kind}:").partition(":")
        lines = (Line(account, Money(minor, currency)) for account, minor, currency in zip(*columns, strict=True))
        return about, (suffix, tuple(lines))

    return stream(tx, POSTED, {"prefix": f"{kind}:"}, make=make)


def balances(tx: Tx, family: str) -> Stream:
    """The balance of every account of a family, by what follows its name."""
    prefix = f"{family}:"
    values = {"prefix": prefix}
    return stream(tx, BALANCES, values, make=lambda row: (row[0].removeprefix(prefix), Money(row[2], row[1])))


async def count_transactions(tx: Tx) -> int:
    row = await (await tx.execute(COUNT_TRANSACTIONS)).fetchone()
    assert row is not None, "count gives a row"
    return int(row[0])


async def reference_kinds(tx: Tx) -> dict[str, int]:
    """How many transactions there are by the first word of their reference."""
    return dict(await (await tx.execute(REFERENCE_KINDS)).fetchall())
