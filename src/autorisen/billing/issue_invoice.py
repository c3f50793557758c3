"""Store a draft; give it its number, make it final and post it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from autorisen import ledger
from autorisen.billing import store
from autorisen.billing.facts import InvoiceIssued
from autorisen.billing.model import Draft, Invoice, Line, LineKind, sum_of
from autorisen.billing.number_invoice import number_invoice
from autorisen.billing.pay_from_credits import book_credits, take_credits
from autorisen.kit.money import Money
from autorisen.kit.unit import Unit
from autorisen.kit.work import record

PAYMENT_TERM = timedelta(days=7)

REVENUE_ACCOUNTS = {
    LineKind.FLAT_FEE: ledger.chart.REVENUE_SUBSCRIPTION,
    LineKind.PRORATION_CREDIT: ledger.chart.REVENUE_SUBSCRIPTION,
    LineKind.USAGE: ledger.chart.REVENUE_USAGE,
    LineKind.USAGE_ADJUSTMENT: ledger.chart.REVENUE_USAGE,
}


async def store_draft(unit: Unit, draft: Draft) -> Invoice:
    """Keep a draft without a number; it is no claim yet and may still be dropped."""
    invoice_id = unit.ids.new()
    await store.insert_invoice(unit.tx, invoice_id, draft, [unit.ids.new() for _ in draft.lines], unit.now)
    return await _stored(unit, invoice_id)


async def issue_invoice(unit: Unit, draft: Draft) -> Invoice:
    """Store, number and post an invoice, and pay of it what credits can: all in the caller's transaction, or none."""
    stored = await store_draft(unit, draft)
    drawn = await take_credits(unit, stored)
    return await book_credits(unit, await finalise_invoice(unit, stored), drawn)


async def finalise_invoice(unit: Unit, invoice: Invoice) -> Invoice:
    """Turn a stored draft into a claim: number, ledger, fact."""
    number = await number_invoice(unit)
    await store.finalise(unit.tx, invoice.id, number=number, at=unit.now, due_at=unit.now + PAYMENT_TERM)
    await ledger.post_fact(unit, issue_posting(invoice, number), occurred_at=unit.now)
    await record(
        unit,
        InvoiceIssued(invoice.id, invoice.customer_id, number, invoice.total.minor, invoice.currency, unit.now),
    )
    return await _stored(unit, invoice.id)


def issue_posting(invoice: Invoice, number: str) -> ledger.Posting:
    """What an invoice says in double entry: the customer owes the total; revenue without VAT; VAT to the state."""
    return ledger.postings.invoice_issued(
        invoice_id=invoice.id,
        number=number,
        customer_id=invoice.customer_id,
        total=invoice.total,
        nets=nets_by_account(invoice.lines, invoice.currency),
        tax=invoice.tax,
    )


def nets_by_account(lines: Sequence[Line], currency: str) -> dict[str, Money]:
    """What the lines earn without VAT, by ledger account."""
    accounts = dict.fromkeys(REVENUE_ACCOUNTS.values())
    return {
        account: sum_of((line.net for line in lines if REVENUE_ACCOUNTS[line.kind] == account), currency)
        for account in accounts
    }


async def _stored(unit: Unit, invoice_id: UUID) -> Invoice:
    invoice = await store.find_invoice(unit.tx, invoice_id)
    assert invoice is not None, "stored by this transaction"
    return invoice
