"""Read a statement: of one account, or of everything between us and a customer."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from autorisen.kit.database import Tx
from autorisen.kit.problems import NotFound
from autorisen.ledger.chart import CUSTOMER_FAMILIES, customer_accounts
from autorisen.ledger.model import FamilyBalance
from autorisen.ledger.statements import store
from autorisen.ledger.statements.model import LINES_MAX, CurrencyStatement, Days, statements


class NoAccount(NotFound):
    """Nothing was ever posted to an account of that name."""

    title = "There is no such account"


async def customer_statement(tx: Tx, customer_id: UUID, days: Days) -> tuple[CurrencyStatement, ...]:
    """What a customer owes us, over time; below zero, what we owe them. Raises `StatementTooLong`."""
    return await _read(tx, customer_accounts(customer_id), days)


async def account_statement(tx: Tx, account: str, days: Days) -> tuple[CurrencyStatement, ...]:
    """Every transaction on an account. Raises `NoAccount` and `StatementTooLong`."""
    if not await store.account_exists(tx, account):
        raise NoAccount(f"nothing was posted to {account!r}; `autorisen ledger trial-balance` lists all")
    return await _read(tx, (account,), days)


async def family_balances(tx: Tx) -> list[FamilyBalance]:
    """The trial balance; all accounts of customers are one row a family."""
    return await store.family_balances(tx, CUSTOMER_FAMILIES)


async def _read(tx: Tx, accounts: Sequence[str], days: Days) -> tuple[CurrencyStatement, ...]:
    before = await store.opening_balances(tx, accounts, days.start_at)
    found = await store.movements(tx, accounts, start=days.start_at, end=days.end_at, limit=LINES_MAX + 1)
    return statements(before, found)
