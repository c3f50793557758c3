"""Every invoice: its sums, its VAT, its fees, what is paid of it, and what was posted about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from autorisen import catalog, ledger
from autorisen.billing import wallet
from autorisen.billing.audit import store
from autorisen.billing.audit.model import (
    AuditedInvoice,
    Lines,
    compare_fees,
    compare_paid,
    compare_postings,
    compare_tax,
    compare_totals,
)
from autorisen.billing.issue_invoice import nets_by_account
from autorisen.billing.model import InvoiceStatus, Line
from autorisen.kit.audit import Check, walk
from autorisen.kit.database import Tx
from autorisen.kit.findings import Finding, Findings
from autorisen.kit.money import Money


def invoice_postings(invoice: AuditedInvoice, lines: Sequence[Line]) -> dict[str, Lines]:
    """What has to be posted about an invoice: nothing before it has its number."""
    if invoice.number is None:
        return {}
    rules, nets = ledger.postings, nets_by_account(lines, invoice.currency)
    id, number, who = invoice.id, invoice.number, invoice.customer_id
    issued = rules.invoice_issued(
        invoice_id=id, number=number, customer_id=who, total=invoice.total, nets=nets, tax=invoice.tax
    )
    due: dict[str, Lines] = {"issued": issued.lines} if issued.moves_money else {}
    if invoice.status is InvoiceStatus.VOID:
        void = rules.invoice_voided(
            invoice_id=id, number=number, customer_id=who, total=invoice.total, nets=nets, tax=invoice.tax
        )
        due["voided"] = void.lines
    if (lost := invoice.written_off) is not None:
        parts = {"invoice_id": id, "customer_id": who}
        due["written_off"] = rules.invoice_written_off(**parts, number=number, owed=lost.due, tax=lost.tax).lines
        if invoice.status is InvoiceStatus.PAID:
            due["recovered"] = rules.write_off_recovered(**parts, number=number, owed=lost.due, tax=lost.tax).lines
    return due


async def _run(tx: Tx, findings: Findings) -> None:
    prices = await catalog.flat_amounts(tx)

    def visit(key: str, found: tuple[list[Any], ...]) -> None:
        invoices, lines, paid, drawn, posted = found
        findings.count(1)
        if invoices:
            findings.add(compare_invoice(invoices[0], lines, [*paid, *drawn], dict(posted), prices))
        else:
            findings.add(compare_postings(f"invoice {key}", {}, dict(posted)))

    await walk(
        visit, store.invoices(tx), store.lines(tx), store.paid(tx), wallet.drawn(tx), ledger.posted(tx, "invoice")
    )


def compare_invoice(
    invoice: AuditedInvoice,
    lines: Sequence[Line],
    paid: Sequence[Money],
    posted: dict[str, Lines],
    prices: dict[UUID, Money],
) -> list[Finding]:
    """Everything that one invoice has to agree with. Pure."""
    return [
        *compare_totals(invoice, lines),
        *compare_tax(invoice),
        *compare_fees(invoice, lines, prices),
        *compare_paid(invoice, paid),
        *compare_postings(invoice.row, invoice_postings(invoice, lines), posted),
    ]


CHECK_INVOICES = Check(
    "invoices",
    "an invoice is the sum of its lines, with the VAT of its day, and posted as it says",
    store.count_invoices,
    _run,
)
