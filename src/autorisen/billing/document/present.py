"""An invoice in words and figures for people: shared by the page, the PDF and the mails. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime

from autorisen import catalog
from autorisen.billing.model import Invoice, InvoiceStatus, Line, LineKind
from autorisen.kit.money import Money
from autorisen.payments import Payment, PaymentStatus
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
    if invoice.credited == invoice.total:
        return Headline("Credited", invoice.total.format(), "nothing is owed")
    if invoice.status is InvoiceStatus.PAID:
        return Headline("Paid", invoice.total.format(), f"on {date_text(invoice.paid_at, invoice.time_zone)}")
    if invoice.status is InvoiceStatus.VOID:
        return Headline("Cancelled", invoice.total.format(), "nothing is owed")
    return Headline("Amount due", invoice.amount_due.format(), f"by {date_text(invoice.due_at, invoice.time_zone)}")


def date_text(at: datetime | None, time_zone: str) -> str:
    """A day in the customer's zone: 1 April 2026. A dash when there is none."""
    return DASH if at is None else format_date(at.astimezone(ZoneInfo(time_zone)).date(), "d MMMM y", LOCALE)


def instant_text(at: datetime, time_zone: str) -> str:
    """A time in the customer's zone, to the second: 1 Apr 2026, 09:30:00."""
    return format_datetime(at.astimezone(ZoneInfo(time_zone)), "d MMM y, HH:mm:ss", locale=LOCALE)


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
    """The price of one unit, or of so many that cents show: R0,25 per execution; empty where the units have no one."""
    if line.kind in (LineKind.PRORATION_CREDIT, LineKind.DISCOUNT) or line.parts or not line.unit_amount:
        return ""
    return unit_price(line.unit_amount, line.amount.currency, line.unit_label)


@dataclass(frozen=True)
class PartRow:
    """One part of a line in words, with its amount."""

    words: str
    amount: Money


@dataclass(frozen=True)
class LineRow:
    """One line of an invoice in words."""

    line: Line
    detail: str
    quantity: str
    unit_price: str
    parts: tuple[PartRow, ...]


@dataclass(frozen=True)
class Step:
    """One thing that happened to an invoice, for its timeline."""

    at: datetime
    title: str
    note: str
    tone: str


def line_detail(line: Line, time_zone: str) -> str:
    """The small print of a line: its time, and how much of it the plan covers."""
    parts = [period_text(line, time_zone)]
    if line.kind is LineKind.USAGE and line.included:
        parts.append(f"{quantity_text(line.included)} of them included")
    return " \N{MIDDLE DOT} ".join(parts)


def part_rows(line: Line) -> tuple[PartRow, ...]:
    """How a line without one unit price comes to its amount; the amounts sum to it."""
    return tuple(PartRow(catalog.part_words(part, line.unit_label), part.amount) for part in line.parts)


def line_rows(lines: Sequence[Line], time_zone: str) -> tuple[LineRow, ...]:
    """The lines of an invoice, or of a draft of one, in words."""
    return tuple(
        LineRow(
            line, line_detail(line, time_zone), quantity_text(line.quantity), unit_price_text(line), part_rows(line)
        )
        for line in lines
    )


def status_word(invoice: Invoice) -> str:
    """The status as the badge shows it."""
    if invoice.refunded_at is not None:
        return "refunded"
    if invoice.disputed_at is not None:
        return "disputed"
    if invoice.credited == invoice.total:
        return "credited"
    return invoice.status.value


def invoice_steps(invoice: Invoice, attempts: Sequence[Payment], more: Sequence[Step] = ()) -> tuple[Step, ...]:
    """What happened to an invoice and its payments, oldest first."""
    assert invoice.issued_at is not None, "drafts have no timeline"
    steps = [Step(invoice.issued_at, "Issued", f"as {invoice.number}", "accent"), *more]
    for attempt in attempts:
        if attempt.failure_reason and attempt.status is PaymentStatus.FAILED:
            steps.append(Step(attempt.updated_at, "Payment failed", attempt.failure_reason, "danger"))
        elif attempt.is_live:
            steps.append(Step(attempt.created_at, "Payment started", attempt.amount.format(), "warning"))
    if invoice.paid_at is not None and invoice.amount_paid:
        steps.append(Step(invoice.paid_at, "Paid", invoice.amount_paid.format(), "success"))
    if invoice.disputed_at is not None:
        steps.append(Step(invoice.disputed_at, "Disputed", "the bank asks the payment back", "danger"))
    if invoice.refunded_at is not None:
        steps.append(Step(invoice.refunded_at, "Refunded", invoice.total.format(), "warning"))
    if invoice.voided_at is not None:
        steps.append(Step(invoice.voided_at, "Cancelled", invoice.end_reason or "nothing is owed", ""))
    if invoice.written_off_at is not None:
        steps.append(Step(invoice.written_off_at, "Written off", invoice.end_reason or "", "danger"))
    return tuple(sorted(steps, key=lambda step: step.at))
