"""SQL of billing: invoices with their lines are stored, many at once, and numbered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from autorisen.billing.model import Line
from autorisen.billing.new_invoice import NewInvoice
from autorisen.billing.wallet import InvoiceDraws
from autorisen.kit.database import Tx, json_rows

INSERT_INVOICES = """
INSERT INTO billing.invoices (id, number, customer_id, subscription_id, period_id, purpose, currency, status,
    tax_treatment, tax_rate, supplier, customer, time_zone, subtotal_minor, tax_minor, total_minor, created_at,
    issued_at, due_at, paid_at, amount_paid_minor, credits_minor)
SELECT id, number, customer_id, subscription_id, period_id, purpose, currency, status, tax_treatment, tax_rate,
    supplier, customer, time_zone, subtotal_minor, tax_minor, total_minor, created_at, issued_at, due_at,
    paid_at, amount_paid_minor, credits_minor
FROM json_to_recordset(%(rows)s::json) AS invoice (id uuid, number text, customer_id uuid, subscription_id uuid,
    period_id uuid, purpose text, currency text, status text, tax_treatment text, tax_rate numeric, supplier jsonb,
    customer jsonb, time_zone text, subtotal_minor bigint, tax_minor bigint, total_minor bigint,
    created_at timestamptz, issued_at timestamptz, due_at timestamptz, paid_at timestamptz, amount_paid_minor bigint,
    credits_minor bigint)
"""
INSERT_LINES = """
INSERT INTO billing.invoice_lines (id, invoice_id, position, kind, description, quantity, included, unit_amount,
    unit_label, amount_minor, tax_minor, period_start, period_end, price_id, meter, rated_usage_id, redemption_id)
SELECT id, invoice_id, position, kind, description, quantity, included, unit_amount, unit_label, amount_minor,
    tax_minor, period_start, period_end, price_id, meter, rated_usage_id, redemption_id
FROM json_to_recordset(%(rows)s::json) AS line (id uuid, invoice_id uuid, position int, kind text, description text,
    quantity numeric, included numeric, unit_amount numeric, unit_label text, amount_minor bigint, tax_minor bigint,
    period_start timestamptz, period_end timestamptz, price_id uuid, meter text, rated_usage_id uuid,
    redemption_id uuid)
"""
# The row stays locked until the transaction ends: that is what keeps the numbers without gaps and without doubles.
TAKE_NUMBERS = """
INSERT INTO billing.invoice_numbers AS n (series, last_number) VALUES (%(series)s, %(count)s)
ON CONFLICT (series) DO UPDATE SET last_number = n.last_number + excluded.last_number
RETURNING last_number
"""


async def insert_draft(tx: Tx, new: NewInvoice, at: datetime) -> None:
    """Store a draft with its lines."""
    await _insert(tx, [(new, {"status": "draft", "created_at": at, "amount_paid_minor": 0, "credits_minor": 0})])


async def insert_issued(
    tx: Tx,
    issued: Sequence[tuple[NewInvoice, str]],
    credits: Mapping[UUID, InvoiceDraws],
    *,
    at: datetime,
    due_at: datetime,
) -> None:
    """Store invoices with their lines and numbers, and what credits pay of them: open, or paid when that is all."""
    rows = []
    for new, number in issued:
        paid = credits[new.id].total.minor if new.id in credits else 0
        is_paid = paid == new.draft.total.minor
        state: dict[str, object] = {"status": "paid" if is_paid else "open", "paid_at": at if is_paid else None}
        known: dict[str, object] = {"number": number, "created_at": at, "issued_at": at, "due_at": due_at}
        rows.append((new, state | known | {"amount_paid_minor": paid, "credits_minor": paid}))
    await _insert(tx, rows)


async def _insert(tx: Tx, invoices: Sequence[tuple[NewInvoice, dict[str, object]]]) -> None:
    await tx.execute(INSERT_INVOICES, {"rows": json_rows(_head(new) | state for new, state in invoices)})
    rows = [
        _line_row(line) | {"id": line_id, "invoice_id": new.id, "position": position}
        for new, _ in invoices
        for position, (line_id, line) in enumerate(zip(new.line_ids, new.draft.lines, strict=True), start=1)
    ]
    await tx.execute(INSERT_LINES, {"rows": json_rows(rows)})


def _head(new: NewInvoice) -> dict[str, object]:
    draft, total, tax = new.draft, new.draft.total, new.draft.tax
    return {
        "id": new.id,
        "customer_id": draft.customer_id,
        "subscription_id": draft.subscription_id,
        "period_id": draft.period_id,
        "purpose": draft.purpose,
        "currency": draft.currency,
        "tax_treatment": draft.tax_terms.treatment,
        "tax_rate": draft.tax_terms.rate,
        "supplier": draft.supplier,
        "customer": draft.customer,
        "time_zone": draft.time_zone,
        "subtotal_minor": total.minor - tax.minor,
        "tax_minor": tax.minor,
        "total_minor": total.minor,
    }


def _line_row(line: Line) -> dict[str, object]:
    return {
        "kind": line.kind,
        "description": line.description,
        "quantity": line.quantity,
        "included": line.included,
        "unit_amount": line.unit_amount,
        "unit_label": line.unit_label,
        "amount_minor": line.amount.minor,
        "tax_minor": line.tax.minor,
        "period_start": line.period_start,
        "period_end": line.period_end,
        "price_id": line.price_id,
        "meter": line.meter,
        "rated_usage_id": line.rated_usage_id,
        "redemption_id": line.redemption_id,
    }


async def take_numbers(tx: Tx, series: str, count: int) -> int:
    """The last of the next so many numbers of a series, which this transaction holds until it ends."""
    row = await (await tx.execute(TAKE_NUMBERS, {"series": series, "count": count})).fetchone()
    assert row is not None, "INSERT ... RETURNING gives a row"
    return int(row[0])
