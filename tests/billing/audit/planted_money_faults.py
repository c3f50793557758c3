"""Faults in payments and in the books, with what an audit has to say of each."""

from __future__ import annotations

from tests.billing.audit.fault import APPLIED, ISSUED, OPEN, SETTLED, STRAY, Fault, entries, gone

KEPT_SUM = "(SELECT ctid FROM billing.revenue_sums ORDER BY until, figure, meter LIMIT 1)"
KEPT_CHANGE = "(SELECT ctid FROM billing.mrr_changes WHERE kind = 'new' ORDER BY at, customer_id LIMIT 1)"
KEPT_DAY = "(SELECT min(until) FROM billing.revenue_counts)"

MONEY_FAULTS = (
    # --- payments
    Fault(
        "a payment says that it failed",
        (
            f"UPDATE payments.payments SET status = 'failed', failure_code = 'x', succeeded_at = NULL"
            f" WHERE id = {APPLIED}",
        ),
        ("gateway_balance", "payment_status", "payment_success", "payment_unknown"),
        2 * 52_900 - (1_947 + 230),
    ),
    Fault(
        "a payment took a step that there is not",
        (f"UPDATE payments.history SET from_status = 'failed' WHERE payment_id = {APPLIED}",),
        ("payment_step",),
    ),
    Fault(
        "more was asked back than was asked",
        (f"UPDATE payments.payments SET refund_asked_minor = 7 WHERE id = {APPLIED}",),
        ("refund_asked",),
        7,
    ),
    Fault(
        "a refunded payment did not go back whole",
        ("UPDATE payments.payments SET refunded_minor = refunded_minor - 9 WHERE status = 'refunded'",),
        ("gateway_balance", "refund_amount", "refund_posting"),
        27,
    ),
    Fault(
        "a payment is applied with another amount",
        (f"UPDATE billing.invoice_payments SET amount_minor = amount_minor - 1 WHERE payment_id = {APPLIED}",),
        ("invoice_paid", "payment_amount"),
        2,
    ),
    Fault(
        "a payment is applied twice",
        (
            f"INSERT INTO billing.unapplied_payments SELECT id, customer_id, reference, amount_minor, currency,"
            f" gateway, 'planted', created_at FROM payments.payments WHERE id = {APPLIED}",
        ),
        ("payment_applied_twice",),
        52_900,
    ),
    Fault(
        "a payment is kept for somebody else",
        (
            f"UPDATE billing.unapplied_payments SET customer_id = (SELECT customer_id FROM billing.invoices"
            f" WHERE id = {OPEN}) WHERE payment_id = {STRAY}",
        ),
        ("payment_customer", "posting_amount"),
        2 * 179_900,
    ),
    Fault(
        "money came and nobody applied it",
        (f"DELETE FROM billing.unapplied_payments WHERE payment_id = {STRAY}",),
        ("payment_lost",),
        179_900,
    ),
    # --- books
    Fault(
        "an entry is another cent",
        (
            f"UPDATE ledger.entries SET amount_minor = amount_minor + 1"
            f" WHERE transaction_id IN {entries(ISSUED)} AND account LIKE 'receivable:%%'",
        ),
        ("posting_amount", "receivable_balance", "revenue_sum", "transaction_unbalanced"),
        4,
    ),
    Fault(
        "an invoice was not posted", gone(ISSUED), ("posting_missing", "receivable_balance", "revenue_sum"), 3 * 52_900
    ),
    Fault(
        "a payment was not posted",
        gone(SETTLED),
        ("gateway_balance", "posting_missing", "receivable_balance", "revenue_sum"),
        4 * 52_900,
    ),
    Fault(
        "refunds were not posted",
        gone("'payment:%%:refunded'"),
        ("gateway_balance", "refund_posting", "refund_posting"),
        2 * (52_900 + 10_001),
    ),
    Fault(
        "a gateway kept a cent more than was booked",
        (f"UPDATE payments.payments SET fee_minor = fee_minor + 1 WHERE id = {APPLIED}",),
        ("fee_posting", "gateway_balance"),
        2,
    ),
    Fault(
        "a fee was not posted",
        gone(f"'payment:' || {APPLIED} || ':fee'"),
        ("fee_posting", "gateway_balance"),
        2 * (1_947 + 230),
    ),
    Fault(
        "a fee was posted under a kind that begins alike",
        (
            f"UPDATE ledger.transactions SET reference = reference || 'd'"
            f" WHERE reference = 'payment:' || {APPLIED} || ':fee'",
        ),
        ("fee_posting", "posting_surplus"),
        2 * (1_947 + 230),
    ),
    Fault(
        "disputes were not posted",
        gone("'payment:%%:disputed'"),
        ("dispute_balance", "dispute_balance", "dispute_posting", "dispute_posting"),
        2 * (52_900 + 5_000),
    ),
    Fault(
        "a dispute was won that never was",
        (f"UPDATE payments.payments SET disputes_won = 1 WHERE id = {APPLIED}",),
        ("dispute_posting", "disputes_won"),
        52_900,
    ),
    Fault(
        "something was posted about an invoice that says otherwise",
        (f"UPDATE ledger.transactions SET reference = reference || ':again' WHERE reference = {ISSUED}",),
        ("posting_missing", "posting_surplus"),
        2 * 52_900,
    ),
    Fault(
        "something was posted about a payment that never was",
        ("UPDATE ledger.transactions SET reference = 'payment:nobody:settled' WHERE reference LIKE '%%:unapplied'",),
        ("payment_unknown", "posting_missing"),
        179_900,
    ),
    Fault(
        "a transaction has one entry",
        (f"DELETE FROM ledger.entries WHERE transaction_id IN {entries(ISSUED)} AND account NOT LIKE 'receivable:%%'",),
        ("posting_amount", "transaction_too_short", "transaction_unbalanced"),
        46_000 + 52_900,
    ),
    Fault(
        "something was posted that is no money fact",
        (
            "INSERT INTO ledger.transactions SELECT gen_random_uuid(), 'gift:1', 'planted', now(), now()",
            "INSERT INTO ledger.entries SELECT id, place, 'clearing:sandbox', 5 - 10 * place, 'ZAR'"
            " FROM ledger.transactions, generate_series(0, 1) AS place WHERE reference = 'gift:1'",
        ),
        ("unknown_reference",),
    ),
    Fault(
        "an account is not of the chart",
        ("INSERT INTO ledger.accounts VALUES ('suspense:planted', now())",),
        ("unknown_account",),
    ),
    # --- deferred revenue
    Fault(
        "a step of deferred revenue earned a cent more",
        (
            "UPDATE billing.recognitions SET earned_minor = earned_minor + 1 WHERE until = (SELECT max(until) FROM"
            " billing.recognitions)",
        ),
        ("deferred_balance", "deferred_earned", "posting_amount"),
        3,
    ),
    Fault(
        "a step of deferred revenue is not there",
        ("DELETE FROM billing.recognitions WHERE until = (SELECT max(until) FROM billing.recognitions)",),
        ("deferred_balance", "posting_surplus"),
        2 * 2_968,
    ),
    # --- revenue as it is kept
    Fault(
        "a kept sum of revenue is a cent more",
        (f"UPDATE billing.revenue_sums SET amount_minor = amount_minor + 1 WHERE ctid = {KEPT_SUM}",),
        ("revenue_sum",),
        1,
    ),
    Fault(
        "a kept sum of revenue is gone",
        (f"DELETE FROM billing.revenue_sums WHERE ctid = {KEPT_SUM}",),
        ("revenue_sum",),
        5 * 52_900,
    ),
    Fault(
        "a kept change of MRR is of another amount",
        (f"UPDATE billing.mrr_changes SET after_minor = after_minor + 7 WHERE ctid = {KEPT_CHANGE}",),
        ("mrr_change",),
        7,
    ),
    Fault(
        "a kept change of MRR is another customer's",
        (
            "UPDATE billing.mrr_changes SET customer_id = (SELECT max(id::text)::uuid FROM accounts.customers)"
            f" WHERE ctid = {KEPT_CHANGE}",
        ),
        ("mrr_change", "mrr_change"),
        2 * 46_000,
    ),
    Fault(
        "a day of revenue is not kept",
        (f"DELETE FROM billing.revenue_counts WHERE until = {KEPT_DAY}",),
        ("revenue_stretch", "revenue_stretch"),
    ),
)
