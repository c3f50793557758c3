"""The export as a file: of the machine interface, of the console, and of the customer's own page."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse

from autorisen.accounts import Principal, member, operator
from autorisen.billing.access import REFUSALS, CustomerName, Reads, Responses, listed_customer
from autorisen.billing.export.export_invoices import export_days, export_invoices
from autorisen.kit.http import RuntimeDep
from autorisen.kit.unit import Runtime

router = APIRouter(tags=["billing"], responses=REFUSALS)
pages = APIRouter()

CSV: Responses = {200: {"content": {"text/csv": {}}, "description": "One row a document, or a line of one"}}
Member = Annotated[Principal, Depends(member)]
Operator = Annotated[Principal, Depends(operator)]
From = Annotated[
    str, Query(alias="from", max_length=10, description="First day, like 2026-03-01; a year back when absent")
]
To = Annotated[str, Query(max_length=10, description="Last day, included; today when absent")]
Lines = Annotated[bool, Query(description="One row a line instead of one a document")]


@router.get("/api/invoices.csv", response_class=Response, responses=CSV)
async def export_documents(
    *,
    runtime: RuntimeDep,
    principal: Reads,
    customer: CustomerName = None,
    first: From = "",
    to: To = "",
    lines: Lines = False,
) -> Response:
    """Invoices, voids and credit notes by South African days, for accountants; of all customers for an operator."""
    async with runtime.database.read() as tx:
        who = await listed_customer(tx, principal, customer)
    return _file(runtime, who, first, to, lines=lines)


@pages.get("/app/invoices.csv")
async def customers_export(
    runtime: RuntimeDep, person: Member, first: From = "", to: To = "", *, lines: Lines = False
) -> Response:
    """The customer's own invoices and credit notes as CSV."""
    assert person.customer_id is not None, "a member has a customer"
    return _file(runtime, person.customer_id, first, to, lines=lines)


@pages.get("/console/invoices.csv")
async def operators_export(
    runtime: RuntimeDep, _operator: Operator, first: From = "", to: To = "", *, lines: Lines = False
) -> Response:
    """Everybody's invoices and credit notes as CSV."""
    return _file(runtime, None, first, to, lines=lines)


def _file(runtime: Runtime, customer_id: UUID | None, first: str, last: str, *, lines: bool) -> Response:
    days = export_days(runtime, first, last)
    name = f"{'invoice-lines' if lines else 'invoices'}-{days.first}-{days.last}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    rows = export_invoices(runtime.database, days, customer_id=customer_id, lines=lines)
    return StreamingResponse(rows, media_type="text/csv", headers=headers)
