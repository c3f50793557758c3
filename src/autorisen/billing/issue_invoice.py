"""Store a draft; give it its number, make it final and post it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from autorisen import ledger
from autorisen.billing import store, store_issue
from autorisen.billing.coupons import use_coupons, uses_of
from autorisen.billing.facts import InvoiceIssued
from autorisen.billing.model import Draft, Invoice, Line, LineKind, sum_of
from autorisen.billing.new_invoice import NewInvoice
from autorisen.billing.number_invoice import number_invoices
from autorisen.billing.pay_from_credits import book_credits, plan_credits
from autorisen.kit.money import Money
from autorisen.kit.unit import Unit
from autorisen.kit.work import record, record_many

PAYMENT_TERM = timedelta(days=7)

REVENUE_ACCOUNTS = {
    LineKind.FLAT_FEE: ledger.chart.REVENUE_SUBSCRIPTION,
    LineKind.PRORATION_CREDIT: ledger.chart.REVENUE_SUBSCRIPTION,
    LineKind.USAGE: ledger.chart.REVENUE_USAGE,
    LineKind.USAGE_ADJUSTMENT: ledger.chart.REVENUE_USAGE,
    LineKind.ADDON: ledger.chart.REVENUE_SUBSCRIPTION,
    LineKind.DISCOUNT: ledger.chart.REVENUE_DISCOUNTS,
}


def new_invoice(unit: Unit, draft: Draft) -> NewInvoice:
    """The draft with the ids that it is going to be stored under."""
    return NewInvoice(unit.ids.new(), draft, tuple(unit.ids.new() for _ in draft.lines))


async def store_draft(unit: Unit, draft: Draft) -> Invoice:
    """Keep a draft without a number; it is no claim yet and may still be dropped."""
    new = new_invoice(unit, draft)
    await store_issue.insert_draft(unit.tx, new, unit.now)
    return await _stored(unit, new.id)


async def issue_invoice(unit: Unit, draft: Draft) -> Invoice:
    """Store, number and post an invoice, and pay of it what credits can: all in the caller's transaction, or none."""
    new = new_invoice(unit, draft)
    await issue_many(unit, [new])
    return await _stored(unit, new.id)


async def issue_many(unit: Unit, invoices: Sequence[NewInvoice]) -> None:
    """As `issue_invoice`, of many customers with a fixed number of statements; numbered in this order.

    The numbers come as late as they can: their counter is held from then on until the transaction ends.
    """
    if not invoices:
        return
    credits = await plan_credits(unit, invoices)
    numbers = await number_invoices(unit, len(invoices))
    issued = list(zip(invoices, numbers, strict=True))
    due_at = unit.now + PAYMENT_TERM
    await store_issue.insert_issued(unit.tx, issued, credits, at=unit.now, due_at=due_at)
    postings = [issue_posting(new.id, new.draft, number) for new, number in issued]
    await ledger.post_facts(unit, [each for each in postings if each.moves_money], occurred_at=unit.now)
    await record_many(unit, [_issued(new.id, new.draft, number, unit.now) for new, number in issued])
    await use_coupons(unit, [use for new in invoices for use in uses_of(new.draft, new.id)])
    await book_credits(unit, [(new, number, credits[new.id]) for new, number in issued if new.id in credits])


async def finalise_invoice(unit: Unit, invoice: Invoice) -> Invoice:
    """Turn a stored draft into a claim: number, ledger, fact."""
    (number,) = await number_invoices(unit, 1)
    await use_coupons(unit, uses_of(invoice, invoice.id))
    await store.finalise(unit.tx, invoice.id, number=number, at=unit.now, due_at=unit.now + PAYMENT_TERM)
    await ledger.post_fact(unit, issue_posting(invoice.id, invoice, number), occurred_at=unit.now)
    await record(unit, _issued(invoice.id, invoice, number, unit.now))
    return await _stored(unit, invoice.id)


def _issued(invoice_id: UUID, claim: Draft | Invoice, number: str, at: datetime) -> InvoiceIssued:
    return InvoiceIssued(invoice_id, claim.customer_id, number, claim.total.minor, claim.currency, at)


def issue_posting(invoice_id: UUID, claim: Draft | Invoice, number: str) -> ledger.Posting:
    """What an invoice says in double entry: the customer owes the total; revenue without VAT; VAT to the state."""
    return ledger.postings.invoice_issued(
        invoice_id=invoice_id,
        number=number,
        customer_id=claim.customer_id,
        total=claim.total,
        nets=nets_by_account(claim.lines, claim.currency),
        tax=claim.tax,
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
