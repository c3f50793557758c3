"""The broken rules of billing, each with the answer a caller gets."""

from __future__ import annotations

from autorisen.kit.problems import Conflict, InvalidInput, NotFound, Problem


class InvoiceNotFound(NotFound):
    """Also the answer for another customer's invoice and for a draft."""

    title = "There is no such invoice"


class LinkNotValid(NotFound):
    """The link opens no invoice."""

    code, title = "link_not_valid", "This link opens no invoice"


class LineNotFound(NotFound):
    """The invoice has no such line."""

    code, title = "line_not_found", "No such line"


class MeterNotCounted(Conflict):
    """The period is closed once the meter is whole."""

    code, title = "meter_not_counted", "A meter that the plan prices is still being counted"


class NotOpen(Conflict):
    """Only an open invoice can be voided or written off."""

    code, title = "invoice_not_open", "This invoice is not open"


class PaymentUnderWay(Conflict):
    """A payment over the present amount is on its way; what is due must not change under it."""

    code, title = "payment_under_way", "A payment is under way"


class ReasonMissing(InvalidInput):
    """What ends a claim says why."""

    code, title = "reason_missing", "Say why"


class NothingToPay(Conflict):
    """The invoice is paid, cancelled or written off."""

    code, title = "nothing_to_pay", "Nothing is due on this invoice"


class PlanUnknown(Problem):
    """No plan of that key is offered, or not in the customer's currency and that interval."""

    status, code, title = 422, "plan_unknown", "This plan is not offered"


class NotAnUpgrade(Conflict):
    """The wanted plan is the present one, a smaller one, or one that is billed more often."""

    code, title = "not_an_upgrade", "This is not an upgrade"


class ChangeNotLive(Conflict):
    """Only the live subscription changes."""

    code, title = "subscription_not_live", "This subscription is not live"


class InvoiceWaiting(Conflict):
    """An earlier invoice has to be paid before the plan can change."""

    code, title = "invoice_waiting", "An invoice waits for its payment"


class InvoiceDisputed(Conflict):
    """The payer's bank asks a payment back: until that is answered nothing more is sold on this subscription."""

    code, title = "invoice_disputed", "A payment is disputed"


class BillingDetailsNeeded(Conflict):
    """Above R5 000 a tax invoice must name the recipient and the address."""

    code, title = "billing_details_needed", "Your billing address is needed first"


class PeriodStillOpen(Conflict):
    """A period can't be closed before its end and the grace time for late events."""

    code, title = "period_still_open", "The period is not over yet"


class SubscriptionMissing(Conflict):
    """The customer is on no plan yet; a new one is put on the default plan within moments."""

    code, title = "subscription_missing", "There is no subscription yet"


class NoFailedClosing(NotFound):
    """The period never failed to close, or is closed by now."""

    title = "No closing of this period has failed"
