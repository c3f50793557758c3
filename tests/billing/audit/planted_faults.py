"""Faults in events, invoices, numbers, periods, credit notes and credits, with what an audit has to say of each."""

from __future__ import annotations

from tests.billing.audit.fault import APPLIED, EARLIER, FEE, FREE, LATER, NOTE, OPEN, PAID, RENEWAL, USAGE, Fault, gone

DOCUMENT_FAULTS = (
    # --- events, ratings, lines
    Fault(
        "a billed event is gone",
        ("DELETE FROM metering.events WHERE event_id = 'run-7'",),
        ("rated_quantity",),
    ),
    Fault(
        "an event is there that was not billed",
        (
            "INSERT INTO metering.events SELECT tenant, source, 'ghost', type, subject, customer_id, occurred_at,"
            " timed, batch_id, data, extensions FROM metering.events WHERE event_id = 'run-7'",
        ),
        ("rated_quantity",),
    ),
    Fault(
        "a rating has another amount",
        (
            f"UPDATE billing.rated_usage SET amount_minor = amount_minor + 1"
            f" WHERE id = (SELECT rated_usage_id FROM billing.invoice_lines WHERE id = {USAGE})",
        ),
        ("line_amount", "rated_amount"),
    ),
    Fault(
        "a usage line is another cent dearer",
        (f"UPDATE billing.invoice_lines SET amount_minor = amount_minor + 1 WHERE id = {USAGE}",),
        ("invoice_total", "line_amount", "line_tax", "posting_amount"),
        3,
    ),
    # --- invoices
    Fault(
        "a fee is not what the price says",
        (f"UPDATE billing.invoice_lines SET amount_minor = amount_minor - 100 WHERE id = {FEE}",),
        (
            "deferred_added",
            "deferred_earned",
            "fee_amount",
            "invoice_total",
            "line_tax",
            "mrr_change",
            "posting_amount",
        ),
        100 + 100 + 13 + 100 + 2 * 100 + 87,
    ),
    Fault(
        "the VAT of a line is another",
        (f"UPDATE billing.invoice_lines SET tax_minor = tax_minor + 1 WHERE id = {FEE}",),
        ("deferred_added", "deferred_earned", "invoice_tax", "line_tax", "posting_amount"),
        5,
    ),
    Fault(
        "a claim is void, and nothing says so in the books",
        (
            f"UPDATE billing.invoices SET status = 'void', voided_at = issued_at, void_reason = 'planted',"
            f" credited_minor = 0, credited_tax_minor = 0, credited_due_minor = 0 WHERE id = {OPEN}",
        ),
        (
            "invoice_credited",
            "invoice_credited_due",
            "invoice_credited_tax",
            "posting_missing",
            "receivable_balance",
        ),
        2 * 10_001 + 1_304 + 52_900 + 42_899,
    ),
    Fault(
        "a claim is written off, and nothing says so in the books",
        (
            f"UPDATE billing.invoices SET status = 'uncollectible', written_off_at = now(),"
            f" write_off_reason = 'planted' WHERE id = {OPEN}",
        ),
        ("posting_missing", "receivable_balance"),
        2 * 42_899,
    ),
    Fault(
        "a paid claim was written off before, and nothing says so in the books",
        (f"UPDATE billing.invoices SET written_off_at = issued_at, write_off_reason = 'planted' WHERE id = {PAID}",),
        ("posting_missing", "posting_missing"),
        2 * 52_900,
    ),
    Fault(
        "a line is gone",
        (f"DELETE FROM billing.invoice_lines WHERE id = {FEE}",),
        ("deferred_added", "deferred_earned", "invoice_tax", "invoice_total", "mrr_change", "posting_amount"),
        6_900 + 52_900 + 4 * 46_000,
    ),
    Fault(
        "a total is another, with its VAT",
        (f"UPDATE billing.invoices SET total_minor = total_minor + 1, tax_minor = tax_minor + 1 WHERE id = {OPEN}",),
        ("invoice_tax", "invoice_total", "posting_amount", "receivable_balance"),
        4,
    ),
    Fault(
        "VAT is treated as for another country",
        (
            "ALTER TABLE billing.invoices DROP CONSTRAINT invoices_check1",
            f"UPDATE billing.invoices SET tax_treatment = 'zero_rated', tax_rate = 0 WHERE id = {PAID}",
        ),
        ("invoice_tax_terms", "line_tax", "mrr_change"),
        2 * 6_900,
    ),
    Fault(
        "a payment of an invoice is forgotten",
        (f"DELETE FROM billing.invoice_payments WHERE payment_id = {APPLIED}",),
        ("invoice_paid", "payment_lost"),
        2 * 52_900,
    ),
    Fault(
        "an invoice is paid by nothing",
        (
            f"UPDATE billing.invoices SET status = 'paid', amount_paid_minor = total_minor - credited_due_minor,"
            f" paid_at = issued_at WHERE id = {OPEN}",
        ),
        ("invoice_paid", "receivable_balance"),
        2 * 42_899,
    ),
    Fault(
        "an invoice is gone",
        (
            f"DELETE FROM billing.invoice_lines WHERE invoice_id = {OPEN}",
            f"DELETE FROM billing.invoices WHERE id = {OPEN}",
        ),
        ("credit_note_parts", "number_gap", "posting_surplus", "receivable_balance"),
        52_900 + 42_899,
    ),
    # --- numbers
    Fault(
        "a number is left out",
        (f"UPDATE billing.invoices SET number = 'INV-2026-00099' WHERE id = {PAID}",),
        ("number_counter", "number_gap", "number_gap"),
    ),
    Fault(
        "two documents have one number",
        (
            "ALTER TABLE billing.invoices DROP CONSTRAINT invoices_number_key",
            f"UPDATE billing.invoices SET number = (SELECT number FROM billing.invoices WHERE id = {OPEN})"
            f" WHERE id = {PAID}",
        ),
        ("number_doubled", "number_gap"),
    ),
    Fault(
        "the counter is behind",
        ("UPDATE billing.invoice_numbers SET last_number = last_number - 1 WHERE series LIKE 'INV%%'",),
        ("number_counter",),
    ),
    Fault(
        "the counter is gone", ("DELETE FROM billing.invoice_numbers WHERE series LIKE 'INV%%'",), ("number_counter",)
    ),
    Fault(
        "a counter counts nothing",
        ("INSERT INTO billing.invoice_numbers VALUES ('INV-2027', 3)",),
        ("number_counter",),
    ),
    # --- periods
    Fault(
        "a period begins late",
        (f"UPDATE subscriptions.periods SET {LATER} WHERE id = {RENEWAL}",),
        ("period_gap",),
    ),
    Fault(
        "a period begins early",
        (
            "ALTER TABLE subscriptions.periods DROP CONSTRAINT periods_customer_id_tstzrange_excl",
            f"UPDATE subscriptions.periods SET {EARLIER} WHERE id = {RENEWAL}",
        ),
        ("period_overlap",),
    ),
    Fault(
        "a period is too long",
        (f"UPDATE subscriptions.periods SET planned_end_at = planned_end_at + interval '1 day' WHERE id = {RENEWAL}",),
        ("period_length",),
    ),
    Fault(
        "a subscription has no period",
        (
            f"DELETE FROM billing.closings WHERE subscription_id = {FREE}",
            f"DELETE FROM subscriptions.periods WHERE subscription_id = {FREE}",
        ),
        ("period_missing",),
    ),
    Fault(
        "a closed period is not billed",
        (
            "DELETE FROM billing.closings WHERE period_id ="
            " (SELECT period_id FROM billing.closings ORDER BY period_id LIMIT 1)",
        ),
        ("period_billed",),
    ),
    Fault(
        "a period is billed that never was",
        (
            "INSERT INTO billing.closings SELECT gen_random_uuid(), customer_id, subscription_id, NULL, period_start,"
            " period_end, interval, currency, plan_version_id, closed_at, kind FROM billing.closings"
            " WHERE invoice_id IS NULL LIMIT 1",
        ),
        ("closing_without_period", "rating_missing", "rating_missing", "rating_missing"),
    ),
    Fault(
        "an open period is billed",
        (
            "UPDATE subscriptions.periods SET status = 'open' WHERE id ="
            " (SELECT period_id FROM billing.closings ORDER BY period_id LIMIT 1)",
        ),
        ("period_billed",),
    ),
    Fault(
        "a period was billed up to another day",
        (
            "UPDATE billing.closings SET period_end = period_end + interval '1 day' WHERE period_id ="
            " (SELECT period_id FROM billing.closings WHERE invoice_id IS NULL ORDER BY period_id LIMIT 1)",
        ),
        ("closing_terms",),
    ),
    # --- credit notes
    Fault(
        "a credit note says more than its lines",
        (
            f"UPDATE billing.credit_notes SET total_minor = total_minor + 1, tax_minor = tax_minor + 1"
            f" WHERE id = {NOTE}",
        ),
        ("credit_tax", "credit_total", "invoice_credited", "invoice_credited_tax", "posting_amount"),
        5,
    ),
    Fault(
        "an invoice does not know of a credit note",
        (
            f"UPDATE billing.invoices SET credited_minor = 0, credited_tax_minor = 0 WHERE id ="
            f" (SELECT invoice_id FROM billing.credit_notes WHERE id = {NOTE})",
        ),
        ("invoice_credited", "invoice_credited_tax"),
        10_001 + 1_304,
    ),
    Fault(
        "a credit note was not posted",
        gone(f"'credit_note:' || {NOTE} || ':issued'"),
        ("posting_missing",),
        10_001,
    ),
    Fault(
        "a credit note has no lines",
        (f"DELETE FROM billing.credit_note_lines WHERE credit_note_id = {NOTE}",),
        ("credit_note_parts",),
    ),
    # --- credits
    Fault(
        "more is left of credits than their movements say",
        ("UPDATE billing.wallet_grants SET remaining_minor = remaining_minor + 1 WHERE kind = 'promotional'",),
        ("grant_remaining", "wallet_balance"),
        2,
    ),
    Fault(
        "credits were used and nobody noted it",
        ("DELETE FROM billing.wallet_movements WHERE kind = 'draw'",),
        ("grant_remaining", "invoice_paid"),
        2 * 52_900,
    ),
    Fault("credits were not posted", gone("'wallet:%%:granted'"), ("wallet_balance",), 60_000),
)
