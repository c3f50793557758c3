"""Invoices and costs as the machine interface shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from autorisen import payments
from autorisen.billing.cost_so_far import CostSoFar
from autorisen.billing.document.tax_documents import Form, form_of, missing_particulars
from autorisen.billing.line_views import LineView, decimal_text, line_view
from autorisen.billing.model import Draft, Invoice, InvoiceStatus, Party, Purpose
from autorisen.billing.next_invoice import NextInvoice
from autorisen.kit.ids import public_id


class PartyView(BaseModel):
    """Who sells or who buys, as the invoice names them."""

    name: str
    address: str
    vat_number: str
    email: str
    country: str


class InvoiceSummary(BaseModel):
    """An issued invoice without its lines. Amounts are cents; `credits_minor` is what prepaid credits paid of it."""

    id: str
    number: str
    customer: str
    purpose: Purpose
    status: InvoiceStatus
    currency: str
    subtotal_minor: int
    tax_minor: int
    total_minor: int
    amount_due_minor: int
    credits_minor: int
    issued_at: datetime
    due_at: datetime
    paid_at: datetime | None
    refunded_at: datetime | None
    disputed_at: datetime | None


class MissingView(BaseModel):
    """What a tax invoice of this amount must show and this one does not, with the rule of the VAT Act."""

    name: str
    rule: str


class InvoiceView(InvoiceSummary):
    """An issued invoice with everything that it says. `tax_form` is what the VAT Act asks for by its amount."""

    tax_form: Form
    missing_particulars: list[MissingView]

    tax_treatment: str
    tax_rate: str
    supplier: PartyView
    billed_to: PartyView
    lines: list[LineView]


class InvoiceList(BaseModel):
    """Newest first; `next` is the `after` of the following page, or null."""

    invoices: list[InvoiceSummary]
    next: str | None


class CostView(BaseModel):
    """What the running period has cost so far, in cents: its fee and its usage. `total_minor` is their sum."""

    customer: str
    plan: str
    interval: Literal["month", "year"]
    currency: str
    period_start: datetime
    period_end: datetime
    lines: list[LineView]
    usage_minor: int
    total_minor: int


class DraftView(BaseModel):
    """What an invoice would say now; nothing is owed yet. Amounts are cents."""

    currency: str
    lines: list[LineView]
    subtotal_minor: int
    tax_minor: int
    total_minor: int


class NextInvoiceView(DraftView):
    """What the next invoice will say if nothing more is used, and when it will be issued.

    It bills the end of the period from `period_start` to `period_end`; `credits_minor` is what prepaid credits will pay
    of it, `amount_due_minor` the rest. Where no line has an amount, none is issued.
    """

    period_start: datetime
    period_end: datetime
    issued_at: datetime
    credits_minor: int
    amount_due_minor: int


class LinkView(BaseModel):
    """Whoever has it may read and pay the invoice, and do nothing else."""

    url: str


class CheckoutView(BaseModel):
    """Where to send the payer."""

    id: str
    url: str
    expires_at: datetime


def checkout_view(checkout: payments.Checkout) -> CheckoutView:
    return CheckoutView(id=public_id("chk", checkout.id), url=checkout.url, expires_at=checkout.expires_at)


def summary(invoice: Invoice) -> InvoiceSummary:
    return InvoiceSummary(**_summary(invoice))


def invoice_view(invoice: Invoice) -> InvoiceView:
    return InvoiceView(
        **_summary(invoice),
        tax_form=form_of(invoice),
        missing_particulars=[MissingView(name=each.name, rule=each.rule) for each in missing_particulars(invoice)],
        tax_treatment=invoice.tax_terms.treatment,
        tax_rate=decimal_text(invoice.tax_terms.rate),
        supplier=_party(invoice.supplier),
        billed_to=_party(invoice.customer),
        lines=[line_view(line) for line in invoice.lines],
    )


def cost_view(cost: CostSoFar) -> CostView:
    return CostView(
        customer=public_id("cus", cost.customer_id),
        plan=cost.plan_name,
        interval=cost.interval,
        currency=cost.currency,
        period_start=cost.start_at,
        period_end=cost.end_at,
        lines=[line_view(line) for line in cost.lines],
        usage_minor=cost.usage_total.minor,
        total_minor=cost.total.minor,
    )


def draft_view(draft: Draft) -> DraftView:
    return DraftView(**_draft(draft))


def next_invoice_view(found: NextInvoice) -> NextInvoiceView:
    return NextInvoiceView(
        **_draft(found.draft),
        period_start=found.period.start_at,
        period_end=found.period.end_at,
        issued_at=found.issued_at,
        credits_minor=found.credits.minor,
        amount_due_minor=found.amount_due.minor,
    )


def _draft(draft: Draft) -> dict[str, Any]:
    return {
        "currency": draft.currency,
        "lines": [line_view(line) for line in draft.lines],
        "subtotal_minor": draft.subtotal.minor,
        "tax_minor": draft.tax.minor,
        "total_minor": draft.total.minor,
    }


def _summary(invoice: Invoice) -> dict[str, object]:
    return {
        "id": invoice.public_id,
        "number": invoice.number,
        "customer": public_id("cus", invoice.customer_id),
        "purpose": invoice.purpose,
        "status": invoice.status,
        "currency": invoice.currency,
        "subtotal_minor": invoice.subtotal.minor,
        "tax_minor": invoice.tax.minor,
        "total_minor": invoice.total.minor,
        "amount_due_minor": invoice.amount_due.minor,
        "credits_minor": invoice.credits.minor,
        "issued_at": invoice.issued_at,
        "due_at": invoice.due_at,
        "paid_at": invoice.paid_at,
        "refunded_at": invoice.refunded_at,
        "disputed_at": invoice.disputed_at,
    }


def _party(party: Party) -> PartyView:
    return PartyView(**vars(party))
