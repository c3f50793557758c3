"""The machine interface of billing: invoices, what they are made of, the cost so far, and upgrades."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from autorisen.billing import views
from autorisen.billing.access import (
    PDF,
    REFUSALS,
    Changes,
    CustomerName,
    Reads,
    cursor,
    listed_customer,
    visible_invoice,
)
from autorisen.billing.cost_so_far import cost_so_far
from autorisen.billing.document.invoice_pdf import invoice_pdf
from autorisen.billing.document.pdf_response import pdf_response
from autorisen.billing.errors import SubscriptionMissing
from autorisen.billing.invoice_link import invoice_url
from autorisen.billing.next_invoice import next_invoice
from autorisen.billing.pay_invoice import pay_invoice
from autorisen.billing.store import list_invoices
from autorisen.billing.upgrades.start_upgrade import start_upgrade
from autorisen.billing.whose import customer_id_of
from autorisen.kit.http import Body, RuntimeDep

router = APIRouter(prefix="/api", tags=["billing"], responses=REFUSALS)


class Upgrade(Body):
    """The wanted plan. What it costs is computed here, never sent."""

    plan: str
    interval: Literal["month", "year"] = "month"


@router.get("/invoices")
async def read_invoices(
    runtime: RuntimeDep,
    principal: Reads,
    customer: CustomerName = None,
    after: Annotated[str | None, Query(max_length=40, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> views.InvoiceList:
    """Issued invoices, newest first; of all customers for an operator who names none."""
    before = cursor("inv", after)
    async with runtime.database.read() as tx:
        who = await listed_customer(tx, principal, customer)
        found = await list_invoices(tx, customer_id=who, after=before, limit=limit + 1)
    page = found[:limit]
    more = page[-1].public_id if len(found) > limit else None
    return views.InvoiceList(invoices=[views.summary(each) for each in page], next=more)


# Before the next one: its path parameter would swallow the ending.
@router.get("/invoices/{invoice_id}.pdf", response_class=Response, responses=PDF)
async def read_invoice_pdf(invoice_id: str, runtime: RuntimeDep, principal: Reads) -> Response:
    """The invoice as a PDF."""
    invoice = await visible_invoice(runtime, principal, invoice_id)
    return pdf_response(str(invoice.number), invoice_pdf(invoice))


@router.get("/invoices/{invoice_id}")
async def read_invoice(invoice_id: str, runtime: RuntimeDep, principal: Reads) -> views.InvoiceView:
    """One invoice with its lines."""
    return views.invoice_view(await visible_invoice(runtime, principal, invoice_id))


@router.get("/invoices/{invoice_id}/link")
async def read_link(invoice_id: str, runtime: RuntimeDep, principal: Reads) -> views.LinkView:
    """The page of the invoice for whoever has the link: no sign-in, and a pay button while something is due."""
    invoice = await visible_invoice(runtime, principal, invoice_id)
    return views.LinkView(url=invoice_url(invoice, runtime.settings))


@router.post("/invoices/{invoice_id}/pay")
async def start_payment(invoice_id: str, runtime: RuntimeDep, principal: Changes) -> views.CheckoutView:
    """The checkout in which an open invoice can be paid; the same one for a repeated call."""
    invoice = await visible_invoice(runtime, principal, invoice_id)
    return views.checkout_view(await pay_invoice(runtime, customer_id=invoice.customer_id, invoice_id=invoice.id))


@router.get("/cost-so-far")
async def read_cost_so_far(runtime: RuntimeDep, principal: Reads, customer: CustomerName = None) -> views.CostView:
    """What the running period has cost until now, exact, rated as its invoice will be."""
    async with runtime.database.read() as tx:
        who = await customer_id_of(tx, principal, customer)
        return views.cost_view(await cost_so_far(tx, customer_id=who, now=runtime.clock.now()))


@router.get("/next-invoice")
async def read_next_invoice(
    runtime: RuntimeDep, principal: Reads, customer: CustomerName = None
) -> views.NextInvoiceView:
    """What the next invoice will say if nothing more is used, to the line, and what prepaid credits will pay of it."""
    async with runtime.database.read() as tx:
        who = await customer_id_of(tx, principal, customer)
        found = await next_invoice(tx, runtime.settings, customer_id=who, now=runtime.clock.now())
    if found is None:
        raise SubscriptionMissing("this customer is on no plan")
    return views.next_invoice_view(found)


@router.post("/upgrade")
async def upgrade(
    wanted: Upgrade, runtime: RuntimeDep, principal: Changes, customer: CustomerName = None
) -> views.CheckoutView:
    """The checkout of an upgrade. The present plan stays until it is paid; a repeated call gives the same checkout."""
    async with runtime.database.read() as tx:
        who = await customer_id_of(tx, principal, customer)
    checkout = await start_upgrade(runtime, customer_id=who, plan_key=wanted.plan, interval=wanted.interval)
    return views.checkout_view(checkout)
