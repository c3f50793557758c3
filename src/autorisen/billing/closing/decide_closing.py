"""What the end of a period comes to: rated usage, corrections, lines, an invoice or none, the next period. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from autorisen import subscriptions
from autorisen.billing.addons.addon_lines import AddonTime, addon_lines
from autorisen.billing.build_draft import empty_draft, fee_between
from autorisen.billing.build_invoice import Fee, billable_now, close_lines
from autorisen.billing.closing.model import ClosingDecision, ClosingRules, ClosingState
from autorisen.billing.coupons.discount_lines import with_discounts
from autorisen.billing.errors import MeterNotCounted
from autorisen.billing.model import Closing, Line, Purpose, TaxTerms
from autorisen.billing.new_invoice import NewInvoice
from autorisen.billing.rating.late_usage import late_usage
from autorisen.billing.rating.rate_usage import rate_usage

NewId = Callable[[], UUID]


def require_counted(state: ClosingState, rules: ClosingRules) -> None:
    """A new meter reads as nothing until it is whole: what it counts would only be billed a period later.

    Raises `MeterNotCounted`.
    """
    priced = {price.meter for price in state.terms.plan.usage_prices(state.terms.currency)}
    if waits := sorted(priced & rules.uncounted):
        raise MeterNotCounted(f"{', '.join(waits)}: see `autorisen meters list`")


def require_settled(state: ClosingState) -> None:
    """Whether a trial is paid on for is decided at its end, by who looks for a saved card: not by how long that takes.

    Raises `TrialBeingSettled`.
    """
    if state.over.following is None and state.over.subscription.status is subscriptions.Status.TRIALING:
        raise subscriptions.TrialBeingSettled("what follows the trial is not decided: see the job billing.end_trial")


def decide_closing(state: ClosingState, rules: ClosingRules, *, new_id: NewId) -> ClosingDecision:
    """What closing the period writes; asked before its end, what it would write with the usage so far."""
    terms, over = state.terms, state.over
    usage = rate_usage(terms, state.usage, rules.meter_names, at=rules.at, new_id=new_id)
    late = late_usage(state.earlier, rules.meter_names, at=rules.at, new_id=new_id)
    renewal = subscriptions.renew(over, at=max(rules.at, over.period.end_at), new_id=new_id)
    fee = _next_fee(renewal, state, rules)
    empty = empty_draft(
        over.subscription,
        over.customer,
        rules.supplier,
        period_id=terms.period_id,
        purpose=Purpose.PERIOD_CLOSE,
        at=rules.at,
    )
    addons = _addons(state, empty.tax_terms)
    corrections = billable_now(usage=usage, late=late, fee=fee, currency=terms.currency, addons=addons)
    lines = close_lines(usage=usage, late=corrections, fee=fee, terms=empty.tax_terms, addons=addons)
    draft = replace(empty, lines=lines)
    draft = with_discounts(draft, state.coupons, terms.plan.plan_key if fee is None else fee.plan_key)
    # Where nothing costs anything there is no invoice; the usage stays rated and explained.
    invoice = NewInvoice(new_id(), draft, tuple(new_id() for _ in draft.lines)) if draft.has_amounts else None
    return ClosingDecision(
        closing=_closing(state, rules, invoice),
        renewal=renewal,
        rated=(*usage, *(each.now for each in corrections)),
        draft=draft,
        invoice=invoice,
        fee_period_id=renewal.following.id if invoice and fee and renewal.following else None,
    )


def _addons(state: ClosingState, tax: TaxTerms) -> tuple[Line, ...]:
    """What the period's add-ons cost; nothing in a trial and in a pause."""
    terms, period = state.terms, state.over.period
    if terms.kind != "paid":
        return ()
    time = AddonTime(period.start_at, period.end_at, period.planned_end_at)
    return addon_lines(terms.plan, state.addons, time, currency=terms.currency, interval=terms.interval, terms=tax)


def _next_fee(renewal: subscriptions.Renewal, state: ClosingState, rules: ClosingRules) -> Fee | None:
    """The flat fee of the period that follows, in advance; None when it owes none."""
    following = renewal.following
    if following is None:
        return None
    plan = rules.plans[following.plan_version_id]
    return fee_between(plan, state.terms.currency, following.interval, following.start_at, following.planned_end_at)


def _closing(state: ClosingState, rules: ClosingRules, invoice: NewInvoice | None) -> Closing:
    terms = state.terms
    return Closing(
        period_id=terms.period_id,
        customer_id=terms.customer_id,
        subscription_id=state.over.subscription.id,
        invoice_id=None if invoice is None else invoice.id,
        period_start=terms.start_at,
        period_end=terms.end_at,
        interval=terms.interval,
        currency=terms.currency,
        plan_version_id=terms.plan.id,
        closed_at=rules.at,
        kind=terms.kind,
    )
