"""The worker's composition root: every job, every fact with its handlers, and the schedule, in one visible table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from autorisen import accounts, billing, metering, ops, payments, subscriptions
from autorisen.kit.mail import MAIL_JOB
from autorisen.kit.work import Backlog, Fact, Job, Recurring, Registry
from autorisen.kit.work.model import Handler

# One line a job kind: what may be enqueued.
JOBS: tuple[Job, ...] = (
    MAIL_JOB,
    *metering.JOBS,
    *payments.JOBS,
    billing.COLLECT_JOB,
    *billing.DUNNING_JOBS,
    billing.RECOGNISE_JOB,
    *billing.LIFECYCLE_JOBS,
    billing.revenue.COUNT_JOB,
    *billing.CREDIT_JOBS,
    billing.MOVE_JOB,
    subscriptions.EXPIRE_HOLDS_JOB,
    Job("accounts.forget_old_attempts", accounts.forget_old_attempts),
    Job(ops.RECONCILE_KIND, ops.reconcile_nightly, mode="leased"),
    Job(billing.AUDIT_KIND, billing.audit_nightly, mode="leased"),
)

# One line a fact: who wants to know. An empty tuple says on purpose: nobody.
FACTS: Mapping[type[Fact], tuple[Handler, ...]] = {
    accounts.UserSignedUp: (),
    accounts.CustomerCreated: (subscriptions.on_customer_created, metering.on_customer_created),
    subscriptions.SubscriptionStarted: (billing.invoice_first_fee,),
    subscriptions.PeriodOpened: (),
    subscriptions.PeriodCut: (),
    subscriptions.PlanChanged: (subscriptions.end_addons, billing.on_plan_changed),
    subscriptions.ChangeScheduled: (),
    subscriptions.ChangeWithdrawn: (),
    subscriptions.TrialStarted: (billing.schedule_trial_end,),
    subscriptions.TrialEnded: (billing.on_trial_ended,),
    subscriptions.PauseRequested: (),
    subscriptions.SubscriptionPaused: (),
    subscriptions.SubscriptionResumed: (),
    subscriptions.SubscriptionCancelled: (billing.on_cancelled,),
    subscriptions.SubscriptionExpired: (),
    subscriptions.CancelRequested: (),
    subscriptions.CancelWithdrawn: (),
    subscriptions.SubscriptionPastDue: (),
    subscriptions.SubscriptionSuspended: (),
    subscriptions.SubscriptionRecovered: (),
    subscriptions.SubscriptionEnded: (),
    payments.PaymentSucceeded: (billing.settle_invoice, billing.settle_top_up),
    payments.PaymentFailed: (billing.on_payment_failed, billing.on_first_payment_failed, billing.fail_top_up),
    payments.PaymentRefunded: (billing.on_payment_refunded, billing.on_top_up_refunded),
    payments.PaymentDisputed: (billing.on_payment_disputed, billing.on_top_up_disputed),
    payments.PaymentDisputeWon: (billing.on_dispute_won,),
    payments.PaymentMethodSaved: (billing.on_method_saved,),
    billing.InvoiceIssued: (),
    billing.InvoicePaid: (billing.on_invoice_paid, billing.send_receipt),
    billing.InvoicePaymentFailed: (),
    billing.InvoiceVoided: (billing.on_invoice_ended,),
    billing.InvoiceWrittenOff: (billing.on_invoice_ended,),
    billing.CreditNoteIssued: (billing.mail_credit_note,),
    billing.PaymentUnapplied: (),
    billing.CreditsGranted: (),
    billing.CreditsFell: (billing.on_credits_fell,),
    payments.DeliveryParked: (payments.on_delivery_parked,),
}

# One line a recurring task: when it falls due.
SCHEDULE: tuple[Recurring, ...] = (
    *metering.SCHEDULE,
    *payments.SCHEDULE,
    subscriptions.EXPIRE_HOLDS,
    billing.DUNNING_SCHEDULE,
    billing.RECOGNISE_SCHEDULE,
    billing.revenue.COUNT_SCHEDULE,
    Recurring("accounts.forget_old_attempts", "accounts.forget_old_attempts", timedelta(days=1), timedelta(hours=3)),
    Recurring(ops.RECONCILE_KIND, ops.RECONCILE_KIND, timedelta(days=1), timedelta(hours=2)),
    Recurring(billing.AUDIT_KIND, billing.AUDIT_KIND, timedelta(days=1), timedelta(hours=2, minutes=30)),
)

# One line a backlog: rows that wait in a table of their owner, much of which is done at once.
BACKLOGS: tuple[Backlog, ...] = (billing.CLOSINGS,)


def registry() -> Registry:
    """All the work that this release knows."""
    return Registry(JOBS, FACTS, SCHEDULE, BACKLOGS)
