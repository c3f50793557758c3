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
from autorisen.billing.model import Line
from autorisen.kit.audit import Check, walk
from autorisen.kit.database import Tx
from autorisen.kit.findings import Finding, Findings
from autorisen.kit.money import Money


def invoice_postings(invoice: AuditedInvoice, lines: Sequence[Line]) -> dict[str, Lines]:
    """What has to be posted about an invoice: nothing before it has its number."""
    if invoice.number is None:
        return {}
    issued = ledger.postings.invoice_issued(
        invoice_id=invoice.id,
        number=invoice.number,
        customer_id=invoice.customer_id,
        total=invoice.total,
        nets=nets_by_account(lines, invoice.currency),
        tax=invoice.tax,
    )
    return {"issued": issued.lines}


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
