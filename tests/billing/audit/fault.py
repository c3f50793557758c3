"""What a planted fault is, and the rows that the story has to plant it in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """`statements` change what no code may change; each has to hit a row."""

    name: str
    statements: tuple[str, ...]
    kinds: tuple[str, ...]
    cents: int = 0


PAID = "(SELECT id FROM billing.invoices WHERE status = 'paid' AND refunded_at IS NULL ORDER BY issued_at LIMIT 1)"
OPEN = "(SELECT id FROM billing.invoices WHERE status = 'open' ORDER BY issued_at LIMIT 1)"
USAGE = "(SELECT id FROM billing.invoice_lines WHERE kind = 'usage' AND amount_minor > 0 ORDER BY id LIMIT 1)"
FEE = f"(SELECT id FROM billing.invoice_lines WHERE kind = 'flat_fee' AND invoice_id = {PAID})"
APPLIED = f"(SELECT payment_id FROM billing.invoice_payments WHERE invoice_id = {PAID})"
NOTE = "(SELECT id FROM billing.credit_notes WHERE settlement = 'refund')"
FREE = "(SELECT id FROM subscriptions.subscriptions WHERE plan_key = 'free' AND status = 'active' ORDER BY id LIMIT 1)"
RENEWAL = "(SELECT id FROM subscriptions.periods WHERE ordinal = 2 AND status = 'open' ORDER BY id LIMIT 1)"
LATER = "start_at = start_at + interval '1 hour', follows_at = follows_at + interval '1 hour'"
EARLIER = LATER.replace("+", "-")
STRAY = "(SELECT payment_id FROM billing.unapplied_payments LIMIT 1)"


def entries(reference: str) -> str:
    """The transaction of a reference."""
    return f"(SELECT id FROM ledger.transactions WHERE reference LIKE {reference})"


def gone(reference: str) -> tuple[str, str]:
    """A transaction with its entries is deleted."""
    return (
        f"DELETE FROM ledger.entries WHERE transaction_id IN {entries(reference)}",
        f"DELETE FROM ledger.transactions WHERE reference LIKE {reference}",
    )


ISSUED = f"'invoice:' || {PAID} || ':issued'"
SETTLED = f"'payment:' || {APPLIED} || ':settled'"
