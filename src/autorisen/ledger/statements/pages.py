"""Pages of statements: the customer's own, any customer's for operators, and the ledger account by account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from autorisen import accounts
from autorisen.accounts import Customer, Principal, member, operator
from autorisen.kit.http import RuntimeDep
from autorisen.kit.ids import parse_public_id, public_id
from autorisen.kit.problems import InvalidInput
from autorisen.kit.unit import Runtime
from autorisen.ledger.chart import family_of
from autorisen.ledger.model import FamilyBalance
from autorisen.ledger.statements.links import CUSTOMERS, OPERATORS, Places, links_of, operators_places
from autorisen.ledger.statements.model import CurrencyStatement, Days, days_of
from autorisen.ledger.statements.read_statement import account_statement, customer_statement, family_balances
from autorisen.ledger.statements.table_response import table_response
from autorisen.ui import render

router = APIRouter()

Member = Annotated[Principal, Depends(member)]
Operator = Annotated[Principal, Depends(operator)]
From = Annotated[str, Query(alias="from", max_length=10)]


@dataclass(frozen=True)
class Question:
    """The days as they were typed, and what is wrong with them by field; then no statement is shown."""

    first: str
    last: str
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        return 422 if self.errors else 200

    def refused(self, problem: InvalidInput) -> Question:
        return replace(self, errors=accounts.by_field(problem))


@dataclass(frozen=True)
class StatementPage:
    """Context of ledger/statement.html and ledger/customer_statement.html."""

    customer: Customer
    days: Days
    statements: Sequence[CurrencyStatement]
    links: Mapping[str, str]
    question: Question


@dataclass(frozen=True)
class AccountPage:
    """Context of ledger/account.html. `holds` says what is on the account."""

    account: str
    holds: str
    days: Days
    statements: Sequence[CurrencyStatement]
    links: Mapping[str, str]
    question: Question


@dataclass(frozen=True)
class LedgerPage:
    """Context of ledger/ledger.html."""

    families: Sequence[FamilyBalance]


@router.get("/app/statement")
async def statement_page(
    request: Request, runtime: RuntimeDep, person: Member, first: From = "", to: str = ""
) -> Response:
    page = await _page(runtime, person.customer_id, Question(first, to), CUSTOMERS)
    return render(request, "ledger/statement.html", page, status=page.question.status)


@router.get("/app/statement.csv")
async def statement_file(runtime: RuntimeDep, person: Member, first: From = "", to: str = "") -> Response:
    return await _file(runtime, person.customer_id, first, to)


@router.get("/console/customers/{customer_id}/statement")
async def operators_statement_page(
    *, request: Request, runtime: RuntimeDep, _operator: Operator, customer_id: str, first: From = "", to: str = ""
) -> Response:
    id = parse_public_id("cus", customer_id)
    page = await _page(runtime, id, Question(first, to), operators_places(public_id("cus", id)))
    return render(request, "ledger/customer_statement.html", page, status=page.question.status)


@router.get("/console/customers/{customer_id}/statement.csv")
async def operators_statement_file(
    *, runtime: RuntimeDep, _operator: Operator, customer_id: str, first: From = "", to: str = ""
) -> Response:
    return await _file(runtime, parse_public_id("cus", customer_id), first, to)


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
    days = days_of(first, to, now=runtime.clock.now(), time_zone="UTC")
    async with runtime.database.read(snapshot=True) as tx:
        return table_response(account, days, await account_statement(tx, account, days))


@router.get("/console/ledger/{account}")
async def account_page(
    *, request: Request, runtime: RuntimeDep, _operator: Operator, account: str, first: From = "", to: str = ""
) -> Response:
    page = await _account_page(runtime, account, Question(first, to))
    return render(request, "ledger/account.html", page, status=page.question.status)


async def _page(runtime: Runtime, customer_id: UUID | None, question: Question, places: Places) -> StatementPage:
    assert customer_id is not None, "a member has a customer"
    now = runtime.clock.now()
    async with runtime.database.read(snapshot=True) as tx:
        customer = await accounts.customer(tx, customer_id)
        try:
            days = days_of(question.first, question.last, now=now, time_zone=customer.time_zone)
            found = await customer_statement(tx, customer_id, days)
        except InvalidInput as problem:
            question, days, found = question.refused(problem), _usual_days(now, customer.time_zone), ()
    return StatementPage(customer, days, found, links_of(found, places), question)


async def _file(runtime: Runtime, customer_id: UUID | None, first: str, last: str) -> Response:
    assert customer_id is not None, "a member has a customer"
    async with runtime.database.read(snapshot=True) as tx:
        customer = await accounts.customer(tx, customer_id)
        days = days_of(first, last, now=runtime.clock.now(), time_zone=customer.time_zone)
        return table_response(customer.public_id, days, await customer_statement(tx, customer_id, days))


async def _account_page(runtime: Runtime, account: str, question: Question) -> AccountPage:
    now = runtime.clock.now()
    family = family_of(account)
    async with runtime.database.read(snapshot=True) as tx:
        try:
            days = days_of(question.first, question.last, now=now, time_zone="UTC")
            found = await account_statement(tx, account, days)
        except InvalidInput as problem:
            question, days, found = question.refused(problem), _usual_days(now, "UTC"), ()
    holds = "" if family is None else family.holds
    return AccountPage(account, holds, days, found, links_of(found, OPERATORS), question)


def _usual_days(now: datetime, time_zone: str) -> Days:
    return days_of("", "", now=now, time_zone=time_zone)
