"""What customers are told while an invoice is unpaid. Each mail says what happens next, when, and how to pay."""

from __future__ import annotations

from autorisen.billing.document.present import date_text
from autorisen.billing.dunning.model import Dunning, StepKind
from autorisen.billing.mail_invoice import mail_about
from autorisen.billing.model import Invoice
from autorisen.kit.unit import Unit


async def mail_reminder(unit: Unit, invoice: Invoice, dunning: Dunning) -> None:
    """The invoice is overdue and nothing will pay it by itself."""
    await mail_about(
        unit,
        invoice,
        f"Reminder: invoice {invoice.number} over {invoice.amount_due.format()} is overdue",
        f"{invoice.amount_due.format()} of invoice {invoice.number} is not paid yet.\n"
        f"{what_next(invoice, dunning)}\nPlease pay here:",
    )


async def mail_failed(unit: Unit, invoice: Invoice, dunning: Dunning, reason: str) -> None:
    """A charge came to nothing: why, what comes next, and how to pay now."""
    await mail_about(
        unit,
        invoice,
        f"Payment of invoice {invoice.number} did not go through",
        f"We could not collect {invoice.amount_due.format()} for invoice {invoice.number}: {reason}\n"
        f"{what_next(invoice, dunning)}\nPlease pay here, with the same or another card:",
    )


async def mail_suspended(unit: Unit, invoice: Invoice, dunning: Dunning) -> None:
    """Nothing may be used until it is paid."""
    await mail_about(
        unit,
        invoice,
        f"Your plan is suspended: invoice {invoice.number} is unpaid",
        f"{invoice.amount_due.format()} of invoice {invoice.number} is still not paid: nothing can be used for now.\n"
        "Your data and settings stay as they are, and everything works again the moment it is paid.\n"
        f"{what_next(invoice, dunning)}\nPlease pay here:",
    )


async def mail_cancelled(unit: Unit, invoice: Invoice) -> None:
    """The plan is over; the claim is not."""
    await mail_about(
        unit,
        invoice,
        f"Your plan has ended: invoice {invoice.number} was not paid",
        f"Your plan has ended and you are on the free plan. {invoice.amount_due.format()} of invoice {invoice.number} "
        "is still owed.\nYou can choose a plan again when it is paid, here:",
    )


async def mail_restored(unit: Unit, invoice: Invoice) -> None:
    """Paid at last."""
    await mail_about(
        unit,
        invoice,
        "Your plan works again",
        f"Invoice {invoice.number} is paid, thank you: everything that your plan allows can be used again.\n"
        "The invoice is here:",
    )


def what_next(invoice: Invoice, dunning: Dunning) -> str:
    """One sentence on what happens when nobody pays."""
    if dunning.paused_at is not None:
        return "Nothing changes for now."
    waiting = dunning.waiting
    after = next((step for step in waiting if step.kind is not StepKind.RETRY), None)
    if after is None:
        return "Your plan has ended, but this is still owed."
    # The very next step may have been put off, to give notice.
    at = dunning.next_at if after is waiting[0] and dunning.next_at is not None else after.at
    until = date_text(at, invoice.time_zone)
    if after.kind is StepKind.SUSPEND:
        return f"Your plan goes on for now; without a payment it is suspended on {until}."
    return f"Without a payment your plan ends on {until}."
