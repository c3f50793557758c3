"""What customers are told by mail about their invoices. Each mail says what to do, and where."""

from __future__ import annotations

from autorisen.billing.document.invoice_pdf import invoice_pdf
from autorisen.billing.document.present import date_text, period_text
from autorisen.billing.invoice_link import invoice_url
from autorisen.billing.model import Invoice
from autorisen.kit.mail import Attachment, Message, send
from autorisen.kit.unit import Unit


async def mail_invoice(unit: Unit, invoice: Invoice) -> None:
    """A new invoice that nothing will pay by itself."""
    await _send(
        unit,
        invoice,
        f"Invoice {invoice.number}: {invoice.total.format()}",
        f"Your invoice {invoice.number} over {invoice.total.format()} is ready.\n"
        + (f"Your prepaid credits paid {invoice.credits.format()} of it. " if invoice.credits else "")
        + f"Please pay {invoice.amount_due.format()} by {date_text(invoice.due_at, invoice.time_zone)}:",
    )


async def mail_receipt(unit: Unit, invoice: Invoice) -> None:
    """The thanks for a payment, with the document."""
    await _send(
        unit,
        invoice,
        f"Receipt for invoice {invoice.number}",
        f"Thank you: {_how_paid(invoice)}.\nThe invoice is attached, and always here:",
    )


def _how_paid(invoice: Invoice) -> str:
    payment = invoice.amount_paid - invoice.credits
    if not payment:
        return f"invoice {invoice.number} over {invoice.total.format()} is paid from your prepaid credits"
    text = f"your payment of {payment.format()} for invoice {invoice.number} has arrived"
    return text + (f"; {invoice.credits.format()} came from your prepaid credits" if invoice.credits else "")


async def _send(unit: Unit, invoice: Invoice, subject: str, opening: str) -> None:
    lines = "\n".join(
        f"  {line.description}, {period_text(line, invoice.time_zone)}: {line.amount.format()}"
        for line in invoice.lines
    )
    text = (
        f"Dear {invoice.customer.name},\n\n{opening}\n\n  {invoice_url(invoice, unit.settings)}\n\n"
        f"{lines}\n\n  Total, of which VAT {invoice.tax.format()}: {invoice.total.format()}\n\n"
        f"{invoice.supplier.name}\n"
    )
    document = Attachment(f"{invoice.number}.pdf", "application/pdf", invoice_pdf(invoice))
    await send(unit, Message(invoice.customer.email, subject, text, attachments=(document,)))


async def mail_about(unit: Unit, invoice: Invoice, subject: str, opening: str) -> None:
    """Any other news about an invoice, with its link, its lines and the document."""
    await _send(unit, invoice, subject, opening)
