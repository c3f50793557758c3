"""The machine interface of the ledger, for operators."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from autorisen.accounts import Principal, Scope, api_key_or_session
from autorisen.kit.http import RuntimeDep
from autorisen.kit.problems import NotAllowed
from autorisen.ledger import store

router = APIRouter(prefix="/api/ledger", tags=["ledger"])

Administers = Annotated[Principal, Depends(api_key_or_session(Scope.ADMIN))]


class AccountView(BaseModel):
    """One account in one currency; `balance_minor` is debits less credits."""

    account: str
    currency: str
    debit_minor: int
    credit_minor: int
    balance_minor: int


class TotalView(BaseModel):
    """All debits and credits of one currency."""

    currency: str
    debit_minor: int
    credit_minor: int


class TrialBalanceView(BaseModel):
    """Every account, and the totals, which are equal at every commit."""

    balanced: bool
    totals: list[TotalView]
    accounts: list[AccountView]


@router.get("/trial-balance")
async def trial_balance(runtime: RuntimeDep, principal: Administers) -> TrialBalanceView:
    """The trial balance of the whole platform. For operators."""
    if not principal.is_operator:
        raise NotAllowed("the ledger is the operator's; a customer sees invoices and payments")
    async with runtime.database.read() as tx:
        found = await store.trial_balance(tx)
    return TrialBalanceView(
        balanced=found.is_balanced,
        totals=[TotalView(**vars(total)) for total in found.totals],
        accounts=[AccountView(**vars(row), balance_minor=row.balance.minor) for row in found.accounts],
    )
