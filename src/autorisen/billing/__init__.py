"""Close a period, invoice it, collect, explain every line.

Owns the PostgreSQL schema `billing`: `invoices` and `invoice_lines` (final once issued), `invoice_numbers` (gapless),
`credit_notes` and `credit_note_lines`, `rated_usage`, `closings`, `period_fees`, `invoice_payments`,
`unapplied_payments` and `unapplied_refunds` (append-only), `failed_closings`, and `pending_changes` (plan changes that
wait for their payment). Facts: InvoiceIssued, InvoicePaid, InvoicePaymentFailed, InvoiceVoided, InvoiceWrittenOff,
CreditNoteIssued, PaymentUnapplied.

Through its sub-packages also: `dunnings` and `dunning_events`, `recognitions`, `audits`, and of revenue
`revenue_counts`, `mrr_changes` and `revenue_sums`. This is the door; other capabilities import from here only.
"""

from autorisen.billing import history, revenue
from autorisen.billing.audit.reports import audit_document, audit_report, latest_audit, list_audits
from autorisen.billing.audit.run_audit import AUDIT_KIND, audit, audit_nightly
from autorisen.billing.audit.store import AuditReport
from autorisen.billing.checkout_state import CheckoutState, checkout_state
from autorisen.billing.closing import (
    CLOSINGS,
    ClosingProgress,
    close_due,
    count_due,
    progress_view,
    read_progress,
    retry_closings,
)
from autorisen.billing.collect import COLLECT_JOB
from autorisen.billing.cost_so_far import CostSoFar, cost_so_far
from autorisen.billing.coupons import code_counts, coupon_words
from autorisen.billing.credit_notes.build_credit_note import left_of
from autorisen.billing.credit_notes.credit_note_pdf import credit_note_pdf
from autorisen.billing.credit_notes.issue_credit_note import CREDITABLE, issue_credit_note, preview_credit_note
from autorisen.billing.credit_notes.issue_credit_note import Request as CreditRequest
from autorisen.billing.credit_notes.mail_credit_note import mail_credit_note
from autorisen.billing.credit_notes.model import CreditDraft, CreditNote, Settlement, Wanted, refunded_without_note
from autorisen.billing.credit_notes.present import SETTLEMENT_WORDS, what_follows
from autorisen.billing.credit_notes.read_credit_notes import credit_document
from autorisen.billing.credit_notes.store import credit_notes_of, credited
from autorisen.billing.deferred import RECOGNISE_JOB, RECOGNISE_SCHEDULE, DeferredReport, deferred_table, read_deferred
from autorisen.billing.document.invoice_pdf import invoice_pdf
from autorisen.billing.document.present import LineRow, line_rows
from autorisen.billing.document.tax_documents import Particular, missing_particulars
from autorisen.billing.dunning import (
    DUNNING_JOBS,
    DUNNING_SCHEDULE,
    Dunning,
    DunningEvent,
    DunningNotFound,
    dunned_invoices,
    dunning_events,
    find_dunning,
    list_dunnings,
    on_invoice_ended,
    on_invoice_paid,
    on_method_saved,
    pause_dunning,
    resume_dunning,
    retry_now,
)
from autorisen.billing.end_invoice import void_invoice, write_off_invoice
from autorisen.billing.errors import (
    InvoiceDisputed,
    InvoiceNotFound,
    InvoiceWaiting,
    NotAnUpgrade,
    NothingToPay,
    PlanUnknown,
    SubscriptionMissing,
)
from autorisen.billing.export.export_invoices import export_days, export_invoices
from autorisen.billing.facts import (
    CreditNoteIssued,
    InvoiceIssued,
    InvoicePaid,
    InvoicePaymentFailed,
    InvoiceVoided,
    InvoiceWrittenOff,
    PaymentUnapplied,
)
from autorisen.billing.handle_payment_news import (
    on_dispute_won,
    on_payment_disputed,
    on_payment_failed,
    on_payment_refunded,
    send_receipt,
)
from autorisen.billing.invoice_first_fee import invoice_first_fee
from autorisen.billing.invoice_link import invoice_url
from autorisen.billing.issue_invoice import issue_invoice
from autorisen.billing.known_cards import known_cards
from autorisen.billing.lifecycle import LIFECYCLE_JOBS
from autorisen.billing.lifecycle.change_subscription import change_subscription, preview_change
from autorisen.billing.lifecycle.first_payment import on_first_payment_failed
from autorisen.billing.lifecycle.mails import on_cancelled, on_plan_changed, on_trial_ended
from autorisen.billing.lifecycle.model import Way
from autorisen.billing.lifecycle.trials import can_try, schedule_trial_end
from autorisen.billing.migration import MOVE_JOB, Migration, Move, announce_moves, preview_moves
from autorisen.billing.model import Draft, Invoice, InvoiceStatus, Line, LineKind, Purpose
from autorisen.billing.next_invoice import NextInvoice, next_invoice
from autorisen.billing.pay_invoice import pay_invoice
from autorisen.billing.rating.find_late_usage import find_late_usage
from autorisen.billing.read_invoices import invoice
from autorisen.billing.reconciliation import compare_closings, count_closings
from autorisen.billing.settle_invoice import settle_invoice
from autorisen.billing.store import list_invoices
from autorisen.billing.unapplied.store import UnappliedPayment, count_unapplied, list_unapplied, unapplied_payment
from autorisen.billing.upgrades.start_upgrade import start_upgrade
from autorisen.billing.wallet import EXPIRY_JOBS as CREDIT_JOBS
from autorisen.billing.wallet import (
    GRANT_WORDS,
    MOVEMENT_WORDS,
    CreditsFell,
    CreditsGranted,
    Grant,
    GrantKind,
    MovementRow,
    Wallet,
    fail_top_up,
    is_paid_grant,
    on_credits_fell,
    on_top_up_disputed,
    on_top_up_refunded,
    read_amount,
    read_wallet,
    refund_credits,
    settle_top_up,
)
from autorisen.billing.wallet import grant as grant_credits
from autorisen.billing.wallet import movements as credit_movements
from autorisen.billing.wallet import void_grant as void_credits
from autorisen.billing.what_if import (
    BUCKETS,
    CUSTOMERS_MAX,
    MONTHS_MAX,
    Tally,
    plans_of_file,
    stretch_of,
    tally,
    what_if,
)

__all__ = [
    "AUDIT_KIND",
    "BUCKETS",
    "CLOSINGS",
    "COLLECT_JOB",
    "CREDITABLE",
    "CREDIT_JOBS",
    "CUSTOMERS_MAX",
    "DUNNING_JOBS",
    "DUNNING_SCHEDULE",
    "GRANT_WORDS",
    "LIFECYCLE_JOBS",
    "MONTHS_MAX",
    "MOVEMENT_WORDS",
    "MOVE_JOB",
    "RECOGNISE_JOB",
    "RECOGNISE_SCHEDULE",
    "SETTLEMENT_WORDS",
    "AuditReport",
    "CheckoutState",
    "ClosingProgress",
    "CostSoFar",
    "CreditDraft",
    "CreditNote",
    "CreditNoteIssued",
    "CreditRequest",
    "CreditsFell",
    "CreditsGranted",
    "DeferredReport",
    "Draft",
    "Dunning",
    "DunningEvent",
    "DunningNotFound",
    "Grant",
    "GrantKind",
    "Invoice",
    "InvoiceDisputed",
    "InvoiceIssued",
    "InvoiceNotFound",
    "InvoicePaid",
    "InvoicePaymentFailed",
    "InvoiceStatus",
    "InvoiceVoided",
    "InvoiceWaiting",
    "InvoiceWrittenOff",
    "Line",
    "LineKind",
    "LineRow",
    "Migration",
    "Move",
    "MovementRow",
    "NextInvoice",
    "NotAnUpgrade",
    "NothingToPay",
    "Particular",
    "PaymentUnapplied",
    "PlanUnknown",
    "Purpose",
    "Settlement",
    "SubscriptionMissing",
    "Tally",
    "UnappliedPayment",
    "Wallet",
    "Wanted",
    "Way",
    "announce_moves",
    "audit",
    "audit_document",
    "audit_nightly",
    "audit_report",
    "can_try",
    "change_subscription",
    "checkout_state",
    "close_due",
    "code_counts",
    "compare_closings",
    "cost_so_far",
    "count_closings",
    "count_due",
    "count_unapplied",
    "coupon_words",
    "credit_document",
    "credit_movements",
    "credit_note_pdf",
    "credit_notes_of",
    "credited",
    "deferred_table",
    "dunned_invoices",
    "dunning_events",
    "export_days",
    "export_invoices",
    "fail_top_up",
    "find_dunning",
    "find_late_usage",
    "grant_credits",
    "history",
    "invoice",
    "invoice_first_fee",
    "invoice_pdf",
    "invoice_url",
    "is_paid_grant",
    "issue_credit_note",
    "issue_invoice",
    "known_cards",
    "latest_audit",
    "left_of",
    "line_rows",
    "list_audits",
    "list_dunnings",
    "list_invoices",
    "list_unapplied",
    "mail_credit_note",
    "missing_particulars",
    "next_invoice",
    "on_cancelled",
    "on_credits_fell",
    "on_dispute_won",
    "on_first_payment_failed",
    "on_invoice_ended",
    "on_invoice_paid",
    "on_method_saved",
    "on_payment_disputed",
    "on_payment_failed",
    "on_payment_refunded",
    "on_plan_changed",
    "on_top_up_disputed",
    "on_top_up_refunded",
    "on_trial_ended",
    "pause_dunning",
    "pay_invoice",
    "plans_of_file",
    "preview_change",
    "preview_credit_note",
    "preview_moves",
    "progress_view",
    "read_amount",
    "read_deferred",
    "read_progress",
    "read_wallet",
    "refund_credits",
    "refunded_without_note",
    "resume_dunning",
    "retry_closings",
    "retry_now",
    "revenue",
    "schedule_trial_end",
    "send_receipt",
    "settle_invoice",
    "settle_top_up",
    "start_upgrade",
    "stretch_of",
    "tally",
    "unapplied_payment",
    "void_credits",
    "void_invoice",
    "what_follows",
    "what_if",
    "write_off_invoice",
]
