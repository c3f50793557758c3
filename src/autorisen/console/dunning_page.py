"""Unpaid invoices: where each stands, what was done, what comes next; pause, resume, try now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from autorisen import accounts, billing
from autorisen.accounts import Customer
from autorisen.billing import Dunning, DunningEvent, Invoice
from autorisen.console.access import Operator
from autorisen.console.paging import PAGE_SIZE
from autorisen.kit.http import RuntimeDep
from autorisen.kit.ids import parse_public_id
from autorisen.kit.money import Money
from autorisen.ui import flash, render

router = APIRouter(prefix="/dunning")


@dataclass(frozen=True)
class DunningRow:
    """One unpaid invoice of the list."""

    dunning: Dunning
    number: str
    due: Money
    customer: str


@dataclass(frozen=True)
class DunningsPage:
    """Context of console/dunnings.html."""

    rows: Sequence[DunningRow]
    choices: Sequence[tuple[str, str, bool]]
    is_over: bool
    older: str | None


@dataclass(frozen=True)
class DunningPage:
    """Context of console/dunning.html."""

    dunning: Dunning
    invoice: Invoice
    customer: Customer
    events: Sequence[DunningEvent]
    now: datetime


@router.get("")
async def dunnings_page(
    request: Request, runtime: RuntimeDep, _operator: Operator, show: str = "unpaid", after: str = ""
) -> Response:
    is_over = show == "over"
    cursor = parse_public_id("inv", after) if after else None
    async with runtime.database.read() as tx:
        found = await billing.list_dunnings(tx, is_over=is_over, after=cursor, limit=PAGE_SIZE)
        invoices = await billing.dunned_invoices(tx, [each.invoice_id for each in found])
        customers = await accounts.customers_by_id(tx, {each.customer_id for each in found})
    page = DunningsPage(
        rows=[_row(each, invoices, customers) for each in found],
        choices=[
            ("/console/dunning", "Unpaid", not is_over),
            ("/console/dunning?show=over", "Over", is_over),
        ],
        is_over=is_over,
        older=f"/console/dunning?show={'over' if is_over else 'unpaid'}&after={found[-1].public_id}"
        if len(found) == PAGE_SIZE
        else None,
    )
    return render(request, "console/dunnings.html", page)


def _row(
    dunning: Dunning, invoices: Mapping[UUID, Mapping[str, Any]], customers: Mapping[UUID, Customer]
) -> DunningRow:
    invoice = invoices[dunning.invoice_id]
    due = Money(invoice["due_minor"], invoice["currency"])
    return DunningRow(dunning, invoice["number"], due, customers[dunning.customer_id].name)


@router.get("/{invoice_id}")
async def dunning_page(request: Request, runtime: RuntimeDep, _operator: Operator, invoice_id: str) -> Response:
    id = parse_public_id("inv", invoice_id)
    async with runtime.database.read() as tx:
        dunning = await billing.find_dunning(tx, id)
        if dunning is None:
            raise billing.DunningNotFound(f"{invoice_id} was never overdue")
        page = DunningPage(
            dunning=dunning,
            invoice=await billing.invoice(tx, id),
            customer=await accounts.customer(tx, dunning.customer_id),
            events=await billing.dunning_events(tx, id),
            now=runtime.clock.now(),
        )
    return render(request, "console/dunning.html", page)


@router.post("/{invoice_id}/pause")
async def pause(runtime: RuntimeDep, operator: Operator, invoice_id: str) -> Response:
    async with runtime.unit() as unit:
        await billing.pause_dunning(unit, parse_public_id("inv", invoice_id), actor=operator.actor)
    return _back(invoice_id, "Paused: nothing happens until you resume.")


@router.post("/{invoice_id}/resume")
async def resume(runtime: RuntimeDep, operator: Operator, invoice_id: str) -> Response:
    async with runtime.unit() as unit:
        await billing.resume_dunning(unit, parse_public_id("inv", invoice_id), actor=operator.actor)
    return _back(invoice_id, "Resumed: it goes on where it was.")


@router.post("/{invoice_id}/retry")
async def retry(runtime: RuntimeDep, operator: Operator, invoice_id: str) -> Response:
    async with runtime.unit() as unit:
        await billing.retry_now(unit, parse_public_id("inv", invoice_id), actor=operator.actor)
    return _back(invoice_id, "The saved method is being charged; this page shows what comes of it.")


def _back(invoice_id: str, said: str) -> Response:
    response = RedirectResponse(f"/console/dunning/{invoice_id}", 303)
    flash(response, said)
    return response
