"""Invoices and costs as the machine interface shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from autorisen.billing.cost_so_far import CostSoFar
from autorisen.billing.coupons.views import CouponView, coupon_view
from autorisen.billing.explain import Explanation
from autorisen.billing.line_views import LineView, PartView, decimal_text, line_view, parts_view
from autorisen.billing.model import Draft, Invoice, InvoiceStatus, Party, Purpose
from autorisen.billing.next_invoice import NextInvoice
from autorisen.billing.rated_usage import RatedUsage
from autorisen.billing.wallet.views import CreditsUsedView
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


class InvoiceView(InvoiceSummary):
    """An issued invoice with everything that it says."""

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


class RatingView(BaseModel):
    """One rating of one meter's usage of one period."""

    revision: int
    quantity: str
    events: int
    included: str
    billable: str
    unit_amount_minor: str
    amount_minor: int
    parts: list[PartView]
    rated_at: datetime


class DayView(BaseModel):
    """The usage of one day in the customer's time zone."""

    start: datetime
    quantity: str
    events: int


class ExplanationView(BaseModel):
    """One line with its reasons: the plan version, the rating, the rating before a correction, and the days behind."""

    line: LineView
    plan: str | None
    plan_version: int | None
    price: str | None
    rated: RatingView | None
    billed_before: RatingView | None
    days: list[DayView]
    coupon: CouponView | None


class Explanations(BaseModel):
    """Every line of an invoice, explained, and where its prepaid credits came from."""

    invoice: str
    number: str
    lines: list[ExplanationView]
    credits: list[CreditsUsedView]


class CheckoutView(BaseModel):
    """Where to send the payer."""

    id: str
    url: str
    expires_at: datetime


def summary(invoice: Invoice) -> InvoiceSummary:
    return InvoiceSummary(**_summary(invoice))


def invoice_view(invoice: Invoice) -> InvoiceView:
    return InvoiceView(
        **_summary(invoice),
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


def explanation_view(explanation: Explanation) -> ExplanationView:
    plan, line = explanation.plan, explanation.line
    return ExplanationView(
        line=line_view(line),
        plan=None if plan is None else plan.plan_key,
        plan_version=None if plan is None else plan.version,
        price=None if line.price_id is None else public_id("prc", line.price_id),
        rated=_rating(explanation.rated),
        billed_before=_rating(explanation.before),
        days=[
            DayView(start=day.start, quantity=decimal_text(day.quantity), events=day.events) for day in explanation.days
        ],
        coupon=None if explanation.coupon is None else coupon_view(explanation.coupon, line.amount.currency),
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


def _rating(rated: RatedUsage | None) -> RatingView | None:
    if rated is None:
        return None
    return RatingView(
        revision=rated.revision,
        quantity=decimal_text(rated.quantity),
        events=rated.events,
        included=decimal_text(rated.included),
        billable=decimal_text(rated.billable),
        unit_amount_minor=decimal_text(rated.unit_amount),
        amount_minor=rated.amount.minor,
        parts=parts_view(rated.parts),
        rated_at=rated.rated_at,
    )
