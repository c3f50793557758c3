"""An invoice in words and figures for people: shared by the page, the PDF and the mails. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel.dates import format_date

from autorisen.billing.model import Invoice, InvoiceStatus, Line, LineKind
from autorisen.ui.formats import DASH, LOCALE, number, unit_price

STATUS_WORDS = {
    InvoiceStatus.DRAFT: "Draft",
    InvoiceStatus.OPEN: "To be paid",
    InvoiceStatus.PAID: "Paid",
    InvoiceStatus.VOID: "Cancelled",
    InvoiceStatus.UNCOLLECTIBLE: "Written off",
}


@dataclass(frozen=True)
class Headline:
    """The one figure that matters about an invoice, and what to know about it."""

    label: str
    amount: str
    note: str


def headline(invoice: Invoice) -> Headline:
    """What is due and until when, or what was paid and when."""
    if invoice.refunded_at is not None:
        return Headline("Refunded", invoice.total.format(), f"on {date_text(invoice.refunded_at, invoice.time_zone)}")
    if invoice.status is InvoiceStatus.PAID:
        return Headline("Paid", invoice.total.format(), f"on {date_text(invoice.paid_at, invoice.time_zone)}")
    if invoice.status is InvoiceStatus.VOID:
        return Headline("Cancelled", invoice.total.format(), "nothing is owed")
    return Headline("Amount due", invoice.amount_due.format(), f"by {date_text(invoice.due_at, invoice.time_zone)}")


def date_text(at: datetime | None, time_zone: str) -> str:
    """A day in the customer's zone: 1 April 2026. A dash when there is none."""
    return DASH if at is None else format_date(at.astimezone(ZoneInfo(time_zone)).date(), "d MMMM y", LOCALE)


def period_text(line: Line, time_zone: str) -> str:
    """The time that a line covers, first to last day; one that ends at midnight ends the day before."""
    zone = ZoneInfo(time_zone)
    start, end = line.period_start.astimezone(zone), line.period_end.astimezone(zone)
    if end.time() == time(0) and end > start:
        end -= timedelta(days=1)
    return f"{format_date(start.date(), 'd MMM y', LOCALE)} {DASH} {format_date(end.date(), 'd MMM y', LOCALE)}"


def quantity_text(quantity: Decimal) -> str:
    """A quantity with its thousands apart and no trailing zeros."""
    return number(quantity)


def unit_price_text(line: Line) -> str:
    """The price of one unit, or of so many that cents show: R0,25 per execution. A credit has none."""
    if line.kind is LineKind.PRORATION_CREDIT:
        return ""
    return unit_price(line.unit_amount, line.amount.currency, line.unit_label)
