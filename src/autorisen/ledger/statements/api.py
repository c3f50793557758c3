"""The machine interface of statements."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from autorisen import accounts
from autorisen.accounts import Principal, Scope, api_key_or_session
from autorisen.kit.database import Tx
from autorisen.kit.http import RuntimeDep
from autorisen.kit.ids import public_id
from autorisen.kit.problems import FieldError, InvalidInput, NotAllowed, NotFound
from autorisen.ledger.statements.model import CurrencyStatement, Days, days_of
from autorisen.ledger.statements.read_statement import account_statement, customer_statement
from autorisen.ledger.statements.table_response import table_response

router = APIRouter(prefix="/api", tags=["ledger"])

Reads = Annotated[Principal, Depends(api_key_or_session(Scope.BILLING_READ))]
Administers = Annotated[Principal, Depends(api_key_or_session(Scope.ADMIN))]
From = Annotated[
    str, Query(alias="from", max_length=10, description="First day, like 2026-03-01; a year back if empty")
]
To = Annotated[str, Query(max_length=10, description="Last day, included; today if empty")]
Form = Annotated[Literal["json", "csv"] | None, Query(description="How it is answered; by `Accept` when left out")]
CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {}, "text/csv": {}}}}


class StatementLineView(BaseModel):
    """What one transaction changed, and the balance after it."""

    at: datetime
    description: str
    reference: str
    amount_minor: int
    balance_minor: int


class CurrencyStatementView(BaseModel):
    """Balance before, lines, balance after. A positive amount is owed to us, a negative one by us."""

    currency: str
    opening_minor: int
    closing_minor: int
    lines: list[StatementLineView]


class StatementView(BaseModel):
    """A statement over whole days of `time_zone`, the first and the last included."""

    of: str
    first_day: date
    last_day: date
    time_zone: str
    currencies: list[CurrencyStatementView]


@router.get("/statement", response_model=StatementView, responses=CSV)
async def read_customer_statement(
    *,
    request: Request,
    runtime: RuntimeDep,
    principal: Reads,
    customer: Annotated[str | None, Query(max_length=120, description="Key or cus_ id; operators name one")] = None,
    first: From = "",
    to: To = "",
    format: Form = None,
) -> Response:
    """A customer's statement of account: invoices, payments, credits and refunds with the running balance."""
    async with runtime.database.read(snapshot=True) as tx:
        customer_id = await _customer_id(tx, principal, customer)
        zone = (await accounts.customer(tx, customer_id)).time_zone
        days = days_of(first, to, now=runtime.clock.now(), time_zone=zone)
        found = await customer_statement(tx, customer_id, days)
    return _answer(request, format, public_id("cus", customer_id), days, found)


@router.get("/ledger/accounts/{account}/statement", response_model=StatementView, responses=CSV)
async def read_account_statement(
    *,
    account: str,
    request: Request,
    runtime: RuntimeDep,
    principal: Administers,
    first: From = "",
    to: To = "",
    format: Form = None,
) -> Response:
    """One account of the ledger with its running balance, over days of UTC. For operators."""
    if not principal.is_operator:
        raise NotAllowed("the ledger is the operator's; `/api/statement` is a customer's own")
    days = days_of(first, to, now=runtime.clock.now(), time_zone="UTC")
    async with runtime.database.read(snapshot=True) as tx:
        found = await account_statement(tx, account, days)
    return _answer(request, format, account, days, found)


def _answer(
    request: Request, form: str | None, name: str, days: Days, found: tuple[CurrencyStatement, ...]
) -> Response:
    accepted = request.headers.get("accept", "").lower()
    if form == "csv" or (form is None and "text/csv" in accepted and "application/json" not in accepted):
        return table_response(name, days, found)
    view = StatementView(
        of=name,
        first_day=days.first,
        last_day=days.last,
        time_zone=days.time_zone,
        currencies=[_currency(each) for each in found],
    )
    return Response(view.model_dump_json(), media_type="application/json")


def _currency(each: CurrencyStatement) -> CurrencyStatementView:
    lines = [
        StatementLineView(
            at=line.occurred_at,
            description=line.description,
            reference=line.reference,
            amount_minor=line.amount.minor,
            balance_minor=line.balance.minor,
        )
        for line in each.lines
    ]
    return CurrencyStatementView(
        currency=each.currency, opening_minor=each.opening.minor, closing_minor=each.closing.minor, lines=lines
    )


async def _customer_id(tx: Tx, principal: Principal, name: str | None) -> UUID:
    """Whose statement; somebody else's is answered like one that does not exist."""
    if name is None:
        if principal.customer_id is None:
            raise InvalidInput(errors=[FieldError("query/customer", "is required for an operator, who owes nothing")])
        return principal.customer_id
    found = (await accounts.customer_ids_by_key(tx, [name])).get(name)
    if found is None or not principal.sees(found):
        raise NotFound("no customer has that key or id")
    return found
