"""Pages of statements: the customer's own, any customer's for operators, and the ledger account by account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from autorisen import accounts
from autorisen.accounts import Customer, Principal, member, operator
from autorisen.kit.http import RuntimeDep
from autorisen.kit.ids import parse_public_id
from autorisen.kit.unit import Runtime
from autorisen.ledger.chart import family_of
from autorisen.ledger.model import FamilyBalance
from autorisen.ledger.statements.links import CUSTOMERS, OPERATORS, links_of, operators_places
from autorisen.ledger.statements.model import CurrencyStatement, Days, days_of
from autorisen.ledger.statements.read_statement import account_statement, customer_statement, family_balances
from autorisen.ledger.statements.table_response import table_response
from autorisen.ui import render

router = APIRouter()

Member = Annotated[Principal, Depends(member)]
Operator = Annotated[Principal, Depends(operator)]
From = Annotated[str, Query(alias="from", max_length=10)]


@dataclass(frozen=True)
class StatementPage:
    """Context of ledger/statement.html and ledger/customer_statement.html."""

    customer: Customer
    days: Days
    statements: Sequence[CurrencyStatement]
    links: Mapping[str, str]


@dataclass(frozen=True)
class AccountPage:
    """Context of ledger/account.html. `holds` says what is on the account."""

    account: str
    holds: str
    days: Days
    statements: Sequence[CurrencyStatement]
    links: Mapping[str, str]


@dataclass(frozen=True)
class LedgerPage:
    """Context of ledger/ledger.html."""

    families: Sequence[FamilyBalance]


@router.get("/app/statement")
async def statement_page(
    request: Request, runtime: RuntimeDep, person: Member, first: From = "", to: str = ""
) -> Response:
    return render(request, "ledger/statement.html", await _page(runtime, person.customer_id, first, to))


@router.get("/app/statement.csv")
async def statement_file(runtime: RuntimeDep, person: Member, first: From = "", to: str = "") -> Response:
    page = await _page(runtime, person.customer_id, first, to)
    return table_response(page.customer.public_id, page.days, tuple(page.statements))


@router.get("/console/customers/{customer_id}/statement")
async def operators_statement_page(
    *, request: Request, runtime: RuntimeDep, _operator: Operator, customer_id: str, first: From = "", to: str = ""
) -> Response:
    page = await _page(runtime, parse_public_id("cus", customer_id), first, to, for_operator=True)
    return render(request, "ledger/customer_statement.html", page)


@router.get("/console/customers/{customer_id}/statement.csv")
async def operators_statement_file(
    *, runtime: RuntimeDep, _operator: Operator, customer_id: str, first: From = "", to: str = ""
) -> Response:
    page = await _page(runtime, parse_public_id("cus", customer_id), first, to)
    return table_response(page.customer.public_id, page.days, tuple(page.statements))


@router.get("/console/ledger")
async def ledger_page(request: Request, runtime: RuntimeDep, _operator: Operator) -> Response:
    async with runtime.database.read() as tx:
        found = await family_balances(tx)
    return render(request, "ledger/ledger.html", LedgerPage(found))


# Before the next one: its path parameter would swallow the ending.
@router.get("/console/ledger/{account}.csv")
async def account_file(
    *, runtime: RuntimeDep, _operator: Operator, account: str, first: From = "", to: str = ""
) -> Response:
    page = await _account_page(runtime, account, first, to)
    return table_response(account, page.days, tuple(page.statements))


@router.get("/console/ledger/{account}")
async def account_page(
    *, request: Request, runtime: RuntimeDep, _operator: Operator, account: str, first: From = "", to: str = ""
) -> Response:
    return render(request, "ledger/account.html", await _account_page(runtime, account, first, to))


async def _page(
    runtime: Runtime, customer_id: UUID | None, first: str, last: str, *, for_operator: bool = False
) -> StatementPage:
    assert customer_id is not None, "a member has a customer"
    async with runtime.database.read(snapshot=True) as tx:
        customer = await accounts.customer(tx, customer_id)
        days = days_of(first, last, now=runtime.clock.now(), time_zone=customer.time_zone)
        found = await customer_statement(tx, customer_id, days)
    places = operators_places(customer.public_id) if for_operator else CUSTOMERS
    return StatementPage(customer, days, found, links_of(found, places))


async def _account_page(runtime: Runtime, account: str, first: str, last: str) -> AccountPage:
    days = days_of(first, last, now=runtime.clock.now(), time_zone="UTC")
    family = family_of(account)
    async with runtime.database.read(snapshot=True) as tx:
        found = await account_statement(tx, account, days)
    return AccountPage(account, "" if family is None else family.holds, days, found, links_of(found, OPERATORS))
